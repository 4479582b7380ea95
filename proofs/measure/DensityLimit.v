(* The shape of the radius law about its mode, and its limit

   With s = sqrt (k + 1), the density of the radius in D = k + 1 dimensions at s sigma + sigma u is proportional to

     shape k u = (1 + u/s)^k exp(- s u - u^2/2)   for u >= -s, and 0 below.

   shape_cvg        shape k u -> exp(-u^2) as k -> oo, from |ln(1 + x) - x + x^2/2| <= 2 |x|^3 on [-1/2, 1/2]
   shape_le         shape k u <= exp(1 - u^2/4), from 1 + x <= exp x
   integral_shape_cvg   hence the integral of shape k over A tends to that of exp(-u^2), for measurable A

   Rust: proposition2::RadiusLaw::normal_limit. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import derive lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability.
From mathcomp Require Import ring lra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Section DensityLimit.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Implicit Types (k : nat) (u x y : R).

Definition root k : R := Num.sqrt k.+1%:R.

Definition shape k u : R :=
  if 0 <= root k + u then (1 + u / root k) ^+ k * expR (- (root k * u) - u ^+ 2 / 2) else 0.

Lemma root_ge1 k : 1 <= root k.
Proof. by rewrite -(sqrtr1 R) ler_sqrt// ler1n. Qed.

Lemma root_gt0 k : 0 < root k.
Proof. exact: lt_le_trans (root_ge1 k). Qed.

Lemma root_sqr k : root k ^+ 2 = k.+1%:R.
Proof. by rewrite sqr_sqrtr. Qed.

Lemma shape_ge0 k u : 0 <= shape k u.
Proof.
rewrite /shape; case: ifP => // u_ge; rewrite mulr_ge0 ?expR_ge0// exprn_ge0//.
by rewrite -(pmulr_rge0 _ (root_gt0 k)) mulrDr mulr1 mulrCA divff ?mulr1// gt_eqF// root_gt0.
Qed.

Lemma measurable_shape k : measurable_fun setT (shape k).
Proof.
apply: measurable_fun_ifT => //.
- by apply: measurable_fun_ler => //; exact: measurable_funD.
- apply: measurable_funM.
  + by apply: measurable_funX; apply: measurable_funD => //; exact: measurable_funM.
  + apply: (measurableT_comp (f := @expR R)) => //; apply: measurable_funB.
    * by apply: measurableT_comp => //; exact: measurable_funM.
    * by apply: measurable_funM => //; exact: measurable_funX.
Qed.

Definition envelope u : R := expR (1 - u ^+ 2 / 4).

Lemma shape_le k u : shape k u <= envelope u.
Proof.
rewrite /shape; case: ifP => [u_ge|_]; last exact: expR_ge0.
have s_gt0 := root_gt0 k; have s_ge1 := root_ge1 k.
have base_ge0 : 0 <= 1 + u / root k.
  by rewrite -(pmulr_rge0 _ s_gt0) mulrDr mulr1 mulrCA divff ?mulr1// gt_eqF.
apply: (@le_trans _ _ (expR (u / root k) ^+ k * expR (- (root k * u) - u ^+ 2 / 2))).
  by rewrite ler_wpM2r ?expR_ge0// lerXn2r ?nnegrE ?expR_ge0// expR_ge1Dx.
rewrite -expRM_natl -expRD ler_expR.
have -> : k%:R = root k ^+ 2 - 1 :> R by rewrite root_sqr -natr1 addrK.
have -> : (root k ^+ 2 - 1) * (u / root k) + (- (root k * u) - u ^+ 2 / 2) = - (u / root k) - u ^+ 2 / 2.
  by field; rewrite gt_eqF.
have : - (u / root k) <= `|u|.
  rewrite (le_trans (ler_norm _))// normrN normrM ler_piMr// normfV gtr0_norm// invf_le1//.
move=> {}u_ge; rewrite -subr_ge0.
have sq := sqr_ge0 (`|u| / 2 - 1); rewrite -(real_normK (num_real u)).
by move: (`|u|) u_ge sq => v; move: (_ / _) => w; lra.
Qed.

Lemma integrable_envelope : mu.-integrable setT (EFin \o envelope).
Proof.
have s_neq0 : Num.sqrt 2 != 0 :> R by rewrite sqrtr_eq0 -ltNge.
pose c : R := expR 1 * Num.sqrt (Num.sqrt 2 ^+ 2 * pi *+ 2).
have -> : EFin \o envelope = (fun u => c%:E * (normal_pdf 0 (Num.sqrt 2) u)%:E)%E.
  apply/funext => u; rewrite /= -EFinM /normal_pdf (negbTE s_neq0) /c.
  rewrite -mulrA mulVKf; last first.
    by rewrite sqrtr_eq0 -ltNge mulrn_wgt0// mulr_gt0 ?pi_gt0// exprn_even_gt0.
  by rewrite -expRD /envelope subr0 sqr_sqrtr//; congr (expR _)%:E; field.
apply: integrableZl => //; apply/integrableP; split.
  by apply/measurable_EFinP; exact: measurable_normal_pdf.
under eq_integral do rewrite gee0_abs ?lee_fin ?normal_pdf_ge0//.
by rewrite integral_normal_pdf ltry.
Qed.

Let remainder : R -> R := (@ln R : R -> R) - (id - cst 1) + 2^-1 *: ((id - cst 1 : R -> R) ^+ 2).

Let remainderE y : remainder y = ln y - (y - 1) + (y - 1) ^+ 2 / 2.
Proof. by rewrite /remainder/= mulrC. Qed.

Let is_derive_remainder y : 0 < y -> is_derive y 1 remainder ((y - 1) ^+ 2 / y).
Proof.
move=> y_gt0; rewrite /remainder.
have D := is_derive1_ln y_gt0.
apply: is_derive_eq.
rewrite /= !subr0 /GRing.scale /= mulr1 expr1 (_ : (id - cst 1 : R -> R) y = y - 1)//.
by field; rewrite gt_eqF.
Qed.

Let mean_value a b : 0 < a -> a < b ->
  exists2 c, a < c < b & remainder b - remainder a = (c - 1) ^+ 2 / c * (b - a).
Proof.
move=> a_gt0 ab.
have [||c] := @MVT R remainder (fun y => (y - 1) ^+ 2 / y) a b ab.
- by move=> y; rewrite in_itv/= => /andP[ay _]; exact/is_derive_remainder/(lt_trans a_gt0).
- apply: derivable_within_continuous => y; rewrite in_itv/= => /andP[ay _].
  have y_gt0 := lt_le_trans a_gt0 ay.
  by have D := is_derive_remainder y_gt0; exact: ex_derive.
- by rewrite in_itv/= => acb ->; exists c.
Qed.

Lemma log_expansion x : `|x| <= 2^-1 -> `|ln (1 + x) - x + x ^+ 2 / 2| <= 2 * `|x| ^+ 3.
Proof.
move=> x_small; have /andP[x_ge x_le] : - 2^-1 <= x <= 2^-1 by rewrite -ler_norml.
have -> : ln (1 + x) - x + x ^+ 2 / 2 = remainder (1 + x) - remainder 1.
  by rewrite !remainderE ln1 subrr (addrC 1) addrK expr0n/= mul0r !subr0 addr0 subr0.
have bound c : 2^-1 <= c -> `|c - 1| <= `|x| -> `|(c - 1) ^+ 2 / c * x| <= 2 * `|x| ^+ 3.
  move=> c_ge c_near; have c_gt0 : 0 < c by rewrite (lt_le_trans _ c_ge)// invr_gt0.
  rewrite normrM (exprSr `|x| 2) mulrA ler_wpM2r// normrM normrX normfV (gtr0_norm c_gt0) ler_pdivrMr//.
  rewrite mulrAC (@le_trans _ _ (`|x| ^+ 2))//; first by rewrite lerXn2r ?nnegrE.
  by rewrite ler_peMl ?exprn_ge0//; lra.
have [x_lt0|x_gt0|->] := ltgtP x 0.
- have [||c /andP[c_gt c_lt]] := @mean_value (1 + x) 1; [lra|lra|].
  rewrite distrC => ->; rewrite opprD addrA subrr sub0r mulrN normrN; apply: bound; first lra.
  by rewrite !ltr0_norm//; lra.
- have [||c /andP[c_gt c_lt] ->] := @mean_value 1 (1 + x); [lra|lra|].
  rewrite (addrC 1) addrK; apply: bound; first lra.
  by rewrite !gtr0_norm//; lra.
- by rewrite addr0 subrr normr0 expr0n/= mulr0.
Qed.

Let exponent k u := k%:R * ln (1 + u / root k) - root k * u - u ^+ 2 / 2.

Let shapeE k u : `|u| / root k <= 2^-1 -> shape k u = expR (exponent k u).
Proof.
move=> small; have s_gt0 := root_gt0 k.
have base_gt0 : 0 < 1 + u / root k.
  have : `|u / root k| <= 2^-1 by rewrite normrM normfV (gtr0_norm s_gt0).
  by rewrite ler_norml; lra.
rewrite /shape ifT; last first.
  by rewrite -(pmulr_lge0 _ (_ : 0 < (root k)^-1)) ?invr_gt0// mulrDl divff ?gt_eqF// ltW.
by rewrite -{1}[1 + u / root k]lnK// -expRM_natl -expRD /exponent addrA.
Qed.

Let exponent_near k u : `|u| / root k <= 2^-1 ->
  `|exponent k u - - u ^+ 2| <= (2 * u ^+ 2 + 2) * `|u| / root k.
Proof.
move=> small; have s_gt0 := root_gt0 k.
set x := u / root k.
have norm_x : `|x| = `|u| / root k by rewrite normrM normfV (gtr0_norm s_gt0).
rewrite -norm_x in small.
have u_eq : u = root k * x by rewrite /x mulrCA divff ?mulr1// gt_eqF.
have k_eq : k%:R = root k ^+ 2 - 1 :> R by rewrite root_sqr -natr1 addrK.
set delta := ln (1 + x) - x + x ^+ 2 / 2.
have -> : exponent k u - - u ^+ 2 = (root k ^+ 2 - 1) * delta + (x ^+ 2 / 2 - x).
  by rewrite /exponent -/x k_eq /delta {1 2 3}u_eq; field.
rewrite -mulrA -norm_x.
have d_le : `|delta| <= 2 * `|x| ^+ 3 := log_expansion small.
clearbody delta x.
have first : `|(root k ^+ 2 - 1) * delta| <= 2 * u ^+ 2 * `|x|.
  rewrite -k_eq normrM ger0_norm// (@le_trans _ _ (root k ^+ 2 * (2 * `|x| ^+ 3)))//.
    by rewrite ler_pM// root_sqr ler_nat.
  rewrite -(real_normK (num_real u)) u_eq normrM (gtr0_norm s_gt0).
  by rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
have second : `|x ^+ 2 / 2 - x| <= 2 * `|x|.
  rewrite (le_trans (ler_normB _ _))// normrM normrX normfV (@ger0_norm _ 2)//.
  have := normr_ge0 x; move: (`|x|) small => v v_le v_ge0.
  have : v ^+ 2 <= v by rewrite expr2 ler_piMr//; lra.
  by lra.
by rewrite [leRHS]mulrDl (le_trans (ler_normD _ _))// lerD.
Qed.

Let inv_root_cvg : (root k)^-1 @[k --> \oo] --> (0 : R).
Proof.
rewrite (_ : (fun k => (root k)^-1) = Num.sqrt \o harmonic).
  rewrite -[X in _ --> X]sqrtr0; apply: continuous_cvg; last exact: cvg_harmonic.
  exact: sqrt_continuous.
by apply/funext => k; rewrite /harmonic /= sqrtrV.
Qed.

Let small_cvg c u : c * `|u| / root k @[k --> \oo] --> (0 : R).
Proof. by rewrite -[X in _ --> X](mulr0 (c * `|u|)); apply: cvgMr. Qed.

Let near_small u : \forall k \near \oo, `|u| / root k <= 2^-1.
Proof.
have := @small_cvg 1 u; rewrite mul1r => /cvgr_le; apply.
by rewrite invr_gt0.
Qed.

Lemma shape_cvg u : shape k u @[k --> \oo] --> expR (- u ^+ 2).
Proof.
have exponent_cvg : exponent k u @[k --> \oo] --> - u ^+ 2.
  pose gap k := (2 * u ^+ 2 + 2) * `|u| / root k.
  apply: (@squeeze_cvgr _ _ _ _ (fun k => - u ^+ 2 - gap k) (fun k => - u ^+ 2 + gap k)).
  - near=> k; rewrite -ler_distl; apply: exponent_near.
    by near: k; exact: near_small.
  - by rewrite -[X in _ --> X]subr0; apply: cvgB; [exact: cvg_cst|exact: small_cvg].
  - by rewrite -[X in _ --> X]addr0; apply: cvgD; [exact: cvg_cst|exact: small_cvg].
have : expR (exponent k u) @[k --> \oo] --> expR (- u ^+ 2).
  by apply: continuous_cvg => //; exact: continuous_expR.
apply: cvg_trans; apply: near_eq_cvg; near=> k; rewrite shapeE//.
by near: k; exact: near_small.
Unshelve. all: by end_near. Qed.

Lemma integral_shape_cvg (A : set R) : measurable A ->
  (\int[mu]_(u in A) (shape k u)%:E)%E @[k --> \oo] --> (\int[mu]_(u in A) (expR (- u ^+ 2))%:E)%E.
Proof.
move=> mA.
have m_limit : measurable_fun A (fun u : R => (expR (- u ^+ 2))%:E).
  apply/measurable_funTS/measurable_EFinP; apply: measurableT_comp => //.
  by apply: measurableT_comp => //; exact: measurable_funX.
have [|||||_ _] := @dominated_convergence _ _ _ mu A mA (fun k u => (shape k u)%:E) (fun u => (expR (- u ^+ 2))%:E)
  (EFin \o envelope) => //.
- by move=> k; apply/measurable_funTS/measurable_EFinP; exact: measurable_shape.
- by apply: aeW => u _; apply: cvg_EFin; [exact: nearW|exact: shape_cvg].
- exact: integrableS integrable_envelope.
- by apply: aeW => u k _; rewrite lee_fin ger0_norm ?shape_ge0// shape_le.
Qed.

End DensityLimit.

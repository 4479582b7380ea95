(* The normaliser of the radius law

   I_k = integral of r^k exp(-r^2/2) over r >= 0 satisfies I_0 = sqrt (pi/2), I_1 = 1 and I_(k+2) = (k+1) I_k, so that
   I_k = 2^((k-1)/2) Gamma((k+1)/2). The recursion comes from the derivative of r^(k+1) exp(-r^2/2), integrated over
   [0, n]; the boundary term vanishes as n -> oo.

   Rust: the constant of proposition2::RadiusLaw::density. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import derive lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability ftc gauss_integral.
From mathcomp Require Import ring lra.
From NcsnMeasure Require Import Space Statements ChangeOfVariables.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Section Normaliser.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Implicit Types (k n : nat) (r : R).

Let bell r : R := expR (- r ^+ 2 / 2).
Let weight k r : R := r ^+ k * bell r.

Let is_derive_bell r : is_derive r 1 bell (- r * bell r).
Proof.
rewrite (_ : bell = expR \o (- ((id : R -> R) ^+ 2) * cst 2^-1)); last by apply/funext.
have inner : is_derive r 1 (- ((id : R -> R) ^+ 2) * cst 2^-1) (- r).
  by apply: is_derive_eq; rewrite /= /GRing.scale/= mulr0 add0r mulr1 expr1; field.
rewrite [- r * _]mulrC; exact: is_derive1_comp (is_derive_expR _) inner.
Qed.

Let is_derive_weight k r :
  is_derive r 1 (weight k.+1) (k.+1%:R * weight k r - weight k.+2 r).
Proof.
have D := is_derive_bell r.
rewrite (_ : weight k.+1 = ((id : R -> R) ^+ k.+1) * bell); last by apply/funext => x; rewrite /weight fctE exprfctE.
apply: is_derive_eq; rewrite exprfctE /= /GRing.scale/= mulr1 /weight.
by rewrite (exprS r k.+1); move: (r ^+ k.+1) (r ^+ k) => a b; ring.
Qed.

Let continuous_weight k : continuous (weight k).
Proof.
move=> r; apply: cvgM; first exact: exprn_continuous.
by have D := is_derive_bell r; apply: differentiable_continuous; apply/derivable1_diffP.
Qed.

Let partial k n : \bar R := (\int[mu]_(r in `[0%R, n%:R]) (weight k r)%:E)%E.

Let partial_cvg k : partial k n @[n --> \oo] --> (radius_moment k : \bar R).
Proof.
pose f r := `|r| ^+ k * bell r.
have f_ge0 r : 0 <= f r by rewrite mulr_ge0 ?exprn_ge0 ?expR_ge0.
have m_f : measurable_fun setT f.
  apply: continuous_measurable_fun => r; apply: cvgM.
    apply: (@continuous_comp _ _ _ (fun r : R => `|r|) (fun r => r ^+ k)); first exact: norm_continuous.
    exact: exprn_continuous.
  by have D := is_derive_bell r; apply: differentiable_continuous; apply/derivable1_diffP.
have := @ge0_cvgn_integral R mu f f_ge0 m_f.
have same r : 0 <= r -> (f r)%:E = (weight k r)%:E by move=> r_ge0; rewrite /f /weight ger0_norm.
rewrite (_ : (fun n => _) = partial k); last first.
  by apply/funext => n; apply: eq_integral => r; rewrite inE/= in_itv/= => /andP[r_ge0 _]; exact: same.
rewrite (_ : integral _ _ _ = radius_moment k)//.
by apply: eq_integral => r; rewrite inE/= in_itv/= andbT; exact: same.
Qed.

Let weight_le k r : 0 < r -> weight k.+1 r <= (2 * k.+1%:R * r^-1) ^+ k.+1.
Proof.
move=> r_gt0; have M_neq0 : k.+1%:R != 0 :> R by rewrite pnatr_eq0.
pose a := r ^+ 2 / (2 * k.+1%:R).
have a_gt0 : 0 < a by rewrite divr_gt0 ?exprn_gt0// mulr_gt0.
have -> : weight k.+1 r = (r * expR (- a)) ^+ k.+1.
  rewrite exprMn -expRM_natl /weight /bell /a; congr (_ * expR _).
  by move: (k.+1%:R : R) M_neq0 => M M_neq0; field.
apply: lerXn2r; rewrite ?nnegrE.
- by rewrite mulr_ge0 ?expR_ge0// ltW.
- by rewrite mulr_ge0// invr_ge0 ltW.
have -> : 2 * k.+1%:R * r^-1 = r * a^-1.
  rewrite /a; move: (k.+1%:R : R) M_neq0 => M M_neq0; field.
  by rewrite M_neq0 gt_eqF.
rewrite ler_pM2l// expRN lef_pV2 ?posrE ?expR_gt0//.
by rewrite (le_trans _ (expR_ge1Dx a))// lerDr.
Qed.

Let weight_cvg k : weight k.+1 n.+1%:R @[n --> \oo] --> 0.
Proof.
apply: (@squeeze_cvgr _ _ _ _ (cst 0) (fun n => (2 * k.+1%:R * harmonic n) ^+ k.+1)).
- by apply: nearW => n; rewrite weight_le// mulr_ge0 ?exprn_ge0 ?expR_ge0.
- exact: cvg_cst.
- rewrite [X in _ --> X](_ : 0 = (2 * k.+1%:R * 0) ^+ k.+1); last by rewrite mulr0 expr0n.
  apply: (@cvg_comp _ _ _ (fun n => 2 * k.+1%:R * harmonic n : R) (fun x : R => x ^+ k.+1)).
  2: exact: exprn_continuous.
  by apply: cvgMr; exact: cvg_harmonic.
Qed.

Let integrable_weight k n : mu.-integrable `[0%R, n%:R] (EFin \o weight k).
Proof.
apply: continuous_compact_integrable; first exact: segment_compact.
exact/continuous_subspaceT/continuous_weight.
Qed.

Let partial_parts k n :
  (k.+1%:R%:E * partial k n.+1 - partial k.+2 n.+1 = (weight k.+1 n.+1%:R)%:E)%E.
Proof.
have int_w j : mu.-integrable `[0%R, n.+1%:R] (EFin \o weight j) := integrable_weight j n.+1.
have int_kw : mu.-integrable `[0%R, n.+1%:R] (EFin \o (fun r => k.+1%:R * weight k r)).
  rewrite (_ : EFin \o _ = (fun r => k.+1%:R%:E * (EFin \o weight k) r)%E)//.
  by apply: integrableZl => //; exact: int_w.
transitivity (\int[mu]_(r in `[0%R, n.+1%:R]) (k.+1%:R * weight k r - weight k.+2 r)%:E)%E.
  rewrite [RHS](@integralB_EFin _ _ _ mu _ (fun r => k.+1%:R * weight k r) (weight k.+2))//.
  congr (_ - _)%E; rewrite -integralZl//; exact: int_w.
rewrite (@continuous_FTC2 _ _ (weight k.+1)) ?ltr0n//.
- by rewrite /weight expr0n/= mul0r sube0.
- apply: continuous_subspaceT => r; apply: cvgB; last exact: continuous_weight.
  by apply: cvgMr; exact: continuous_weight.
- split.
  + by move=> r _; have D := is_derive_weight k r; exact: ex_derive.
  + by apply: cvg_at_right_filter; exact: continuous_weight.
  + by apply: cvg_at_left_filter; exact: continuous_weight.
- by move=> r _; have D := is_derive_weight k r; rewrite derive1E derive_val.
Qed.

Let partial_fin k n : partial k n \is a fin_num.
Proof. exact: integral_fune_fin_num (integrable_weight k n). Qed.

Let partial_cvgS k : partial k n.+1 @[n --> \oo] --> (radius_moment k : \bar R).
Proof. by have := @partial_cvg k; rewrite -cvg_shiftS. Qed.

Let moment_step k (c : R) : radius_moment k = c%:E -> radius_moment k.+2 = (k.+1%:R * c)%:E.
Proof.
move=> Ik; have partialE n : partial k.+2 n.+1 = (k.+1%:R%:E * partial k n.+1 - (weight k.+1 n.+1%:R)%:E)%E.
  rewrite -partial_parts -(fineK (partial_fin k n.+1)) -(fineK (partial_fin k.+2 n.+1)).
  by rewrite -!EFinM -!EFinB opprB addrC subrK.
have limit : partial k.+2 n.+1 @[n --> \oo] --> (k.+1%:R * c)%:E.
  rewrite (funext partialE).
  rewrite -[X in _ --> X]sube0 EFinM; apply: cvgeB => //.
  - by apply: cvgeMl => //; rewrite -Ik; exact: partial_cvgS.
  - by apply: cvg_EFin; [exact: nearW|exact: weight_cvg].
by apply: cvg_unique (@partial_cvgS k.+2) limit.
Qed.

Let moment1 : radius_moment 1 = 1%:E :> \bar R.
Proof.
have bell_cvg : bell n.+1%:R @[n --> \oo] --> 0.
  apply: (@squeeze_cvgr _ _ _ _ (cst 0) (fun n => weight 1 n.+1%:R)); [|exact: cvg_cst|exact: weight_cvg].
  by apply: nearW => n; rewrite expR_ge0/= /weight expr1 ler_peMl ?expR_ge0// ler1n.
have partialE n : partial 1 n.+1 = (1 - bell n.+1%:R)%:E.
  rewrite /partial (@continuous_FTC2 _ _ (- bell)) ?ltr0n//.
  - rewrite -EFinB; congr EFin; rewrite !fctE {2}/bell expr0n/= oppr0 mul0r expR0 opprK addrC//.
  - exact/continuous_subspaceT/continuous_weight.
  - have c_bell : continuous (- bell).
      move=> r; apply: cvgN; have D := is_derive_bell r.
      by apply: differentiable_continuous; apply/derivable1_diffP.
    split.
    + by move=> r _; have D := is_derive_bell r; exact: ex_derive.
    + by apply: cvg_at_right_filter; exact: c_bell.
    + by apply: cvg_at_left_filter; exact: c_bell.
  - move=> r _; have D := is_derive_bell r; rewrite derive1E derive_val /weight expr1.
    by rewrite mulNr opprK.
have limit : partial 1 n.+1 @[n --> \oo] --> 1%:E.
  rewrite (funext partialE).
  apply: cvg_EFin; first exact: nearW.
  by rewrite -[X in _ --> X]subr0; apply: cvgB => //; exact: cvg_cst.
by apply: cvg_unique (@partial_cvgS 1) limit.
Qed.

Let moment0 : radius_moment 0 = (Num.sqrt (pi / 2))%:E :> \bar R.
Proof.
have s_gt0 : 0 < Num.sqrt 2 :> R by rewrite sqrtr_gt0.
rewrite /radius_moment integral_mkcond (ge0_integral_affine 0 s_gt0); last first.
- by move=> r; rewrite patchE; case: ifPn => // _; rewrite lee_fin mulr_ge0 ?expR_ge0// exprn_ge0.
- apply/(measurable_restrictT _ _).1 => //; apply/measurable_funTS/measurable_EFinP.
  have m_0 : measurable_fun setT (weight 0) := continuous_measurable_fun (@continuous_weight 0).
  exact: m_0.
transitivity ((Num.sqrt 2)%:E * \int[mu]_(r in `[0%R, +oo[) (gauss_fun r)%:E)%E; last first.
  rewrite integral0y_gauss -EFinM; congr EFin.
  rewrite sqrtrM ?pi_ge0// sqrtrV// -[X in _ * (_ / X)](@sqr_sqrtr _ 2)//.
  by field; rewrite gt_eqF.
congr (_ * _)%E; rewrite [RHS]integral_mkcond; apply: eq_integral => r _.
rewrite !patchE !mem_setE !in_itv/= !andbT add0r pmulr_rge0//; case: ifP => // _.
by rewrite expr0 mul1r exprMn sqr_sqrtr// /gauss_fun; congr (expR _)%:E; field.
Qed.

Lemma radius_momentE k : radius_moment k = (radius_constant k : R)%:E.
Proof.
suff [] : radius_moment k = (radius_constant k : R)%:E /\ radius_moment k.+1 = (radius_constant k.+1 : R)%:E by [].
elim: k => [|k [IH0 IH1]]; first by split; [exact: moment0|exact: moment1].
by split=> //; exact: moment_step IH0.
Qed.

End Normaliser.

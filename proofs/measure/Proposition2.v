(* Proposition 2: the radius law is normalised, and r - sqrt D s tends to N(0, s^2/2)

   With D = k + 1 and root = sqrt D, the substitution r = root s + s u turns the density of the radius law into a
   constant times shape k u (DensityLimit.v). Total mass 1 fixes that constant, so that

     P(r - root s in A) = integral of shape k over {u | s u in A} / integral of shape k over R,

   and numerator and denominator converge.

   Rust: proposition2::RadiusLaw (theory/src/proposition2/mod.rs), density, cdf and normal_limit. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import derive lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability gauss_integral.
From mathcomp Require Import ring lra.
From NcsnMeasure Require Import Space Statements ChangeOfVariables DensityLimit Normaliser.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Module Import RadiusLimit.
Section RadiusLimit.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Variable s : R.
Hypothesis s_gt0 : 0 < s.
Implicit Types (k : nat) (r u : R).

Let s_neq0 : s != 0. Proof. by rewrite gt_eqF. Qed.

Lemma radius_constant_gt0 k : 0 < radius_constant k :> R.
Proof.
suff [] : 0 < radius_constant k :> R /\ 0 < radius_constant k.+1 :> R by [].
elim: k => [|k [IH0 IH1]]; first by split; rewrite /= ?sqrtr_gt0 ?divr_gt0 ?pi_gt0.
by split=> //; rewrite [radius_constant _]/= mulr_gt0.
Qed.

Lemma radius_pdf_ge0 D r : 0 <= radius_pdf D s r.
Proof.
rewrite /radius_pdf; case: ifP => // r_ge0.
by rewrite divr_ge0 ?mulr_ge0 ?expR_ge0 ?exprn_ge0// ltW// radius_constant_gt0.
Qed.

Lemma measurable_radius_pdf D : measurable_fun setT (radius_pdf D s).
Proof.
apply: measurable_fun_ifT => //; first exact: measurable_fun_ler.
apply: measurable_funM => //; apply: measurable_funM => //.
apply: measurableT_comp => //; apply: measurable_funM => //.
by apply: measurableT_comp => //; exact: measurable_funX.
Qed.

(* The substitution r = c + s u in a probability of the radius law *)
Lemma radius_prob_affine D (c : R) (B : set (measurableTypeR R)) : measurable B ->
  radius_prob D s B = (\int[mu]_(u in affine s c @^-1` B) (s * radius_pdf D s (c + s * u))%:E)%E.
Proof.
move=> mB; apply: ge0_integral_affine_on => //; [exact: measurable_radius_pdf|exact: radius_pdf_ge0].
Qed.

Let scale k : R := root k ^+ k * expR (- root k ^+ 2 / 2) / radius_constant k.

Let scale_ge0 k : 0 <= scale k.
Proof.
by rewrite divr_ge0 ?mulr_ge0 ?expR_ge0 ?exprn_ge0// ltW// ?radius_constant_gt0// root_gt0.
Qed.

Let radius_pdf_shape k u : s * radius_pdf k.+1 s (root k * s + s * u) = scale k * shape k u.
Proof.
have root_neq0 : root k != 0 :> R by rewrite gt_eqF// root_gt0.
rewrite /radius_pdf /shape (_ : root k * s + s * u = s * (root k + u)); last by rewrite mulrDr [root k * s]mulrC.
rewrite pmulr_rge0//; case: ifP => _; last by rewrite !mulr0.
rewrite /scale (_ : root k + u = root k * (1 + u / root k)); last by field.
rewrite [_.+1.-1]/= !exprMn.
rewrite (_ : - (s ^+ 2 * (root k ^+ 2 * (1 + u / root k) ^+ 2)) / (2 * s ^+ 2) =
  - root k ^+ 2 / 2 + (- (root k * u) - u ^+ 2 / 2)); last by field; rewrite root_neq0 s_neq0.
rewrite expRD (exprS s k); have : radius_constant k != 0 :> R by rewrite gt_eqF// radius_constant_gt0.
have : s ^+ k != 0 by rewrite expf_neq0.
move: (radius_constant k) (s ^+ k) (root k ^+ k) ((1 + u / root k) ^+ k) (expR _) (expR _) => c sk rk bk e1 e2.
by move=> sk_neq0 c_neq0; field; rewrite s_neq0 sk_neq0 c_neq0.
Qed.

Lemma radius_prob_mass D : (0 < D)%N -> radius_prob D s setT = 1%E.
Proof.
case: D => // k _; rewrite (radius_prob_affine _ 0)// preimage_setT.
have c_gt0 : 0 < radius_constant k :> R := radius_constant_gt0 k.
transitivity (((radius_constant k : R)^-1)%:E * radius_moment k)%E; last first.
  by rewrite radius_momentE -EFinM mulVf// gt_eqF.
rewrite /radius_moment -ge0_integralZl ?lee_fin ?invr_ge0 ?(ltW c_gt0)//.
- rewrite [RHS]integral_mkcond; apply: eq_integral => u _.
  rewrite patchE mem_setE in_itv/= andbT /radius_pdf add0r pmulr_rge0//; case: ifP => _; last by rewrite mulr0.
  rewrite -EFinM; congr EFin; rewrite [_.+1.-1]/= !exprMn (exprS s k).
  rewrite (_ : - (s ^+ 2 * u ^+ 2) / (2 * s ^+ 2) = - u ^+ 2 / 2); last by field; rewrite s_neq0.
  have : radius_constant k != 0 :> R by rewrite gt_eqF.
  have : s ^+ k != 0 by rewrite expf_neq0.
  move: (radius_constant k) (s ^+ k) (u ^+ k) (expR _) => c sk uk e sk_neq0 c_neq0.
  by field; rewrite s_neq0 sk_neq0 c_neq0.
- apply/measurable_funTS/measurable_EFinP; apply: measurable_funM; first exact: measurable_funX.
  apply: measurableT_comp => //; apply: measurable_funM => //.
  by apply: measurableT_comp => //; exact: measurable_funX.
- by move=> r; rewrite /= in_itv/= andbT => r_ge0; rewrite lee_fin mulr_ge0 ?expR_ge0// exprn_ge0.
Qed.

Let integral_shape k : \bar R := (\int[mu]_u (shape k u)%:E)%E.

Let radius_prob_shape k (A : set (measurableTypeR R)) : measurable A ->
  radius_prob k.+1 s [set r | A (r - root k * s)] =
  ((scale k)%:E * \int[mu]_(u in affine s 0 @^-1` A) (shape k u)%:E)%E.
Proof.
move=> mA; have m_shift : measurable [set r : measurableTypeR R | A (r - root k * s)].
  rewrite -[X in measurable X]setTI.
  by apply: (measurable_funB (f := fun r => r) (g := cst (root k * s))).
rewrite (radius_prob_affine _ (root k * s))//.
have -> : affine s (root k * s) @^-1` [set r | A (r - root k * s)] = affine s 0 @^-1` A.
  by apply/funext => u; rewrite /affine/= add0r addrAC subrr add0r.
under eq_integral do rewrite radius_pdf_shape EFinM.
rewrite ge0_integralZl ?lee_fin ?scale_ge0//.
- by rewrite -[X in measurable X]setTI; exact: measurable_affine.
- by apply/measurable_funTS/measurable_EFinP; exact: measurable_shape.
- by move=> u _; rewrite lee_fin shape_ge0.
Qed.

Let integral_shape_fin k : integral_shape k \is a fin_num.
Proof.
apply: integral_fune_fin_num => //; apply: (le_integrable measurableT _ _ (integrable_envelope (R := R))).
- by apply/measurable_EFinP; exact: measurable_shape.
- by move=> u _; rewrite lee_fin !ger0_norm ?shape_ge0 ?expR_ge0// shape_le.
Qed.

Let scaleE k : scale k = (fine (integral_shape k))^-1.
Proof.
have := radius_prob_shape k measurableT; rewrite preimage_setT.
rewrite (_ : [set r | _] = setT)// radius_prob_mass// -/(integral_shape k) -(fineK (integral_shape_fin k)) -EFinM.
by case=> /esym/mulr1_eq <-; rewrite invrK.
Qed.

Let scale_cvg : scale k @[k --> \oo] --> (Num.sqrt pi)^-1.
Proof.
rewrite (funext scaleE); apply: cvgV; first by rewrite sqrtr_eq0 -ltNge pi_gt0.
apply: fine_cvg; rewrite -integralT_gauss.
exact: integral_shape_cvg.
Qed.

Let normal_prob_affine (A : set (measurableTypeR R)) : measurable A ->
  normal_prob 0 (s / Num.sqrt 2) A =
  (((Num.sqrt pi)^-1)%:E * \int[mu]_(u in affine s 0 @^-1` A) (expR (- u ^+ 2))%:E)%E.
Proof.
move=> mA; have m_A : measurable (affine s 0 @^-1` A).
  by rewrite -[X in measurable X]setTI; exact: measurable_affine.
have t_neq0 : s / Num.sqrt 2 != 0 by rewrite mulf_neq0 ?invr_eq0// sqrtr_eq0 -ltNge.
rewrite /normal_prob (ge0_integral_affine_on 0 s_gt0 mA (measurable_normal_pdf _ _)); last first.
  by move=> r; exact: normal_pdf_ge0.
rewrite -ge0_integralZl ?lee_fin ?invr_ge0 ?sqrtr_ge0//; last first.
- by move=> u _; rewrite lee_fin expR_ge0.
- apply/measurable_funTS/measurable_EFinP; apply: measurableT_comp => //.
  by apply: measurableT_comp => //; exact: measurable_funX.
apply: eq_integral => u _; rewrite -EFinM add0r /normal_pdf (negbTE t_neq0) subr0 mulrA.
rewrite exprMn exprVn sqr_sqrtr// -(mulr_natl (_ * pi) 2) -(mulr_natl (s ^+ 2 / 2) 2).
rewrite (_ : 2 * (s ^+ 2 / 2 * pi) = s ^+ 2 * pi); last by field.
rewrite (_ : 2 * (s ^+ 2 / 2) = s ^+ 2); last by field.
rewrite sqrtrM ?sqr_ge0// sqrtr_sqr gtr0_norm// invfM mulVKf//.
by rewrite exprMn -mulrN mulrAC divff ?mul1r// expf_neq0.
Qed.

Lemma radius_prob_cvg (A : set (measurableTypeR R)) : measurable A ->
  radius_prob D s [set r | A (r - Num.sqrt D%:R * s)] @[D --> \oo] --> normal_prob 0 (s / Num.sqrt 2) A.
Proof.
move=> mA; rewrite -cvg_shiftS normal_prob_affine//.
have m_A : measurable (affine s 0 @^-1` A).
  by rewrite -[X in measurable X]setTI; exact: measurable_affine.
rewrite (_ : (fun k => _) = (fun k => (scale k)%:E * \int[mu]_(u in affine s 0 @^-1` A) (shape k u)%:E)%E); last first.
  by apply/funext => k; exact: radius_prob_shape.
apply: cvgeM.
- by rewrite /mule_def eqe invr_eq0 sqrtr_eq0 leNgt pi_gt0/= andbF.
- by apply: cvg_EFin; [exact: nearW|exact: scale_cvg].
- exact: integral_shape_cvg.
Qed.

End RadiusLimit.
End RadiusLimit.

Theorem radius_normaliser : radius_normaliser_statement.
Proof. by move=> R k; exact: radius_momentE. Qed.

Theorem radius_mass : radius_mass_statement.
Proof. by move=> R D s D_gt0 s_gt0; exact: radius_prob_mass. Qed.

Theorem radius_limit : radius_limit_statement.
Proof. by move=> R s A s_gt0 mA; exact: radius_prob_cvg. Qed.

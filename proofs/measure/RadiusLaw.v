(* The law of the norm of a Gaussian vector

   If x ~ N(0, s^2 I) in R^D, then |x| has density radius_pdf D s:

     P(|x| in A) = integral over A of r^(D-1) exp(-r^2 / (2 s^2)) / (2^(D/2-1) Gamma(D/2) s^D).

   The density of N(0, s^2 I) depends on |x| alone, so NormImage.v gives the law up to a constant, and total mass 1 on
   both sides makes the constant 1. With radius_limit that is Proposition 2 for the vectors themselves.

   Rust: proposition2::RadiusLaw::density and cdf. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval archimedean.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import derive lebesgue_stieltjes_measure lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability ftc.
From mathcomp Require Import ring lra.
From NcsnMeasure Require Import Space Statements NormImage Proposition2.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports RadiusLimit.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Section NormLaw.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Variables (n : nat) (s : R).
Hypothesis s_gt0 : 0 < s.

Let K : R := (Num.sqrt (2 * pi * s ^+ 2)) ^- n.+1.

Let constant : R := K * (fine (leb R n.+1 (disc n.+1 1)) * n.+1%:R) * (radius_constant n * s ^+ n.+1).

Let bell r : R := K * expR (- r ^+ 2 / (2 * s ^+ 2)).

Let bell_ge0 r : 0 <= bell r.
Proof. by rewrite mulr_ge0 ?expR_ge0// invr_ge0 exprn_ge0// sqrtr_ge0. Qed.

Let measurable_bell : measurable_fun setT bell.
Proof.
apply: measurable_funM => //; apply: measurableT_comp => //; apply: measurable_funM => //.
by apply: measurableT_comp => //; exact: measurable_funX.
Qed.

Let constant_ge0 : 0 <= constant.
Proof.
rewrite !mulr_ge0 ?invr_ge0 ?exprn_ge0 ?sqrtr_ge0 ?fine_ge0 ?(ltW s_gt0)//.
exact/ltW/radius_constant_gt0.
Qed.

Let bell_density r : bell r * norm_density n r = constant * radius_pdf n.+1 s r.
Proof.
rewrite /norm_density /radius_pdf; case: ifP => _; last by rewrite !mulr0.
rewrite /bell /constant [_.+1.-1]/=.
have c_neq0 : radius_constant n != 0 :> R by rewrite gt_eqF// radius_constant_gt0.
have s_neq0 : s ^+ n.+1 != 0 by rewrite expf_neq0// gt_eqF.
move: (s ^+ n.+1) s_neq0 (radius_constant n) c_neq0 => sn sn_neq0 c c_neq0.
move: K (fine _) (n.+1%:R : R) (expR _) (r ^+ n) => k v m e rn.
by field; rewrite c_neq0 sn_neq0.
Qed.

Let gauss_prob_constant (A : set (measurableTypeR R)) : measurable A ->
  gauss_prob s (origin n.+1) [set x | A (norm x)] = (constant%:E * radius_prob n.+1 s A)%E.
Proof.
move=> mA; pose f : measurableTypeR R -> \bar R := (fun r => (bell r)%:E) \_ A.
have m_f : measurable_fun setT f.
  by apply/(measurable_restrictT _ mA)/measurable_funTS/measurable_EFinP; exact: measurable_bell.
have f_ge0 r : (0 <= f r)%E by rewrite /f patchE; case: ifP => // _; rewrite lee_fin.
transitivity (\int[leb R n.+1]_x f (norm x))%E.
  rewrite /gauss_prob integral_mkcond; apply: eq_integral => x _; rewrite /f !patchE.
  rewrite (_ : (x \in [set x | A (norm x)]) = (norm x \in A)); last by apply/idP/idP; rewrite !inE.
  case: ifP => // _; rewrite gaussE ?gt_eqF// /bell /norm.
  by rewrite sqr_sqrtr// dist2_ge0.
have m_pdf : measurable_fun A (fun r => (radius_pdf n.+1 s r)%:E).
  by apply/measurable_funTS/measurable_EFinP; exact: measurable_radius_pdf.
have pdf_ge0 r : A r -> (0 <= (radius_pdf n.+1 s r)%:E)%E by rewrite lee_fin radius_pdf_ge0.
rewrite ge0_integral_norm// /radius_prob -ge0_integralZl ?lee_fin//.
rewrite [RHS]integral_mkcond; apply: eq_integral => r _; rewrite /f !patchE.
by case: ifP => _; rewrite ?mul0e// -!EFinM bell_density.
Qed.

(* Both sides have total mass 1, so the constant is 1. *)
Lemma gauss_prob_norm (A : set (measurableTypeR R)) : measurable A ->
  gauss_prob s (origin n.+1) [set x | A (norm x)] = radius_prob n.+1 s A.
Proof.
move=> mA; rewrite gauss_prob_constant//.
have := gauss_prob_constant measurableT.
rewrite (_ : [set x | _] = setT)// radius_prob_mass// mule1 /gauss_prob integral_gauss ?gt_eqF// => <-.
by rewrite mul1e.
Qed.

End NormLaw.

Theorem norm_law : norm_law_statement.
Proof. by move=> R [//|n] s A _ s_gt0 mA; exact: gauss_prob_norm. Qed.

Theorem norm_limit : norm_limit_statement.
Proof.
move=> R s A s_gt0 mA; rewrite -cvg_shiftS.
have -> : (fun k => gauss_prob s (origin k.+1) [set x | A (norm x - Num.sqrt k.+1%:R * s)]) =
    (fun k => radius_prob k.+1 s [set r | A (r - Num.sqrt k.+1%:R * s)]).
  apply/funext => k; rewrite -gauss_prob_norm//.
  rewrite -[X in measurable X]setTI.
  by apply: (measurable_funB (f := fun r => r) (g := cst (Num.sqrt k.+1%:R * s))).
have := @radius_limit R s A s_gt0 mA; rewrite -[X in X -> _]cvg_shiftS.
by apply.
Qed.

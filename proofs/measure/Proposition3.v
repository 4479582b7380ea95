(* Proposition 3: the law of a Gaussian after T Langevin steps at one noise level

   x_(t+1) = (1 - delta) x_t + sqrt (2 delta) sigma z_t with delta = eps / sigma_L^2 and z_t ~ N(0, I) independent of
   x_t. If x_t ~ N(0, s^2 I), then x_(t+1) ~ N(0, ((1 - delta)^2 s^2 + 2 delta sigma^2) I) by GaussianSum.v. In units of
   sigma^2 that is the recursion of the variance, and induction gives its closed form (6).

   Rust: proposition3::recursion, proposition3::closed_form (theory/src/proposition3.rs). *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability.
From mathcomp Require Import ring lra.
From NcsnMeasure Require Import Space Statements ChangeOfVariables GaussianSum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Module Import Step.
Section Step.
Context {R : realType} {d : measure_display} {Omega : measurableType d} (P : probability Omega R) {n : nat}.

Lemma has_law_step (X Z : Omega -> RD R n) (s a b : R) : 0 < s -> 0 < b ->
  has_law P X (gauss_prob s (origin n)) -> has_law P Z (gauss_prob 1 (origin n)) -> independent P X Z ->
  has_law P (fun w => axpby a b (X w) (Z w)) (gauss_prob (Num.sqrt (a ^+ 2 * s ^+ 2 + b ^+ 2)) (origin n)).
Proof.
move=> s_gt0 b_gt0 [m_X law_X] [m_Z law_Z] indep.
have m_XZ : measurable_fun setT (fun w => (X w, Z w)) := measurable_fun_prod m_X m_Z.
split; first exact: (measurableT_comp (@measurable_axpby R a b n) m_XZ).
move=> A mA; set s' := Num.sqrt _.
have s'_neq0 : s' != 0.
  by rewrite sqrtr_eq0 -ltNge ltr_pwDr ?exprn_gt0// mulr_ge0 ?sqr_ge0.
pose C := [set p : RD R n * RD R n | A (axpby a b p.1 p.2)].
have m_C : measurable C.
  by rewrite -[X in measurable X]setTI; exact: (@measurable_axpby R a b n).
(* The joint law of X and Z is the product of their laws. *)
have joint : (gauss_measure s n \x gauss_measure 1 n)%E C = pushforward P m_XZ C.
  apply: product_measure_unique => // B1 B2 mB1 mB2.
  rewrite !gauss_measureE ?gt_eqF//; rewrite -law_X// -law_Z// -indep//.
transitivity (pushforward P m_XZ C); first by [].
rewrite -joint -gauss_measureE// -[C]setIT -[A in RHS]setIT -!integral_indic//.
have m_1A : measurable_fun setT (fun y : RD R n => (\1_A y : R)%:E).
  by apply/measurable_EFinP; exact: measurable_indic.
have m_1C : measurable_fun setT (fun p : RD R n * RD R n => (\1_C p : R)%:E).
  by apply/measurable_EFinP; exact: measurable_indic.
rewrite -(gauss_sum a s_gt0 b_gt0 m_1A (fun y => _)); last by move=> y; rewrite lee_fin.
rewrite (fubini_tonelli1 _ m_1C (fun p => _)); last by move=> p; rewrite lee_fin.
by apply: eq_integral => x _; apply: eq_integral => z _; rewrite /= !indicE.
Qed.

End Step.

Section Variance.
Context {R : realType}.
Implicit Types (gamma delta sigma : R) (t T : nat).

Lemma variance_gt0 gamma delta t : 0 < gamma -> 0 < delta -> 0 < variance_recursion gamma delta t.
Proof.
move=> gamma_gt0 delta_gt0; elim: t => [|t IH] /=; first exact: exprn_gt0.
by rewrite ltr_pwDr ?mulr_gt0// mulr_ge0 ?sqr_ge0// ltW.
Qed.

Lemma closed_formE gamma sigma_L eps T : 0 < sigma_L -> 0 < eps -> eps != 2 * sigma_L ^+ 2 ->
  variance_closed_form gamma sigma_L eps T = variance_recursion gamma (eps / sigma_L ^+ 2) T.
Proof.
move=> L_gt0 eps_gt0 eps_ne; rewrite /variance_closed_form.
set kept := 1 - _; set v := 2 * eps / _.
have L_neq0 : sigma_L != 0 by rewrite gt_eqF.
have gap_neq0 : 2 * sigma_L ^+ 2 - eps != 0 by rewrite subr_eq0 eq_sym.
have stationary : kept ^+ 2 * v + 2 * (eps / sigma_L ^+ 2) = v.
  have denominator : sigma_L ^+ 2 - sigma_L ^+ 2 * kept ^+ 2 = eps * (2 * sigma_L ^+ 2 - eps) / sigma_L ^+ 2.
    by rewrite /kept; field.
  rewrite /v denominator /kept; field.
  by rewrite L_neq0 gap_neq0 gt_eqF.
clearbody v; elim: T => [|T IH] /=; first by rewrite muln0 expr0 mul1r subrK.
rewrite -IH -/kept mulnS exprD -[X in _ + X = _]stationary.
by move: (kept ^+ (2 * T)) (eps / _) => kept_T delta; ring.
Qed.

Lemma scale_step sigma a v alpha delta : 0 < sigma -> 0 <= v -> 0 <= alpha -> alpha = delta * sigma ^+ 2 ->
  Num.sqrt (a ^+ 2 * (sigma * Num.sqrt v) ^+ 2 + Num.sqrt (2 * alpha) ^+ 2) =
  sigma * Num.sqrt (a ^+ 2 * v + 2 * delta).
Proof.
move=> sigma_gt0 v_ge0 alpha_ge0 alphaE; rewrite exprMn !sqr_sqrtr ?mulr_ge0//.
rewrite (_ : _ + _ = sigma ^+ 2 * (a ^+ 2 * v + 2 * delta)); last by rewrite alphaE; ring.
by rewrite sqrtrM ?sqr_ge0// sqrtr_sqr gtr0_norm.
Qed.

End Variance.
End Step.

Theorem proposition3_recursion : proposition3_recursion_statement.
Proof.
move=> R d Omega P n sigma_prev sigma sigma_L eps x z prev_gt0 sigma_gt0 L_gt0 eps_gt0 [start noise fresh step].
set gamma := sigma_prev / sigma; set delta := eps / sigma_L ^+ 2.
have gamma_gt0 : 0 < gamma by rewrite divr_gt0.
have delta_gt0 : 0 < delta by rewrite divr_gt0 ?exprn_gt0.
elim=> [|T IH].
  by rewrite /= sqrtr_sqr gtr0_norm// mulrCA divff ?mulr1// gt_eqF.
pose alpha := eps * sigma ^+ 2 / sigma_L ^+ 2.
have alpha_gt0 : 0 < alpha by rewrite divr_gt0 ?mulr_gt0 ?exprn_gt0.
have alphaE : alpha = delta * sigma ^+ 2 by rewrite /alpha /delta mulrAC.
have v_gt0 := variance_gt0 T gamma_gt0 delta_gt0.
have kept : 1 - alpha / sigma ^+ 2 = 1 - delta by rewrite alphaE mulfK// expf_neq0// gt_eqF.
have -> : x T.+1 = (fun w => axpby (1 - delta) (Num.sqrt (2 * alpha)) (x T w) (z T w)).
  by apply/funext => w; rewrite step -/alpha kept.
rewrite /= -(@scale_step _ _ _ _ alpha)// ?ltW//.
apply: has_law_step => //; first by rewrite mulr_gt0 ?sqrtr_gt0.
by rewrite sqrtr_gt0 mulr_gt0.
Qed.

Theorem proposition3 : proposition3_statement.
Proof.
move=> R d Omega P n sigma_prev sigma sigma_L eps x z prev_gt0 sigma_gt0 L_gt0 eps_gt0 eps_ne chain T.
by rewrite closed_formE//; exact: proposition3_recursion chain T.
Qed.

(* Proposition 1(b): draws of one Gaussian are rarely claimed by another

   With p_k = N(X k, s^2 I) on R^n, i <> j, and r_j = p_j / sum_k p_k,

     integral of p_i r_j  <=  exp(-|X i - X j|^2 / (8 s^2)) / 2                               (5)

   Completing the square gives p_i p_j = (e g)^2 with e = exp(-|X i - X j|^2 / (8 s^2)) and g the density about the
   midpoint; the inequality of geometric and harmonic mean gives p_i r_j <= e g / 2 at each point; g has integral 1.

   Rust: proposition1::bound (theory/src/proposition1/pair.rs) evaluates the right-hand side. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals ereal topology normedtype sequences esum measure.
From mathcomp Require Import lebesgue_measure lebesgue_integral measurable_realfun numfun realfun exp trigo probability.
From mathcomp Require Import ring lra.
From NcsnMeasure Require Import Space Statements.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Module Import Pointwise.
Section Pointwise.
Context {R : realType}.
Implicit Types (p q g S s : R).

Fixpoint midpoint n : RD R n -> RD R n -> RD R n :=
  match n return RD R n -> RD R n -> RD R n with
  | O => fun _ _ => tt
  | S n => fun x y => ((x.1 + y.1) / 2, midpoint x.2 y.2)
  end.

Lemma midpointxx n (x : RD R n) : midpoint x x = x.
Proof.
elim: n x => [|n IH] /=; first by case.
by case=> x1 x2 /=; rewrite IH; congr (_, _); field.
Qed.

Lemma normal_pdfM s a b x : s != 0 ->
  normal_pdf a s x * normal_pdf b s x =
  (expR (- (a - b) ^+ 2 / (8 * s ^+ 2)) * normal_pdf ((a + b) / 2) s x) ^+ 2.
Proof.
move=> s_neq0; rewrite /normal_pdf (negbTE s_neq0).
set k := _^-1.
rewrite mulrACA -expRD exprMn -expRM_natl exprMn -expRM_natl.
rewrite [RHS]mulrCA -expr2 -expRD; congr (_ * expR _).
by rewrite -[s ^+ 2 *+ 2]mulr_natr; field.
Qed.

(* Completing the square, in the appendix the chain of equalities after (1). *)
Lemma gaussM s n (a b x : RD R n) : s != 0 ->
  gauss s a x * gauss s b x =
  (expR (- dist2 a b / (8 * s ^+ 2)) * gauss s (midpoint a b) x) ^+ 2.
Proof.
move=> s_neq0; elim: n a b x => [|n IH] a b x /=.
  by rewrite oppr0 mul0r expR0 !mulr1 expr1n.
rewrite mulrACA normal_pdfM// IH -exprMn; congr (_ ^+ 2).
rewrite mulrACA; congr (_ * _); rewrite -expRD; congr expR.
by rewrite -mulrDl opprD.
Qed.

Lemma mean_gap p q g : p * q = g ^+ 2 -> (p + q) ^+ 2 - (2 * g) ^+ 2 = (p - q) ^+ 2.
Proof. by move=> pq; rewrite exprMn -pq; ring. Qed.

Lemma geometric_le_arithmetic p q g : 0 < p -> 0 < q -> 0 < g -> p * q = g ^+ 2 -> 2 * g <= p + q.
Proof.
move=> p_gt0 q_gt0 g_gt0 pq.
rewrite -(@ler_pXn2r _ 2)// ?nnegrE.
- by rewrite -subr_ge0 mean_gap// sqr_ge0.
- by rewrite mulr_ge0 ?ler0n ?ltW.
- by rewrite addr_ge0// ltW.
Qed.

(* Step (1) of the appendix: geometric mean and harmonic mean. *)
Lemma harmonic_le_geometric p q g S : 0 < p -> 0 < q -> 0 < g -> p * q = g ^+ 2 -> p + q <= S ->
  p * (q / S) <= 2^-1 * g.
Proof.
move=> p_gt0 q_gt0 g_gt0 pq pq_le_S.
have S_gt0 : 0 < S by apply: lt_le_trans pq_le_S; exact: addr_gt0.
rewrite mulrA ler_pdivrMr// pq expr2 [2^-1 * g]mulrC -mulrA ler_pM2l//.
rewrite ler_pdivlMl ?ltr0n//.
by apply: le_trans pq_le_S; exact: geometric_le_arithmetic.
Qed.

Lemma harmonic_eq_geometric p q g S : 0 < p -> 0 < q -> 0 < g -> p * q = g ^+ 2 -> p + q <= S ->
  p * (q / S) = 2^-1 * g -> p + q = S /\ p = q.
Proof.
move=> p_gt0 q_gt0 g_gt0 pq pq_le_S.
have S_gt0 : 0 < S by apply: lt_le_trans pq_le_S; exact: addr_gt0.
have means := geometric_le_arithmetic p_gt0 q_gt0 g_gt0 pq.
rewrite mulrA pq => /(congr1 ( *%R^~ S)); rewrite -mulrA mulVf ?gt_eqF// mulr1 => gS.
have {}gS : 2 * g = S.
  apply: (@mulfI _ g); first by rewrite gt_eqF.
  by rewrite mulrCA -expr2 gS; field.
have pqS : p + q = S by apply/eqP; rewrite eq_le pq_le_S -gS means.
split=> //.
have := mean_gap pq; rewrite pqS gS subrr => /esym/eqP.
by rewrite sqrf_eq0 subr_eq0 => /eqP.
Qed.

End Pointwise.
End Pointwise.

Module Import Mixture.
Section Mixture.
Context {R : realType} {n N : nat}.
Variables (s : R) (X : 'I_N -> RD R n) (i j : 'I_N).
Hypotheses (s_gt0 : 0 < s) (ij : i != j).
Notation e := (expR (- dist2 (X i) (X j) / (8 * s ^+ 2))).

Lemma s_neq0 : s != 0. Proof. by rewrite gt_eqF. Qed.

Lemma component_gt0 k x : 0 < gauss s (X k) x.
Proof. exact: gauss_gt0 s_neq0 _ _ _. Qed.

Lemma sum_split x : mixture_sum s X x =
  gauss s (X i) x + gauss s (X j) x + \sum_(k < N | (k != i) && (k != j)) gauss s (X k) x.
Proof. by rewrite /mixture_sum (bigD1 i)//= (bigD1 j)/= ?addrA// eq_sym. Qed.

Lemma pair_le_sum x : gauss s (X i) x + gauss s (X j) x <= mixture_sum s X x.
Proof. by rewrite sum_split lerDl sumr_ge0// => k _; exact/ltW/component_gt0. Qed.

Lemma mixture_sum_gt0 x : 0 < mixture_sum s X x.
Proof. by apply: lt_le_trans (pair_le_sum x); rewrite addr_gt0// component_gt0. Qed.

Lemma measurable_responsibility : measurable_fun setT (responsibility s X j).
Proof.
have m_sum : measurable_fun setT (mixture_sum s X).
  by apply: measurable_sum => k; exact: measurable_gauss.
apply: measurable_funM; first exact: measurable_gauss.
have -> : (fun x => (mixture_sum s X x)^-1) = (@powR R ^~ (-1)) \o mixture_sum s X.
  by apply/funext => x /=; rewrite powR_inv1//; exact/ltW/mixture_sum_gt0.
by apply: measurableT_comp => //; exact: measurable_powR.
Qed.

Definition share (x : RD R n) : R := gauss s (X i) x * responsibility s X j x.
Definition half_mean (x : RD R n) : R := 2^-1 * e * gauss s (midpoint (X i) (X j)) x.

Lemma share_ge0 x : 0 <= share x.
Proof. by rewrite mulr_ge0 ?divr_ge0// ltW// ?component_gt0// mixture_sum_gt0. Qed.

Lemma half_mean_ge0 x : 0 <= half_mean x.
Proof. by rewrite !mulr_ge0 ?invr_ge0 ?expR_ge0// ltW// gauss_gt0// s_neq0. Qed.

Lemma mean_gt0 x : 0 < e * gauss s (midpoint (X i) (X j)) x.
Proof. by rewrite mulr_gt0 ?expR_gt0 ?gauss_gt0// s_neq0. Qed.

Lemma measurable_share : measurable_fun setT share.
Proof. by apply: measurable_funM; [exact: measurable_gauss|exact: measurable_responsibility]. Qed.

Lemma measurable_half_mean : measurable_fun setT half_mean.
Proof. by apply: measurable_funM => //; exact: measurable_gauss. Qed.

Lemma share_le x : share x <= half_mean x.
Proof.
rewrite /half_mean -mulrA; apply: harmonic_le_geometric; rewrite ?component_gt0 ?mean_gt0 ?pair_le_sum//.
exact: gaussM s_neq0.
Qed.

Lemma share_eq x : share x = half_mean x ->
  gauss s (X i) x + gauss s (X j) x = mixture_sum s X x /\ gauss s (X i) x = gauss s (X j) x.
Proof.
rewrite /half_mean -mulrA; apply: harmonic_eq_geometric; rewrite ?component_gt0 ?mean_gt0 ?pair_le_sum//.
exact: gaussM s_neq0.
Qed.

Lemma integral_half_mean : (\int[leb R n]_x (half_mean x)%:E = (responsibility_bound s X i j)%:E)%E.
Proof.
under eq_integral do rewrite EFinM.
rewrite ge0_integralZl//.
- by rewrite integral_gauss ?s_neq0// mule1.
- by apply/measurable_EFinP; exact: measurable_gauss.
- by move=> y _; rewrite lee_fin ltW// gauss_gt0// s_neq0.
- by rewrite lee_fin mulr_ge0 ?invr_ge0 ?expR_ge0.
Qed.

Lemma share_le_bound : (expected_responsibility s X i j <= (responsibility_bound s X i j)%:E)%E.
Proof.
rewrite -integral_half_mean; apply: ge0_le_integral => //.
- by move=> x _; rewrite lee_fin share_ge0.
- by apply/measurable_EFinP; exact: measurable_share.
- by move=> x _; rewrite lee_fin half_mean_ge0.
- by apply/measurable_EFinP; exact: measurable_half_mean.
- by move=> x _; rewrite lee_fin share_le.
Qed.

Lemma integrable_half_mean : (leb R n).-integrable setT (EFin \o half_mean).
Proof.
apply/integrableP; split; first by apply/measurable_EFinP; exact: measurable_half_mean.
rewrite (eq_integral (fun x => (half_mean x)%:E)); first by rewrite integral_half_mean ltry.
by move=> x _; rewrite /= ger0_norm// half_mean_ge0.
Qed.

Lemma integrable_share : (leb R n).-integrable setT (EFin \o share).
Proof.
apply: le_integrable integrable_half_mean => //; first by apply/measurable_EFinP; exact: measurable_share.
by move=> x _; rewrite lee_fin !ger0_norm ?share_ge0 ?half_mean_ge0// share_le.
Qed.

(* Equal integrals of share <= half_mean make the two equal almost everywhere. *)
Lemma share_ae_eq : expected_responsibility s X i j = (responsibility_bound s X i j)%:E ->
  {ae leb R n, forall x, share x = half_mean x}.
Proof.
rewrite -integral_half_mean => same.
pose gap x := (half_mean x - share x)%:E.
have gap_ge0 x : (0 <= gap x)%E by rewrite lee_fin subr_ge0 share_le.
have m_gap : measurable_fun setT gap.
  by apply/measurable_EFinP/measurable_funB; [exact: measurable_half_mean|exact: measurable_share].
have int_gap : (\int[leb R n]_x `|gap x| = 0)%E.
  under eq_integral do rewrite gee0_abs//.
  rewrite integralB_EFin//; [|exact: integrable_half_mean|exact: integrable_share].
  rewrite -same subee//; apply: integral_fune_fin_num => //; exact: integrable_share.
have /(ae_eq_integral_abs _ measurableT m_gap) := int_gap.
apply: filterS => x /(_ I) /eqP.
by rewrite eqe subr_eq0 => /eqP/esym.
Qed.

Lemma ae_eq_component (f : RD R n -> R) : measurable_fun setT f -> (forall x, 0 <= f x) ->
  {ae leb R n, forall x, gauss s (X i) x = f x} -> (\int[leb R n]_x (f x)%:E = 1)%E.
Proof.
move=> m_f f_ge0 same; rewrite -(integral_gauss s_neq0 (X i)).
apply: ge0_ae_eq_integral => //.
- exact/measurable_EFinP.
- by apply/measurable_EFinP; exact: measurable_gauss.
- by move=> x _; rewrite lee_fin.
- by move=> x _; rewrite lee_fin ltW// component_gt0.
- by apply: filterS same => x -> _.
Qed.

Lemma third_component x : (2 < N)%N -> gauss s (X i) x + gauss s (X j) x < mixture_sum s X x.
Proof.
move=> three; have : (0 < #|[predC [:: i; j]]|)%N.
  by rewrite -(ltn_add2l #|[:: i; j]|) cardC addn0 card_ord (leq_ltn_trans (card_size _)).
move=> /card_gt0P[k]; rewrite !inE negb_or => k_other.
rewrite sum_split ltrDl (bigD1 k)//= ltr_wpDr ?component_gt0// sumr_ge0// => l _.
exact/ltW/component_gt0.
Qed.

(* Equality in (5) would make p_i and p_j equal almost everywhere, hence also their geometric mean, whose integral is
   exp(-|X i - X j|^2 / (8 s^2)); with a third component it fails at every point. *)
Lemma share_lt_bound : (2 < N)%N \/ X i <> X j ->
  (expected_responsibility s X i j < (responsibility_bound s X i j)%:E)%E.
Proof.
move=> different; rewrite lt_neqAle share_le_bound andbT; apply/eqP => /share_ae_eq same.
case: different => [three|Xij].
- have /ae_eq_component : {ae leb R n, forall x, gauss s (X i) x = 0}.
    apply: filterS same => x /share_eq[pair _].
    by have := third_component x three; rewrite pair ltxx.
  by move=> /(_ (measurable_cst _) (fun=> lexx _)); rewrite integral0 => /eqP; rewrite eqe eq_sym oner_eq0.
- pose mean x := e * gauss s (midpoint (X i) (X j)) x.
  have /ae_eq_component : {ae leb R n, forall x, gauss s (X i) x = mean x}.
    apply: filterS same => x /share_eq[_ equal]; apply/eqP.
    rewrite -(@eqrXn2 _ 2)//; [|exact/ltW/component_gt0|exact/ltW/mean_gt0].
    by rewrite -gaussM ?s_neq0// -equal expr2.
  have m_mean : measurable_fun setT mean by apply: measurable_funM => //; exact: measurable_gauss.
  move=> /(_ m_mean (fun x => ltW (mean_gt0 x))).
  under eq_integral do rewrite EFinM.
  rewrite ge0_integralZl//; last 3 first.
  + by apply/measurable_EFinP; exact: measurable_gauss.
  + by move=> y _; rewrite lee_fin ltW// gauss_gt0// s_neq0.
  + by rewrite lee_fin expR_ge0.
  rewrite integral_gauss ?s_neq0// mule1 => /eqP; apply/negP; rewrite eqe lt_eqF// expR_lt1.
  rewrite mulNr oppr_lt0 divr_gt0 ?mulr_gt0 ?exprn_gt0//.
  rewrite lt_neqAle dist2_ge0 andbT eq_sym; apply/eqP => /dist2_eq0.
  exact: Xij.
Qed.

End Mixture.

Lemma other_than_two (i j k : 'I_2) : i != j -> (k != i) && (k != j) = false.
Proof. by case: i => [[|[|?]] ?]//; case: j => [[|[|?]] ?]//; case: k => [[|[|?]] ?]//. Qed.

Lemma share_equal_centres (R : realType) n (s : R) (X : 'I_2 -> RD R n) (i j : 'I_2) x :
  0 < s -> i != j -> X i = X j -> share s X i j x = half_mean s X i j x.
Proof.
move=> s_gt0 ij Xij; rewrite /share /half_mean /responsibility (sum_split s X ij) big_pred0; last first.
  by move=> k; rewrite other_than_two.
rewrite -Xij midpointxx dist2xx oppr0 mul0r expR0 mulr1 addr0.
have : 0 < gauss s (X i) x by exact: component_gt0.
set p := gauss _ _ _ => p_gt0.
by rewrite -mulr2n -(mulr_natl p); field; rewrite gt_eqF.
Qed.
End Mixture.

Theorem proposition1b : proposition1b_statement.
Proof. by move=> R n N s X i j s_gt0 ij; exact: share_le_bound. Qed.

Theorem proposition1b_strict : proposition1b_strict_statement.
Proof. by move=> R n N s X i j s_gt0 ij; exact: share_lt_bound. Qed.

Theorem proposition1b_equality : proposition1b_equality_statement.
Proof.
move=> R n s X i j s_gt0 ij Xij; split.
- rewrite -(integral_half_mean X i j s_gt0); apply: eq_integral => x _.
  by rewrite -share_equal_centres.
- by rewrite /responsibility_bound Xij dist2xx oppr0 mul0r expR0 mulr1.
Qed.

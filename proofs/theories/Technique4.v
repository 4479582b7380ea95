(* Technique 4: the step size epsilon that brings s_T^2/sigma_i^2 as close to 1 as possible.

   ratio(epsilon) = 1 + E(epsilon/sigma_L^2) with the excess E of Minimiser.v, so what holds for delta on (0, 2) holds
   for epsilon = delta sigma_L^2 on (0, 2 sigma_L^2).

   Rust: schedule::optimal_delta, schedule::Schedule::optimal_epsilon, schedule::Steps. *)

From Coq Require Import Reals Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Vectors Proposition3 Minimiser.

Open Scope R_scope.

Lemma excess_pos gamma delta T : 1 < gamma -> 0 < delta < 2 -> 0 < variance_excess gamma delta T.
Proof.
  intros Hgamma Hdelta. assert (Hc : 0 < gamma ^ 2 - 1) by nra. unfold variance_excess.
  assert (Heven : forall k, 0 <= (1 - delta) ^ (2 * k)) by (intros k; rewrite pow_mult; apply pow_le, pow2_ge_0).
  destruct T as [|T].
  - simpl. lra.
  - assert (Hsum := sum_ge_term (S T) (fun k => (1 - delta) ^ (2 * k)) 0 ltac:(lia) (fun k _ => Heven k)).
    cbv beta in Hsum. rewrite Nat.mul_0_r, pow_O in Hsum.
    assert (Hfirst : 0 < delta ^ 2 * sum_below (S T) (fun k => (1 - delta) ^ (2 * k))).
    { apply Rmult_lt_0_compat; [nra | lra]. }
    generalize (Heven (S T)). nra.
Qed.

Theorem variance_ratio_gt_1 : variance_ratio_gt_1_statement.
Proof.
  intros gamma sigma_L epsilon T Hgamma HL Hepsilon. rewrite variance_excess_correct by assumption.
  generalize (excess_pos gamma (epsilon / sigma_L ^ 2) T Hgamma (delta_range _ _ HL Hepsilon)). lra.
Qed.

Section Scale.

Variables gamma sigma_L : R.
Hypothesis Hgamma : 1 < gamma.
Hypothesis HL : 0 < sigma_L.

Lemma square_pos : 0 < sigma_L ^ 2.
Proof. nra. Qed.

Lemma excess_limit_pos : 0 < gamma ^ 2 - 1.
Proof. nra. Qed.

Lemma unscale e : e / sigma_L ^ 2 * sigma_L ^ 2 = e.
Proof. field. lra. Qed.

Lemma scale delta : delta * sigma_L ^ 2 / sigma_L ^ 2 = delta.
Proof. field. lra. Qed.

Lemma scaled_range delta : 0 < delta < 2 -> 0 < delta * sigma_L ^ 2 < 2 * sigma_L ^ 2.
Proof. generalize square_pos. nra. Qed.

(* d ratio/d epsilon = E'(delta)/sigma_L^2 *)
Lemma is_derive_variance_ratio T e : 0 < e < 2 * sigma_L ^ 2 ->
  is_derive (fun e => variance_ratio gamma sigma_L e T) e
    (2 * half_slope (gamma ^ 2 - 1) (e / sigma_L ^ 2) T / sigma_L ^ 2).
Proof.
  intros He. assert (Hsquare := square_pos).
  apply (is_derive_ext_loc (fun e => 1 + variance_excess gamma (e / sigma_L ^ 2) T)).
  - assert (Hradius : 0 < Rmin e (2 * sigma_L ^ 2 - e)) by (apply Rmin_pos; lra).
    exists (mkposreal _ Hradius). intros y Hy. symmetry. apply variance_excess_correct; [exact HL|].
    unfold ball in Hy. simpl in Hy. unfold AbsRing_ball, abs, minus, plus, opp in Hy. simpl in Hy.
    apply Rabs_def2 in Hy.
    generalize (Rmin_l e (2 * sigma_L ^ 2 - e)) (Rmin_r e (2 * sigma_L ^ 2 - e)). simpl in *. lra.
  - set (l := 2 * half_slope _ _ T).
    replace (l / sigma_L ^ 2) with (0 + / sigma_L ^ 2 * l) by (unfold Rdiv; ring).
    apply (is_derive_plus (fun _ => 1) (fun e => variance_excess gamma (e / sigma_L ^ 2) T)).
    + apply (is_derive_const (V := R_NormedModule)).
    + apply (is_derive_comp (fun d => variance_excess gamma d T) (fun e => e / sigma_L ^ 2)).
      * apply is_derive_excess.
      * auto_derive; [exact I|]. field. lra.
Qed.

(* The minimiser of the excess, scaled, is the minimum of the ratio. *)
Lemma minimiser_optimal T delta : is_minimiser (gamma ^ 2 - 1) delta T ->
  is_optimal_epsilon gamma sigma_L T (delta * sigma_L ^ 2).
Proof.
  intros Hmin. assert (Hdelta := proj1 Hmin). split.
  - apply scaled_range. lra.
  - intros e He Hne. rewrite !variance_excess_correct by (try assumption; apply scaled_range; lra).
    apply Rplus_lt_compat_l. rewrite scale. apply minimiser_least.
    + exact Hmin.
    + now apply delta_range.
    + intros Heq. apply Hne. now rewrite <- Heq, unscale.
Qed.

Lemma optimal_unique T e e' :
  is_optimal_epsilon gamma sigma_L T e -> is_optimal_epsilon gamma sigma_L T e' -> e = e'.
Proof.
  intros [He Hleast] [He' Hleast']. destruct (Req_dec e e') as [Heq|Hne]; [exact Heq|].
  generalize (Hleast e' He' (not_eq_sym Hne)) (Hleast' e He Hne). lra.
Qed.

Lemma half_slope_zero T delta d : is_minimiser (gamma ^ 2 - 1) delta T -> 0 < d < 2 ->
  half_slope (gamma ^ 2 - 1) d T = 0 -> d = delta.
Proof.
  intros (_ & _ & _ & Hbefore & Hbeyond) Hd Hzero. destruct (Rtotal_order d delta) as [Hlt|[Heq|Hgt]].
  - generalize (Hbefore d ltac:(lra)). lra.
  - exact Heq.
  - generalize (Hbeyond d ltac:(lra)). lra.
Qed.

Lemma critical_epsilon T delta : (1 <= T)%nat -> is_minimiser (gamma ^ 2 - 1) delta T ->
  forall e, 0 < e < sigma_L ^ 2 ->
  critical_side (e / (sigma_L ^ 2 - e)) T = gamma ^ 2 - 1 <-> e = delta * sigma_L ^ 2.
Proof.
  intros HT (Hdelta & Ecritical & _) e He. assert (Hsquare := square_pos).
  assert (Hd : 0 < e / sigma_L ^ 2 < 1).
  { split; [apply Rdiv_lt_0_compat; lra|]. apply (Rmult_lt_reg_r (sigma_L ^ 2)); [exact Hsquare|].
    rewrite unscale. lra. }
  replace (e / (sigma_L ^ 2 - e)) with (e / sigma_L ^ 2 / (1 - e / sigma_L ^ 2)) by (field; split; lra).
  split; intros Heq.
  - assert (Hsame : e / sigma_L ^ 2 = delta).
    { destruct (Rtotal_order (e / sigma_L ^ 2) delta) as [Hlt|[Hsame|Hgt]]; [|exact Hsame|].
      - assert (Hu := fraction_increasing _ _ (proj1 Hd) (conj Hlt (proj2 Hdelta))).
        generalize (critical_side_increasing _ _ T Hu HT). lra.
      - assert (Hu := fraction_increasing _ _ (proj1 Hdelta) (conj Hgt (proj2 Hd))).
        generalize (critical_side_increasing _ _ T Hu HT). lra. }
    now rewrite <- Hsame, unscale.
  - now rewrite Heq, scale.
Qed.

End Scale.

Theorem optimal_epsilon : optimal_epsilon_statement.
Proof.
  intros gamma sigma_L T Hgamma HL HT. assert (Hsquare := square_pos sigma_L HL).
  destruct (ex_minimiser (gamma ^ 2 - 1) T (excess_limit_pos gamma Hgamma) HT) as (delta & Hmin).
  assert (Hdelta := proj1 Hmin). exists (delta * sigma_L ^ 2).
  split; [nra|]. split; [now apply minimiser_optimal|]. split.
  - intros e He. assert (Hderive := is_derive_variance_ratio gamma sigma_L HL T e He). split.
    + intros Hzero. assert (Hsame := eq_trans (eq_sym (is_derive_unique _ _ _ Hderive)) (is_derive_unique _ _ _ Hzero)).
      rewrite <- (unscale sigma_L HL e). f_equal. apply (half_slope_zero gamma T).
      * exact Hmin.
      * now apply delta_range.
      * apply (Rmult_eq_reg_r (2 / sigma_L ^ 2)).
        -- rewrite Rmult_0_l. rewrite <- Hsame. field. lra.
        -- apply Rgt_not_eq, Rdiv_lt_0_compat; lra.
    + intros ->. rewrite scale in Hderive by exact HL.
      destruct Hmin as (_ & _ & Hzero & _). rewrite Hzero in Hderive.
      replace 0 with (2 * 0 / sigma_L ^ 2) by (field; lra). exact Hderive.
  - now apply critical_epsilon.
Qed.

Theorem optimal_ratio_decreasing : optimal_ratio_decreasing_statement.
Proof.
  intros gamma sigma_L T U epsilon epsilon' Hgamma HL [HT HU] Hoptimal. revert epsilon'.
  assert (Hleast : forall V e d, is_optimal_epsilon gamma sigma_L V e -> 0 < d < 2 * sigma_L ^ 2 ->
    variance_ratio gamma sigma_L e V <= variance_ratio gamma sigma_L d V).
  { intros V e d [_ Hleast] Hd. destruct (Req_dec d e) as [->|Hne]; [apply Rle_refl | now apply Rlt_le, Hleast]. }
  assert (Hstep : forall V e e', (1 <= V)%nat -> is_optimal_epsilon gamma sigma_L V e ->
    is_optimal_epsilon gamma sigma_L (S V) e' ->
    variance_ratio gamma sigma_L e' (S V) < variance_ratio gamma sigma_L e V).
  { intros V e e' HV He He'.
    destruct (ex_minimiser (gamma ^ 2 - 1) V (excess_limit_pos gamma Hgamma) HV) as (delta & Hmin).
    assert (Heq := optimal_unique gamma sigma_L V _ _ He (minimiser_optimal gamma sigma_L HL V delta Hmin)).
    apply Rle_lt_trans with (1 := Hleast _ _ e He' (proj1 He)).
    rewrite !variance_excess_correct by (try exact HL; exact (proj1 He)).
    rewrite Heq, scale by exact HL. apply Rplus_lt_compat_l. now apply one_more_step. }
  induction U as [|U IH]; [lia|]. intros epsilon' Hoptimal'.
  destruct (Nat.eq_dec T U) as [<-|Hne].
  - now apply Hstep.
  - assert (HTU : (T < U)%nat) by lia.
    destruct (optimal_epsilon gamma sigma_L U Hgamma HL ltac:(lia)) as (e & _ & He & _).
    apply Rlt_trans with (variance_ratio gamma sigma_L e U).
    + apply Hstep; [lia | exact He | exact Hoptimal'].
    + now apply IH.
Qed.

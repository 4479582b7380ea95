(* Technique 4 in units of sigma_L^2: the delta that minimises the excess of s_T^2/sigma_i^2 over 1.

   With w = 1 - delta, c = gamma^2 - 1 the excess over 1 and half its derivative are
     E(delta) = delta^2 sum_{k<T} w^(2k) + c w^(2T),
     E'(delta)/2 = sum_{k<T} (delta w^(2k) - delta^2 k w^(2k-1)) - c T w^(2T-1).
   For 1 <= delta < 2 no term of E' is negative. For 0 < delta < 1, u = delta/w:
     E'(delta)/2 = T w^(2T-1) (kappa(u) - c),  kappa(u) = u (1 + u (1 + u) H_{T-1}((1 + u)^2)/T),
   and kappa rises from 0 beyond every bound. So E' has one zero, where E has its only minimum. There
   c = kappa(u) >= u > delta/(2 - delta), hence one more step lowers E: the minimum falls with T.

   Rust: schedule::optimal_delta, schedule::step::critical_side. *)

From Coq Require Import Reals Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Vectors.

Open Scope R_scope.

(** * The derivative *)

Definition half_slope (c delta : R) (T : nat) : R :=
  sum_below T (fun k => delta * (1 - delta) ^ (2 * k) - delta ^ 2 * (INR k * (1 - delta) ^ (2 * k - 1)))
  - c * (INR T * (1 - delta) ^ (2 * T - 1)).

Lemma is_derive_even_power delta k :
  is_derive (fun delta => (1 - delta) ^ (2 * k)) delta (- 2 * (INR k * (1 - delta) ^ (2 * k - 1))).
Proof.
  evar_last.
  - apply (is_derive_pow (fun delta => 1 - delta) (2 * k) delta (-1)). auto_derive; [exact I | ring].
  - rewrite mult_INR. replace (Nat.pred (2 * k)) with (2 * k - 1)%nat by lia. simpl (INR 2). ring.
Qed.

Lemma is_derive_term delta k :
  is_derive (fun delta => delta ^ 2 * (1 - delta) ^ (2 * k)) delta
    (2 * (delta * (1 - delta) ^ (2 * k) - delta ^ 2 * (INR k * (1 - delta) ^ (2 * k - 1)))).
Proof.
  evar_last.
  - apply (is_derive_mult (fun t : R => t ^ 2) (fun t => (1 - t) ^ (2 * k)) delta (2 * delta)
      (- 2 * (INR k * (1 - delta) ^ (2 * k - 1)))).
    + auto_derive; [exact I | ring].
    + apply is_derive_even_power.
    + exact Rmult_comm.
  - change (2 * delta * (1 - delta) ^ (2 * k) + delta ^ 2 * (- 2 * (INR k * (1 - delta) ^ (2 * k - 1))) =
      2 * (delta * (1 - delta) ^ (2 * k) - delta ^ 2 * (INR k * (1 - delta) ^ (2 * k - 1)))). ring.
Qed.

Lemma is_derive_excess gamma delta T :
  is_derive (fun delta => variance_excess gamma delta T) delta (2 * half_slope (gamma ^ 2 - 1) delta T).
Proof.
  set (sum := fun t => sum_below T (fun k => t ^ 2 * (1 - t) ^ (2 * k))).
  set (last := fun t => (gamma ^ 2 - 1) * (1 - t) ^ (2 * T)).
  apply (is_derive_ext (fun t => sum t + last t)).
  - intros t. unfold variance_excess, sum, last. now rewrite sum_scal.
  - replace (2 * half_slope (gamma ^ 2 - 1) delta T) with
      (sum_below T (fun k => 2 * (delta * (1 - delta) ^ (2 * k) - delta ^ 2 * (INR k * (1 - delta) ^ (2 * k - 1))))
       + (gamma ^ 2 - 1) * (- 2 * (INR T * (1 - delta) ^ (2 * T - 1)))).
    + apply (is_derive_plus sum last).
      * apply (is_derive_sum T (fun k t => t ^ 2 * (1 - t) ^ (2 * k))). intros k _. apply is_derive_term.
      * apply (is_derive_scal (fun t => (1 - t) ^ (2 * T)) delta (gamma ^ 2 - 1)), is_derive_even_power.
    + rewrite sum_scal. unfold half_slope. ring.
Qed.

(* From delta = 1 on every term pushes the excess up. *)
Lemma half_slope_pos_beyond_1 c delta T : 0 < c -> 1 <= delta < 2 -> (1 <= T)%nat -> 0 < half_slope c delta T.
Proof.
  intros Hc Hdelta HT.
  assert (Hodd : forall k, (1 <= k)%nat -> (1 - delta) ^ (2 * k - 1) <= 0).
  { intros k Hk. replace (2 * k - 1)%nat with (S (2 * (k - 1))) by lia.
    cbn [pow]. rewrite pow_mult. generalize (pow_le ((1 - delta) ^ 2) (k - 1) (pow2_ge_0 _)). nra. }
  assert (Heven : forall k, 0 <= (1 - delta) ^ (2 * k)).
  { intros k. rewrite pow_mult. apply pow_le, pow2_ge_0. }
  assert (Hterm : forall k, (k < T)%nat ->
    0 <= delta * (1 - delta) ^ (2 * k) - delta ^ 2 * (INR k * (1 - delta) ^ (2 * k - 1))).
  { intros k _. generalize (Heven k). destruct k as [|k].
    - simpl. nra.
    - generalize (Hodd (S k) ltac:(lia)) (pos_INR (S k)). set (n := INR (S k)).
      set (p := (1 - delta) ^ (2 * S k - 1)). intros Hp Hn Hq.
      assert (Hnp : n * p <= 0) by nra.
      assert (Hproduct : delta ^ 2 * (n * p) <= 0) by (generalize (pow2_ge_0 delta); nra).
      assert (Hfirst : 0 <= delta * (1 - delta) ^ (2 * S k)) by (apply Rmult_le_pos; lra). lra. }
  assert (Hsum : delta <= sum_below T (fun k =>
    delta * (1 - delta) ^ (2 * k) - delta ^ 2 * (INR k * (1 - delta) ^ (2 * k - 1)))).
  { eapply Rle_trans; [|exact (sum_ge_term T _ 0 ltac:(lia) Hterm)]. simpl. lra. }
  assert (Hlast : INR T * (1 - delta) ^ (2 * T - 1) <= 0).
  { generalize (Hodd T HT) (pos_INR T). nra. }
  unfold half_slope. assert (Hrest : c * (INR T * (1 - delta) ^ (2 * T - 1)) <= 0) by nra. lra.
Qed.

(** * The critical equation *)

(* H_{n+1} = (n + 1) + q H_n *)
Lemma weighted_sum_next q n : weighted_sum q (S n) = INR (S n) + q * weighted_sum q n.
Proof.
  unfold weighted_sum. rewrite <- sum_scal.
  assert (Hshift : forall m (f : nat -> R), sum_below (S m) f = f 0%nat + sum_below m (fun j => f (S j))).
  { intros m f. induction m as [|m IH].
    - simpl. ring.
    - change (sum_below (S m) f + f (S m) = f 0%nat + (sum_below m (fun j => f (S j)) + f (S m))). rewrite IH. ring. }
  rewrite Hshift. f_equal.
  - simpl (0 ^ 0)%nat. rewrite Nat.sub_0_r. simpl (q ^ 0). ring.
  - apply sum_ext. intros j _. rewrite Nat.sub_succ. simpl. ring.
Qed.

(* sum_{k<T} (...) = T w^(2T-1) kappa(u), in terms of v = 1/w so that no power of w stands in a denominator *)
Lemma sum_critical_side w T : w <> 0 -> (1 <= T)%nat ->
  sum_below T (fun k => (1 - w) * w ^ (2 * k) - (1 - w) ^ 2 * (INR k * w ^ (2 * k - 1))) =
  w ^ (2 * T - 1) * (INR T * critical_side ((1 - w) / w) T).
Proof.
  intros Hw HT. unfold critical_side.
  replace (1 + (1 - w) / w) with (/ w) by (field; exact Hw).
  assert (Hclear : forall n : nat, (1 <= n)%nat -> forall h,
    INR n * ((1 - w) / w * (1 + (1 - w) / w * / w * h / INR n)) =
    (1 - w) / w * (INR n + (1 - w) / w * / w * h)).
  { intros n Hn h. field. split; [exact Hw | apply not_0_INR; lia]. }
  rewrite Hclear by exact HT. clear Hclear.
  destruct T as [|n]; [lia|]. clear HT. induction n as [|n IH].
  - simpl. unfold weighted_sum. simpl. field. exact Hw.
  - change (sum_below (S (S n)) ?f) with (sum_below (S n) f + f (S n)). cbv beta. rewrite IH.
    rewrite !Nat.sub_succ, !Nat.sub_0_r, weighted_sum_next, !S_INR.
    replace (2 * S (S n) - 1)%nat with (S (S (S (2 * n)))) by lia.
    replace (2 * S n)%nat with (S (S (2 * n))) by lia. rewrite !Nat.sub_succ, !Nat.sub_0_r.
    replace (S (2 * n) - 0)%nat with (S (2 * n)) by lia.
    cbn [pow]. generalize (w ^ (2 * n)) (weighted_sum ((/ w) ^ 2) n). intros p h. field. exact Hw.
Qed.

(* E'(delta)/2 = T w^(2T-1) (kappa(u) - c) *)
Lemma half_slope_critical c delta T : 0 < delta < 1 -> (1 <= T)%nat ->
  half_slope c delta T = INR T * (1 - delta) ^ (2 * T - 1) * (critical_side (delta / (1 - delta)) T - c).
Proof.
  intros Hdelta HT. unfold half_slope.
  assert (Hsum := sum_critical_side (1 - delta) T ltac:(lra) HT).
  replace (1 - (1 - delta)) with delta in Hsum by ring. rewrite Hsum. ring.
Qed.

Lemma weighted_sum_le q r n : 0 <= q <= r -> 0 <= weighted_sum q n <= weighted_sum r n.
Proof.
  intros Hqr. split.
  - apply sum_nonneg. intros j _. apply Rmult_le_pos; [apply pos_INR | now apply pow_le].
  - apply sum_le. intros j _. apply Rmult_le_compat_l; [apply pos_INR | now apply pow_incr].
Qed.

Lemma critical_side_increasing u v T : 0 <= u < v -> (1 <= T)%nat -> critical_side u T < critical_side v T.
Proof.
  intros Huv HT. unfold critical_side.
  assert (Hinv : 0 < / INR T) by (apply Rinv_0_lt_compat, lt_0_INR; lia).
  assert (Hsquare : 0 <= (1 + u) ^ 2 <= (1 + v) ^ 2) by nra.
  destruct (weighted_sum_le _ _ (T - 1) Hsquare) as [Hpos Hle]. unfold Rdiv.
  set (h := weighted_sum ((1 + u) ^ 2) (T - 1)) in *. set (k := weighted_sum ((1 + v) ^ 2) (T - 1)) in *.
  assert (Hfactor : 0 <= u * (1 + u) * h <= v * (1 + v) * k).
  { split; [apply Rmult_le_pos; nra|]. apply Rmult_le_compat; nra. }
  assert (Hscaled : 0 <= u * (1 + u) * h * / INR T <= v * (1 + v) * k * / INR T).
  { split; [apply Rmult_le_pos; lra | apply Rmult_le_compat_r; lra]. }
  nra.
Qed.

Lemma critical_side_ge u T : 0 <= u -> (1 <= T)%nat -> u <= critical_side u T.
Proof.
  intros Hu HT. unfold critical_side.
  assert (Hinv : 0 < / INR T) by (apply Rinv_0_lt_compat, lt_0_INR; lia).
  destruct (weighted_sum_le ((1 + u) ^ 2) ((1 + u) ^ 2) (T - 1)) as [Hpos _]; [nra|].
  unfold Rdiv. set (h := weighted_sum _ _) in *.
  assert (0 <= u * (1 + u) * h * / INR T) by (repeat apply Rmult_le_pos; nra). nra.
Qed.

Lemma continuity_critical_side T : continuity (fun u => critical_side u T).
Proof.
  assert (Hsum : forall n (f : nat -> R -> R), (forall j, continuity (f j)) ->
    continuity (fun u => sum_below n (fun j => f j u))).
  { intros n f Hf. induction n as [|n IH].
    - apply continuity_const. now intros x y.
    - apply (continuity_plus (fun u => sum_below n (fun j => f j u)) (f n)); auto. }
  assert (Hweighted : continuity (fun u => weighted_sum ((1 + u) ^ 2) (T - 1))).
  { apply (Hsum (T - 1)%nat (fun j u => INR (T - 1 - j) * ((1 + u) ^ 2) ^ j)). intros j. reg. }
  unfold critical_side, Rdiv. apply (continuity_mult (fun u => u)); [reg|].
  apply (continuity_plus (fun _ => 1)); [reg|].
  apply (continuity_mult (fun u => u * (1 + u) * weighted_sum ((1 + u) ^ 2) (T - 1)) (fun _ => / INR T)); [|reg].
  apply (continuity_mult (fun u => u * (1 + u))); [reg | exact Hweighted].
Qed.

(** * The zero of the derivative *)

(* The only zero of E' on (0, 2), and its sign around it. *)
Definition is_minimiser (c delta : R) (T : nat) : Prop :=
  0 < delta < 1 /\ critical_side (delta / (1 - delta)) T = c /\ half_slope c delta T = 0 /\
  (forall d, 0 < d < delta -> half_slope c d T < 0) /\ (forall d, delta < d < 2 -> 0 < half_slope c d T).

Lemma fraction_increasing d e : 0 < d -> d < e < 1 -> 0 <= d / (1 - d) < e / (1 - e).
Proof.
  intros Hd Hde. split.
  - apply Rlt_le, Rdiv_lt_0_compat; lra.
  - apply (Rmult_lt_reg_r ((1 - d) * (1 - e))); [nra|].
    replace (d / (1 - d) * ((1 - d) * (1 - e))) with (d * (1 - e)) by (field; lra).
    replace (e / (1 - e) * ((1 - d) * (1 - e))) with (e * (1 - d)) by (field; lra). nra.
Qed.

Lemma ex_minimiser c T : 0 < c -> (1 <= T)%nat -> exists delta, is_minimiser c delta T.
Proof.
  intros Hc HT.
  assert (Hfactor : forall d, 0 < d < 1 -> 0 < INR T * (1 - d) ^ (2 * T - 1)).
  { intros d Hd. apply Rmult_lt_0_compat; [apply lt_0_INR; lia | apply pow_lt; lra]. }
  destruct (IVT_gen (fun u => critical_side u T) 0 c c) as (u & Hu & Eu).
  - apply continuity_critical_side.
  - assert (Hzero : critical_side 0 T = 0) by (unfold critical_side; ring).
    rewrite Hzero. generalize (critical_side_ge c T (Rlt_le _ _ Hc) HT). intros Hge.
    rewrite Rmin_left, Rmax_right by lra. lra.
  - rewrite Rmin_left, Rmax_right in Hu by lra.
    assert (Hpos : 0 < u).
    { destruct (proj1 Hu) as [Hlt|<-]; [exact Hlt|]. unfold critical_side in Eu. lra. }
    assert (Edelta : u / (1 + u) / (1 - u / (1 + u)) = u) by (field; lra).
    assert (Hdelta : 0 < u / (1 + u) < 1).
    { split; [apply Rdiv_lt_0_compat; lra|]. apply (Rmult_lt_reg_r (1 + u)); [lra|].
      replace (u / (1 + u) * (1 + u)) with u by (field; lra). lra. }
    exists (u / (1 + u)). set (delta := u / (1 + u)) in *.
    split; [exact Hdelta|]. split; [now rewrite Edelta|]. split; [|split].
    + rewrite half_slope_critical, Edelta, Eu by assumption. ring.
    + intros d Hd. rewrite half_slope_critical by (assumption || lra).
      assert (Hless := critical_side_increasing _ _ T (fraction_increasing d delta ltac:(lra) ltac:(lra)) HT).
      rewrite Edelta, Eu in Hless. generalize (Hfactor d ltac:(lra)). nra.
    + intros d Hd. destruct (Rlt_le_dec d 1) as [Hlt|Hge].
      * rewrite half_slope_critical by (assumption || lra).
        assert (Hless := critical_side_increasing _ _ T (fraction_increasing delta d ltac:(lra) ltac:(lra)) HT).
        rewrite Edelta, Eu in Hless. generalize (Hfactor d ltac:(lra)). nra.
      * apply half_slope_pos_beyond_1; lra || assumption.
Qed.

(* E is smallest there. *)
Lemma minimiser_least gamma delta T d : is_minimiser (gamma ^ 2 - 1) delta T -> 0 < d < 2 -> d <> delta ->
  variance_excess gamma delta T < variance_excess gamma d T.
Proof.
  intros (Hdelta & _ & _ & Hbefore & Hbeyond) Hd Hne.
  assert (Hmean : forall a b, a < b -> exists e, a < e < b /\
    variance_excess gamma b T - variance_excess gamma a T = 2 * half_slope (gamma ^ 2 - 1) e T * (b - a)).
  { intros a b Hab.
    destruct (MVT_cor2 (fun d => variance_excess gamma d T) (fun d => 2 * half_slope (gamma ^ 2 - 1) d T) a b Hab)
      as (e & He & Hin).
    - intros e _. apply is_derive_Reals, is_derive_excess.
    - now exists e. }
  destruct (Rtotal_order d delta) as [Hlt|[Heq|Hgt]]; [|contradiction|].
  - destruct (Hmean d delta Hlt) as (e & He & Ediff). generalize (Hbefore e ltac:(lra)). nra.
  - destruct (Hmean delta d Hgt) as (e & He & Ediff). generalize (Hbeyond e ltac:(lra)). nra.
Qed.

(** * More steps *)

(* E_{T+1} = w^2 E_T + delta^2 *)
Lemma excess_next gamma delta T :
  variance_excess gamma delta (S T) = (1 - delta) ^ 2 * variance_excess gamma delta T + delta ^ 2.
Proof.
  unfold variance_excess.
  assert (Hsum : sum_below (S T) (fun k => (1 - delta) ^ (2 * k)) =
    (1 - delta) ^ 2 * sum_below T (fun k => (1 - delta) ^ (2 * k)) + 1).
  { induction T as [|T IH].
    - simpl. ring.
    - change (sum_below (S (S T)) ?f) with (sum_below (S T) f + f (S T)). cbv beta. rewrite IH at 1.
      cbn [sum_below]. replace (2 * S T)%nat with (2 + 2 * T)%nat by lia. rewrite pow_add. ring. }
  rewrite Hsum. replace (2 * S T)%nat with (2 + 2 * T)%nat by lia. rewrite pow_add. ring.
Qed.

(* (2 - delta) E = delta + w^(2T) ((2 - delta) c - delta): the excess tends to delta/(2 - delta). *)
Lemma excess_closed gamma delta T :
  (2 - delta) * variance_excess gamma delta T = delta + (1 - delta) ^ (2 * T) * ((2 - delta) * (gamma ^ 2 - 1) - delta).
Proof.
  induction T as [|T IH].
  - unfold variance_excess. simpl. ring.
  - rewrite excess_next. replace (2 * S T)%nat with (2 + 2 * T)%nat by lia. rewrite pow_add.
    transitivity ((1 - delta) ^ 2 * ((2 - delta) * variance_excess gamma delta T) + (2 - delta) * delta ^ 2); [ring|].
    rewrite IH. ring.
Qed.

(* At the minimiser for T steps one more step lowers the excess. *)
Lemma one_more_step gamma delta T : (1 <= T)%nat -> is_minimiser (gamma ^ 2 - 1) delta T ->
  variance_excess gamma delta (S T) < variance_excess gamma delta T.
Proof.
  intros HT (Hdelta & Ecritical & _).
  assert (Hu : delta / (1 - delta) <= gamma ^ 2 - 1).
  { rewrite <- Ecritical. apply critical_side_ge; [|exact HT]. apply Rlt_le, Rdiv_lt_0_compat; lra. }
  assert (Hc : delta < (2 - delta) * (gamma ^ 2 - 1)).
  { assert (Hscaled : delta <= (1 - delta) * (gamma ^ 2 - 1)).
    { replace delta with ((1 - delta) * (delta / (1 - delta))) at 1 by (field; lra).
      apply Rmult_le_compat_l; lra. }
    assert (0 < delta / (1 - delta)) by (apply Rdiv_lt_0_compat; lra). nra. }
  assert (Hpower : 0 < (1 - delta) ^ (2 * T)) by (apply pow_lt; lra).
  assert (Hclosed := excess_closed gamma delta T). rewrite excess_next.
  set (E := variance_excess gamma delta T) in *. set (p := (1 - delta) ^ (2 * T)) in *.
  assert (Hexceeds : delta < (2 - delta) * E) by nra. nra.
Qed.

(* Certificates: finitely many inequalities between constants from which [is_certified] follows.

   gamma: C(gamma_lo) > target > C(gamma_hi), each C one integral of phi.
   L:     k ln gamma_hi <= ln(sigma_1/sigma_L) <= (k + 1) ln gamma_lo, k the least x that gives L.
   epsilon, with delta = epsilon/sigma_L^2, w = 1 - delta, c = exp(2 ln(sigma_1/sigma_L)/(L - 1)) - 1 and the excess
          E(delta) = (delta + w^(2T) ((2 - delta) c - delta))/(2 - delta): the sign of E' is that of
          1 - w^(2T) - T w^(2T-1) (2 - delta) ((2 - delta) c - delta), - at epsilon_lo and + at epsilon_hi.

   A certificate file gives the constants and calls [certify]; what it then proves stands in Statements. *)

From Coq Require Import Reals ZArith Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Normal Technique2 Levels Proposition3 Minimiser Technique4 IntervalZ.

Open Scope R_scope.

(** * Closed forms for evaluation *)

Definition closed_excess (c delta : R) (T : nat) : R :=
  (delta + (1 - delta) ^ (2 * T) * ((2 - delta) * c - delta)) / (2 - delta).

Definition slope_sign (c delta : R) (T : nat) : R :=
  1 - (1 - delta) ^ (2 * T) - IZR (Z.of_nat T) * (1 - delta) ^ (2 * T - 1) * ((2 - delta) * ((2 - delta) * c - delta)).

Lemma excess_is_closed gamma delta T : delta < 2 -> variance_excess gamma delta T = closed_excess (gamma ^ 2 - 1) delta T.
Proof. intros Hdelta. unfold closed_excess. rewrite <- excess_closed. field. lra. Qed.

Lemma slope_sign_correct c delta T : (1 <= T)%nat -> (2 - delta) ^ 2 * half_slope c delta T = slope_sign c delta T.
Proof.
  intros HT. destruct T as [|n]; [lia|]. clear HT. unfold half_slope, slope_sign. rewrite <- INR_IZR_INZ.
  induction n as [|n IH].
  - simpl. ring.
  - set (f := fun k => delta * (1 - delta) ^ (2 * k) - delta ^ 2 * (INR k * (1 - delta) ^ (2 * k - 1))) in *.
    change (sum_below (S (S n)) f) with (sum_below (S n) f + f (S n)).
    transitivity ((2 - delta) ^ 2 * (sum_below (S n) f - c * (INR (S n) * (1 - delta) ^ (2 * S n - 1)))
      + (2 - delta) ^ 2 * (f (S n) + c * (INR (S n) * (1 - delta) ^ (2 * S n - 1))
                           - c * (INR (S (S n)) * (1 - delta) ^ (2 * S (S n) - 1)))); [ring|].
    rewrite IH. unfold f. rewrite !S_INR.
    replace (2 * S (S n) - 1)%nat with (S (S (S (2 * n)))) by lia.
    replace (2 * S (S n))%nat with (S (S (S (S (2 * n))))) by lia.
    replace (2 * S n - 1)%nat with (S (2 * n)) by lia. replace (2 * S n)%nat with (S (S (2 * n))) by lia.
    cbn [pow]. generalize ((1 - delta) ^ (2 * n)). intros p. ring.
Qed.

(** * The inequalities *)

(* gamma^2 - 1 for the realised ratio *)
Definition start (s : schedule) : R := exp (2 * (ln (sigma_1 s / sigma_L s) / IZR (num_levels s - 1))) - 1.

Definition overlap_integral (D gamma : R) : R :=
  RInt phi (sqrt (2 * D) * (gamma - 1) - 3 * gamma) (sqrt (2 * D) * (gamma - 1) + 3 * gamma).

Record conditions (s : schedule) : Prop := {
  dim_pos : (0 < dim s)%Z;
  target_below_1 : target s <= 0.9973;
  gamma_lo_ge_1 : 1 <= gamma_lo s;
  gamma_ordered : gamma_lo s < gamma_hi s;
  overlap_lo : target s < overlap_integral (IZR (dim s)) (gamma_lo s);
  overlap_hi : overlap_integral (IZR (dim s)) (gamma_hi s) < target s;
  sigma_L_pos : 0 < sigma_L s;
  sigma_ordered : sigma_L s < sigma_1 s;
  two_levels : (2 <= num_levels s)%Z;
  least_x_nonneg : 0 <= least_x (levels_by s) (num_levels s);
  levels_needed : least_x (levels_by s) (num_levels s) * ln (gamma_hi s) < ln (sigma_1 s / sigma_L s);
  levels_enough : ln (sigma_1 s / sigma_L s) <= (least_x (levels_by s) (num_levels s) + 1) * ln (gamma_lo s);
  one_step : (1 <= steps_per_level s)%nat;
  epsilon_lo_pos : 0 < epsilon_lo s;
  epsilon_lo_le : epsilon_lo s <= epsilon s;
  epsilon_hi_ge : epsilon s <= epsilon_hi s;
  epsilon_hi_below : epsilon_hi s < sigma_L s ^ 2;
  slope_lo : slope_sign (start s) (epsilon_lo s / sigma_L s ^ 2) (steps_per_level s) < 0;
  slope_hi : 0 < slope_sign (start s) (epsilon_hi s / sigma_L s ^ 2) (steps_per_level s);
  epsilon_near : forall e, epsilon_lo s <= e <= epsilon_hi s ->
    closed_excess (start s) (epsilon s / sigma_L s ^ 2) (steps_per_level s) <=
    closed_excess (start s) (e / sigma_L s ^ 2) (steps_per_level s) + tolerance
}.

Lemma start_correct s : realised_gamma (sigma_1 s) (sigma_L s) (num_levels s) ^ 2 - 1 = start s.
Proof.
  unfold start, realised_gamma, Rpower, Rdiv at 2. rewrite (Rmult_comm (ln _) (/ _)).
  set (x := / _ * ln _). replace (2 * x) with (x + x) by ring. rewrite exp_plus. ring.
Qed.

Section Correct.

Variable s : schedule.
Hypothesis H : conditions s.

Let D := IZR (dim s).
Let realised := realised_gamma (sigma_1 s) (sigma_L s) (num_levels s).
Let c := realised ^ 2 - 1.

Lemma D_pos : 0 < D.
Proof. apply IZR_lt, (dim_pos s H). Qed.

Lemma target_lt : target s < overlap D 1.
Proof. generalize (target_below_1 s H) (proj1 (overlap_1 D)). lra. Qed.

Lemma sigma_range : 0 < sigma_L s < sigma_1 s.
Proof. split; [apply (sigma_L_pos s H) | apply (sigma_ordered s H)]. Qed.

Lemma realised_above_1 : 1 < realised.
Proof. apply realised_gt_1; [apply sigma_range | apply (two_levels s H)]. Qed.

Lemma ex_gamma : exists gamma, gamma_lo s < gamma < gamma_hi s /\ is_gamma_root D (target s) gamma.
Proof.
  apply gamma_between.
  - apply D_pos.
  - apply target_lt.
  - split; [apply (gamma_lo_ge_1 s H) | apply (gamma_ordered s H)].
  - unfold overlap. rewrite !Phi_minus. split; [apply (overlap_hi s H) | apply (overlap_lo s H)].
Qed.

(* ln(sigma_1/sigma_L)/ln gamma lies between the quotients for gamma_hi and gamma_lo. *)
Lemma levels_correct gamma : gamma_lo s < gamma < gamma_hi s ->
  is_rounded (levels_by s) (real_levels (sigma_1 s) (sigma_L s) gamma) (num_levels s).
Proof.
  intros Hgamma. assert (Hlo := gamma_lo_ge_1 s H).
  assert (Hln : 0 < ln gamma) by (apply ln_pos; lra).
  assert (Hlnlo : ln (gamma_lo s) < ln gamma) by (apply ln_increasing; lra).
  assert (Hlnhi : ln gamma < ln (gamma_hi s)) by (apply ln_increasing; lra).
  generalize (least_x_nonneg s H) (levels_needed s H) (levels_enough s H). unfold real_levels.
  set (k := least_x (levels_by s) (num_levels s)). set (r := ln (sigma_1 s / sigma_L s)).
  intros Hk Hneeded Henough.
  assert (Hx : r / ln gamma * ln gamma = r) by (field; lra). set (x := r / ln gamma) in *.
  assert (Hstrict : k < x < k + 1) by (split; apply (Rmult_lt_reg_r (ln gamma)); nra).
  unfold is_rounded. fold k. destruct (levels_by s); lra.
Qed.

(* The zero of E' lies between the two signs. *)
Lemma ex_best : exists delta, is_minimiser c delta (steps_per_level s) /\
  epsilon_lo s < delta * sigma_L s ^ 2 < epsilon_hi s.
Proof.
  assert (HL := sigma_L_pos s H). assert (Hsquare := square_pos (sigma_L s) HL).
  assert (Hbelow := epsilon_hi_below s H). assert (Hlo := epsilon_lo_pos s H).
  assert (Hlohi := Rle_trans _ _ _ (epsilon_lo_le s H) (epsilon_hi_ge s H)).
  destruct (ex_minimiser c (steps_per_level s)) as (delta & Hmin).
  - unfold c. generalize realised_above_1. nra.
  - apply (one_step s H).
  - exists delta. split; [exact Hmin|].
    destruct Hmin as (Hdelta & _ & Hzero & Hbefore & Hbeyond).
    generalize (slope_lo s H) (slope_hi s H). rewrite <- start_correct. fold realised c.
    rewrite <- !slope_sign_correct by apply (one_step s H). intros Hslope_lo Hslope_hi.
    assert (Hscaled : forall e, 0 < e < sigma_L s ^ 2 -> 0 < e / sigma_L s ^ 2 < 1).
    { intros e He. split; [apply Rdiv_lt_0_compat; lra|]. apply (Rmult_lt_reg_r (sigma_L s ^ 2)); [exact Hsquare|].
      rewrite unscale by exact HL. lra. }
    rewrite <- (unscale (sigma_L s) HL (epsilon_lo s)), <- (unscale (sigma_L s) HL (epsilon_hi s)).
    assert (Hl := Hscaled (epsilon_lo s) ltac:(lra)). assert (Hh := Hscaled (epsilon_hi s) ltac:(lra)).
    set (l := epsilon_lo s / sigma_L s ^ 2) in *. set (h := epsilon_hi s / sigma_L s ^ 2) in *.
    split; apply Rmult_lt_compat_r; try exact Hsquare; apply Rnot_le_lt.
    + intros [Hlt|Heq].
      * generalize (Hbeyond l ltac:(lra)) (pow2_ge_0 (2 - l)). nra.
      * rewrite <- Heq, Hzero in Hslope_lo. lra.
    + intros [Hlt|Heq].
      * generalize (Hbefore h ltac:(lra)) (pow2_ge_0 (2 - h)). nra.
      * rewrite Heq, Hzero in Hslope_hi. lra.
Qed.

Theorem certificate_correct : is_certified s.
Proof.
  destruct ex_gamma as (gamma & Hbetween & Hroot).
  assert (Hlevels := levels_correct gamma Hbetween).
  destruct ex_best as (delta & Hmin & Hdelta).
  assert (HL := sigma_L_pos s H). assert (Hbest := minimiser_optimal realised (sigma_L s) HL _ delta Hmin).
  assert (Hrange := proj1 Hbest). unfold is_certified. fold realised D.
  split; [now exists gamma|]. split; [|split; [now exists (delta * sigma_L s ^ 2)|]].
  - intros Hrule. rewrite Hrule in Hlevels. simpl in Hlevels.
    apply (levels_reach_target D (target s) gamma); [apply D_pos | apply target_lt | exact Hroot | apply sigma_range | | ].
    + apply (two_levels s H).
    + rewrite minus_IZR. lra.
  - intros e He.
    assert (Hepsilon : 0 < epsilon s < 2 * sigma_L s ^ 2).
    { generalize (epsilon_lo_pos s H) (epsilon_lo_le s H) (epsilon_hi_ge s H) (epsilon_hi_below s H) (square_pos _ HL). lra. }
    assert (Hgt := fun e He => variance_ratio_gt_1 realised (sigma_L s) e (steps_per_level s) realised_above_1 HL He).
    rewrite !Rabs_pos_eq by (apply Rlt_le, Rlt_0_minus, Hgt; assumption).
    assert (Hleast : variance_ratio realised (sigma_L s) (delta * sigma_L s ^ 2) (steps_per_level s) <=
                     variance_ratio realised (sigma_L s) e (steps_per_level s)).
    { destruct (Req_dec e (delta * sigma_L s ^ 2)) as [->|Hne]; [apply Rle_refl | now apply Rlt_le, (proj2 Hbest)]. }
    assert (Hnear := epsilon_near s H (delta * sigma_L s ^ 2) (conj (Rlt_le _ _ (proj1 Hdelta)) (Rlt_le _ _ (proj2 Hdelta)))).
    rewrite <- start_correct in Hnear. fold realised in Hnear.
    rewrite <- !excess_is_closed in Hnear by (apply delta_range; assumption).
    rewrite !variance_excess_correct in * by assumption. lra.
Qed.

End Correct.

(** * The tactic of certificate files *)

(* Constants of Z and nat to numerals, which the interval tactics can read. *)
Ltac numerals :=
  repeat match goal with
  | |- context [IZR (?a - ?b)] => let n := eval compute in (a - b)%Z in change (a - b)%Z with n
  | |- context [Z.of_nat ?a] => let n := eval compute in (Z.of_nat a) in change (Z.of_nat a) with n
  | |- context [(2 * ?a - 1)%nat] => let n := eval compute in (2 * a - 1)%nat in change (2 * a - 1)%nat with n
  | |- context [(2 * ?a)%nat] => let n := eval compute in (2 * a)%nat in change (2 * a)%nat with n
  end.

Ltac certify :=
  match goal with
  | |- is_certified ?s => let constants := eval hnf in s in change (is_certified constants)
  end;
  apply certificate_correct; constructor;
  unfold overlap_integral, slope_sign, closed_excess, start, tolerance, phi;
  cbn [least_x dim sigma_1 sigma_L target gamma_lo gamma_hi levels_by num_levels steps_per_level epsilon_lo epsilon_hi epsilon];
  numerals;
  lazymatch goal with
  | |- (_ < _)%Z => reflexivity
  | |- (_ <= _)%Z => now apply Z.leb_le
  | |- (_ <= _)%nat => now apply Nat.leb_le
  | |- context [RInt _ _ _] => integral with (i_prec 64, i_degree 20)
  | |- forall e, _ => let e := fresh "e" in let He := fresh "He" in intros e He; interval with (i_prec 100)
  | |- _ => interval with (i_prec 100)
  end.

(* Certificates: finitely many inequalities between constants from which [is_certified] follows.

   root:    C(lo) > target > C(hi), each C one integral of phi.
   L:       k ln hi <= ln(sigma_1/sigma_L) <= (k + 1) ln lo, k the least x that gives L.
   gamma:   exp(ln(sigma_1/sigma_L)/(L - 1)), evaluated; so are its overlap and its variance ratio.
   widths:  hi - lo <= width lo, as the exact number is at least lo >= 0.
   epsilon: with delta = epsilon/sigma_L^2, w = 1 - delta, c = gamma^2 - 1 the excess is
            E(delta) = (delta + w^(2T) ((2 - delta) c - delta))/(2 - delta), and (2 - delta)^2 E'(delta)/2 is
            S(delta) = 1 - w^(2T) - T w^(2T-1) (2 - delta) ((2 - delta) c - delta), negative at the lower and positive
            at the upper end of its enclosure. Between them |E'| <= 2 |S|, which bounds what is lost: at most width E.

   A certificate file gives the constants and calls [certify]; what it then proves stands in Statements.

   Rust: certificate::certificate of the crate ncsn writes the constants. *)

From Coq Require Import Reals ZArith Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Normal Technique2 Levels Proposition3 Minimiser Technique4 IntervalZ.

Open Scope R_scope.

(** * Closed forms for evaluation, with exponents in Z so that T may be large *)

Definition closed_excess (c delta : R) (T : Z) : R :=
  (delta + powerRZ (1 - delta) (2 * T) * ((2 - delta) * c - delta)) / (2 - delta).

Definition slope_sign (c delta : R) (T : Z) : R :=
  1 - powerRZ (1 - delta) (2 * T)
  - IZR T * powerRZ (1 - delta) (2 * T - 1) * ((2 - delta) * ((2 - delta) * c - delta)).

Lemma excess_is_closed gamma delta T : (0 <= T)%Z -> delta < 2 ->
  variance_excess gamma delta (Z.to_nat T) = closed_excess (gamma ^ 2 - 1) delta T.
Proof.
  intros HT Hdelta. unfold closed_excess. replace (2 * T)%Z with (Z.of_nat (2 * Z.to_nat T)) by lia.
  rewrite <- pow_powerRZ, <- excess_closed. field. lra.
Qed.

Lemma slope_sign_nat c delta n : (1 <= n)%nat ->
  (2 - delta) ^ 2 * half_slope c delta n =
  1 - (1 - delta) ^ (2 * n) - INR n * (1 - delta) ^ (2 * n - 1) * ((2 - delta) * ((2 - delta) * c - delta)).
Proof.
  intros Hn. destruct n as [|n]; [lia|]. clear Hn. unfold half_slope.
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

Lemma slope_sign_correct c delta T : (1 <= T)%Z ->
  (2 - delta) ^ 2 * half_slope c delta (Z.to_nat T) = slope_sign c delta T.
Proof.
  intros HT. rewrite slope_sign_nat by lia. unfold slope_sign. rewrite !pow_powerRZ, INR_IZR_INZ.
  replace (Z.of_nat (2 * Z.to_nat T)) with (2 * T)%Z by lia.
  replace (Z.of_nat (2 * Z.to_nat T - 1)) with (2 * T - 1)%Z by lia. now rewrite Z2Nat.id by lia.
Qed.

Definition closed_gamma (s : schedule) : R := exp (ln (sigma_max s / sigma_min s) / IZR (num_levels s - 1)).

Lemma closed_gamma_correct s : realised_gamma (sigma_max s) (sigma_min s) (num_levels s) = closed_gamma s.
Proof. unfold realised_gamma, Rpower, closed_gamma, Rdiv. now rewrite Rmult_comm. Qed.

Definition overlap_integral (D gamma : R) : R :=
  RInt phi (sqrt (2 * D) * (gamma - 1) - 3 * gamma) (sqrt (2 * D) * (gamma - 1) + 3 * gamma).

Lemma overlap_integral_correct D gamma : overlap D gamma = overlap_integral D gamma.
Proof. apply Phi_minus. Qed.

(** * The inequalities *)

(* Both ends, as far as they can be judged without the exact number between them. *)
Definition narrow (width : R) (i : enclosed) : Prop :=
  0 <= lower i /\ lower i <= printed i <= upper i /\ upper i - lower i <= width * lower i.

(* Cheap conditions first, integrals last: a wrong number is found early. *)
Record conditions (s : schedule) : Prop := {
  dim_pos : (0 < dim s)%Z;
  two_levels : (2 <= num_levels s)%Z;
  one_step : (1 <= steps_per_level s)%Z;
  width_range : 0 <= width s <= widest;
  root_narrow : narrow (width s) (gamma_root_in s);
  gamma_narrow : narrow (width s) (gamma_in s);
  overlap_narrow : narrow (width s) (overlap_in s);
  epsilon_narrow : narrow (width s) (epsilon_in s);
  ratio_narrow : narrow (width s) (variance_ratio_in s);
  root_range : 1 <= lower (gamma_root_in s) < upper (gamma_root_in s);
  sigma_min_pos : 0 < sigma_min s;
  sigma_ordered : sigma_min s < sigma_max s;
  least_x_nonneg : 0 <= least_x (rounded_by s) (num_levels s);
  epsilon_lo_pos : 0 < lower (epsilon_in s);
  epsilon_hi_small : upper (epsilon_in s) < sigma_min s ^ 2;
  levels_needed :
    least_x (rounded_by s) (num_levels s) * ln (upper (gamma_root_in s)) < ln (sigma_max s / sigma_min s);
  levels_enough :
    ln (sigma_max s / sigma_min s) <= (least_x (rounded_by s) (num_levels s) + 1) * ln (lower (gamma_root_in s));
  gamma_inside : lower (gamma_in s) <= closed_gamma s <= upper (gamma_in s);
  slope_lo : slope_sign (closed_gamma s ^ 2 - 1) (lower (epsilon_in s) / sigma_min s ^ 2) (steps_per_level s) < 0;
  slope_hi : 0 < slope_sign (closed_gamma s ^ 2 - 1) (upper (epsilon_in s) / sigma_min s ^ 2) (steps_per_level s);
  ratio_inside : lower (variance_ratio_in s) <=
    1 + closed_excess (closed_gamma s ^ 2 - 1) (printed (epsilon_in s) / sigma_min s ^ 2) (steps_per_level s) <=
    upper (variance_ratio_in s);
  slope_small : forall e, lower (epsilon_in s) <= e <= upper (epsilon_in s) ->
    Rabs (slope_sign (closed_gamma s ^ 2 - 1) (e / sigma_min s ^ 2) (steps_per_level s)) *
    (2 * ((upper (epsilon_in s) - lower (epsilon_in s)) / sigma_min s ^ 2)) * (1 + width s) <=
    width s *
    closed_excess (closed_gamma s ^ 2 - 1) (printed (epsilon_in s) / sigma_min s ^ 2) (steps_per_level s);
  target_small : overlap_target s < RInt phi (-3) 3;
  overlap_root_lo : overlap_target s < overlap_integral (IZR (dim s)) (lower (gamma_root_in s));
  overlap_root_hi : overlap_integral (IZR (dim s)) (upper (gamma_root_in s)) < overlap_target s;
  overlap_inside : lower (overlap_in s) <= overlap_integral (IZR (dim s)) (closed_gamma s) <= upper (overlap_in s)
}.

Lemma narrow_encloses width i x : 0 <= width -> narrow width i -> lower i <= x <= upper i -> encloses width i x.
Proof. unfold narrow, encloses. intros Hwidth Hnarrow Hx. repeat split; try lra. nra. Qed.

Section Correct.

Variable s : schedule.
Hypothesis H : conditions s.

Let D := IZR (dim s).
Let T := Z.to_nat (steps_per_level s).
Let gamma := realised_gamma (sigma_max s) (sigma_min s) (num_levels s).
Let c := gamma ^ 2 - 1.
Let q := sigma_min s ^ 2.

(** ** Technique 2 *)

Lemma D_pos : 0 < D.
Proof. apply IZR_lt, (dim_pos s H). Qed.

Lemma target_lt : overlap_target s < overlap D 1.
Proof. rewrite (proj1 (overlap_1 D)), Phi_minus. apply (target_small s H). Qed.

Lemma sigma_range : 0 < sigma_min s < sigma_max s.
Proof. split; [apply (sigma_min_pos s H) | apply (sigma_ordered s H)]. Qed.

Lemma gamma_above_1 : 1 < gamma.
Proof. apply realised_gt_1; [apply sigma_range | apply (two_levels s H)]. Qed.

Lemma ex_root : exists root,
  lower (gamma_root_in s) < root < upper (gamma_root_in s) /\ is_gamma_root D (overlap_target s) root.
Proof.
  apply gamma_between.
  - apply D_pos.
  - apply target_lt.
  - apply (root_range s H).
  - rewrite !overlap_integral_correct. split; [apply (overlap_root_hi s H) | apply (overlap_root_lo s H)].
Qed.

(* ln(sigma_1/sigma_L)/ln root lies between the quotients for the ends of its enclosure. *)
Lemma levels_correct root : lower (gamma_root_in s) < root < upper (gamma_root_in s) ->
  is_rounded (rounded_by s) (real_levels (sigma_max s) (sigma_min s) root) (num_levels s).
Proof.
  intros Hroot. assert (Hlo := proj1 (root_range s H)).
  assert (Hln : 0 < ln root) by (apply ln_pos; lra).
  assert (Hlnlo : ln (lower (gamma_root_in s)) < ln root) by (apply ln_increasing; lra).
  assert (Hlnhi : ln root < ln (upper (gamma_root_in s))) by (apply ln_increasing; lra).
  generalize (least_x_nonneg s H) (levels_needed s H) (levels_enough s H). unfold real_levels.
  set (k := least_x (rounded_by s) (num_levels s)). set (r := ln (sigma_max s / sigma_min s)).
  intros Hk Hneeded Henough.
  assert (Hx : r / ln root * ln root = r) by (field; lra). set (x := r / ln root) in *.
  assert (Hstrict : k < x < k + 1) by (split; apply (Rmult_lt_reg_r (ln root)); nra).
  unfold is_rounded. fold k. destruct (rounded_by s); lra.
Qed.

(** ** Technique 4 *)

Lemma q_pos : 0 < q.
Proof. apply square_pos, (sigma_min_pos s H). Qed.

Lemma epsilon_below e : lower (epsilon_in s) <= e <= upper (epsilon_in s) -> 0 < e / q < 1.
Proof.
  intros He. generalize (epsilon_lo_pos s H) (epsilon_hi_small s H) q_pos. fold q. intros Hlo Hhi Hq. split.
  - apply Rdiv_lt_0_compat; lra.
  - apply (Rmult_lt_reg_r q); [exact Hq|]. unfold q. rewrite unscale by apply (sigma_min_pos s H). fold q. lra.
Qed.

Lemma slope_correct e :
  slope_sign (closed_gamma s ^ 2 - 1) (e / q) (steps_per_level s) = (2 - e / q) ^ 2 * half_slope c (e / q) T.
Proof. rewrite <- closed_gamma_correct. symmetry. apply slope_sign_correct, (one_step s H). Qed.

(* The zero of E' lies between the two signs. *)
Lemma ex_best : exists delta, is_minimiser c delta T /\ lower (epsilon_in s) < delta * q < upper (epsilon_in s).
Proof.
  assert (HT : (1 <= T)%nat) by (unfold T; generalize (one_step s H); lia).
  assert (Hc : 0 < c) by (unfold c; generalize gamma_above_1; nra).
  destruct (ex_minimiser c T Hc HT) as (delta & Hmin). exists delta. split; [exact Hmin|].
  destruct Hmin as (Hdelta & _ & Hzero & Hbefore & Hbeyond).
  generalize (slope_lo s H) (slope_hi s H). fold q. rewrite !slope_correct. intros Hslope_lo Hslope_hi.
  assert (Hlohi := proj1 (proj2 (epsilon_narrow s H))).
  assert (Hl := epsilon_below (lower (epsilon_in s)) ltac:(lra)).
  assert (Hh := epsilon_below (upper (epsilon_in s)) ltac:(lra)).
  rewrite <- (unscale (sigma_min s) (sigma_min_pos s H) (lower (epsilon_in s))),
          <- (unscale (sigma_min s) (sigma_min_pos s H) (upper (epsilon_in s))). fold q.
  set (l := lower (epsilon_in s) / q) in *. set (h := upper (epsilon_in s) / q) in *.
  split; apply Rmult_lt_compat_r; try exact q_pos; apply Rnot_le_lt.
  - intros [Hlt|Heq].
    + generalize (Hbeyond l ltac:(lra)) (pow2_ge_0 (2 - l)). nra.
    + rewrite <- Heq, Hzero in Hslope_lo. lra.
  - intros [Hlt|Heq].
    + generalize (Hbefore h ltac:(lra)) (pow2_ge_0 (2 - h)). nra.
    + rewrite Heq, Hzero in Hslope_hi. lra.
Qed.

(* The excess with the epsilon printed. *)
Let excess := closed_excess (closed_gamma s ^ 2 - 1) (printed (epsilon_in s) / q) (steps_per_level s).

(* Within the enclosure the excess varies by little. *)
Lemma excess_near d e :
  lower (epsilon_in s) <= d <= upper (epsilon_in s) -> lower (epsilon_in s) <= e <= upper (epsilon_in s) ->
  (variance_excess gamma (d / q) T - variance_excess gamma (e / q) T) * (1 + width s) <= width s * excess.
Proof.
  intros Hd He. assert (Hq := q_pos). assert (Hwidth := width_range s H).
  destruct (MVT_gen (fun d => variance_excess gamma d T) (e / q) (d / q) (fun d => 2 * half_slope c d T))
    as (x & Hx & Ex).
  - intros x _. apply is_derive_excess.
  - intros x _. apply continuity_pt_filterlim, (ex_derive_continuous (V := R_NormedModule)).
    eexists. apply is_derive_excess.
  - assert (Hbetween : lower (epsilon_in s) <= x * q <= upper (epsilon_in s)).
    { assert (Hmin : Rmin (e / q) (d / q) * q = Rmin e d).
      { rewrite Rmult_comm, Rmult_min_distr_l by lra. f_equal; field; lra. }
      assert (Hmax : Rmax (e / q) (d / q) * q = Rmax e d).
      { rewrite Rmult_comm, Rmult_max_distr_l by lra. f_equal; field; lra. }
      generalize (Rmult_le_compat_r q _ _ (Rlt_le _ _ Hq) (proj1 Hx)).
      generalize (Rmult_le_compat_r q _ _ (Rlt_le _ _ Hq) (proj2 Hx)).
      rewrite Hmin, Hmax. intros Hh Hl.
      assert (Hl' : lower (epsilon_in s) <= Rmin e d) by (apply Rmin_glb; lra).
      assert (Hh' : Rmax e d <= upper (epsilon_in s)) by (apply Rmax_lub; lra). lra. }
    assert (Hsmall := slope_small s H (x * q) Hbetween). assert (Hx1 := epsilon_below (x * q) Hbetween).
    fold q in Hsmall. rewrite slope_correct in Hsmall.
    replace (x * q / q) with x in Hsmall, Hx1 by (field; lra).
    set (S := half_slope c x T) in *. set (gap := (upper (epsilon_in s) - lower (epsilon_in s)) / q) in *.
    assert (Hstep : Rabs (d / q - e / q) <= gap).
    { replace (d / q - e / q) with ((d - e) * / q) by (field; lra).
      rewrite Rabs_mult, (Rabs_pos_eq (/ q)) by (apply Rlt_le, Rinv_0_lt_compat, Hq).
      apply Rmult_le_compat_r; [apply Rlt_le, Rinv_0_lt_compat, Hq | apply Rabs_le; lra]. }
    assert (Hslope : Rabs S <= Rabs ((2 - x) ^ 2 * S)).
    { rewrite Rabs_mult, (Rabs_pos_eq ((2 - x) ^ 2)) by apply pow2_ge_0.
      assert (Hone : 1 <= (2 - x) ^ 2) by nra. generalize (Rabs_pos S). nra. }
    assert (Hproduct := Rmult_le_compat _ _ _ _ (Rabs_pos S) (Rabs_pos _) Hslope Hstep).
    assert (Hdiff := Rle_abs (2 * S * (d / q - e / q))). rewrite !Rabs_mult, (Rabs_pos_eq 2) in Hdiff by lra.
    fold excess in Hsmall. cbv beta in Ex. rewrite Ex. eapply Rle_trans; [|exact Hsmall].
    apply Rmult_le_compat_r; [lra|]. lra.
Qed.

Theorem certificate_correct : is_certified s.
Proof.
  destruct ex_root as (root & Hbetween & Hroot). assert (Hlevels := levels_correct root Hbetween).
  destruct ex_best as (delta & Hmin & Hdelta). assert (Hwidth := width_range s H).
  assert (HL := sigma_min_pos s H). assert (Hbest := minimiser_optimal gamma (sigma_min s) HL T delta Hmin).
  assert (Hrange := proj1 Hbest). fold q in Hbest, Hrange. assert (Hq := q_pos).
  assert (Hinside := proj1 (proj2 (epsilon_narrow s H))).
  assert (Hepsilon : 0 < printed (epsilon_in s) < 2 * sigma_min s ^ 2).
  { fold q. generalize (epsilon_lo_pos s H) (epsilon_hi_small s H). fold q. lra. }
  assert (Hexcess : variance_excess gamma (printed (epsilon_in s) / q) T = excess).
  { unfold T. rewrite excess_is_closed by (generalize (one_step s H) (epsilon_below _ Hinside); lia || (fold q; lra)).
    unfold gamma. now rewrite closed_gamma_correct. }
  unfold is_certified. fold D T gamma q.
  split; [apply Hwidth|]. split; [|split; [|split; [|split; [|split; [|split]]]]].
  - exists root. split; [exact Hroot|]. split; [|exact Hlevels].
    apply narrow_encloses; [apply Hwidth | apply (root_narrow s H) | lra].
  - apply narrow_encloses; [apply Hwidth | apply (gamma_narrow s H) |].
    unfold gamma. rewrite closed_gamma_correct. apply (gamma_inside s H).
  - apply narrow_encloses; [apply Hwidth | apply (overlap_narrow s H) |].
    unfold gamma. rewrite overlap_integral_correct, closed_gamma_correct. apply (overlap_inside s H).
  - intros Hrule. rewrite Hrule in Hlevels. simpl in Hlevels.
    apply (levels_reach_target D (overlap_target s) root);
      [apply D_pos | apply target_lt | exact Hroot | apply sigma_range | apply (two_levels s H) |].
    rewrite minus_IZR. lra.
  - exists (delta * q). split; [exact Hbest|].
    apply narrow_encloses; [apply Hwidth | apply (epsilon_narrow s H) | lra].
  - apply narrow_encloses; [apply Hwidth | apply (ratio_narrow s H) |].
    rewrite variance_excess_correct by assumption. fold q. rewrite Hexcess. apply (ratio_inside s H).
  - intros e He.
    assert (Hgt := fun e He => variance_ratio_gt_1 gamma (sigma_min s) e T gamma_above_1 HL He).
    rewrite !Rabs_pos_eq by (apply Rlt_le, Rlt_0_minus, Hgt; assumption).
    assert (Hleast : variance_ratio gamma (sigma_min s) (delta * q) T <= variance_ratio gamma (sigma_min s) e T).
    { destruct (Req_dec e (delta * q)) as [->|Hne]; [apply Rle_refl | now apply Rlt_le, (proj2 Hbest)]. }
    assert (Hnear := excess_near (printed (epsilon_in s)) (delta * q) Hinside ltac:(lra)).
    rewrite !variance_excess_correct in * by assumption. fold q in Hleast |- *. rewrite Hexcess in *.
    set (best := variance_excess gamma (delta * q / q) T) in *. set (other := variance_excess gamma (e / q) T) in *.
    assert (Hother : best <= other) by lra.
    generalize (Rmult_le_compat_l (1 + width s) best other ltac:(lra) Hother). lra.
Qed.

End Correct.

(** * The tactic of certificate files *)

(* Constants of Z to numerals, which the interval tactics can read. *)
Ltac numerals :=
  repeat match goal with
  | |- context [IZR (?a - ?b)] => let n := eval compute in (a - b)%Z in change (a - b)%Z with n
  | |- context [(2 * ?a - 1)%Z] => let n := eval compute in (2 * a - 1)%Z in change (2 * a - 1)%Z with n
  | |- context [(2 * ?a)%Z] => let n := eval compute in (2 * a)%Z in change (2 * a)%Z with n
  end.

Ltac certify :=
  match goal with
  | |- is_certified ?s => let constants := eval hnf in s in change (is_certified constants)
  end;
  apply certificate_correct; constructor;
  unfold overlap_integral, slope_sign, closed_excess, closed_gamma, narrow, widest, phi;
  cbn [dim sigma_max sigma_min overlap_target rounded_by num_levels steps_per_level width gamma_root_in gamma_in
       overlap_in epsilon_in variance_ratio_in least_x printed lower upper];
  numerals;
  lazymatch goal with
  | |- (_ < _)%Z => reflexivity
  | |- (_ <= _)%Z => now apply Z.leb_le
  | |- context [RInt _ _ _] => integral with (i_prec 64, i_degree 25, i_fuel 15)
  | |- forall e, _ => let e := fresh "e" in let He := fresh "He" in intros e He; interval with (i_prec 100)
  | |- _ => repeat split; interval with (i_prec 100)
  end.

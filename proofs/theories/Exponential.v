(* The exponential function is the only f with f(x + y) = f(x) f(y) and 1 + x <= f(x).

   h(t) = f(t) exp(-t) turns sums into products too, and h(t) >= (1 + t)(1 - t) for |t| <= 1. So
   h(t) = h(t/n)^n >= (1 - t^2/n^2)^n >= 1 - t^2/n for every large n, hence h >= 1, and h(t) h(-t) = 1.

   Rust: nothing; measure/Bridge.v uses it for the exponential function of mathcomp-analysis. *)

From Coq Require Import Reals Psatz Lia.

Open Scope R_scope.

(* Bernoulli's inequality *)
Lemma pow_one_minus a n : 0 <= a <= 1 -> 1 - INR n * a <= (1 - a) ^ n.
Proof.
  intros Ha. induction n as [|n IH].
  - simpl. lra.
  - rewrite S_INR. cbn [pow]. assert (Hpow : 0 <= (1 - a) ^ n <= 1).
    { split; [apply pow_le; lra|]. generalize (pow_incr (1 - a) 1 n ltac:(lra)). rewrite pow1. lra. }
    assert (Hless : a * (1 - a) ^ n <= a) by nra. lra.
Qed.

Section Unique.

Variable f : R -> R.
Hypothesis f_plus : forall x y, f (x + y) = f x * f y.
Hypothesis f_ge : forall x, 1 + x <= f x.

Let h t := f t * exp (- t).

Lemma quotient_plus s t : h (s + t) = h s * h t.
Proof. unfold h. rewrite f_plus, Ropp_plus_distr, exp_plus. ring. Qed.

Lemma quotient_0 : h 0 = 1.
Proof.
  unfold h. rewrite Ropp_0, exp_0. generalize (f_plus 0 0) (f_ge 0). rewrite Rplus_0_r. nra.
Qed.

Lemma quotient_times n t : h (INR n * t) = h t ^ n.
Proof.
  induction n as [|n IH].
  - simpl. rewrite Rmult_0_l. apply quotient_0.
  - rewrite S_INR, Rmult_plus_distr_r, Rmult_1_l, quotient_plus, IH. simpl. ring.
Qed.

Lemma quotient_near_0 t : -1 <= t <= 1 -> 1 - t ^ 2 <= h t.
Proof. intros Ht. unfold h. generalize (f_ge t) (exp_ineq1_le (- t)). nra. Qed.

Lemma quotient_ge n t : 0 < INR n -> Rabs t <= INR n -> 1 - t ^ 2 / INR n <= h t.
Proof.
  intros Hn Ht. set (s := t / INR n).
  assert (Es : INR n * s = t) by (unfold s; field; lra).
  assert (Hs : -1 <= s <= 1).
  { generalize (Rle_abs t) (Rle_abs (- t)). rewrite Rabs_Ropp. split; apply (Rmult_le_reg_l (INR n)); lra. }
  rewrite <- Es, quotient_times. apply Rle_trans with ((1 - s ^ 2) ^ n).
  - replace (1 - (INR n * s) ^ 2 / INR n) with (1 - INR n * s ^ 2) by (field; lra). apply pow_one_minus. nra.
  - apply pow_incr. split; [nra | now apply quotient_near_0].
Qed.

Lemma quotient_ge_1 t : 1 <= h t.
Proof.
  apply Rnot_lt_le. intros Hlt. set (gap := 1 - h t). assert (Hgap : 0 < gap) by (unfold gap; lra).
  destruct (INR_unbounded (Rabs t + t ^ 2 / gap)) as (n & Hn).
  assert (Hsquare : 0 <= t ^ 2 / gap) by (apply Rmult_le_pos; [nra | now apply Rlt_le, Rinv_0_lt_compat]).
  assert (Habs := Rabs_pos t). assert (Hpos : 0 < INR n) by lra.
  assert (Hge := quotient_ge n t Hpos ltac:(lra)).
  assert (Hsmall : t ^ 2 / INR n < gap).
  { apply (Rmult_lt_reg_r (INR n)); [exact Hpos|]. replace (t ^ 2 / INR n * INR n) with (t ^ 2) by (field; lra).
    replace (t ^ 2) with (t ^ 2 / gap * gap) by (field; lra). nra. }
  unfold gap in Hsmall. lra.
Qed.

Theorem exp_unique x : f x = exp x.
Proof.
  assert (Hinverse : h x * h (- x) = 1) by (rewrite <- quotient_plus, Rplus_opp_r; apply quotient_0).
  assert (Hone : h x = 1) by (generalize (quotient_ge_1 x) (quotient_ge_1 (- x)); nra).
  unfold h in Hone. rewrite exp_Ropp in Hone. generalize (exp_pos x). intros Hpos.
  apply (Rmult_eq_reg_r (/ exp x)); [|now apply Rinv_neq_0_compat, Rgt_not_eq]. rewrite Hone. field. lra.
Qed.

End Unique.

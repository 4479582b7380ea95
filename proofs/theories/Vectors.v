(* Finite sums and vectors: the algebra behind Proposition 1 and Technique 1.

   sum_below n f = f 0 + ... + f (n - 1),  <x, y> = sum_d x_d y_d,  ||x - y||^2 = sum_d (x_d - y_d)^2.

   Rust: nothing of its own; Propositions 1 and 3 and Technique 1 use it. *)

From Coq Require Import Reals Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements.

Open Scope R_scope.

(** * Sums *)

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum_below n f = sum_below n g.
Proof.
  induction n as [|n IH]; simpl; intros H.
  - reflexivity.
  - rewrite IH by (intros; apply H; lia). now rewrite H by lia.
Qed.

Lemma sum_scal n a f : sum_below n (fun i => a * f i) = a * sum_below n f.
Proof. induction n as [|n IH]; simpl; [ring|]. rewrite IH. ring. Qed.

Lemma sum_plus n f g : sum_below n (fun i => f i + g i) = sum_below n f + sum_below n g.
Proof. induction n as [|n IH]; simpl; [ring|]. rewrite IH. ring. Qed.

Lemma sum_zero n f : (forall i, (i < n)%nat -> f i = 0) -> sum_below n f = 0.
Proof.
  induction n as [|n IH]; simpl; intros H.
  - reflexivity.
  - rewrite IH by (intros; apply H; lia). rewrite H by lia. ring.
Qed.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum_below n f <= sum_below n g.
Proof.
  induction n as [|n IH]; simpl; intros H.
  - lra.
  - specialize (IH (fun i Hi => H i ltac:(lia))). specialize (H n ltac:(lia)). lra.
Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum_below n f.
Proof. intros H. rewrite <- (sum_zero n (fun _ => 0)) by reflexivity. now apply sum_le. Qed.

Lemma sum_ge_term n f i : (i < n)%nat -> (forall k, (k < n)%nat -> 0 <= f k) -> f i <= sum_below n f.
Proof.
  intros Hi H. induction n as [|n IH]; [lia|]. simpl.
  destruct (Nat.eq_dec i n) as [->|Hne].
  - generalize (sum_nonneg n f ltac:(intros; apply H; lia)). lra.
  - specialize (IH ltac:(lia) ltac:(intros; apply H; lia)). generalize (H n ltac:(lia)). lra.
Qed.

Lemma sum_ge_two n f i j : (i < n)%nat -> (j < n)%nat -> i <> j -> (forall k, (k < n)%nat -> 0 <= f k) ->
  f i + f j <= sum_below n f.
Proof.
  revert i j. induction n as [|n IH]; intros i j Hi Hj Hij H; [lia|]. simpl.
  assert (H' : forall k, (k < n)%nat -> 0 <= f k) by (intros; apply H; lia).
  destruct (Nat.eq_dec i n) as [->|Hin]; [|destruct (Nat.eq_dec j n) as [->|Hjn]].
  - generalize (sum_ge_term n f j ltac:(lia) H'). lra.
  - generalize (sum_ge_term n f i ltac:(lia) H'). lra.
  - generalize (IH i j ltac:(lia) ltac:(lia) Hij H') (H n ltac:(lia)). lra.
Qed.

Lemma sum_pos n f : (0 < n)%nat -> (forall i, (i < n)%nat -> 0 < f i) -> 0 < sum_below n f.
Proof.
  intros Hn H. apply Rlt_le_trans with (f 0%nat).
  - now apply H.
  - apply sum_ge_term; [assumption|]. intros k Hk. now apply Rlt_le, H.
Qed.

Lemma sum_swap m n (f : nat -> nat -> R) :
  sum_below m (fun i => sum_below n (f i)) = sum_below n (fun j => sum_below m (fun i => f i j)).
Proof.
  induction m as [|m IH]; simpl.
  - symmetry. now apply sum_zero.
  - rewrite IH. symmetry. apply sum_plus.
Qed.

Lemma is_derive_sum n (f : nat -> R -> R) (l : nat -> R) t :
  (forall i, (i < n)%nat -> is_derive (f i) t (l i)) ->
  is_derive (fun t => sum_below n (fun i => f i t)) t (sum_below n l).
Proof.
  induction n as [|n IH]; simpl; intros H.
  - apply (is_derive_const (V := R_NormedModule)).
  - apply (is_derive_plus (fun t => sum_below n (fun i => f i t)) (f n)).
    + apply IH. intros; apply H; lia.
    + apply H; lia.
Qed.

(** * Scalar products *)

Lemma dot_nonneg D x : 0 <= dot D x x.
Proof. apply sum_nonneg. intros. apply Rle_0_sqr. Qed.

Lemma dot_comm D x y : dot D x y = dot D y x.
Proof. apply sum_ext. intros. ring. Qed.

Lemma dist2_nonneg D x y : 0 <= dist2 D x y.
Proof. apply sum_nonneg. intros. apply pow2_ge_0. Qed.

(* ||x - y||^2 = ||x - c||^2 + ||y - c||^2 - 2 <x - c, y - c> *)
Lemma dist2_from D x y c :
  dist2 D x y = dist2 D x c + dist2 D y c - 2 * dot D (fun d => x d - c d) (fun d => y d - c d).
Proof.
  transitivity (dist2 D x c + (dist2 D y c + - 2 * dot D (fun d => x d - c d) (fun d => y d - c d))); [|ring].
  unfold dist2, dot. rewrite <- sum_scal, <- !sum_plus. apply sum_ext. intros. ring.
Qed.

(* ||s x - t y||^2 *)
Lemma square_of_difference D s t x y :
  sum_below D (fun d => (s * x d - t * y d) ^ 2) = s ^ 2 * dot D x x - 2 * (s * t) * dot D x y + t ^ 2 * dot D y y.
Proof.
  transitivity (s ^ 2 * dot D x x + (- (2 * (s * t)) * dot D x y + t ^ 2 * dot D y y)); [|ring].
  unfold dot. rewrite <- !sum_scal, <- !sum_plus. apply sum_ext. intros. ring.
Qed.

(* Cauchy-Schwarz, from 0 <= || <y,y> x - <x,y> y ||^2 *)
Lemma cauchy_schwarz D x y : Rabs (dot D x y) <= sqrt (dot D x x) * sqrt (dot D y y).
Proof.
  rewrite <- sqrt_mult by apply dot_nonneg. rewrite <- sqrt_Rsqr_abs. apply sqrt_le_1_alt. unfold Rsqr.
  set (A := dot D x x). set (B := dot D x y). set (C := dot D y y).
  assert (HC : 0 <= C) by apply dot_nonneg.
  assert (H : 0 <= C * (A * C - B * B)).
  { replace (C * (A * C - B * B)) with (C ^ 2 * A - 2 * (C * B) * B + B ^ 2 * C) by ring.
    unfold A, B at 2, C at 3. rewrite <- square_of_difference. apply sum_nonneg. intros. apply pow2_ge_0. }
  destruct (Rle_lt_or_eq_dec 0 C HC) as [Hpos|Hzero].
  - assert (0 <= A * C - B * B) by (apply (Rmult_le_reg_l C); lra). lra.
  - assert (HB : B = 0).
    { apply sum_zero. intros i Hi.
      assert (Hy : y i * y i <= 0).
      { rewrite Hzero. apply (sum_ge_term D (fun d => y d * y d)); [assumption|]. intros. apply Rle_0_sqr. }
      assert (y i = 0) as -> by nra. ring. }
    rewrite HB, <- Hzero. lra.
Qed.

(* The triangle inequality through a centre. *)
Lemma triangle D x y c : sqrt (dist2 D x y) <= sqrt (dist2 D x c) + sqrt (dist2 D y c).
Proof.
  set (u := fun d => x d - c d). set (w := fun d => y d - c d).
  assert (Hu : dist2 D x c = dot D u u) by (apply sum_ext; intros; unfold u; ring).
  assert (Hw : dist2 D y c = dot D w w) by (apply sum_ext; intros; unfold w; ring).
  assert (Hpu := sqrt_pos (dot D u u)). assert (Hpw := sqrt_pos (dot D w w)).
  rewrite Hu, Hw. rewrite <- (sqrt_Rsqr (sqrt (dot D u u) + sqrt (dot D w w))) by lra.
  apply sqrt_le_1_alt. rewrite (dist2_from D x y c), Hu, Hw. fold u w. unfold Rsqr.
  generalize (cauchy_schwarz D u w) (Rle_abs (- dot D u w)). rewrite Rabs_Ropp.
  generalize (sqrt_sqrt (dot D u u) (dot_nonneg D u)) (sqrt_sqrt (dot D w w) (dot_nonneg D w)). nra.
Qed.

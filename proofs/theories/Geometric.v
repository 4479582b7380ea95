(* Geometric sums by doubling.

   G_n(q) = sum_{k<n} q^k,  H_n(q) = sum_{j<n} (n - j) q^j = G_1 + ... + G_n:
   G_{m+n} = G_m + q^m G_n,  H_{m+n} = H_m + n G_m + q^m H_n.

   Rust: geometric::Geometric. *)

From Coq Require Import Reals Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Vectors.

Open Scope R_scope.

Lemma geometric_sum_next q n : geometric_sum q (S n) = geometric_sum q n + q ^ n.
Proof. reflexivity. Qed.

Lemma weighted_sum_add q n : weighted_sum q (S n) = weighted_sum q n + geometric_sum q (S n).
Proof.
  unfold weighted_sum, geometric_sum. cbn [sum_below]. rewrite Nat.sub_succ_l, Nat.sub_diag by lia.
  rewrite (sum_ext n _ (fun j => INR (n - j) * q ^ j + q ^ j)).
  - rewrite sum_plus. change (sum_below n (pow q)) with (sum_below n (fun k => q ^ k)). simpl (INR 1). ring.
  - intros j Hj. rewrite Nat.sub_succ_l, S_INR by lia. ring.
Qed.

Lemma geometric_sum_plus q m n : geometric_sum q (m + n) = geometric_sum q m + q ^ m * geometric_sum q n.
Proof.
  induction n as [|n IH].
  - rewrite Nat.add_0_r. unfold geometric_sum. simpl. ring.
  - rewrite Nat.add_succ_r, !geometric_sum_next, IH, pow_add. ring.
Qed.

Lemma weighted_sum_plus q m n :
  weighted_sum q (m + n) = weighted_sum q m + INR n * geometric_sum q m + q ^ m * weighted_sum q n.
Proof.
  induction n as [|n IH].
  - rewrite Nat.add_0_r. unfold weighted_sum. simpl. ring.
  - rewrite Nat.add_succ_r, !weighted_sum_add, IH, <- Nat.add_succ_r, geometric_sum_plus, S_INR. ring.
Qed.

Lemma next_correct q n :
  next q (q ^ n, geometric_sum q n, weighted_sum q n) = (q ^ S n, geometric_sum q (S n), weighted_sum q (S n)).
Proof. unfold next. rewrite weighted_sum_add, geometric_sum_next. f_equal. f_equal. simpl. ring. Qed.

Lemma doubled_correct q n :
  doubled (INR n) (q ^ n, geometric_sum q n, weighted_sum q n) =
  (q ^ (n + n), geometric_sum q (n + n), weighted_sum q (n + n)).
Proof.
  unfold doubled. rewrite geometric_sum_plus, weighted_sum_plus, pow_add. f_equal. f_equal. ring.
Qed.

Theorem by_doubling_correct : by_doubling_statement.
Proof.
  intros q n. induction n as [n IH|n IH|].
  - cbn [by_doubling]. rewrite IH.
    rewrite <- (positive_nat_Z n), <- INR_IZR_INZ, doubled_correct, next_correct, Pos2Nat.inj_xI.
    replace (S (2 * Pos.to_nat n)) with (S (Pos.to_nat n + Pos.to_nat n)) by lia. reflexivity.
  - cbn [by_doubling]. rewrite IH, <- (positive_nat_Z n), <- INR_IZR_INZ, doubled_correct, Pos2Nat.inj_xO.
    replace (2 * Pos.to_nat n)%nat with (Pos.to_nat n + Pos.to_nat n)%nat by lia. reflexivity.
  - exact (next_correct q 0).
Qed.

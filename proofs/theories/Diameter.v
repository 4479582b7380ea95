(* Technique 1: pairs of rows that distances from a centre prove to be close.

   closer_than floor a b decides sqrt a + sqrt b < sqrt floor in integers: a + b < floor and 4 a b < (floor - a - b)^2.
   With ||x - y|| <= ||x - c|| + ||y - c|| it discards only pairs whose squared distance is below the floor.

   Rust: diameter::centroid::{closer_than, Staircase}. *)

From Coq Require Import Reals ZArith Psatz Lia.
From Ncsn Require Import Statements Vectors.

Open Scope R_scope.

Lemma closer_than_iff floor a b :
  closer_than floor a b = true <-> (a + b < floor /\ 4 * a * b < (floor - a - b) ^ 2)%Z.
Proof. unfold closer_than. now rewrite Bool.andb_true_iff, !Z.ltb_lt. Qed.

(* (sqrt a + sqrt b)^2 < f iff 2 sqrt(a b) < f - a - b iff f - a - b > 0 and 4 a b < (f - a - b)^2 *)
Lemma roots_iff a b f : 0 <= a -> 0 <= b -> 0 <= f ->
  sqrt a + sqrt b < sqrt f <-> a + b < f /\ 4 * a * b < (f - a - b) ^ 2.
Proof.
  intros Ha Hb Hf.
  assert (Hpa := sqrt_pos a). assert (Hpb := sqrt_pos b). assert (Hpf := sqrt_pos f).
  assert (Ea := sqrt_sqrt a Ha). assert (Eb := sqrt_sqrt b Hb). assert (Ef := sqrt_sqrt f Hf).
  set (p := sqrt a) in *. set (q := sqrt b) in *. set (r := sqrt f) in *.
  rewrite <- Ea, <- Eb, <- Ef. split.
  - intros Hlt. assert (Hsquare : (p + q) * (p + q) < r * r) by nra.
    assert (Hpq : 0 <= p * q) by now apply Rmult_le_pos.
    split; [nra|]. assert (Hgap : 2 * (p * q) < r * r - p * p - q * q) by lra. nra.
  - intros [Hsum Hproduct]. apply Rnot_le_lt. intros Hle.
    assert (Hsquare : r * r <= (p + q) * (p + q)) by nra.
    assert (Hgap : 0 < r * r - p * p - q * q <= 2 * (p * q)) by lra. nra.
Qed.

Theorem closer_than_correct : closer_than_statement.
Proof.
  intros floor a b Ha Hb Hfloor. rewrite closer_than_iff, roots_iff by now apply IZR_le.
  replace (IZR a + IZR b) with (IZR (a + b)) by apply plus_IZR.
  replace (4 * IZR a * IZR b) with (IZR (4 * a * b)) by now rewrite !mult_IZR.
  replace ((IZR floor - IZR a - IZR b) ^ 2) with (IZR ((floor - a - b) ^ 2)).
  - split; intros [Hsum Hproduct]; split; now apply IZR_lt || now apply lt_IZR.
  - rewrite Z.pow_2_r, mult_IZR, !minus_IZR. ring.
Qed.

(* 4 a b <= (a + b)^2 < floor^2 < 2^128 *)
Theorem closer_than_fits : closer_than_fits_statement.
Proof.
  intros floor a b Ha Hb Hfloor.
  assert (Hlarge : (2 ^ 128 = 2 ^ 64 * 2 ^ 64)%Z) by reflexivity.
  assert (Hone : (2 <= 2 ^ 64)%Z) by (now apply Z.leb_le).
  set (w := (2 ^ 64)%Z) in *. split; [nia|]. intros Hsum.
  assert (Hfloor2 : (floor * floor < w * w)%Z) by nia. rewrite Hlarge, Z.pow_2_r. repeat split.
  - assert (Hmean : (4 * a * b <= (a + b) * (a + b))%Z) by (generalize (Z.square_nonneg (a - b)); nia). nia.
  - lia.
  - nia.
Qed.

Theorem closer_than_monotone : closer_than_monotone_statement.
Proof.
  intros floor a b a' b' Ha Hb. rewrite !closer_than_iff. intros [Hsum Hproduct]. split; [lia|].
  assert (Hgap : (0 < floor - a - b <= floor - a' - b')%Z) by lia.
  assert (Hsmaller : (4 * a' * b' <= 4 * a * b)%Z) by nia.
  rewrite !Z.pow_2_r in *. nia.
Qed.

Lemma zdist2_nonneg D x y : (0 <= zdist2 D x y)%Z.
Proof.
  induction D as [|D IH]; [apply Z.le_refl|].
  change (0 <= zdist2 D x y + (x D - y D) ^ 2)%Z. rewrite Z.pow_2_r. generalize (Z.square_nonneg (x D - y D)). lia.
Qed.

Lemma IZR_zdist2 D x y : IZR (zdist2 D x y) = dist2 D (fun d => IZR (x d)) (fun d => IZR (y d)).
Proof.
  induction D as [|D IH]; [reflexivity|].
  change (IZR (zdist2 D x y + (x D - y D) ^ 2) =
          dist2 D (fun d => IZR (x d)) (fun d => IZR (y d)) + (IZR (x D) - IZR (y D)) ^ 2).
  rewrite plus_IZR, IH, Z.pow_2_r, mult_IZR, minus_IZR. ring.
Qed.

Theorem centroid : centroid_statement.
Proof.
  intros D x y c floor a b Hx Hy Hclose.
  assert (Hx0 := zdist2_nonneg D x c). assert (Hy0 := zdist2_nonneg D y c). assert (Hxy0 := zdist2_nonneg D x y).
  assert (Hexact : closer_than floor (zdist2 D x c) (zdist2 D y c) = true)
    by (now apply (closer_than_monotone floor a b)).
  assert (Hfloor : (0 <= floor)%Z) by (apply closer_than_iff in Hclose as [Hsum _]; lia).
  apply closer_than_correct in Hexact; try assumption.
  apply lt_IZR. apply Rnot_le_lt. intros Hle. apply (sqrt_le_1_alt (IZR floor)) in Hle.
  assert (Htriangle := triangle D (fun d => IZR (x d)) (fun d => IZR (y d)) (fun d => IZR (c d))).
  rewrite <- !IZR_zdist2 in Htriangle. lra.
Qed.

Theorem pruning : pruning_statement.
Proof.
  intros D N x c r best Hr Hfound Hall. split; [exact Hfound|]. intros i j Hij.
  destruct (Hall i j Hij) as [Hle|(floor & Hfloor & Hclose)]; [exact Hle|].
  apply Z.lt_le_incl, Z.lt_le_trans with floor; [|exact Hfloor].
  apply (centroid D (x i) (x j) c floor (r i) (r j)); [apply Hr; lia | apply Hr; lia | exact Hclose].
Qed.

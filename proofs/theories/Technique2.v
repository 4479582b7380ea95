(* Technique 2: the noise ratio gamma at which adjacent levels overlap with a given probability.

   C(gamma) = Phi(u) - Phi(v),  u = s (gamma - 1) + 3 gamma,  v = s (gamma - 1) - 3 gamma,  s = sqrt(2D).
   C'(gamma) = (s + 3) phi(u) - (s - 3) phi(v) = phi(v) K(gamma),
   K(gamma) = (s + 3) exp(-6 s gamma (gamma - 1)) - (s - 3).
   K falls on [1, oo), so C' changes its sign at most once, from + to -: below C(1) the overlap falls strictly. For
   s > 3 it falls to 0, since v -> oo, and every target in (0, C(1)) has one solution; for s <= 3 it rises.

   Rust: schedule::overlap, schedule::gamma_root with Law::Normal. *)

From Coq Require Import Reals Psatz.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Normal.

Open Scope R_scope.

Module Slope.

Definition K (D g : R) : R := (sqrt (2 * D) + 3) * exp (- (6 * sqrt (2 * D) * (g * (g - 1)))) - (sqrt (2 * D) - 3).

Lemma is_derive_overlap D g : is_derive (overlap D) g (phi (sqrt (2 * D) * (g - 1) - 3 * g) * K D g).
Proof.
  unfold overlap. set (s := sqrt (2 * D)).
  replace (phi (s * (g - 1) - 3 * g) * K D g) with
    (minus (scal (s + 3) (phi (s * (g - 1) + 3 * g))) (scal (s - 3) (phi (s * (g - 1) - 3 * g)))).
  - apply (is_derive_minus (fun g => Phi (s * (g - 1) + 3 * g)) (fun g => Phi (s * (g - 1) - 3 * g))).
    + apply (is_derive_comp Phi (fun g => s * (g - 1) + 3 * g)); [apply is_derive_Phi | auto_derive; [auto | ring]].
    + apply (is_derive_comp Phi (fun g => s * (g - 1) - 3 * g)); [apply is_derive_Phi | auto_derive; [auto | ring]].
  - assert (Hratio : phi (s * (g - 1) + 3 * g) = phi (s * (g - 1) - 3 * g) * exp (- (6 * s * (g * (g - 1))))).
    { unfold phi, Rdiv at 1 3. rewrite Rmult_assoc, (Rmult_comm (/ _)), <- Rmult_assoc, <- exp_plus.
      do 2 f_equal. field. }
    rewrite Hratio. unfold K, minus, plus, opp, scal. fold s. simpl. unfold mult. simpl. ring.
Qed.

Lemma continuity_overlap D : continuity (overlap D).
Proof.
  intros g. apply continuity_pt_filterlim, (ex_derive_continuous (V := R_NormedModule)).
  eexists. apply is_derive_overlap.
Qed.

(* The mean value theorem, with the sign of C' in the form of K. *)
Lemma mean_value D a b : a < b ->
  exists c, a < c < b /\ exists p, 0 < p /\ overlap D b - overlap D a = p * K D c.
Proof.
  intros Hab.
  destruct (MVT_cor2 (overlap D) (fun g => phi (sqrt (2 * D) * (g - 1) - 3 * g) * K D g) a b Hab) as (c & Hc & Hin).
  - intros c _. apply is_derive_Reals, is_derive_overlap.
  - exists c. split; [exact Hin|]. exists (phi (sqrt (2 * D) * (c - 1) - 3 * c) * (b - a)). split.
    + apply Rmult_lt_0_compat; [apply phi_pos | lra].
    + rewrite Hc. ring.
Qed.

Lemma K_decreasing D x y : 0 < D -> 1 <= x < y -> K D y < K D x.
Proof.
  intros HD Hxy. unfold K. assert (Hs : 0 < sqrt (2 * D)) by (apply sqrt_lt_R0; lra). set (s := sqrt (2 * D)) in *.
  assert (Hexp : exp (- (6 * s * (y * (y - 1)))) < exp (- (6 * s * (x * (x - 1))))).
  { apply exp_increasing, Ropp_lt_contravar, Rmult_lt_compat_l; nra. }
  nra.
Qed.

End Slope.
Import Slope.

Theorem overlap_1 : overlap_1_statement.
Proof.
  intros D.
  assert (Hends : overlap D 1 = Phi 3 - Phi (-3)) by (unfold overlap; do 2 f_equal; ring).
  split; [exact Hends|]. rewrite Hends.
  generalize one_sigma (Phi_increasing 1 3 ltac:(lra)) (Phi_increasing (-3) (-1) ltac:(lra)). lra.
Qed.

(** * Below the overlap of a level with itself, the overlap falls *)

Lemma overlap_decreasing D a x y : 0 < D -> 1 <= a -> overlap D a < overlap D 1 -> a <= x < y ->
  overlap D y < overlap D x.
Proof.
  intros HD Ha Hbelow Hxy.
  assert (Ha1 : 1 < a) by (destruct Ha as [Ha|<-]; [exact Ha | lra]).
  destruct (mean_value D 1 a Ha1) as (c & Hc & p & Hp & Hca).
  destruct (mean_value D x y ltac:(lra)) as (d & Hd & q & Hq & Hdy).
  assert (HKc : K D c < 0) by nra.
  assert (HKd : K D d < K D c) by (apply K_decreasing; lra).
  nra.
Qed.

Lemma gamma_unique D target g h : 0 < D -> target < overlap D 1 -> 1 <= g -> 1 <= h ->
  overlap D g = target -> overlap D h = target -> g = h.
Proof.
  intros HD Htarget Hg Hh Eg Eh. destruct (Rtotal_order g h) as [Hlt|[Heq|Hgt]].
  - generalize (overlap_decreasing D g g h HD Hg ltac:(lra) ltac:(lra)). lra.
  - exact Heq.
  - generalize (overlap_decreasing D h h g HD Hh ltac:(lra) ltac:(lra)). lra.
Qed.

(* Two signs enclose the solution. *)
Lemma gamma_between D target lo hi : 0 < D -> target < overlap D 1 -> 1 <= lo < hi ->
  overlap D hi < target < overlap D lo -> exists gamma, lo < gamma < hi /\ is_gamma_root D target gamma.
Proof.
  intros HD Htarget Hlohi Hsigns.
  destruct (IVT_gen (overlap D) lo hi target) as (g & Hg & Eg).
  - apply continuity_overlap.
  - rewrite Rmin_right, Rmax_left; lra.
  - rewrite Rmin_left, Rmax_right in Hg by lra.
    assert (Hlo : lo <> g) by (intros ->; lra). assert (Hhi : g <> hi) by (intros ->; lra).
    exists g. repeat split; try lra. intros h Hh Eh. apply (gamma_unique D target); lra.
Qed.

Theorem overlap_around_root : overlap_around_root_statement.
Proof.
  intros D target gamma HD Htarget (Hgamma & Eroot & _). split.
  - intros g Hg. destruct (Rle_lt_dec target (overlap D g)) as [Hle|Hlt]; [exact Hle|]. exfalso.
    destruct (proj2 Hg) as [Hless|Hsame].
    + generalize (overlap_decreasing D g g gamma HD (proj1 Hg) ltac:(lra) ltac:(lra)). lra.
    + rewrite Hsame in Hlt. lra.
  - intros g h Hgh. apply (overlap_decreasing D gamma); lra.
Qed.

(** * Existence from D = 5 on, and not before *)

Lemma sqrt_2D_gt_3 D : 9 / 2 < D -> 3 < sqrt (2 * D).
Proof.
  intros HD. replace 3 with (sqrt (3 * 3)) by (apply sqrt_square; lra). apply sqrt_lt_1_alt. lra.
Qed.

(* For s > 3 the lower end v grows beyond every bound, and with it the tail that contains the overlap vanishes. *)
Lemma overlap_vanishes D target : 9 / 2 < D -> 0 < target -> exists g, 1 < g /\ overlap D g < target.
Proof.
  intros HD Htarget. assert (Hs := sqrt_2D_gt_3 D HD). set (s := sqrt (2 * D)) in *.
  assert (Hinv : 0 < / target) by now apply Rinv_0_lt_compat.
  set (v := 1 + 2 * / target). set (g := (v + s) / (s - 3)).
  assert (Ev : s * (g - 1) - 3 * g = v) by (unfold g; field; lra).
  assert (Hg : 1 < g) by (unfold v in Ev; nra).
  exists g. split; [exact Hg|]. unfold overlap. fold s. rewrite Ev.
  eapply Rlt_trans.
  - apply tail_bound. split; unfold v in *; nra.
  - rewrite <- (Rinv_inv target). apply Rinv_lt_contravar; unfold v; nra.
Qed.

Theorem ex_unique_gamma : ex_unique_gamma_statement.
Proof.
  intros D target HD Htarget.
  destruct (overlap_vanishes D target HD (proj1 Htarget)) as (hi & Hhi & Hbelow).
  destruct (gamma_between D target 1 hi) as (gamma & _ & Hroot); try lra.
  now exists gamma.
Qed.

(* For s <= 3 both terms of C' are non-negative and the first is positive. *)
Theorem no_gamma : no_gamma_statement.
Proof.
  intros D HD. assert (Hs0 := sqrt_pos (2 * D)).
  assert (Hs3 : sqrt (2 * D) <= 3).
  { replace 3 with (sqrt (3 * 3)) by (apply sqrt_square; lra). apply sqrt_le_1_alt. lra. }
  assert (Hrises : forall g h, 1 <= g < h -> overlap D g < overlap D h).
  { intros g h Hgh. destruct (mean_value D g h (proj2 Hgh)) as (c & _ & p & Hp & Emean).
    assert (HK : 0 < K D c).
    { unfold K. generalize (exp_pos (- (6 * sqrt (2 * D) * (c * (c - 1))))). nra. }
    nra. }
  split; [exact Hrises|]. intros target g Htarget [Hg|<-] Heq; [|lra].
  generalize (Hrises 1 g ltac:(lra)). lra.
Qed.

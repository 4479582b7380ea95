(* Technique 1: the low-rank bound of a distance, from projections on a few directions.

   V_0, ..., V_{k-1} nearly orthonormal: G = V V^T, |a^T (G - I) b| <= defect ||a|| ||b||. With u = x - c, w = y - c,
   a = V u, b = V w and the rests u' = u - V^T a, w' = w - V^T b,
     <u', w'> = <u, w> - 2 <a, b> + a^T G b,
   so ||u'||^2 <= ||u||^2 - (1 - defect) ||a||^2 and
     ||x - y||^2 = ||u||^2 + ||w||^2 - 2 <u, w>
                 <= ||u||^2 + ||w||^2 - 2 <a, b> + defect (||a||^2 + ||b||^2) + 2 ||u'|| ||w'||.

   Rust: diameter::lowrank::{upper_bound, residual}; their roundings are not modelled. *)

From Coq Require Import Reals Psatz Lia.
From Ncsn Require Import Statements Vectors.

Open Scope R_scope.

(* <u, V^T b> = <V u, b> *)
Lemma combine_adjoint D k V u b : dot D u (combine k V b) = dot k (project D V u) b.
Proof.
  unfold combine, project, dot.
  transitivity (sum_below D (fun d => sum_below k (fun i => u d * (b i * V i d)))).
  - apply sum_ext. intros d _. symmetry. apply sum_scal.
  - rewrite sum_swap. apply sum_ext. intros i _. rewrite Rmult_comm, <- sum_scal. apply sum_ext. intros d _. ring.
Qed.

Definition rest (D k : nat) (V : nat -> nat -> R) (u : nat -> R) : nat -> R :=
  fun d => u d - combine k V (project D V u) d.

Lemma dot_rest D k V u w :
  dot D (rest D k V u) (rest D k V w) =
  dot D u w - 2 * dot k (project D V u) (project D V w)
  + dot D (combine k V (project D V u)) (combine k V (project D V w)).
Proof.
  set (a := project D V u). set (b := project D V w).
  assert (Hexpand : forall p q r s : nat -> R,
    dot D (fun d => p d - q d) (fun d => r d - s d) = dot D p r - dot D p s - dot D r q + dot D q s).
  { intros p q r s. transitivity (dot D p r + (- 1 * dot D p s + (- 1 * dot D r q + dot D q s))); [|ring].
    unfold dot. rewrite <- !sum_scal, <- !sum_plus. apply sum_ext. intros. ring. }
  unfold rest. fold a b. rewrite Hexpand, !combine_adjoint. fold a b. rewrite (dot_comm k b a). ring.
Qed.

Lemma dist2_dot D x c : dist2 D x c = dot D (fun d => x d - c d) (fun d => x d - c d).
Proof. apply sum_ext. intros. ring. Qed.

(* ||u'|| is at most the residual of any upper bound of ||u||^2. *)
Lemma rest_le_residual D k V defect u radius : has_defect D k V defect -> dot D u u <= radius ->
  sqrt (dot D (rest D k V u) (rest D k V u)) <= residual radius (dot k (project D V u) (project D V u)) defect.
Proof.
  intros Hdefect Hradius. unfold residual. apply sqrt_le_1_alt.
  eapply Rle_trans; [|apply Rmax_l]. rewrite dot_rest. set (a := project D V u).
  assert (Hdiff := Rle_trans _ _ _ (Rle_abs _) (Hdefect a a)).
  rewrite sqrt_sqrt in Hdiff by apply dot_nonneg. lra.
Qed.

Theorem low_rank : low_rank_statement.
Proof.
  intros D k V defect x y c radius_u radius_w Hdefect0 Hdefect u w a b Hu Hw.
  rewrite (dist2_from D x y c). fold u w. unfold upper_bound.
  rewrite dist2_dot in Hu, Hw. fold u in Hu. fold w in Hw.
  assert (Hrest := dot_rest D k V u w). fold a b in Hrest.
  (* a^T (G - I) b <= defect (||a||^2 + ||b||^2)/2 *)
  assert (Hmixed : dot D (combine k V a) (combine k V b) - dot k a b <= defect * ((dot k a a + dot k b b) / 2)).
  { eapply Rle_trans; [apply Rle_abs|]. eapply Rle_trans; [apply Hdefect|]. apply Rmult_le_compat_l; [exact Hdefect0|].
    generalize (sqrt_sqrt _ (dot_nonneg k a)) (sqrt_sqrt _ (dot_nonneg k b)).
    generalize (pow2_ge_0 (sqrt (dot k a a) - sqrt (dot k b b))). nra. }
  (* -<u', w'> <= ||u'|| ||w'|| <= the product of the residuals *)
  assert (Hcauchy := cauchy_schwarz D (rest D k V u) (rest D k V w)).
  assert (Hnegative := Rle_abs (- dot D (rest D k V u) (rest D k V w))). rewrite Rabs_Ropp in Hnegative.
  assert (Hproduct := Rmult_le_compat _ _ _ _ (sqrt_pos _) (sqrt_pos _)
    (rest_le_residual D k V defect u radius_u Hdefect Hu) (rest_le_residual D k V defect w radius_w Hdefect Hw)).
  fold a b in Hproduct. rewrite (dist2_dot D x c), (dist2_dot D y c). fold u w. lra.
Qed.

(* With defect 0 a residual is the rest of Pythagoras' theorem: ||u||^2 = ||a||^2 + residual^2. *)
Lemma residual_square D k V u : has_defect D k V 0 ->
  residual (dot D u u) (dot k (project D V u) (project D V u)) 0 ^ 2 = dot D u u - dot k (project D V u) (project D V u).
Proof.
  intros Hdefect. set (a := project D V u).
  assert (Hrest := dot_nonneg D (rest D k V u)). rewrite dot_rest in Hrest. fold a in Hrest.
  assert (Hdiff := Rle_trans _ _ _ (Rle_abs _) (Hdefect a a)). rewrite Rmult_0_l in Hdiff.
  unfold residual. rewrite Rminus_0_r, Rmult_1_l, Rmax_left by lra. apply pow2_sqrt. lra.
Qed.

Theorem orthonormal : orthonormal_statement.
Proof.
  intros D k V x y c Hdefect a b.
  assert (Hbound := low_rank D k V 0 x y c _ _ (Rle_refl 0) Hdefect (Rle_refl _) (Rle_refl _)).
  cbv beta zeta in Hbound. fold a b in Hbound. unfold upper_bound in Hbound.
  assert (Hu := residual_square D k V (fun d => x d - c d) Hdefect).
  assert (Hw := residual_square D k V (fun d => y d - c d) Hdefect).
  fold a in Hu. fold b in Hw. rewrite <- dist2_dot in Hu, Hw.
  assert (Hab : dist2 k a b = dot k a a + dot k b b - 2 * dot k a b).
  { transitivity (dot k a a + (dot k b b + - 2 * dot k a b)); [|ring].
    unfold dist2, dot. rewrite <- sum_scal, <- !sum_plus. apply sum_ext. intros. ring. }
  rewrite Hab. nra.
Qed.

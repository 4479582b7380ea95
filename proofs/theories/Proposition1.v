(* Proposition 1: the score of a Gaussian mixture.

   p_j(x) = N(x | c_j, sigma^2 I),  p(x) = 1/N sum_j p_j(x),  r_j(x) = p_j(x) / sum_k p_k(x).
   grad log p = sum_j r_j grad log p_j,
   p_i r_j <= 1/2 exp(-||c_i - c_j||^2/(8 sigma^2)) N(. | (c_i + c_j)/2, sigma^2 I).

   Rust: proposition1::Mixture::{log_density, responsibilities, score}, proposition1::bound. *)

From Coq Require Import Reals Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Vectors.

Open Scope R_scope.

Lemma gaussian_pos sigma D m x : 0 < sigma -> 0 < gaussian sigma D m x.
Proof.
  intros Hsigma. unfold gaussian. apply Rmult_lt_0_compat; [|apply exp_pos].
  apply pow_lt, Rinv_0_lt_compat, Rmult_lt_0_compat; [|exact Hsigma].
  apply sqrt_lt_R0. generalize PI_RGT_0. lra.
Qed.

(** * The score *)

(* Replacing a coordinate by itself changes nothing that depends on coordinates alone. *)
Lemma gaussian_with_own sigma D m x d : gaussian sigma D m (with_coordinate x d (x d)) = gaussian sigma D m x.
Proof.
  unfold gaussian. do 4 f_equal. apply sum_ext. intros k _.
  unfold with_coordinate. now destruct (Nat.eqb_spec k d) as [->|].
Qed.

Lemma is_derive_dist2 D x m d : (d < D)%nat ->
  is_derive (fun t => dist2 D (with_coordinate x d t) m) (x d) (2 * (x d - m d)).
Proof.
  intros Hd. unfold dist2.
  replace (2 * (x d - m d)) with (sum_below D (fun k => if Nat.eqb k d then 2 * (x d - m d) else 0)).
  - apply (is_derive_sum D (fun k t => (with_coordinate x d t k - m k) ^ 2)). intros k _.
    unfold with_coordinate. destruct (Nat.eqb_spec k d) as [->|_].
    + auto_derive; [auto | simpl; ring].
    + apply (is_derive_const (V := R_NormedModule)).
  - induction D as [|D IH]; [lia|]. simpl. destruct (Nat.eqb_spec D d) as [->|Hne].
    + rewrite sum_zero; [ring|]. intros k Hk. destruct (Nat.eqb_spec k d); [lia | reflexivity].
    + rewrite IH by lia. ring.
Qed.

Lemma is_derive_gaussian sigma D m x d : 0 < sigma -> (d < D)%nat ->
  is_partial (gaussian sigma D m) x d (gaussian sigma D m x * component_score sigma m x d).
Proof.
  intros Hsigma Hd. unfold is_partial.
  evar_last.
  - unfold gaussian. apply (is_derive_scal (fun t => exp (- dist2 D (with_coordinate x d t) m / (2 * sigma ^ 2)))).
    apply (is_derive_comp exp (fun t => - dist2 D (with_coordinate x d t) m / (2 * sigma ^ 2))).
    + apply is_derive_exp.
    + apply (is_derive_ext (fun t => - / (2 * sigma ^ 2) * dist2 D (with_coordinate x d t) m)).
      * intros t. unfold Rdiv. simpl. ring.
      * apply is_derive_scal. now apply is_derive_dist2.
  - rewrite <- (gaussian_with_own sigma D m x d). unfold gaussian, component_score, scal. simpl. unfold mult. simpl.
    field. lra.
Qed.

Theorem component_score_correct : component_score_statement.
Proof.
  intros sigma D m x d Hsigma Hd. unfold is_partial.
  assert (Hpos := gaussian_pos sigma D m x Hsigma).
  evar_last.
  - apply (is_derive_comp ln (fun t => gaussian sigma D m (with_coordinate x d t))).
    + apply is_derive_ln. now rewrite gaussian_with_own.
    + now apply is_derive_gaussian.
  - rewrite gaussian_with_own. unfold scal. simpl. unfold mult. simpl. field. lra.
Qed.

Theorem mixture_score : mixture_score_statement.
Proof.
  intros sigma D N c x d Hsigma HN Hd. unfold is_partial, mixture.
  assert (HinvN : 0 < / INR N) by now apply Rinv_0_lt_compat, lt_0_INR.
  assert (Hown : sum_below N (fun j => gaussian sigma D (c j) (with_coordinate x d (x d))) =
                 sum_below N (fun j => gaussian sigma D (c j) x)).
  { apply sum_ext. intros. apply gaussian_with_own. }
  assert (Hpos : 0 < sum_below N (fun j => gaussian sigma D (c j) x)).
  { apply sum_pos; [exact HN|]. intros. now apply gaussian_pos. }
  evar_last.
  - apply (is_derive_comp ln (fun t =>
      / INR N * sum_below N (fun j => gaussian sigma D (c j) (with_coordinate x d t)))).
    + apply is_derive_ln. rewrite Hown. now apply Rmult_lt_0_compat.
    + apply is_derive_scal. apply (is_derive_sum N (fun j t => gaussian sigma D (c j) (with_coordinate x d t))).
      intros j _. now apply is_derive_gaussian.
  - rewrite Hown. unfold responsibility.
    rewrite (sum_ext N (fun j => _ / _ * _)
      (fun j => / sum_below N (fun k => gaussian sigma D (c k) x) *
                (gaussian sigma D (c j) x * component_score sigma (c j) x d))).
    + rewrite sum_scal. revert Hpos. generalize (sum_below N (fun j => gaussian sigma D (c j) x)). intros p Hpos.
      unfold scal. simpl. unfold mult. simpl. generalize (lt_0_INR N HN). intros. field. split; lra.
    + intros j _. unfold Rdiv. ring.
Qed.

(** * The bound under the integral sign *)

(* Completing the square: ||x - a||^2 + ||x - b||^2 = 2 ||x - (a + b)/2||^2 + ||a - b||^2/2. *)
Lemma complete_square D x a b :
  dist2 D x a + dist2 D x b = 2 * dist2 D x (fun d => (a d + b d) / 2) + / 2 * dist2 D a b.
Proof. unfold dist2. rewrite <- !sum_scal, <- !sum_plus. apply sum_ext. intros. field. Qed.

(* sqrt(p_i p_j) = exp(-||c_i - c_j||^2/(8 sigma^2)) N(x | midpoint) *)
Lemma sqrt_gaussian_product sigma D a b x : 0 < sigma ->
  sqrt (gaussian sigma D a x * gaussian sigma D b x) =
  exp (- dist2 D a b / (8 * sigma ^ 2)) * gaussian sigma D (fun d => (a d + b d) / 2) x.
Proof.
  intros Hsigma. apply sqrt_lem_1.
  - apply Rlt_le, Rmult_lt_0_compat; now apply gaussian_pos.
  - apply Rmult_le_pos; [apply Rlt_le, exp_pos | now apply Rlt_le, gaussian_pos].
  - unfold gaussian. set (k := (/ (sqrt (2 * PI) * sigma)) ^ D).
    transitivity (k * k * exp (- dist2 D x a / (2 * sigma ^ 2) + - dist2 D x b / (2 * sigma ^ 2))).
    + set (m := fun d => (a d + b d) / 2).
      replace (- dist2 D x a / (2 * sigma ^ 2) + - dist2 D x b / (2 * sigma ^ 2)) with
        (- dist2 D a b / (8 * sigma ^ 2) + - dist2 D x m / (2 * sigma ^ 2)
         + (- dist2 D a b / (8 * sigma ^ 2) + - dist2 D x m / (2 * sigma ^ 2))).
      * rewrite !exp_plus. ring.
      * transitivity (- (2 * dist2 D x m + / 2 * dist2 D a b) / (2 * sigma ^ 2)); [field; lra|].
        unfold m. rewrite <- complete_square. field. lra.
    + rewrite exp_plus. ring.
Qed.

(* Half the harmonic mean is at most half the geometric mean. *)
Lemma harmonic_le_geometric p q : 0 < p -> 0 < q -> p * q / (p + q) <= / 2 * sqrt (p * q).
Proof.
  intros Hp Hq. assert (Hpq : 0 < p * q) by now apply Rmult_lt_0_compat.
  assert (Hsqrt := sqrt_sqrt (p * q) (Rlt_le _ _ Hpq)). assert (Hpos := sqrt_lt_R0 (p * q) Hpq).
  set (g := sqrt (p * q)) in *.
  assert (Hmean : 2 * g <= p + q) by (apply Rsqr_incr_0_var; unfold Rsqr; generalize (pow2_ge_0 (p - q)); nra).
  apply (Rmult_le_reg_r (p + q)); [lra|].
  replace (p * q / (p + q) * (p + q)) with (g * g) by (rewrite Hsqrt; field; lra). nra.
Qed.

Theorem responsibility_pointwise : responsibility_pointwise_statement.
Proof.
  intros sigma D N c i j x Hsigma Hi Hj Hij. unfold responsibility.
  set (p := fun k => gaussian sigma D (c k) x).
  assert (Hp : forall k, 0 < p k) by (intros; now apply gaussian_pos).
  assert (Htwo : p i + p j <= sum_below N p) by (apply sum_ge_two; auto; intros; now apply Rlt_le).
  assert (Hpi := Hp i). assert (Hpj := Hp j).
  change (p i * (p j / sum_below N p) <= / 2 * exp (- dist2 D (c i) (c j) / (8 * sigma ^ 2)) *
          gaussian sigma D (fun d => (c i d + c j d) / 2) x).
  apply Rle_trans with (p i * p j / (p i + p j)).
  - unfold Rdiv. rewrite <- Rmult_assoc. apply Rmult_le_compat_l; [nra|]. apply Rinv_le_contravar; lra.
  - rewrite Rmult_assoc, <- sqrt_gaussian_product by exact Hsigma. now apply harmonic_le_geometric.
Qed.

(* Proposition 3: the variance of a Gaussian after T Langevin steps at one noise level.

   s_0^2 = (gamma sigma_i)^2,  s_{t+1}^2 = (1 - alpha/sigma_i^2)^2 s_t^2 + 2 alpha,
   alpha = epsilon sigma_i^2/sigma_L^2.
   With delta = epsilon/sigma_L^2, w = 1 - delta:
   s_T^2/sigma_i^2 = w^(2T) (gamma^2 - v) + v,  v = 2 delta/(1 - w^2)                               (6)
                   = 1 + delta^2 sum_{k<T} w^(2k) + (gamma^2 - 1) w^(2T).

   Rust: proposition3::{recursion, closed_form, variance_excess}. *)

From Coq Require Import Reals Psatz Lia.
From Ncsn Require Import Statements Vectors.

Open Scope R_scope.

(* 0 < epsilon < 2 sigma_L^2 is 0 < delta < 2. *)
Lemma delta_range sigma_L epsilon : 0 < sigma_L -> 0 < epsilon < 2 * sigma_L ^ 2 -> 0 < epsilon / sigma_L ^ 2 < 2.
Proof.
  intros HL [Hpos Hlt]. assert (Hsquare : 0 < sigma_L ^ 2) by nra. split.
  - now apply Rdiv_lt_0_compat.
  - apply (Rmult_lt_reg_r (sigma_L ^ 2)); [exact Hsquare|].
    replace (epsilon / sigma_L ^ 2 * sigma_L ^ 2) with epsilon by (field; lra). exact Hlt.
Qed.

(* The stationary variance v of (6) is 2/(2 - delta). *)
Lemma stationary_variance sigma_L epsilon : 0 < sigma_L -> 0 < epsilon < 2 * sigma_L ^ 2 ->
  2 * epsilon / (sigma_L ^ 2 - sigma_L ^ 2 * (1 - epsilon / sigma_L ^ 2) ^ 2) = 2 / (2 - epsilon / sigma_L ^ 2).
Proof.
  intros HL Hepsilon. assert (Hdelta := delta_range sigma_L epsilon HL Hepsilon).
  set (delta := epsilon / sigma_L ^ 2) in *.
  replace epsilon with (delta * sigma_L ^ 2) by (unfold delta; field; lra).
  replace (sigma_L ^ 2 - sigma_L ^ 2 * (1 - delta) ^ 2) with (sigma_L ^ 2 * (delta * (2 - delta))) by ring.
  field. repeat split; lra.
Qed.

Theorem proposition3 : proposition3_statement.
Proof.
  intros gamma sigma_i sigma_L epsilon T Hi HL Hepsilon.
  assert (Hdelta := delta_range sigma_L epsilon HL Hepsilon).
  unfold variance_ratio. rewrite stationary_variance by assumption.
  replace (epsilon * sigma_i ^ 2 / sigma_L ^ 2) with (epsilon / sigma_L ^ 2 * sigma_i ^ 2) by (field; lra).
  set (delta := epsilon / sigma_L ^ 2) in *. induction T as [|T IH].
  - simpl. field. split; lra.
  - replace (2 * S T)%nat with (2 + 2 * T)%nat by ring. rewrite pow_add. simpl variance.
    replace (delta * sigma_i ^ 2 / sigma_i ^ 2) with delta by (field; lra).
    set (s2 := variance _ _ _ T) in *.
    transitivity ((1 - delta) ^ 2 * (s2 / sigma_i ^ 2) + 2 * delta); [field; lra|].
    rewrite IH. set (power := (1 - delta) ^ (2 * T)). field. lra.
Qed.

(* (2 - delta) delta sum_{k<T} w^(2k) = 1 - w^(2T) *)
Lemma even_powers_sum delta T :
  (2 - delta) * (delta * sum_below T (fun k => (1 - delta) ^ (2 * k))) = 1 - (1 - delta) ^ (2 * T).
Proof.
  induction T as [|T IH].
  - simpl. ring.
  - cbn [sum_below]. replace (2 * S T)%nat with (2 * T + 2)%nat by ring. rewrite pow_add.
    transitivity (1 - (1 - delta) ^ (2 * T) + (2 - delta) * delta * (1 - delta) ^ (2 * T)); [rewrite <- IH|]; ring.
Qed.

Theorem variance_excess_correct : variance_excess_statement.
Proof.
  intros gamma sigma_L epsilon T HL Hepsilon.
  assert (Hdelta := delta_range sigma_L epsilon HL Hepsilon).
  unfold variance_ratio, variance_excess. rewrite stationary_variance by assumption.
  set (delta := epsilon / sigma_L ^ 2) in *. assert (Hsum := even_powers_sum delta T).
  set (sum := sum_below T _) in *.
  replace (delta ^ 2 * sum) with (delta / (2 - delta) * ((2 - delta) * (delta * sum))) by (field; lra).
  rewrite Hsum. field. lra.
Qed.

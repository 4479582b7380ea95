(* Technique 2: how many levels L are enough.

   x = ln(sigma_1/sigma_L)/ln gamma for the solution gamma of C = target; the L levels are geometric with the ratio
   gamma_L = (sigma_1/sigma_L)^(1/(L - 1)). gamma_L <= gamma iff x <= L - 1, and that is when C(gamma_L) >= target.

   Rust: schedule::{real_levels, num_levels, realised_gamma}. *)

From Coq Require Import Reals ZArith Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Technique2.

Open Scope R_scope.

Lemma ln_pos x : 1 < x -> 0 < ln x.
Proof. intros Hx. rewrite <- ln_1. apply ln_increasing; lra. Qed.

Lemma ratio_gt_1 sigma_1 sigma_L : 0 < sigma_L < sigma_1 -> 1 < sigma_1 / sigma_L.
Proof.
  intros Hsigma. apply (Rmult_lt_reg_r sigma_L); [lra|].
  replace (sigma_1 / sigma_L * sigma_L) with sigma_1 by (field; lra). lra.
Qed.

Lemma ln_realised sigma_1 sigma_L L : ln (realised_gamma sigma_1 sigma_L L) = ln (sigma_1 / sigma_L) / IZR (L - 1).
Proof. unfold realised_gamma, Rpower. rewrite ln_exp. unfold Rdiv. apply Rmult_comm. Qed.

Lemma levels_pos L : (2 <= L)%Z -> 0 < IZR (L - 1).
Proof. intros HL. apply IZR_lt. lia. Qed.

Lemma realised_gt_1 sigma_1 sigma_L L : 0 < sigma_L < sigma_1 -> (2 <= L)%Z -> 1 < realised_gamma sigma_1 sigma_L L.
Proof.
  intros Hsigma HL. unfold realised_gamma, Rpower. rewrite <- exp_0. apply exp_increasing.
  apply Rmult_lt_0_compat.
  - now apply Rinv_0_lt_compat, levels_pos.
  - now apply ln_pos, ratio_gt_1.
Qed.

(* The realised ratio does not exceed the solution iff there are at least x + 1 levels. *)
Lemma realised_le_iff sigma_1 sigma_L gamma L : 1 < gamma -> 0 < sigma_L < sigma_1 -> (2 <= L)%Z ->
  realised_gamma sigma_1 sigma_L L <= gamma <-> real_levels sigma_1 sigma_L gamma <= IZR (L - 1).
Proof.
  intros Hgamma Hsigma HL.
  assert (Hln := ln_pos gamma Hgamma). assert (Hn := levels_pos L HL).
  assert (Hreal := realised_gt_1 sigma_1 sigma_L L Hsigma HL).
  assert (Hproduct : real_levels sigma_1 sigma_L gamma <= IZR (L - 1) <->
                     ln (realised_gamma sigma_1 sigma_L L) <= ln gamma).
  { rewrite ln_realised. unfold real_levels. set (r := ln (sigma_1 / sigma_L)). split; intros Hle.
    - apply (Rmult_le_reg_r (IZR (L - 1))); [exact Hn|].
      replace (r / IZR (L - 1) * IZR (L - 1)) with (r / ln gamma * ln gamma) by (field; lra). nra.
    - apply (Rmult_le_reg_r (ln gamma)); [exact Hln|].
      replace (r / ln gamma * ln gamma) with (r / IZR (L - 1) * IZR (L - 1)) by (field; lra). nra. }
  rewrite Hproduct. split.
  - intros [Hlt|Heq]; [now apply Rlt_le, ln_increasing; lra | rewrite Heq; apply Rle_refl].
  - intros Hle. apply Rnot_lt_le. intros Hlt. apply (ln_increasing gamma) in Hlt; lra.
Qed.

Theorem levels_reach_target : levels_reach_target_statement.
Proof.
  intros D target gamma sigma_1 sigma_L L HD Htarget Hroot Hsigma HL.
  destruct (overlap_around_root D target gamma HD Htarget Hroot) as [Hbefore Hbeyond].
  destruct Hroot as (Hgamma & Eroot & _).
  assert (Hreal := realised_gt_1 sigma_1 sigma_L L Hsigma HL).
  rewrite <- (realised_le_iff sigma_1 sigma_L gamma L) by assumption. split.
  - intros Hreach. apply Rnot_lt_le. intros Hlt.
    generalize (Hbeyond gamma (realised_gamma sigma_1 sigma_L L) ltac:(lra)). lra.
  - intros Hle. apply Hbefore. lra.
Qed.

Theorem rounding_rules : rounding_rules_statement.
Proof.
  intros D target gamma sigma_1 sigma_L L HD Htarget Hroot Hsigma HL x.
  assert (Hreach := levels_reach_target D target gamma sigma_1 sigma_L L HD Htarget Hroot Hsigma HL). fold x in Hreach.
  unfold is_rounded, least_x. rewrite minus_IZR in *. split.
  - intros Hceil. apply Hreach. lra.
  - intros Hfloor Hne. apply Rnot_le_lt. intros Hle. apply Hreach in Hle. apply Hne. lra.
Qed.

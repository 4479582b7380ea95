(* The theorems: each statement of Statements.v with its proof, and the axioms on which it rests. *)

From Ncsn Require Import Statements Proposition1 Proposition3 Normal Technique2 Levels Geometric Technique4.
From Ncsn Require Import Diameter LowRank.

(** * Proposition 1 *)

Theorem proposition1_component_score : component_score_statement.
Proof. exact component_score_correct. Qed.

Theorem proposition1_mixture_score : mixture_score_statement.
Proof. exact mixture_score. Qed.

Theorem proposition1_responsibility_pointwise : responsibility_pointwise_statement.
Proof. exact responsibility_pointwise. Qed.

(** * Proposition 3 *)

Theorem proposition3_variance_ratio : proposition3_statement.
Proof. exact proposition3. Qed.

Theorem proposition3_variance_excess : variance_excess_statement.
Proof. exact variance_excess_correct. Qed.

(** * Technique 1 *)

Theorem technique1_closer_than : closer_than_statement.
Proof. exact closer_than_correct. Qed.

Theorem technique1_closer_than_fits : closer_than_fits_statement.
Proof. exact closer_than_fits. Qed.

Theorem technique1_closer_than_monotone : closer_than_monotone_statement.
Proof. exact closer_than_monotone. Qed.

Theorem technique1_centroid : centroid_statement.
Proof. exact centroid. Qed.

Theorem technique1_pruning : pruning_statement.
Proof. exact pruning. Qed.

Theorem technique1_low_rank : low_rank_statement.
Proof. exact low_rank. Qed.

Theorem technique1_orthonormal : orthonormal_statement.
Proof. exact orthonormal. Qed.

(** * Technique 2 *)

Theorem technique2_normal_law : normal_law_statement.
Proof. exact normal_law. Qed.

Theorem technique2_overlap_1 : overlap_1_statement.
Proof. exact overlap_1. Qed.

Theorem technique2_ex_unique_gamma : ex_unique_gamma_statement.
Proof. exact ex_unique_gamma. Qed.

Theorem technique2_no_gamma : no_gamma_statement.
Proof. exact no_gamma. Qed.

Theorem technique2_overlap_around_root : overlap_around_root_statement.
Proof. exact overlap_around_root. Qed.

Theorem technique2_levels_reach_target : levels_reach_target_statement.
Proof. exact levels_reach_target. Qed.

Theorem technique2_rounding_rules : rounding_rules_statement.
Proof. exact rounding_rules. Qed.

(** * Technique 4 *)

Theorem technique4_variance_ratio_gt_1 : variance_ratio_gt_1_statement.
Proof. exact variance_ratio_gt_1. Qed.

Theorem technique4_optimal_epsilon : optimal_epsilon_statement.
Proof. exact optimal_epsilon. Qed.

Theorem technique4_optimal_ratio_decreasing : optimal_ratio_decreasing_statement.
Proof. exact optimal_ratio_decreasing. Qed.

Theorem technique4_by_doubling : by_doubling_statement.
Proof. exact by_doubling_correct. Qed.

(** * Assumptions *)

Print Assumptions proposition1_component_score.
Print Assumptions proposition1_mixture_score.
Print Assumptions proposition1_responsibility_pointwise.
Print Assumptions proposition3_variance_ratio.
Print Assumptions proposition3_variance_excess.
Print Assumptions technique1_closer_than.
Print Assumptions technique1_closer_than_fits.
Print Assumptions technique1_closer_than_monotone.
Print Assumptions technique1_centroid.
Print Assumptions technique1_pruning.
Print Assumptions technique1_low_rank.
Print Assumptions technique1_orthonormal.
Print Assumptions technique2_normal_law.
Print Assumptions technique2_overlap_1.
Print Assumptions technique2_ex_unique_gamma.
Print Assumptions technique2_no_gamma.
Print Assumptions technique2_overlap_around_root.
Print Assumptions technique2_levels_reach_target.
Print Assumptions technique2_rounding_rules.
Print Assumptions technique4_variance_ratio_gt_1.
Print Assumptions technique4_optimal_epsilon.
Print Assumptions technique4_optimal_ratio_decreasing.
Print Assumptions technique4_by_doubling.

(* The theorems about densities and probabilities on R^n, each with the assumptions its proof rests on

   Statements.v says what they mean. Expected for each: propositional and functional extensionality and
   constructive_indefinite_description, the axioms of classical mathematics that mathcomp-analysis is built on; for the
   last four, which are about Coq's own reals, also the axioms of those and epsilon_statement. *)
From NcsnMeasure Require Import Space Statements.
From NcsnMeasure Require Proposition1 Proposition2 RadiusLaw Proposition3 Bridge.

Theorem proposition1b : proposition1b_statement.
Proof. exact Proposition1.proposition1b. Qed.

Theorem proposition1b_strict : proposition1b_strict_statement.
Proof. exact Proposition1.proposition1b_strict. Qed.

Theorem proposition1b_equality : proposition1b_equality_statement.
Proof. exact Proposition1.proposition1b_equality. Qed.

Theorem radius_normaliser : radius_normaliser_statement.
Proof. exact Proposition2.radius_normaliser. Qed.

Theorem radius_mass : radius_mass_statement.
Proof. exact Proposition2.radius_mass. Qed.

Theorem radius_limit : radius_limit_statement.
Proof. exact Proposition2.radius_limit. Qed.

Theorem norm_law : norm_law_statement.
Proof. exact RadiusLaw.norm_law. Qed.

Theorem norm_limit : norm_limit_statement.
Proof. exact RadiusLaw.norm_limit. Qed.

Theorem proposition3_recursion : proposition3_recursion_statement.
Proof. exact Proposition3.proposition3_recursion. Qed.

Theorem proposition3 : proposition3_statement.
Proof. exact Proposition3.proposition3. Qed.

Theorem bridge_gaussian : bridge_gaussian_statement.
Proof. exact Bridge.bridge_gaussian. Qed.

Theorem bridge_variance_ratio : bridge_variance_ratio_statement.
Proof. exact Bridge.bridge_variance_ratio. Qed.

Theorem bridge_normal_law : bridge_normal_law_statement.
Proof. exact Bridge.bridge_normal_law. Qed.

Theorem technique2_overlap_probability : overlap_probability_statement.
Proof. exact Bridge.overlap_probability. Qed.

Print Assumptions proposition1b.
Print Assumptions proposition1b_strict.
Print Assumptions proposition1b_equality.
Print Assumptions radius_normaliser.
Print Assumptions radius_mass.
Print Assumptions radius_limit.
Print Assumptions norm_law.
Print Assumptions norm_limit.
Print Assumptions proposition3_recursion.
Print Assumptions proposition3.
Print Assumptions bridge_gaussian.
Print Assumptions bridge_variance_ratio.
Print Assumptions bridge_normal_law.
Print Assumptions technique2_overlap_probability.

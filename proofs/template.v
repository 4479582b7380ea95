(* Certificate of the noise schedule for @name@, written by ncsn certify.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

(* enclosure PRINTED LOWER UPPER *)
Definition stated : schedule := {|
  dim := @dim@;
  sigma_max := @sigma_max@;
  sigma_min := @sigma_min@;
  overlap_target := @overlap_target@;
  rounded_by := @rounding@;
  num_levels := @num_levels@;
  steps_per_level := @steps_per_level@;
  width := @width@;
  gamma_root_in := enclosure @gamma_root@ @gamma_root.lower@ @gamma_root.upper@;
  gamma_in := enclosure @gamma@ @gamma.lower@ @gamma.upper@;
  overlap_in := enclosure @overlap@ @overlap.lower@ @overlap.upper@;
  epsilon_in := enclosure @epsilon@ @epsilon.lower@ @epsilon.upper@;
  variance_ratio_in := enclosure @variance_ratio@ @variance_ratio.lower@ @variance_ratio.upper@
|}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.

(* Certificate of the noise schedule for church, written by ncsn certify.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

(* enclosure PRINTED LOWER UPPER *)
Definition stated : schedule := {|
  dim := 27648;
  sigma_max := 0x1.18p+7;
  sigma_min := 0x1.47ae147ae147bp-7;
  overlap_target := 0x1p-1;
  rounded_by := ceil_plus_one;
  num_levels := 745;
  steps_per_level := 4;
  width := 0x1.736f7a6ea209ep-44;
  gamma_root_in := enclosure 0x1.034ee5a2365eep+0 0x1.034ee5a2365edp+0 0x1.034ee5a2365eep+0;
  gamma_in := enclosure 0x1.034e5bf84f0a9p+0 0x1.034e5bf84f0a8p+0 0x1.034e5bf84f0aap+0;
  overlap_in := enclosure 0x1.00639b639bc42p-1 0x1.00639b639bb88p-1 0x1.00639b639bcfcp-1;
  epsilon_in := enclosure 0x1.4761cb57180b3p-19 0x1.4761cb57180adp-19 0x1.4761cb57180b9p-19;
  variance_ratio_in := enclosure 0x1.06074b9e650a8p+0 0x1.06074b9e650a7p+0 0x1.06074b9e650a8p+0
|}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.

(* Certificate of the noise schedule for celeba, written by ncsn certify.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

(* enclosure PRINTED LOWER UPPER *)
Definition stated : schedule := {|
  dim := 12288;
  sigma_max := 0x1.68p+6;
  sigma_min := 0x1.47ae147ae147bp-7;
  overlap_target := 0x1p-1;
  rounded_by := ceil_plus_one;
  num_levels := 473;
  steps_per_level := 5;
  width := 0x1.ec095e36f161bp-45;
  gamma_root_in := enclosure 0x1.04fe9b638b136p+0 0x1.04fe9b638b135p+0 0x1.04fe9b638b136p+0;
  gamma_in := enclosure 0x1.04fc79b7f54a4p+0 0x1.04fc79b7f54a3p+0 0x1.04fc79b7f54a5p+0;
  overlap_in := enclosure 0x1.0105833bf10b2p-1 0x1.0105833bf1037p-1 0x1.0105833bf112ep-1;
  epsilon_in := enclosure 0x1.d72530f2daa5dp-19 0x1.d72530f2daa53p-19 0x1.d72530f2daa67p-19;
  variance_ratio_in := enclosure 0x1.086b0e86f9028p+0 0x1.086b0e86f9027p+0 0x1.086b0e86f9028p+0
|}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.

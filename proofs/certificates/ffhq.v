(* Certificate of the noise schedule for ffhq, written by ncsn certify.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

(* enclosure PRINTED LOWER UPPER *)
Definition stated : schedule := {|
  dim := 196608;
  sigma_max := 0x1.5cp+8;
  sigma_min := 0x1.47ae147ae147bp-7;
  overlap_target := 0x1p-1;
  rounded_by := ceil_plus_one;
  num_levels := 2182;
  steps_per_level := 3;
  width := 0x1.f247d862646e8p-43;
  gamma_root_in := enclosure 0x1.013b0ab9cd034p+0 0x1.013b0ab9cd034p+0 0x1.013b0ab9cd035p+0;
  gamma_in := enclosure 0x1.013afbe4a2ca7p+0 0x1.013afbe4a2ca6p+0 0x1.013afbe4a2ca8p+0;
  overlap_in := enclosure 0x1.001cd9b668936p-1 0x1.001cd9b668743p-1 0x1.001cd9b668b28p-1;
  epsilon_in := enclosure 0x1.fb7fccd2df88p-21 0x1.fb7fccd2df876p-21 0x1.fb7fccd2df889p-21;
  variance_ratio_in := enclosure 0x1.0265bdd251a0cp+0 0x1.0265bdd251a0bp+0 0x1.0265bdd251a0cp+0
|}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.

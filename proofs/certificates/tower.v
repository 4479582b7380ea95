(* Certificate of the noise schedule for tower, written by ncsn certify.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

(* enclosure PRINTED LOWER UPPER *)
Definition stated : schedule := {|
  dim := 49152;
  sigma_max := 0x1.7cp+7;
  sigma_min := 0x1.47ae147ae147bp-7;
  overlap_target := 0x1p-1;
  rounded_by := ceil_plus_one;
  num_levels := 1026;
  steps_per_level := 3;
  width := 0x1.f0b0b3a737ea7p-44;
  gamma_root_in := enclosure 0x1.027920993e9dcp+0 0x1.027920993e9dbp+0 0x1.027920993e9dcp+0;
  gamma_in := enclosure 0x1.0278f65eb2d5fp+0 0x1.0278f65eb2d5ep+0 0x1.0278f65eb2d6p+0;
  overlap_in := enclosure 0x1.0028df09aeeap-1 0x1.0028df09aeda7p-1 0x1.0028df09aef98p-1;
  epsilon_in := enclosure 0x1.f57137e1a5212p-20 0x1.f57137e1a5209p-20 0x1.f57137e1a521cp-20;
  variance_ratio_in := enclosure 0x1.04b20f416967cp+0 0x1.04b20f416967cp+0 0x1.04b20f416967dp+0
|}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.

(* Certificate of the noise schedule for mnist, written by ncsn certify.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

(* enclosure PRINTED LOWER UPPER *)
Definition stated : schedule := {|
  dim := 784;
  sigma_max := 0x1.0e031ef990c3cp+4;
  sigma_min := 0x1.47ae147ae147bp-7;
  overlap_target := 0x1p-1;
  rounded_by := ceil_plus_one;
  num_levels := 96;
  steps_per_level := 5;
  width := 0x1.cfbf296fc8504p-47;
  gamma_root_in := enclosure 0x1.14fc198d0f5bcp+0 0x1.14fc198d0f5bcp+0 0x1.14fc198d0f5bdp+0;
  gamma_in := enclosure 0x1.14d42796f809bp+0 0x1.14d42796f809ap+0 0x1.14d42796f809cp+0;
  overlap_in := enclosure 0x1.048e57277b4d2p-1 0x1.048e57277b4b4p-1 0x1.048e57277b4efp-1;
  epsilon_in := enclosure 0x1.72c304d715d23p-17 0x1.72c304d715d1dp-17 0x1.72c304d715d29p-17;
  variance_ratio_in := enclosure 0x1.17c5700072beap+0 0x1.17c5700072be9p+0 0x1.17c5700072bebp+0
|}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.

(* Certificate of the noise schedule for cifar10, written by ncsn certify.

   A number such as 0x1.8p+1 is an exact binary64 number, here 3. What is proved: is_certified in Statements.v. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

(* enclosure PRINTED LOWER UPPER *)
Definition stated : schedule := {|
  dim := 3072;
  sigma_max := 0x1.9p+5;
  sigma_min := 0x1.47ae147ae147bp-7;
  overlap_target := 0x1p-1;
  rounded_by := ceil_plus_one;
  num_levels := 220;
  steps_per_level := 5;
  width := 0x1.e3f4895f52943p-46;
  gamma_root_in := enclosure 0x1.0a30191363c94p+0 0x1.0a30191363c94p+0 0x1.0a30191363c95p+0;
  gamma_in := enclosure 0x1.0a26fdc3efb04p+0 0x1.0a26fdc3efb03p+0 0x1.0a26fdc3efb05p+0;
  overlap_in := enclosure 0x1.0223bbd9afb1fp-1 0x1.0223bbd9afae2p-1 0x1.0223bbd9afb5cp-1;
  epsilon_in := enclosure 0x1.b1cc2543e5e95p-18 0x1.b1cc2543e5e8dp-18 0x1.b1cc2543e5e9dp-18;
  variance_ratio_in := enclosure 0x1.0ec83527ed642p+0 0x1.0ec83527ed641p+0 0x1.0ec83527ed643p+0
|}.

Theorem stated_is_certified : is_certified stated.
Proof. certify. Qed.

Print Assumptions stated_is_certified.

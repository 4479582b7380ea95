(* FFHQ, 256 x 256: Techniques 2 and 4 with an overlap of 1/2, ceil(x) + 1 levels and 3 steps at each.

   A number such as 0x1.5cp+8 is an exact binary64 number. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

Definition ffhq : schedule := {|
  dim := 196608;
  sigma_1 := 0x1.5cp+8;
  sigma_L := 0x1.47ae147ae147bp-7;
  target := 0x1p-1;
  gamma_lo := 0x1.013b0ab9cd034p+0;
  gamma_hi := 0x1.013b0ab9cd035p+0;
  levels_by := ceil_plus_one;
  num_levels := 2182;
  steps_per_level := 3;
  epsilon_lo := 0x1.fb7fccd2df87ep-21;
  epsilon_hi := 0x1.fb7fccd2df880p-21;
  epsilon := 0x1.fb7fccd2df87fp-21
|}.

Theorem ffhq_is_certified : is_certified ffhq.
Proof. certify. Qed.

Print Assumptions ffhq_is_certified.

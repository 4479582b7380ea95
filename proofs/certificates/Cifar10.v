(* CIFAR-10, 32 x 32: Techniques 2 and 4 with an overlap of 1/2, ceil(x) + 1 levels and 5 steps at each.

   A number such as 0x1.9p+5 is an exact binary64 number. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements Certificate.

Open Scope R_scope.

Definition cifar10 : schedule := {|
  dim := 3072;
  sigma_1 := 0x1.9p+5;
  sigma_L := 0x1.47ae147ae147bp-7;
  target := 0x1p-1;
  gamma_lo := 0x1.0a30191363c94p+0;
  gamma_hi := 0x1.0a30191363c95p+0;
  levels_by := ceil_plus_one;
  num_levels := 220;
  steps_per_level := 5;
  epsilon_lo := 0x1.b1cc2543e5e94p-18;
  epsilon_hi := 0x1.b1cc2543e5e96p-18;
  epsilon := 0x1.b1cc2543e5e95p-18
|}.

Theorem cifar10_is_certified : is_certified cifar10.
Proof. certify. Qed.

Print Assumptions cifar10_is_certified.

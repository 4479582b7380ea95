(* Interval arithmetic over Z.

   The tactics [interval] and [integral] of CoqInterval, instantiated with floating-point numbers m * 2 ^ e whose m and
   e are integers of Coq. Their usual instance computes with machine numbers and rests on one axiom for each machine
   operation; this one needs none and takes about four times as long. Importing this file brings both tactics into
   scope. They must be given a precision, [interval with (i_prec 60)]: without one CoqInterval turns to machine
   numbers.

   Rust: nothing; the checker of certificates computes with it. *)

From Coq Require Import Reals.
From Interval Require Export Tactic.
From Interval Require Import Specific_ops Specific_stdz.

Module Numbers := SpecificFloat StdZRadix2.
Module Export Tactics := Interval.Tactic.IntervalTactic Numbers.

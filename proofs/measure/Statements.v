(* Propositions 1(b), 2 and 3 of Song & Ermon (2020), Improved Techniques for Training Score-Based Generative Models

   Definitions and statements alone; the proofs are in Proposition1.v, Proposition2.v and Proposition3.v, and Main.v puts
   the two together. R stands for the real numbers. An integral or a probability has values in \bar R, the reals with
   -oo and +oo; %:E embeds a real number there. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals ereal topology normedtype sequences esum measure.
From mathcomp Require Import lebesgue_measure lebesgue_integral measurable_realfun numfun realfun exp trigo probability.
From NcsnMeasure Require Import Space.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

(* Proposition 1(b): N Gaussians p_k = N(X k, s^2 I) in R^n, r_j(x) = p_j(x) / sum_k p_k(x).
   Rust: proposition1::bound, Mixture::responsibilities, Mixture::expected_responsibility. *)
Section Proposition1.
Context {R : realType} {n N : nat}.
Variables (s : R) (X : 'I_N -> RD R n).

Definition mixture_sum (x : RD R n) : R := \sum_(k < N) gauss s (X k) x.

Definition responsibility (j : 'I_N) (x : RD R n) : R := gauss s (X j) x / mixture_sum x.

(* E_{p_i}[r_j] *)
Definition expected_responsibility (i j : 'I_N) : \bar R :=
  (\int[leb R n]_x (gauss s (X i) x * responsibility j x)%:E)%E.

(* The right-hand side of (5): exp(-|X i - X j|^2 / (8 s^2)) / 2 *)
Definition responsibility_bound (i j : 'I_N) : R :=
  2^-1 * expR (- dist2 (X i) (X j) / (8 * s ^+ 2)).

End Proposition1.

(* Inequality (5), for any two different components. *)
Definition proposition1b_statement : Prop :=
  forall (R : realType) (n N : nat) (s : R) (X : 'I_N -> RD R n) (i j : 'I_N),
  0 < s -> i != j ->
  (expected_responsibility s X i j <= (responsibility_bound s X i j)%:E)%E.

(* (5) is strict with three or more components, and with two whose centres differ. *)
Definition proposition1b_strict_statement : Prop :=
  forall (R : realType) (n N : nat) (s : R) (X : 'I_N -> RD R n) (i j : 'I_N),
  0 < s -> i != j -> (2 < N)%N \/ X i <> X j ->
  (expected_responsibility s X i j < (responsibility_bound s X i j)%:E)%E.

(* Only the remaining case, two components with the same centre, gives equality: both sides are 1/2. *)
Definition proposition1b_equality_statement : Prop :=
  forall (R : realType) (n : nat) (s : R) (X : 'I_2 -> RD R n) (i j : 'I_2),
  0 < s -> i != j -> X i = X j ->
  (expected_responsibility s X i j = (responsibility_bound s X i j)%:E)%E /\ responsibility_bound s X i j = 2^-1.

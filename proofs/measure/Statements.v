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

(* Proposition 2: the radius r = |x| of x ~ N(0, s^2 I) in R^D.
   Rust: proposition2::RadiusLaw, its density, cdf and normal_limit. *)
Section Proposition2.
Context {R : realType}.

(* The integral of r^k exp(-r^2/2) over r >= 0 *)
Definition radius_moment (k : nat) : \bar R :=
  (\int[@lebesgue_measure R]_(r in `[0%R, +oo[) (r ^+ k * expR (- r ^+ 2 / 2))%:E)%E.

(* 2^((k-1)/2) Gamma((k+1)/2), the paper's 2^(D/2-1) Gamma(D/2) for k = D - 1, by its recursion:
   sqrt (pi/2), 1, and then k times the one before the last. *)
Fixpoint radius_constant (k : nat) : R :=
  match k with
  | 0 => Num.sqrt (pi / 2)
  | k'.+1 => match k' with
             | 0 => 1
             | k''.+1 => k'%:R * radius_constant k''
             end
  end.

(* p(r) = r^(D-1) exp(-r^2 / (2 s^2)) / (2^(D/2-1) Gamma(D/2) s^D) for r >= 0 *)
Definition radius_pdf (D : nat) (s r : R) : R :=
  if 0 <= r then r ^+ D.-1 * expR (- r ^+ 2 / (2 * s ^+ 2)) / (radius_constant D.-1 * s ^+ D) else 0.

Definition radius_prob (D : nat) (s : R) (A : set R) : \bar R :=
  (\int[@lebesgue_measure R]_(r in A) (radius_pdf D s r)%:E)%E.

End Proposition2.

(* The constant of the radius law is its normaliser, in every dimension. *)
Definition radius_normaliser_statement : Prop :=
  forall (R : realType) (k : nat), radius_moment k = (radius_constant k : R)%:E.

Definition radius_mass_statement : Prop :=
  forall (R : realType) (D : nat) (s : R), (0 < D)%N -> 0 < s -> radius_prob D s setT = 1%E.

(* If r has density radius_pdf D s, then r - sqrt D s tends to N(0, s^2/2): the probability of every measurable set
   converges, in particular that of every half-line, which is convergence in distribution. *)
Definition radius_limit_statement : Prop :=
  forall (R : realType) (s : R) (A : set (measurableTypeR R)), 0 < s -> measurable A ->
  radius_prob D s [set r | A (r - Num.sqrt D%:R * s)] @[D --> \oo] --> normal_prob 0 (s / Num.sqrt 2) A.

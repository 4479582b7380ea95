(* Propositions 1(b), 2 and 3 of Song & Ermon (2020), Improved Techniques for Training Score-Based Generative Models

   Definitions and statements alone; the proofs are in Proposition1.v, Proposition2.v, RadiusLaw.v, Proposition3.v and
   Bridge.v, and Main.v puts the two together. R stands for the real numbers. An integral or a probability has values in \bar R,
   the reals with -oo and +oo, among which a real number x is [x%:E]. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals ereal topology normedtype sequences esum measure.
From mathcomp Require Import lebesgue_measure lebesgue_integral measurable_realfun numfun realfun exp trigo probability.
From mathcomp Require Import Rstruct.
From Ncsn Require Statements.
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

(* The expectation of r_j under p_i *)
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

(* The norm of x ~ N(0, s^2 I) has that density. *)
Definition norm_law_statement : Prop :=
  forall (R : realType) (D : nat) (s : R) (A : set (measurableTypeR R)), (0 < D)%N -> 0 < s -> measurable A ->
  gauss_prob s (origin D) [set x | A (norm x)] = radius_prob D s A.

(* Proposition 2 for the Gaussian vectors themselves *)
Definition norm_limit_statement : Prop :=
  forall (R : realType) (s : R) (A : set (measurableTypeR R)), 0 < s -> measurable A ->
  gauss_prob s (origin D) [set x | A (norm x - Num.sqrt D%:R * s)] @[D --> \oo] --> normal_prob 0 (s / Num.sqrt 2) A.

(* Proposition 3: Langevin dynamics on N(0, sigma^2 I), started from N(0, sigma_prev^2 I).
   Rust: proposition3::recursion and closed_form, with gamma = sigma_prev/sigma and delta = eps/sigma_L^2. *)
Section Proposition3.
Context {R : realType} {d : measure_display} {Omega : measurableType d} (P : probability Omega R) {n : nat}.
Implicit Types (X Z : Omega -> RD R n).

Definition has_law X (law : set (RD R n) -> \bar R) : Prop :=
  measurable_fun setT X /\ forall A, measurable A -> P (X @^-1` A) = law A.

Definition independent X Z : Prop :=
  forall A B, measurable A -> measurable B ->
  P ((X @^-1` A) `&` (Z @^-1` B)) = (P (X @^-1` A) * P (Z @^-1` B))%E.

(* The score of N(0, sigma^2 I) is - x / sigma^2, so x_(t+1) = x_t + alpha score(x_t) + sqrt (2 alpha) z_t is the map
   below, with alpha = eps sigma^2 / sigma_L^2. Each z_t is standard normal and independent of x_t. *)
Record langevin_chain (sigma_prev sigma sigma_L eps : R) (x z : nat -> Omega -> RD R n) : Prop := {
  chain_start : has_law (x 0) (gauss_prob sigma_prev (origin n));
  chain_noise : forall t, has_law (z t) (gauss_prob 1 (origin n));
  chain_fresh : forall t, independent (x t) (z t);
  chain_step : forall t w, let alpha := eps * sigma ^+ 2 / sigma_L ^+ 2 in
    x t.+1 w = axpby (1 - alpha / sigma ^+ 2) (Num.sqrt (2 * alpha)) (x t w) (z t w)
}.

End Proposition3.

(* s_t^2 / sigma^2 step by step: gamma^2, then (1 - delta)^2 v + 2 delta *)
Fixpoint variance_recursion {R : realType} (gamma delta : R) (t : nat) : R :=
  match t with
  | 0 => gamma ^+ 2
  | t.+1 => (1 - delta) ^+ 2 * variance_recursion gamma delta t + 2 * delta
  end.

(* The right-hand side of (6) *)
Definition variance_closed_form {R : realType} (gamma sigma_L eps : R) (T : nat) : R :=
  let kept := 1 - eps / sigma_L ^+ 2 in
  let stationary := 2 * eps / (sigma_L ^+ 2 - sigma_L ^+ 2 * kept ^+ 2) in
  kept ^+ (2 * T) * (gamma ^+ 2 - stationary) + stationary.

(* x_T ~ N(0, s_T^2 I) for every step size eps > 0 *)
Definition proposition3_recursion_statement : Prop :=
  forall (R : realType) (d : measure_display) (Omega : measurableType d) (P : probability Omega R) (n : nat)
    (sigma_prev sigma sigma_L eps : R) (x z : nat -> Omega -> RD R n),
  0 < sigma_prev -> 0 < sigma -> 0 < sigma_L -> 0 < eps ->
  langevin_chain P sigma_prev sigma sigma_L eps x z ->
  forall T, has_law P (x T)
    (gauss_prob (sigma * Num.sqrt (variance_recursion (sigma_prev / sigma) (eps / sigma_L ^+ 2) T)) (origin n)).

(* Equation (6). At eps = 2 sigma_L^2 its denominator is 0. *)
Definition proposition3_statement : Prop :=
  forall (R : realType) (d : measure_display) (Omega : measurableType d) (P : probability Omega R) (n : nat)
    (sigma_prev sigma sigma_L eps : R) (x z : nat -> Omega -> RD R n),
  0 < sigma_prev -> 0 < sigma -> 0 < sigma_L -> 0 < eps -> eps != 2 * sigma_L ^+ 2 ->
  langevin_chain P sigma_prev sigma sigma_L eps x z ->
  forall T, has_law P (x T)
    (gauss_prob (sigma * Num.sqrt (variance_closed_form (sigma_prev / sigma) sigma_L eps T)) (origin n)).

(* The reals that mathcomp-analysis asks for can be Coq's own. With them the definitions here are those of
   ../theories/Statements.v, whose full names begin with Ncsn. *)
Section Bridge.

Definition line : realType := Rdefinitions.R.

(* A vector as a function of the coordinate's number *)
Fixpoint coordinates n : RD line n -> nat -> line :=
  match n return RD line n -> nat -> line with
  | O => fun _ _ => 0
  | S n => fun x d => if d is d.+1 then coordinates x.2 d else x.1
  end.

(* The two densities of N(m, s^2 I) are one, *)
Definition bridge_gaussian_statement : Prop :=
  forall n (s : line) (m x : RD line n), 0 < s ->
  gauss s m x = Ncsn.Statements.gaussian s n (coordinates m) (coordinates x).

(* so are the two right-hand sides of (6), *)
Definition bridge_variance_ratio_statement : Prop :=
  forall (gamma sigma_L eps : line) T,
  variance_closed_form gamma sigma_L eps T = Ncsn.Statements.variance_ratio gamma sigma_L eps T.

(* and Phi is the distribution function of the normal law. *)
Definition bridge_normal_law_statement : Prop :=
  forall x : line, normal_prob 0 1 `]-oo, x] = (Ncsn.Statements.Phi x : line)%:E.

(* Technique 2's overlap is a probability. By Proposition 2 the radius at the level s is nearly N(sqrt D s, s^2/2). That
   it falls within three standard deviations of the mean radius at the level above, gamma s, has probability C(gamma).
   Rust: schedule::overlap, Law::Normal. *)
Definition overlap_probability_statement : Prop :=
  forall D gamma s : line, 0 < gamma -> 0 < s ->
  let mean := Num.sqrt D * (gamma * s) in
  let deviation := gamma * s / Num.sqrt 2 in
  normal_prob (Num.sqrt D * s) (s / Num.sqrt 2) `[mean - 3 * deviation, mean + 3 * deviation] =
  (Ncsn.Statements.overlap D gamma : line)%:E.

End Bridge.

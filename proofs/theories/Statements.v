(* What Main proves, and every definition that is needed to read it. No proofs here.

   Song & Ermon, "Improved Techniques for Training Score-Based Generative Models" (2020). Natural numbers count
   (dimensions, levels, steps), everything else is a real number. A vector of dimension D is a function x : nat -> R of
   which only x 0, ..., x (D - 1) matter. A definition says after "Rust:" which function of the crate ncsn-theory
   computes it. *)

From Coq Require Import Reals ZArith.
From Coquelicot Require Import Coquelicot.

Open Scope R_scope.

(** * Vectors *)

(* f 0 + ... + f (n - 1) *)
Fixpoint sum_below (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S n => sum_below n f + f n
  end.

(* <x, y> *)
Definition dot (D : nat) (x y : nat -> R) : R := sum_below D (fun d => x d * y d).

(* ||x - y||^2 *)
Definition dist2 (D : nat) (x y : nat -> R) : R := sum_below D (fun d => (x d - y d) ^ 2).

(* x with its coordinate d replaced by t *)
Definition with_coordinate (x : nat -> R) (d : nat) (t : R) : nat -> R := fun k => if Nat.eqb k d then t else x k.

(* The partial derivative of f along coordinate d at x is l. *)
Definition is_partial (f : (nat -> R) -> R) (x : nat -> R) (d : nat) (l : R) : Prop :=
  is_derive (fun t => f (with_coordinate x d t)) (x d) l.

(** * Proposition 1: the score of a Gaussian mixture *)

(* Density of N(m, sigma^2 I) at x. *)
Definition gaussian (sigma : R) (D : nat) (m x : nat -> R) : R :=
  (/ (sqrt (2 * PI) * sigma)) ^ D * exp (- dist2 D x m / (2 * sigma ^ 2)).

(* p(x) = 1/N sum_j N(x | c_j, sigma^2 I). Rust: Mixture::log_density, its logarithm. *)
Definition mixture (sigma : R) (D N : nat) (c : nat -> nat -> R) (x : nat -> R) : R :=
  / INR N * sum_below N (fun j => gaussian sigma D (c j) x).

(* r_j(x) = p_j(x) / sum_k p_k(x). Rust: Mixture::responsibilities. *)
Definition responsibility (sigma : R) (D N : nat) (c : nat -> nat -> R) (j : nat) (x : nat -> R) : R :=
  gaussian sigma D (c j) x / sum_below N (fun k => gaussian sigma D (c k) x).

(* The score of one component, grad log p_j(x) = -(x - c_j) / sigma^2. *)
Definition component_score (sigma : R) (m x : nat -> R) (d : nat) : R := - (x d - m d) / sigma ^ 2.

Definition component_score_statement : Prop :=
  forall sigma D m x d, 0 < sigma -> (d < D)%nat ->
  is_partial (fun y => ln (gaussian sigma D m y)) x d (component_score sigma m x d).

(* Proposition 1, first part: grad log p(x) = sum_j r_j(x) grad log p_j(x). Rust: Mixture::score. *)
Definition mixture_score_statement : Prop :=
  forall sigma D N c x d, 0 < sigma -> (0 < N)%nat -> (d < D)%nat ->
  is_partial (fun y => ln (mixture sigma D N c y)) x d
    (sum_below N (fun j => responsibility sigma D N c j x * component_score sigma (c j) x d)).

(* Proposition 1, (5), under the integral sign: with the midpoint m of c_i and c_j,
   p_i(x) r_j(x) <= 1/2 exp(-||c_i - c_j||^2 / (8 sigma^2)) N(x | m, sigma^2 I) for i <> j.
   Integrated over x it is (5), because the last factor is a density. Rust: proposition1::bound. *)
Definition responsibility_pointwise_statement : Prop :=
  forall sigma D N c i j x, 0 < sigma -> (i < N)%nat -> (j < N)%nat -> i <> j ->
  gaussian sigma D (c i) x * responsibility sigma D N c j x <=
  / 2 * exp (- dist2 D (c i) (c j) / (8 * sigma ^ 2)) * gaussian sigma D (fun d => (c i d + c j d) / 2) x.

(** * Proposition 3: the variance of Langevin dynamics *)

(* Variance after t steps x <- x - alpha/sigma^2 x + sqrt(2 alpha) z, from v0.
   Rust: proposition3::recursion, in units of sigma^2. *)
Fixpoint variance (sigma alpha v0 : R) (t : nat) : R :=
  match t with
  | O => v0
  | S t => (1 - alpha / sigma ^ 2) ^ 2 * variance sigma alpha v0 t + 2 * alpha
  end.

(* s_T^2/sigma_i^2, equation (6). Rust: proposition3::closed_form. *)
Definition variance_ratio (gamma sigma_L epsilon : R) (T : nat) : R :=
  let v := 2 * epsilon / (sigma_L ^ 2 - sigma_L ^ 2 * (1 - epsilon / sigma_L ^ 2) ^ 2) in
  (1 - epsilon / sigma_L ^ 2) ^ (2 * T) * (gamma ^ 2 - v) + v.

Definition proposition3_statement : Prop :=
  forall gamma sigma_i sigma_L epsilon T, 0 < sigma_i -> 0 < sigma_L -> 0 < epsilon < 2 * sigma_L ^ 2 ->
  variance sigma_i (epsilon * sigma_i ^ 2 / sigma_L ^ 2) ((gamma * sigma_i) ^ 2) T / sigma_i ^ 2 =
  variance_ratio gamma sigma_L epsilon T.

(* delta^2 sum_{k<T} w^(2k) + (gamma^2 - 1) w^(2T), w = 1 - delta. Rust: proposition3::variance_excess. *)
Definition variance_excess (gamma delta : R) (T : nat) : R :=
  delta ^ 2 * sum_below T (fun k => (1 - delta) ^ (2 * k)) + (gamma ^ 2 - 1) * (1 - delta) ^ (2 * T).

(* Equation (6) without cancellation. *)
Definition variance_excess_statement : Prop :=
  forall gamma sigma_L epsilon T, 0 < sigma_L -> 0 < epsilon < 2 * sigma_L ^ 2 ->
  variance_ratio gamma sigma_L epsilon T = 1 + variance_excess gamma (epsilon / sigma_L ^ 2) T.

(** * Technique 2: the noise ratio and the number of levels *)

(* Density and distribution function of N(0, 1). Rust: normal::cdf. *)
Definition phi (t : R) : R := exp (- t ^ 2 / 2) / sqrt (2 * PI).
Definition Phi (x : R) : R := 1 / 2 + RInt phi 0 x.

Definition normal_law_statement : Prop :=
  (forall x, is_derive Phi x (phi x)) /\ is_lim Phi m_infty 0 /\ is_lim Phi p_infty 1.

(* C(gamma) = Phi(u) - Phi(v), u, v = sqrt(2D)(gamma - 1) +- 3 gamma. Rust: schedule::overlap, Law::Normal. *)
Definition overlap (D gamma : R) : R :=
  Phi (sqrt (2 * D) * (gamma - 1) + 3 * gamma) - Phi (sqrt (2 * D) * (gamma - 1) - 3 * gamma).

(* A level overlaps with itself by the three-sigma rule, C(1) = Phi(3) - Phi(-3); the target 1/2 is below it. *)
Definition overlap_1_statement : Prop := forall D, overlap D 1 = Phi 3 - Phi (-3) /\ 1 / 2 < overlap D 1.

(* gamma is the only solution of C = target on [1, oo). Rust: schedule::gamma_root. *)
Definition is_gamma_root (D target gamma : R) : Prop :=
  1 < gamma /\ overlap D gamma = target /\ forall g, 1 <= g -> overlap D g = target -> g = gamma.

(* From D = 5 on there is one solution. *)
Definition ex_unique_gamma_statement : Prop :=
  forall D target, 9 / 2 < D -> 0 < target < overlap D 1 -> exists gamma, is_gamma_root D target gamma.

(* For D <= 4 there is none: the overlap rises on [1, oo). *)
Definition no_gamma_statement : Prop :=
  forall D, 0 <= D <= 9 / 2 ->
  (forall g h, 1 <= g < h -> overlap D g < overlap D h) /\
  (forall target g, target < overlap D 1 -> 1 <= g -> overlap D g <> target).

(* Every ratio between 1 and the solution overlaps by at least the target, and beyond it the overlap falls strictly. *)
Definition overlap_around_root_statement : Prop :=
  forall D target gamma, 0 < D -> target < overlap D 1 -> is_gamma_root D target gamma ->
  (forall g, 1 <= g <= gamma -> target <= overlap D g) /\
  (forall g h, gamma <= g < h -> overlap D h < overlap D g).

(* x = ln(sigma_1/sigma_L)/ln gamma. Rust: schedule::real_levels. *)
Definition real_levels (sigma_1 sigma_L gamma : R) : R := ln (sigma_1 / sigma_L) / ln gamma.

(* (sigma_1/sigma_L)^(1/(L - 1)), the ratio of L geometric levels. Rust: schedule::realised_gamma. *)
Definition realised_gamma (sigma_1 sigma_L : R) (L : Z) : R := Rpower (sigma_1 / sigma_L) (/ IZR (L - 1)).

(* How x becomes L. Rust: schedule::Rounding. *)
Inductive rounding := ceil_plus_one | floor_plus_one | ceil | floor | round_plus_one.

(* The end of the unit interval of those x that give L. Rust: schedule::targets_for_levels. *)
Definition least_x (rule : rounding) (L : Z) : R :=
  match rule with
  | ceil_plus_one => IZR L - 2
  | floor_plus_one | ceil => IZR L - 1
  | floor => IZR L
  | round_plus_one => IZR L - 3 / 2
  end.

Definition is_rounded (rule : rounding) (x : R) (L : Z) : Prop :=
  match rule with
  | ceil_plus_one | ceil => least_x rule L < x <= least_x rule L + 1
  | _ => least_x rule L <= x < least_x rule L + 1
  end.

(* L levels reach the target iff L >= x + 1. *)
Definition levels_reach_target_statement : Prop :=
  forall D target gamma sigma_1 sigma_L L, 0 < D -> target < overlap D 1 -> is_gamma_root D target gamma ->
  0 < sigma_L < sigma_1 -> (2 <= L)%Z ->
  target <= overlap D (realised_gamma sigma_1 sigma_L L) <-> real_levels sigma_1 sigma_L gamma <= IZR (L - 1).

(* So ceil(x) + 1 levels always do, and floor(x) + 1 do only when x is an integer. *)
Definition rounding_rules_statement : Prop :=
  forall D target gamma sigma_1 sigma_L L, 0 < D -> target < overlap D 1 -> is_gamma_root D target gamma ->
  0 < sigma_L < sigma_1 -> (2 <= L)%Z ->
  let x := real_levels sigma_1 sigma_L gamma in
  (is_rounded ceil_plus_one x L -> target <= overlap D (realised_gamma sigma_1 sigma_L L)) /\
  (is_rounded floor_plus_one x L -> x <> IZR (L - 1) -> overlap D (realised_gamma sigma_1 sigma_L L) < target).

(** * Technique 4: the step size *)

(* epsilon is the only minimum of s_T^2/sigma_i^2 on (0, 2 sigma_L^2), where the dynamics is stable. *)
Definition is_optimal_epsilon (gamma sigma_L : R) (T : nat) (epsilon : R) : Prop :=
  0 < epsilon < 2 * sigma_L ^ 2 /\
  forall e, 0 < e < 2 * sigma_L ^ 2 -> e <> epsilon ->
  variance_ratio gamma sigma_L epsilon T < variance_ratio gamma sigma_L e T.

(* "As close to 1 as possible" asks for a minimum, since the ratio exceeds 1. *)
Definition variance_ratio_gt_1_statement : Prop :=
  forall gamma sigma_L epsilon T, 1 < gamma -> 0 < sigma_L -> 0 < epsilon < 2 * sigma_L ^ 2 ->
  1 < variance_ratio gamma sigma_L epsilon T.

(* H_n(q) = sum_{j<n} (n - j) q^j. Rust: Geometric, weighted. *)
Definition weighted_sum (q : R) (n : nat) : R := sum_below n (fun j => INR (n - j) * q ^ j).

(* u (1 + u v H_{T-1}(v^2)/T), v = 1 + u. Rust: schedule::step::critical_side. *)
Definition critical_side (u : R) (T : nat) : R := u * (1 + u * (1 + u) * weighted_sum ((1 + u) ^ 2) (T - 1) / INR T).

(* One minimum, below sigma_L^2; it is the only critical point, and it is where critical_side equals gamma^2 - 1 at
   u = delta/(1 - delta), delta = epsilon/sigma_L^2. Rust: schedule::optimal_delta. *)
Definition optimal_epsilon_statement : Prop :=
  forall gamma sigma_L T, 1 < gamma -> 0 < sigma_L -> (1 <= T)%nat ->
  exists epsilon, epsilon < sigma_L ^ 2 /\ is_optimal_epsilon gamma sigma_L T epsilon /\
  (forall e, 0 < e < 2 * sigma_L ^ 2 ->
   is_derive (fun e => variance_ratio gamma sigma_L e T) e 0 <-> e = epsilon) /\
  (forall e, 0 < e < sigma_L ^ 2 ->
   critical_side (e / (sigma_L ^ 2 - e)) T = gamma ^ 2 - 1 <-> e = epsilon).

(* More steps reach a ratio closer to 1. *)
Definition optimal_ratio_decreasing_statement : Prop :=
  forall gamma sigma_L T U epsilon epsilon', 1 < gamma -> 0 < sigma_L -> (1 <= T < U)%nat ->
  is_optimal_epsilon gamma sigma_L T epsilon -> is_optimal_epsilon gamma sigma_L U epsilon' ->
  variance_ratio gamma sigma_L epsilon' U < variance_ratio gamma sigma_L epsilon T.

(* (q^n, G_n, H_n) with G_n = sum_{k<n} q^k: the sums of variance_excess and critical_side, in log n steps. From n to
   n + 1, from n to 2n, and along the bits of n. Rust: Geometric::next, doubled, new. *)
Definition geometric_sum (q : R) (n : nat) : R := sum_below n (fun k => q ^ k).
Definition next (q : R) (state : R * R * R) : R * R * R :=
  let '(power, sum, weighted) := state in (power * q, sum + power, weighted + (sum + power)).
Definition doubled (n : R) (state : R * R * R) : R * R * R :=
  let '(power, sum, weighted) := state in (power ^ 2, sum + power * sum, weighted + n * sum + power * weighted).
Fixpoint by_doubling (q : R) (n : positive) : R * R * R :=
  match n with
  | xH => next q (1, 0, 0)
  | xO n => doubled (IZR (Zpos n)) (by_doubling q n)
  | xI n => next q (doubled (IZR (Zpos n)) (by_doubling q n))
  end.
Definition by_doubling_statement : Prop :=
  forall q n, by_doubling q n = (q ^ Pos.to_nat n, geometric_sum q (Pos.to_nat n), weighted_sum q (Pos.to_nat n)).

(** * Technique 1: pairs of rows that cannot be the farthest *)

(* Rust: diameter::centroid::closer_than. *)
Definition closer_than (floor a b : Z) : bool :=
  ((a + b <? floor) && (4 * a * b <? (floor - a - b) ^ 2))%Z%bool.

(* Its test in integers is the comparison of roots, and no number in it exceeds 128 bits. *)
Definition closer_than_statement : Prop :=
  forall floor a b, (0 <= a)%Z -> (0 <= b)%Z -> (0 <= floor)%Z ->
  closer_than floor a b = true <-> sqrt (IZR a) + sqrt (IZR b) < sqrt (IZR floor).
Definition closer_than_fits_statement : Prop :=
  forall floor a b, (0 <= a < 2 ^ 64)%Z -> (0 <= b < 2 ^ 64)%Z -> (0 <= floor < 2 ^ 64)%Z ->
  (a + b < 2 ^ 128)%Z /\
  ((a + b < floor)%Z -> (4 * a * b < 2 ^ 128)%Z /\ (0 <= floor - a - b)%Z /\ ((floor - a - b) ^ 2 < 2 ^ 128)%Z).

(* Rows of integers x_0, ..., x_(N-1) and a centre: squared distances are integers too. *)
Fixpoint zdist2 (D : nat) (x y : nat -> Z) : Z :=
  match D with
  | O => 0
  | S D => zdist2 D x y + (x D - y D) ^ 2
  end%Z.

(* What is discarded by distances from a centre is closer than the floor; with smaller ones all the more, which is why
   one sweep over rows sorted by distance finds all. Rust: Staircase. *)
Definition centroid_statement : Prop :=
  forall D x y c floor a b, (zdist2 D x c <= a)%Z -> (zdist2 D y c <= b)%Z -> closer_than floor a b = true ->
  (zdist2 D x y < floor)%Z.
Definition closer_than_monotone_statement : Prop :=
  forall floor a b a' b', (0 <= a' <= a)%Z -> (0 <= b' <= b)%Z ->
  closer_than floor a b = true -> closer_than floor a' b' = true.

(* The largest squared distance of two rows. Rust: diameter::diameter for u8 rows. *)
Definition is_diameter2 (D N : nat) (x : nat -> nat -> Z) (m : Z) : Prop :=
  (exists i j, (i < j < N)%nat /\ zdist2 D (x i) (x j) = m) /\
  (forall i j, (i < j < N)%nat -> (zdist2 D (x i) (x j) <= m)%Z).

(* A search that evaluates all pairs but those that a floor discards finds it; a floor is a distance found before. *)
Definition pruning_statement : Prop :=
  forall D N x c r best,
  (forall i, (i < N)%nat -> (zdist2 D (x i) c <= r i)%Z) ->
  (exists i j, (i < j < N)%nat /\ zdist2 D (x i) (x j) = best) ->
  (forall i j, (i < j < N)%nat ->
   (zdist2 D (x i) (x j) <= best)%Z \/ exists floor, (floor <= best)%Z /\ closer_than floor (r i) (r j) = true) ->
  is_diameter2 D N x best.

(* Directions V_0, ..., V_(k-1), nearly orthonormal: ||V V^T - I|| <= defect as an operator. *)
Definition project (D : nat) (V : nat -> nat -> R) (u : nat -> R) : nat -> R := fun i => dot D (V i) u.
Definition combine (k : nat) (V : nat -> nat -> R) (a : nat -> R) : nat -> R :=
  fun d => sum_below k (fun i => a i * V i d).
Definition has_defect (D k : nat) (V : nat -> nat -> R) (defect : R) : Prop :=
  forall a b, Rabs (dot D (combine k V a) (combine k V b) - dot k a b) <=
    defect * (sqrt (dot k a a) * sqrt (dot k b b)).

(* The low-rank bound with u = x - c, w = y - c, a = V u, b = V w. Rust: diameter::lowrank::upper_bound, residual, in
   real arithmetic (their roundings are not modelled). *)
Definition upper_bound (radius_u radius_w product projected_u projected_w residual_u residual_w defect : R) : R :=
  radius_u + radius_w - 2 * product + defect * (projected_u + projected_w) + 2 * residual_u * residual_w.
Definition residual (radius projected defect : R) : R := sqrt (Rmax (radius - (1 - defect) * projected) 0).
Definition low_rank_statement : Prop :=
  forall D k V defect x y c radius_u radius_w, 0 <= defect -> has_defect D k V defect ->
  let u := fun d => x d - c d in
  let w := fun d => y d - c d in
  let a := project D V u in
  let b := project D V w in
  dist2 D x c <= radius_u -> dist2 D y c <= radius_w ->
  dist2 D x y <=
  upper_bound radius_u radius_w (dot k a b) (dot k a a) (dot k b b)
    (residual radius_u (dot k a a) defect) (residual radius_w (dot k b b) defect) defect.

(* Its form for exactly orthonormal directions: ||x - y||^2 <= ||V x - V y||^2 + (sum of both residuals)^2. *)
Definition orthonormal_statement : Prop :=
  forall D k V x y c, has_defect D k V 0 ->
  let a := project D V (fun d => x d - c d) in
  let b := project D V (fun d => y d - c d) in
  dist2 D x y <=
  dist2 k a b + (residual (dist2 D x c) (dot k a a) 0 + residual (dist2 D y c) (dot k b b) 0) ^ 2.

(** * Certificates *)

(* A number as it is printed, and the ends of its enclosure. Rust: ScheduleFile, Enclosures. *)
Record enclosed := enclosure { printed : R; lower : R; upper : R }.

(* The exact number x and the printed one lie between the ends, and these are at most [width] times x apart.
   Rust: Interval::contains, Interval::relative_width. *)
Definition encloses (width : R) (i : enclosed) (x : R) : Prop :=
  lower i <= x <= upper i /\ lower i <= printed i <= upper i /\ upper i - lower i <= width * x.

(* A schedule with the numbers and enclosures that the program prints for it. Rust: schedule::Derivation. *)
Record schedule := {
  dim : Z;                          (* D *)
  sigma_max : R; sigma_min : R;     (* sigma_1, sigma_L *)
  overlap_target : R;               (* of Technique 2 *)
  rounded_by : rounding;
  num_levels : Z;                   (* L *)
  steps_per_level : Z;              (* T *)
  width : R;                        (* of the widest enclosure, relative to the number enclosed *)
  gamma_root_in : enclosed;         (* the solution gamma of C(gamma) = target *)
  gamma_in : enclosed;              (* the ratio of L geometric levels *)
  overlap_in : enclosed;            (* their overlap *)
  epsilon_in : enclosed;            (* the optimal epsilon of Technique 4 for this ratio *)
  variance_ratio_in : enclosed      (* s_T^2/sigma_i^2 with the epsilon printed *)
}.

(* No certificate is wider. *)
Definition widest : R := 1 / 1000.

(* What a certificate proves. Rust: schedule::Request::derive with Law::Normal. *)
Definition is_certified (s : schedule) : Prop :=
  let D := IZR (dim s) in
  let T := Z.to_nat (steps_per_level s) in
  let gamma := realised_gamma (sigma_max s) (sigma_min s) (num_levels s) in
  let ratio e := variance_ratio gamma (sigma_min s) e T in
  let epsilon := printed (epsilon_in s) in
  width s <= widest /\
  (exists root, is_gamma_root D (overlap_target s) root /\ encloses (width s) (gamma_root_in s) root /\
   is_rounded (rounded_by s) (real_levels (sigma_max s) (sigma_min s) root) (num_levels s)) /\
  encloses (width s) (gamma_in s) gamma /\
  encloses (width s) (overlap_in s) (overlap D gamma) /\
  (rounded_by s = ceil_plus_one -> overlap_target s <= overlap D gamma) /\
  (exists best, is_optimal_epsilon gamma (sigma_min s) T best /\ encloses (width s) (epsilon_in s) best) /\
  encloses (width s) (variance_ratio_in s) (ratio epsilon) /\
  (forall e, 0 < e < 2 * sigma_min s ^ 2 -> Rabs (ratio epsilon - 1) <= (1 + width s) * Rabs (ratio e - 1)).

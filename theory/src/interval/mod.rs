//! Interval arithmetic with outward rounding.
//!
//! An [`Interval`] is a set of real numbers `[lo, hi]`. Every operation returns an interval that contains the exact
//! result for every choice of reals in its operands, so a comparison that holds between enclosures is a proof that it
//! holds between the numbers. No rounding mode is switched: the direction of each rounding error is read from its exact
//! residual (two-sum for sums, a fused multiply-add for products, quotients and roots), so that exact results stay
//! points and others are one ulp wide. The elementary functions are core-math's, which are correctly rounded, widened by
//! one ulp on each side.
//!
//! An operation that is undefined somewhere on its operand, such as `ln` of `[-1, 1]`, returns [`Interval::ENTIRE`]:
//! nothing can be concluded from it, hence no certificate can rest on it.

mod operators;
mod rounding;

use std::fmt;

use crate::Error;
use rounding::sqrt_bounds;

/// A non-empty closed set of reals `[lo, hi]`; an infinite end means that the set has no bound on that side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    lo: f64,
    hi: f64,
}

impl Interval {
    /// The whole real line.
    pub const ENTIRE: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    /// The point 0.
    pub const ZERO: Self = Self { lo: 0.0, hi: 0.0 };
    /// The point 1.
    pub const ONE: Self = Self { lo: 1.0, hi: 1.0 };
    /// π, one ulp wide.
    pub const PI: Self = Self { lo: std::f64::consts::PI, hi: std::f64::consts::PI.next_up() };
    /// ln 2, one ulp wide.
    pub const LN_2: Self = Self { lo: std::f64::consts::LN_2, hi: std::f64::consts::LN_2.next_up() };

    /// The interval `[lo, hi]`.
    ///
    /// # Errors
    /// [`Error::Domain`] when an end is NaN or `lo > hi`.
    pub fn new(lo: f64, hi: f64) -> Result<Self, Error> {
        if lo <= hi && lo < f64::INFINITY && hi > f64::NEG_INFINITY {
            Ok(Self { lo, hi })
        } else {
            let (value, allowed) = if lo.is_nan() { (lo, "numbers") } else { (hi, "[lower end, ∞]") };
            Err(Error::Domain { name: "upper end of an interval", value, allowed })
        }
    }

    /// The set of one real number; [`Interval::ENTIRE`] when `x` is not finite.
    #[must_use]
    pub const fn point(x: f64) -> Self {
        if x.is_finite() { Self { lo: x, hi: x } } else { Self::ENTIRE }
    }

    /// The exact value of an integer when it is below 2⁵³, else an enclosure of it.
    #[must_use]
    pub fn integer(n: u64) -> Self {
        let x = n as f64;
        match (x as u128).cmp(&u128::from(n)) {
            std::cmp::Ordering::Equal => Self { lo: x, hi: x },
            std::cmp::Ordering::Less => Self { lo: x, hi: x.next_up() },
            std::cmp::Ordering::Greater => Self { lo: x.next_down(), hi: x },
        }
    }

    /// An interval whose ends are known to be ordered.
    pub(crate) const fn ordered(lo: f64, hi: f64) -> Self {
        debug_assert!(lo <= hi);
        Self { lo, hi }
    }

    /// Widens a value whose true counterpart lies strictly between its two neighbouring doubles.
    fn around(x: f64) -> Self {
        Self { lo: x.next_down(), hi: x.next_up() }
    }

    /// Lower end.
    #[must_use]
    pub const fn lo(self) -> f64 {
        self.lo
    }

    /// Upper end.
    #[must_use]
    pub const fn hi(self) -> f64 {
        self.hi
    }

    /// A double near the middle, inside the interval; the number to print when only one can be printed.
    #[must_use]
    pub fn mid(self) -> f64 {
        match (self.lo.is_finite(), self.hi.is_finite()) {
            (true, true) => (0.5 * self.lo + 0.5 * self.hi).clamp(self.lo, self.hi),
            (true, false) => f64::MAX,
            (false, true) => f64::MIN,
            (false, false) => 0.0,
        }
    }

    /// `hi - lo`, rounded up.
    #[must_use]
    pub fn width(self) -> f64 {
        (Self::ordered(self.hi, self.hi) - Self::ordered(self.lo, self.lo)).hi
    }

    /// Width divided by the smallest magnitude inside, rounded up; infinite when 0 is inside a wide interval.
    #[must_use]
    pub fn relative_width(self) -> f64 {
        let smallest = if self.lo > 0.0 { self.lo } else { -self.hi };
        match self.width() {
            0.0 => 0.0,
            width if smallest > 0.0 => (width / smallest).next_up(),
            _ => f64::INFINITY,
        }
    }

    /// Whether both ends are finite.
    #[must_use]
    pub fn is_bounded(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    /// Whether the real number `x` is inside.
    #[must_use]
    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    /// Whether every element is greater than `x`.
    #[must_use]
    pub fn is_above(self, x: f64) -> bool {
        self.lo > x
    }

    /// Whether every element is less than `x`.
    #[must_use]
    pub fn is_below(self, x: f64) -> bool {
        self.hi < x
    }

    /// The smallest interval that contains both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// The common part, or `None` when the sets are disjoint.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        (lo <= hi).then_some(Self { lo, hi })
    }

    /// The larger of two reals.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { lo: self.lo.max(other.lo), hi: self.hi.max(other.hi) }
    }

    /// |x|.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.lo >= 0.0 {
            self
        } else if self.hi <= 0.0 {
            -self
        } else {
            Self { lo: 0.0, hi: self.hi.max(-self.lo) }
        }
    }

    /// x², without the dependency loss of `x * x`.
    #[must_use]
    pub fn sqr(self) -> Self {
        let a = self.abs();
        a * a
    }

    /// √x for x ≥ 0, one ulp wide at a point, or none where the root is a double.
    #[must_use]
    pub fn sqrt(self) -> Self {
        if self.lo < 0.0 {
            return Self::ENTIRE;
        }
        Self { lo: sqrt_bounds(self.lo).lo, hi: sqrt_bounds(self.hi).hi }
    }

    /// xⁿ by repeated squaring.
    ///
    /// # Accuracy
    /// Relative width at a point at most `n` · 2⁻⁵²: n − 1 products of one ulp each.
    #[must_use]
    pub fn powi(self, n: u64) -> Self {
        let base = if n.is_multiple_of(2) { self.abs() } else { self };
        if base.lo < 0.0 {
            // Odd n: monotone, so the ends are powered on their own.
            return Self { lo: -power_of_nonnegative(-base.lo, n).hi, hi: signed_power(base.hi, n).hi };
        }
        Self { lo: power_of_nonnegative(base.lo, n).lo, hi: power_of_nonnegative(base.hi, n).hi }
    }

    /// eˣ, two ulp wide at a point.
    #[must_use]
    pub fn exp(self) -> Self {
        self.increasing(core_math::exp, 0.0, f64::INFINITY)
    }

    /// eˣ − 1, two ulp wide at a point.
    #[must_use]
    pub fn exp_m1(self) -> Self {
        self.increasing(core_math::expm1, -1.0, f64::INFINITY)
    }

    /// ln x for x > 0, two ulp wide at a point.
    #[must_use]
    pub fn ln(self) -> Self {
        if self.lo <= 0.0 {
            return Self::ENTIRE;
        }
        self.increasing(core_math::log, f64::NEG_INFINITY, f64::INFINITY)
    }

    /// ln(1 + x) for x > −1, two ulp wide at a point.
    #[must_use]
    pub fn ln_1p(self) -> Self {
        if self.lo <= -1.0 {
            return Self::ENTIRE;
        }
        self.increasing(core_math::log1p, f64::NEG_INFINITY, f64::INFINITY)
    }

    /// Image under an increasing correctly rounded function with values in `[least, greatest]`.
    pub(crate) fn increasing(self, f: impl Fn(f64) -> f64, least: f64, greatest: f64) -> Self {
        Self { lo: Self::around(f(self.lo)).lo.max(least), hi: Self::around(f(self.hi)).hi.min(greatest) }
    }

    /// Image under a decreasing correctly rounded function with values in `[least, greatest]`.
    pub(crate) fn decreasing(self, f: impl Fn(f64) -> f64, least: f64, greatest: f64) -> Self {
        Self { lo: Self::around(f(self.hi)).lo.max(least), hi: Self::around(f(self.lo)).hi.min(greatest) }
    }
}

fn power_of_nonnegative(x: f64, n: u64) -> Interval {
    let mut square = Interval { lo: x, hi: x };
    let mut power = Interval::ONE;
    let mut bits = n;
    while bits > 0 {
        if bits & 1 == 1 {
            power = power * square;
        }
        bits >>= 1;
        if bits > 0 {
            square = square * square;
        }
    }
    power
}

fn signed_power(x: f64, odd: u64) -> Interval {
    if x < 0.0 { -power_of_nonnegative(-x, odd) } else { power_of_nonnegative(x, odd) }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}, {:?}]", self.lo, self.hi)
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    use super::*;

    fn rational(x: f64) -> BigRational {
        BigRational::from_float(x).unwrap()
    }

    fn encloses(i: Interval, exact: &BigRational) -> bool {
        let above = i.lo == f64::NEG_INFINITY || rational(i.lo) <= *exact;
        let below = i.hi == f64::INFINITY || *exact <= rational(i.hi);
        above && below
    }

    /// Doubles of every magnitude, subnormals and signs included.
    fn double() -> impl Strategy<Value = f64> {
        prop_oneof![-1e3..1e3_f64, any::<f64>().prop_filter("finite", |x| x.is_finite())]
    }

    proptest! {
        #[test]
        fn arithmetic_encloses_exact_rationals(a in double(), b in double()) {
            let (x, y) = (Interval::point(a), Interval::point(b));
            let (p, q) = (rational(a), rational(b));
            prop_assert!(encloses(x + y, &(&p + &q)));
            prop_assert!(encloses(x - y, &(&p - &q)));
            prop_assert!(encloses(x * y, &(&p * &q)));
            if b != 0.0 {
                prop_assert!(encloses(x / y, &(&p / &q)));
            }
        }

        #[test]
        fn arithmetic_encloses_every_choice_inside(a in double(), b in double(), c in double(), d in double()) {
            let (x, y) = (Interval::ordered(a.min(b), a.max(b)), Interval::ordered(c.min(d), c.max(d)));
            for (s, t) in [(a, c), (a, d), (b, c), (b, d)] {
                prop_assert!(encloses(x * y, &(rational(s) * rational(t))));
                prop_assert!(encloses(x - y, &(rational(s) - rational(t))));
                if !y.contains(0.0) {
                    prop_assert!(encloses(x / y, &(rational(s) / rational(t))));
                }
            }
        }

        #[test]
        fn sqrt_squares_back(a in 0.0..f64::MAX) {
            let root = Interval::point(a).sqrt();
            prop_assert!(rational(root.lo) * rational(root.lo) <= rational(a));
            prop_assert!(rational(root.hi) * rational(root.hi) >= rational(a));
        }

        #[test]
        fn powers_enclose_exact_rationals(a in -8.0..8.0_f64, b in -8.0..8.0_f64, n in 0_u64..40) {
            let x = Interval::ordered(a.min(b), a.max(b));
            for s in [a, b] {
                let exact = (0..n).fold(rational(1.0), |power, _| power * rational(s));
                prop_assert!(encloses(x.powi(n), &exact));
            }
        }

        #[test]
        fn integers_are_enclosed(n in any::<u64>()) {
            prop_assert!(encloses(Interval::integer(n), &BigRational::from_integer(BigInt::from(n))));
        }
    }

    #[test]
    fn a_square_is_not_a_product_of_two_independent_factors() {
        let straddling = Interval::ordered(-1.0, 2.0);
        assert_eq!(straddling.sqr(), Interval::ordered(0.0, 4.0));
        assert_eq!(straddling * straddling, Interval::ordered(-2.0, 4.0));
    }

    #[test]
    fn exact_results_stay_points() {
        let three = Interval::point(3.0);
        assert_eq!((three * three - Interval::ONE) / 2.0, Interval::point(4.0));
        assert_eq!(Interval::point(144.0).sqrt(), Interval::point(12.0));
    }

    #[test]
    fn undefined_operations_conclude_nothing() {
        let straddling = Interval::ordered(-1.0, 1.0);
        for result in [straddling.ln(), straddling.sqrt(), 1.0 / straddling, (-straddling - 1.0).ln_1p()] {
            assert_eq!(result, Interval::ENTIRE);
        }
    }

    #[test]
    fn underflow_keeps_the_sign() {
        let tiny = Interval::point(f64::MIN_POSITIVE);
        assert_eq!(tiny * tiny, Interval::ordered(0.0, f64::from_bits(1)));
        assert_eq!(tiny / f64::MIN, Interval::ordered(-f64::from_bits(1), 0.0));
    }

    #[test]
    fn root_of_a_subnormal_is_one_ulp_wide() {
        let root = Interval::point(1e-320).sqrt();
        assert_eq!(root.hi(), root.lo().next_up());
    }

    #[test]
    fn overflow_keeps_the_finite_bound() {
        let huge = Interval::point(f64::MAX);
        assert_eq!((huge * huge).lo(), f64::MAX);
        assert_eq!((huge + huge).hi(), f64::INFINITY);
    }
}

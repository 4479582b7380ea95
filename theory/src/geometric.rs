//! Geometric sums by doubling: only positive terms, so nothing cancels, and the work grows with log n.

use crate::interval::Interval;

/// qⁿ, Σ_{k<n} qᵏ and Σ_{k<n} (n − k)·qᵏ for q ≥ 0, enclosed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometric {
    /// qⁿ
    pub power: Interval,
    /// G_n = Σ_{k<n} qᵏ
    pub sum: Interval,
    /// H_n = Σ_{k<n} (n − k)·qᵏ = G_1 + … + G_n
    pub weighted: Interval,
}

impl Geometric {
    /// # Accuracy
    /// Relative width at most `n` times that of `q` plus `8n` ulp.
    pub(crate) fn new(q: Interval, n: u64) -> Self {
        let mut now = Self { power: Interval::ONE, sum: Interval::ZERO, weighted: Interval::ZERO };
        for bit in (0..u64::BITS - n.leading_zeros()).rev() {
            // The leading bits of n so far; none at the first.
            now = now.doubled(n.checked_shr(bit + 1).unwrap_or(0));
            if n >> bit & 1 == 1 {
                now = now.next(q);
            }
        }
        now
    }

    /// From n to 2n: G_{2n} = G_n + qⁿG_n, H_{2n} = H_n + n·G_n + qⁿH_n.
    fn doubled(self, n: u64) -> Self {
        Self {
            power: self.power.sqr(),
            sum: self.sum + self.power * self.sum,
            weighted: self.weighted + Interval::integer(n) * self.sum + self.power * self.weighted,
        }
    }

    /// From n to n + 1: G_{n+1} = G_n + qⁿ, H_{n+1} = H_n + G_{n+1}.
    fn next(self, q: Interval) -> Self {
        let sum = self.sum + self.power;
        Self { power: self.power * q, sum, weighted: self.weighted + sum }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn doubling_equals_the_definition_in_integers(q in 0_u64..6, n in 0_u64..18) {
            let found = Geometric::new(Interval::integer(q), n);
            let sum: u64 = (0..n).map(|k| q.pow(k as u32)).sum();
            let weighted: u64 = (0..n).map(|k| (n - k) * q.pow(k as u32)).sum();
            // 6¹⁸ < 2⁵³: every intermediate value is a double, so the enclosures are points.
            prop_assert_eq!(found.power, Interval::integer(q.pow(n as u32)));
            prop_assert_eq!(found.sum, Interval::integer(sum));
            prop_assert_eq!(found.weighted, Interval::integer(weighted));
        }
    }
}

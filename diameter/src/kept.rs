//! What remains of many evaluated pairs.

/// The largest square met so far, with the lexicographically smallest pair of rows that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept<S> {
    /// The square and the pair (lower row number first), once a pair was evaluated.
    pub(crate) best: Option<(S, [u32; 2])>,
    /// Pairs evaluated.
    pub(crate) evaluated: u64,
}

impl<S: Copy + PartialOrd> Kept<S> {
    pub(crate) const NONE: Self = Self { best: None, evaluated: 0 };

    /// Takes one evaluated pair into account.
    pub(crate) fn offer(&mut self, square: S, a: u32, b: u32) {
        self.evaluated += 1;
        let pair = [a.min(b), a.max(b)];
        let beaten = match self.best {
            None => true,
            Some((least, _)) if square > least => true,
            Some((least, witness)) => square == least && pair < witness,
        };
        if beaten {
            self.best = Some((square, pair));
        }
    }

    /// Joins what two threads have kept; the order of joining does not matter.
    pub(crate) fn join(mut self, other: Self) -> Self {
        if let Some((square, [a, b])) = other.best {
            self.offer(square, a, b);
            self.evaluated -= 1;
        }
        self.evaluated += other.evaluated;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_smallest_pair_whatever_the_order() {
        let mut kept = Kept::NONE;
        for (a, b) in [(5, 3), (9, 1), (1, 7)] {
            kept.offer(4_u64, a, b);
        }
        let mut other = Kept::NONE;
        other.offer(4, 2, 1);
        let joined = Kept { best: Some((4, [1, 2])), evaluated: 4 };
        assert_eq!((kept.join(other), other.join(kept)), (joined, joined));
    }
}

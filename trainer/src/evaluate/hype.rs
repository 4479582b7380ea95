//! HYPE∞: how often people are wrong about what is real.
//!
//! Zhou et al. (2019), "HYPE: A Benchmark for Human eYe Perceptual Evaluation of Generative Models"; Table 5 of the paper.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Sets of evaluators that are drawn for a spread; Zhou et al. take as many.
pub const RESAMPLES: usize = 10_000;

/// Of so many images of noise, one may be taken for real.
const NOISE_PER_SLIP: u64 = 8;

/// What an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// One of the data.
    Real,
    /// One of the samples.
    Generated,
    /// Noise, which does not count for the score; 'generated' is right.
    Noise,
}

/// What someone takes an image for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judged {
    /// One of the data.
    Real,
    /// One of the samples.
    Generated,
}

/// Wrong answers among answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Wrong answers.
    pub wrong: u64,
    /// All answers.
    pub of: u64,
}

impl Share {
    /// The share in percent; NaN without answers.
    #[must_use]
    pub fn percent(self) -> f64 {
        100.0 * self.wrong as f64 / self.of as f64
    }
}

/// The answers of one evaluator, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Generated images, wrong if taken for real.
    pub fakes: Share,
    /// Real images, wrong if taken for generated.
    pub reals: Share,
    /// Images of noise, wrong if taken for real.
    pub noise: Share,
}

impl Tally {
    /// Counts an answer.
    pub fn add(&mut self, truth: Truth, judged: Judged) {
        let share = match truth {
            Truth::Real => &mut self.reals,
            Truth::Generated => &mut self.fakes,
            Truth::Noise => &mut self.noise,
        };
        share.of += 1;
        share.wrong += u64::from((truth == Truth::Real) != (judged == Judged::Real));
    }

    /// HYPE∞ in percent; NaN without answers to either kind.
    ///
    /// # Formula
    /// ```text
    /// (fakes error + reals error)/2
    /// ```
    /// which for equally many images of either kind is the share of wrong answers.
    #[must_use]
    pub fn hype(&self) -> f64 {
        (self.fakes.percent() + self.reals.percent()) / 2.0
    }

    /// Whether more images of noise were taken for real than [`slips`] allows.
    #[must_use]
    pub fn missed_noise(&self) -> bool {
        self.noise.wrong > slips(self.noise.of)
    }

    /// The one answer to all real and generated images, if there was but one: then nothing was judged.
    #[must_use]
    pub fn one_answer(&self) -> Option<Judged> {
        let Self { fakes, reals, .. } = *self;
        match (fakes.wrong, reals.wrong) {
            (0, wrong) if wrong == reals.of => Some(Judged::Generated),
            (wrong, 0) if wrong == fakes.of => Some(Judged::Real),
            _ => None,
        }
    }
}

/// Images of noise, of so many, that an attentive evaluator may take for real, by a slip of the finger: one in eight.
#[must_use]
pub const fn slips(noise: u64) -> u64 {
    noise / NOISE_PER_SLIP
}

/// Probability that one who guesses is found attentive.
///
/// # Formula
/// ```text
/// Σ_{k ≤ slips(n)} C(n, k)/2ⁿ
/// ```
///
/// # Accuracy
/// A relative error of a few roundings per term; below 1e-300 it may be 0.
#[must_use]
pub fn guessed(noise: u64) -> f64 {
    // The terms grow, from 2⁻ⁿ on.
    let mut term = 0.5_f64.powf(noise as f64);
    let mut sum = term;
    for k in 1..=slips(noise) {
        term *= (noise - k + 1) as f64 / k as f64;
        sum += term;
    }
    sum
}

/// Spread of a mean over evaluators.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard deviation of the means of the sets.
    pub deviation: f64,
    /// Between which 95 % of them lie: their quantiles 0.025 and 0.975.
    pub interval: [f64; 2],
}

/// Spread of the mean of values, by the bootstrap; none for fewer than two values.
///
/// # Formula
/// ```text
/// mean of n values drawn with replacement, for each set; for many sets the standard deviation of the means tends to
/// √(Σ (v_i − mean)²)/n
/// ```
///
/// # Accuracy
/// For 10,000 sets the standard deviation's own relative standard error is about 1/√20000 = 0.7 %.
///
/// # Source
/// Efron (1979), "Bootstrap Methods: Another Look at the Jackknife"; Zhou et al. (2019), whose 'Std.' it is.
pub fn bootstrap(values: &[f64], sets: usize, rng: &mut impl Rng) -> Option<Spread> {
    if values.len() < 2 || sets == 0 {
        return None;
    }
    let count = values.len() as f64;
    let mut draw =
        || (0..values.len()).map(|_| values[rng.random_range(0..values.len())]).sum::<f64>() / count;
    let mut means: Vec<f64> = (0..sets).map(|_| draw()).collect();
    let mean = means.iter().sum::<f64>() / sets as f64;
    let variance = means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / sets as f64;
    means.sort_unstable_by(f64::total_cmp);
    Some(Spread { deviation: variance.sqrt(), interval: [0.025, 0.975].map(|part| quantile(&means, part)) })
}

/// Median; none of none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile(&sorted, 0.5))
}

/// Quantile of sorted values, linear between neighbours: definition 7 of Hyndman and Fan (1996).
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Model, HYPE∞, fakes error, reals error, standard deviation, all in percent.
    /// Source: Song & Ermon (2020), Table 5; the first four rows are from Zhou et al. (2019), Table 2.
    const TABLE_5: [(&str, f64, f64, f64, f64); 6] = [
        ("StyleGAN, truncated", 50.7, 62.2, 39.3, 1.3),
        ("ProgressiveGAN", 40.3, 46.2, 34.4, 0.9),
        ("BEGAN", 10.0, 6.2, 13.8, 1.6),
        ("WGAN-GP", 3.8, 1.7, 5.9, 0.6),
        ("NCSN", 19.8, 22.3, 17.3, 0.4),
        ("NCSNv2", 37.3, 49.8, 24.8, 0.5),
    ];

    /// Answers to 1,000 images of either kind, of which a published percentage is wrong.
    fn published(fakes: f64, reals: f64) -> Tally {
        let mut tally = Tally::default();
        for (truth, percent) in [(Truth::Generated, fakes), (Truth::Real, reals)] {
            let wrong = (10.0 * percent).round() as usize;
            for number in 0..1000 {
                let is_real = (truth == Truth::Real) != (number < wrong);
                tally.add(truth, if is_real { Judged::Real } else { Judged::Generated });
            }
        }
        tally
    }

    #[test]
    fn every_row_of_table_5_is_the_mean_of_its_errors() {
        for (model, hype, fakes, reals, _) in TABLE_5 {
            let found = published(fakes, reals).hype();
            // All three are rounded to 0.1: half of it each, of the two errors on average; and a rounding of doubles.
            assert!((found - hype).abs() <= 0.1 + 1e-9, "{model}: {found}, printed {hype}");
        }
    }

    #[test]
    fn only_stylegan_is_rounded_down_from_its_half() {
        let differ = TABLE_5
            .iter()
            .filter(|(_, hype, fakes, reals, _)| (published(*fakes, *reals).hype() - hype).abs() > 0.025);
        assert_eq!(differ.map(|row| row.0).collect::<Vec<_>>(), ["StyleGAN, truncated"]);
        assert!((published(62.2, 39.3).hype() - 50.75).abs() < 1e-9);
    }

    #[test]
    fn a_wrong_answer_is_a_real_image_taken_for_generated_or_the_reverse() {
        let mut tally = Tally::default();
        for (truth, judged) in [
            (Truth::Real, Judged::Real),
            (Truth::Real, Judged::Generated),
            (Truth::Generated, Judged::Generated),
            (Truth::Generated, Judged::Generated),
            (Truth::Generated, Judged::Generated),
            (Truth::Generated, Judged::Real),
            (Truth::Noise, Judged::Generated),
            (Truth::Noise, Judged::Real),
        ] {
            tally.add(truth, judged);
        }
        let share = |wrong, of| Share { wrong, of };
        assert_eq!(tally, Tally { reals: share(1, 2), fakes: share(1, 4), noise: share(1, 2) });
        assert_eq!(tally.hype(), (50.0 + 25.0) / 2.0);
    }

    #[test]
    fn one_slip_in_eight_images_of_noise_is_forgiven() {
        let missed = |wrong, of| Tally { noise: Share { wrong, of }, ..Tally::default() }.missed_noise();
        assert!(!missed(0, 0) && !missed(0, 7) && missed(1, 7));
        assert!(!missed(1, 8) && missed(2, 8) && missed(2, 15) && !missed(2, 16) && missed(3, 16));
    }

    /// Binomial sums in integers.
    #[test]
    fn a_guesser_is_rarely_found_attentive() {
        for (noise, ways) in
            [(0, 1), (1, 1), (4, 1), (8, 1 + 8), (16, 1 + 16 + 120), (24, 1 + 24 + 276 + 2024)]
        {
            let expected = f64::from(ways) / 2_f64.powi(noise);
            assert!((guessed(noise as u64) / expected - 1.0).abs() < 1e-14, "{noise}");
        }
    }

    #[test]
    fn one_answer_to_all_is_seen() {
        let tally = |fakes, reals| Tally {
            fakes: Share { wrong: fakes, of: 5 },
            reals: Share { wrong: reals, of: 5 },
            noise: Share { wrong: 0, of: 1 },
        };
        assert_eq!(tally(0, 5).one_answer(), Some(Judged::Generated));
        assert_eq!(tally(5, 0).one_answer(), Some(Judged::Real));
        assert_eq!(
            [tally(0, 0), tally(5, 5), tally(1, 5), tally(0, 4)].map(|tally| tally.one_answer()),
            [None; 4]
        );
    }

    #[test]
    fn the_bootstrap_has_the_variance_of_its_formula() {
        let values: Vec<f64> = (0..30).map(|k| 30.0 + f64::from(k * k % 23)).collect();
        let (count, mean) = (30.0, values.iter().sum::<f64>() / 30.0);
        let expected = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt() / count;
        let spread = bootstrap(&values, RESAMPLES, &mut ChaCha8Rng::seed_from_u64(1)).expect("30 values");
        // Four standard errors of the standard deviation from 10,000 sets whose means are nearly normal.
        let tolerance = 4.0 / (2.0 * RESAMPLES as f64).sqrt();
        assert!((spread.deviation / expected - 1.0).abs() < tolerance, "{spread:?}, {expected}");
        // The same for the quantiles of a normal law: their standard error is √(p(1 − p)/B)/φ(1.96) = 0.0267 deviations.
        for (found, z) in spread.interval.into_iter().zip([-1.959_964, 1.959_964]) {
            // The law of the mean is skewed a little; its third cumulant moves both quantiles by less than 0.1 deviations.
            assert!(((found - mean) / expected - z).abs() < 0.1 + 4.0 * 0.0267, "{spread:?}, {mean}");
        }
    }

    /// All 27 sets of three: their means are 0 (8), 1 (12), 2 (6) and 3 (1) thirds of 3.
    #[test]
    fn the_bootstrap_of_three_values_tends_to_all_their_sets() {
        let spread =
            bootstrap(&[0.0, 0.0, 3.0], 100_000, &mut ChaCha8Rng::seed_from_u64(2)).expect("3 values");
        // Variance of a binomial count of three with 1/3: 2/3. Relative standard error 1/√(2·10⁵) (kurtosis 3 − 1/2).
        assert!(
            (spread.deviation / (2.0_f64 / 3.0).sqrt() - 1.0).abs() < 4.0 / 200_000_f64.sqrt(),
            "{spread:?}"
        );
        assert_eq!(spread.interval, [0.0, 3.0]);
    }

    #[test]
    fn one_evaluator_has_no_spread() {
        assert_eq!(bootstrap(&[40.0], RESAMPLES, &mut ChaCha8Rng::seed_from_u64(0)), None);
        assert_eq!(bootstrap(&[], RESAMPLES, &mut ChaCha8Rng::seed_from_u64(0)), None);
    }

    #[test]
    fn medians_lie_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}

//! Table 4 of the paper, row by row, and the data sets it names.

use super::{NoiseRange, Schedule};
use crate::Error;
use crate::names::named;

/// Which of the two models of Table 4 a row configures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Song & Ermon (2019).
    Ncsn,
    /// Song & Ermon (2020), "configured according to Technique 1–4".
    NcsnV2,
}

// As printed in Table 4.
named!(Model, "model": Ncsn => "NCSN", NcsnV2 => "NCSNv2");

/// One row of Table 4. Numbers are the decimals printed there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The model configured.
    pub model: Model,
    /// σ₁.
    pub sigma_max: f64,
    /// L.
    pub num_levels: u64,
    /// T.
    pub steps_per_level: u64,
    /// ε.
    pub epsilon: f64,
    /// Images per training step.
    pub batch_size: u64,
    /// Training steps.
    pub iterations: u64,
}

/// σ_L of every row: the smallest noise is 0.01 throughout (Song & Ermon 2020, main text).
pub const PUBLISHED_SIGMA_MIN: f64 = 0.01;

/// The overlap of adjacent levels that, with ⌊x⌋ + 1 levels, gives every L of the NCSNv2 rows: the paper's "≈ 0.5".
///
/// It is the shortest decimal that explains all of them at once (`tests/table4.rs`).
pub const PUBLISHED_OVERLAP: f64 = 0.567;

/// A data set with a known resolution and σ₁.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dataset {
    /// Name on the command line.
    pub name: &'static str,
    /// Name in print.
    pub title: &'static str,
    /// Colour channels.
    pub channels: u64,
    /// Height and width in pixels.
    pub size: u64,
    /// σ₁ for pixels in [0, 1].
    pub sigma_max: f64,
    /// Where σ₁ comes from.
    pub sigma_max_source: &'static str,
    /// The rows of Table 4 for this data set.
    pub published: &'static [Published],
}

impl Dataset {
    /// The data set with this command-line name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        DATASETS.iter().find(|dataset| dataset.name == name)
    }

    /// The data set that a configuration of the authors' code names, by `dataset` and, for LSUN, `category`.
    #[must_use]
    pub fn named(dataset: &str, category: Option<&str>) -> Option<&'static Self> {
        let name = match (dataset.to_ascii_lowercase().as_str(), category) {
            ("lsun", Some("church_outdoor")) => "church".to_owned(),
            ("lsun", Some(category)) => category.to_ascii_lowercase(),
            (dataset, _) => dataset.to_owned(),
        };
        Self::find(&name)
    }

    /// D = channels × height × width.
    #[must_use]
    pub fn dim(&self) -> u64 {
        self.channels * self.size * self.size
    }

    /// The row of Table 4 for a model.
    #[must_use]
    pub fn row(&self, model: Model) -> Option<&'static Published> {
        self.published.iter().find(|row| row.model == model)
    }
}

impl Published {
    /// The schedule of the row on data of dimension `dim`.
    ///
    /// # Errors
    /// Those of [`Schedule::new`]; none for the rows of Table 4.
    pub fn schedule(&self, dim: u64) -> Result<Schedule, Error> {
        let range = NoiseRange::new(self.sigma_max, PUBLISHED_SIGMA_MIN)?;
        Schedule::new(dim, range, self.num_levels, self.steps_per_level, self.epsilon)
    }
}

const fn ncsn(batch_size: u64, iterations: u64) -> Published {
    Published {
        model: Model::Ncsn,
        sigma_max: 1.0,
        num_levels: 10,
        steps_per_level: 100,
        epsilon: 2e-5,
        batch_size,
        iterations,
    }
}

const fn ncsnv2(
    sigma_max: f64,
    num_levels: u64,
    steps_per_level: u64,
    epsilon: f64,
    batch_size: u64,
    iterations: u64,
) -> Published {
    Published {
        model: Model::NcsnV2,
        sigma_max,
        num_levels,
        steps_per_level,
        epsilon,
        batch_size,
        iterations,
    }
}

const TABLE_4: &str = "Song & Ermon (2020), Table 4, NCSNv2 row";

const BEDROOM_TOWER: Published = ncsnv2(190.0, 1086, 3, 1.8e-6, 128, 150_000);

/// The data sets of Table 4 in its order, then MNIST, which the paper does not use.
pub const DATASETS: [Dataset; 7] = [
    Dataset {
        name: "cifar10",
        title: "CIFAR-10",
        channels: 3,
        size: 32,
        sigma_max: 50.0,
        sigma_max_source: TABLE_4,
        published: &[ncsn(128, 300_000), ncsnv2(50.0, 232, 5, 6.2e-6, 128, 300_000)],
    },
    Dataset {
        name: "celeba",
        title: "CelebA",
        channels: 3,
        size: 64,
        sigma_max: 90.0,
        sigma_max_source: TABLE_4,
        published: &[ncsn(128, 210_000), ncsnv2(90.0, 500, 5, 3.3e-6, 128, 210_000)],
    },
    Dataset {
        name: "church",
        title: "LSUN church_outdoor",
        channels: 3,
        size: 96,
        sigma_max: 140.0,
        sigma_max_source: TABLE_4,
        published: &[ncsn(128, 200_000), ncsnv2(140.0, 788, 4, 4.9e-6, 128, 200_000)],
    },
    Dataset {
        name: "bedroom",
        title: "LSUN bedroom",
        channels: 3,
        size: 128,
        sigma_max: 190.0,
        sigma_max_source: TABLE_4,
        published: &[ncsn(64, 150_000), BEDROOM_TOWER],
    },
    Dataset {
        name: "tower",
        title: "LSUN tower",
        channels: 3,
        size: 128,
        sigma_max: 190.0,
        sigma_max_source: TABLE_4,
        published: &[BEDROOM_TOWER],
    },
    Dataset {
        name: "ffhq",
        title: "FFHQ",
        channels: 3,
        size: 256,
        sigma_max: 348.0,
        sigma_max_source: TABLE_4,
        published: &[ncsnv2(348.0, 2311, 3, 0.9e-7, 32, 80_000)],
    },
    Dataset {
        name: "mnist",
        title: "MNIST",
        channels: 1,
        size: 28,
        sigma_max: 16.875_761_961_808_38,
        sigma_max_source: "exact diameter of the 60,000 training images, sqrt(18518557)/255",
        published: &[],
    },
];

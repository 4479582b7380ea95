//! The paper's models with groups of its techniques taken away (Section 6, Appendix C.4).
//!
//! The paper removes, one after the other, (iii) Technique 3, (ii) Techniques 1, 2 and 4, (i) Technique 5 from NCSNv2. The first and
//! the last model of that list are one training seen by two sets of weights: three trainings give four models.

use ncsn_theory::schedule::{DataRange, NoiseRange, Schedule};

use crate::Error;
use crate::config::{Config, Noise};
use crate::model::Architecture;
use crate::weights::Weights;

/// Learning rate without Technique 3 (Appendix B.1).
const CONDITIONAL_RATE: f64 = 1e-3;

/// A training, and the models that it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Name of its folder.
    pub folder: &'static str,
    /// All settings.
    pub config: Config,
    /// Names of its models, each with the weights that are sampled from.
    pub models: Vec<(&'static str, Weights)>,
}

/// The trainings, from all techniques taken away to none.
///
/// # Arguments
/// * `base` — NCSNv2: its network without Technique 3 is NCSN's for the same size of images, its noise without Techniques 1, 2 and
///   4 that of Table 4's rows of NCSN, which are all the same. Data, batch, steps and seed are its own in all of them
///
/// # Errors
/// [`Error::Setting`] for networks that are not NCSNv2's, and images larger than those that NCSN is published for; for noise in
/// other units than those of pixels.
pub fn variants(base: &Config) -> Result<[Variant; 3], Error> {
    let shape = &base.network;
    let (false, [_, height, width]) = (shape.architecture.is_conditional(), &shape.item[..]) else {
        let allowed = "ncsnv2, ncsnv2-deeper: the ablation begins with all techniques, for images";
        return Err(Error::setting("network", shape.architecture.name(), allowed));
    };
    let conditional = Architecture::for_size(true, *height.max(width) as u64)?;
    let units = base.noise.data_range();
    if units != DataRange::Unit {
        return Err(Error::setting(
            "data_range",
            units,
            "unit: NCSN's noise is published for pixels in [0, 1]",
        ));
    }
    let published = Schedule::new(shape.dim(), NoiseRange::new(1.0, 0.01)?, 10, 100, 2e-5)?;
    let mut without_3 = base.clone();
    without_3.network.architecture = conditional;
    without_3.training.lr = CONDITIONAL_RATE;
    let mut without_all = without_3.clone();
    without_all.noise = Noise::stated(published, "Song & Ermon (2020), Table 4, NCSN");
    Ok([
        Variant {
            folder: "ncsn",
            config: without_all,
            models: vec![("NCSN", Weights::Raw), ("NCSN₅", Weights::Ema)],
        },
        Variant {
            folder: "ncsn-1245", config: without_3, models: vec![("NCSN₁,₂,₄,₅", Weights::Ema)]
        },
        Variant { folder: "ncsnv2", config: base.clone(), models: vec![("NCSNv2", Weights::Ema)] },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    /// Source: Table 4 and Appendix B.1, rows of CIFAR-10.
    #[test]
    fn groups_of_techniques_are_taken_from_cifar_10_as_published() {
        let base = presets::find("cifar10").expect("a preset");
        let [none, some, all] = variants(&base).expect("an ablation");
        let ncsn = presets::find("ncsn-cifar10").expect("a preset");
        assert_eq!(none.config.schedule(), ncsn.schedule());
        assert_eq!(none.config.network, ncsn.network);
        assert_eq!((none.config.training.lr, none.config.training.ema_rate), (1e-3, 0.999));
        assert_eq!(some.config.schedule(), base.schedule());
        assert_eq!((&some.config.network, some.config.training.lr), (&ncsn.network, 1e-3));
        assert_eq!(all.config, base);
        assert_eq!(none.models, [("NCSN", Weights::Raw), ("NCSN₅", Weights::Ema)]);
        assert_eq!((some.models[0].1, all.models[0].1), (Weights::Ema, Weights::Ema));
        for variant in [none, some] {
            assert_eq!((variant.config.data, variant.config.training.batch), (base.data.clone(), 128));
        }
    }

    #[test]
    fn what_has_no_technique_3_to_take_away_is_refused() {
        for (preset, found) in [("ncsn-cifar10", "network is ncsn,"), ("mixture2d", "network is mlp,")] {
            let message =
                variants(&presets::find(preset).expect("a preset")).expect_err("refused").to_string();
            assert!(message.starts_with(found), "{message}");
        }
        let message = variants(&presets::find("ffhq").expect("a preset")).expect_err("refused").to_string();
        assert_eq!(message, "image size of ncsn is 256, allowed: at most 128");
    }
}

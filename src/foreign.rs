//! Schedules in the authors' YAML configurations.

use anyhow::{Context, Result, bail};
use ncsn_theory::schedule::presets::{Dataset, PUBLISHED_SIGMA_MIN};
use ncsn_theory::schedule::{DataRange, NoiseRange, Schedule, Spacing};
use serde_yaml_ng::Value;

use crate::stated::Stated;

/// T of the sampler of Song & Ermon (2019), where its configurations leave it to the code.
/// Source: ermongroup/ncsn at 2df29af, runners/anneal_runner.py, `anneal_Langevin_dynamics` (facts only).
const NCSN_STEPS: u64 = 100;
/// ε in the same place.
const NCSN_EPSILON: f64 = 2e-5;

/// Reads a configuration of the authors' code: of ncsnv2, or of ncsn.
///
/// The keys are `model`: `sigma_begin`, `sigma_end` (0.01 when absent, as in every published configuration),
/// `num_classes`, `sigma_dist`; `sampling`: `step_lr`, `n_steps_each`; `data`: `dataset`, `category`, `image_size`,
/// `channels`, `rescaled`, `logit_transform`. Each may stand at the top level instead. Other keys belong to training
/// and evaluation and are left alone.
///
/// The configurations of ncsn (Song & Ermon 2019) have no section `sampling` and no `sigma_dist`: their levels are
/// geometric, T and ε stand in the code, and [`Stated::notes`] says that they were taken from there.
///
/// # Arguments
/// * `dim` — D, for configurations that do not state an image size
///
/// # Errors
/// Text that is not YAML, a key that is missing or not a number, levels that are not geometric, a single level or none,
/// logit-transformed data, and the errors of [`Schedule::new`].
pub fn parse_yaml(text: &str, dim: Option<u64>) -> Result<Stated> {
    let root: Value = serde_yaml_ng::from_str(text)
        .map_err(|error| anyhow::anyhow!("not YAML: {}", error.to_string().replace('\n', " ")))?;
    refuse_without_levels(&root)?;
    if let Some(spacing) =
        find(&root, "model", "sigma_dist").filter(|value| value.as_str() != Some("geometric"))
    {
        bail!("sigma_dist is {}, only geometric levels can be checked", one_line(spacing));
    }
    if flag(&root, "logit_transform") {
        bail!("logit_transform is true: the techniques measure pixels, not their logits");
    }
    let range = if flag(&root, "rescaled") { DataRange::Signed } else { DataRange::Unit };
    let mut notes = Vec::new();
    let sigma_min = match find(&root, "model", "sigma_end") {
        Some(value) => number("sigma_end", value)?,
        None => {
            notes.push(format!(
                "sigma_end is not in the file: {PUBLISHED_SIGMA_MIN}, as in every published one"
            ));
            PUBLISHED_SIGMA_MIN
        }
    };
    let (steps, epsilon) = if leaves_sampling_to_the_code(&root) {
        notes.push(format!(
            "T and epsilon are not in the file: {NCSN_STEPS} and {NCSN_EPSILON:e}, as in the code of Song & Ermon \
             (2019)"
        ));
        (NCSN_STEPS, NCSN_EPSILON)
    } else {
        (integer(&root, "sampling", "n_steps_each")?, real(&root, "sampling", "step_lr")?)
    };
    let schedule = Schedule::new(
        dim.map_or_else(|| dimension(&root), Ok)?,
        NoiseRange::new(real(&root, "model", "sigma_begin")?, sigma_min)?,
        integer(&root, "model", "num_classes")?,
        steps,
        epsilon,
    )?;
    let text_of = |key| find(&root, "data", key).and_then(Value::as_str);
    let (dataset, category) = (text_of("dataset"), text_of("category"));
    let name = dataset.map(|name| [Some(name), category].into_iter().flatten().collect::<Vec<_>>().join(" "));
    let dataset = dataset.and_then(|name| Dataset::named(name, category));
    Ok(Stated { schedule, name, dataset, range, spacing: Spacing::default(), notes })
}

/// Whether this is one of ncsn's configurations rather than one of ncsnv2's with keys missing.
fn leaves_sampling_to_the_code(root: &Value) -> bool {
    let sampling = ["step_lr", "n_steps_each"].into_iter().any(|key| find(root, "sampling", key).is_some());
    !sampling && root.get("sampling").is_none() && find(root, "model", "sigma_dist").is_none()
}

/// Refuses configurations of score matching that have no sequence of noise levels.
fn refuse_without_levels(root: &Value) -> Result<()> {
    if ["sigma_begin", "num_classes"].into_iter().any(|key| find(root, "model", key).is_some()) {
        return Ok(());
    }
    if let Some(single) = find(root, "training", "noise_std") {
        bail!(
            "one noise level, noise_std {}: the techniques are about sequences of levels",
            one_line(single)
        );
    }
    bail!("no noise levels: neither sigma_begin nor num_classes is there (section model)")
}

/// Whether a text of no known suffix is a Python program, as the configurations of score_sde are.
#[must_use]
pub fn is_python(text: &str) -> bool {
    // `import:` and `from: x` are keys of YAML.
    text.lines().any(|line| {
        let word = line.split_ascii_whitespace().next();
        matches!(word, Some("import" | "from" | "def"))
    })
}

/// The refusal of a Python configuration, which would have to be run to be read, and what to do instead.
#[must_use]
pub fn python() -> anyhow::Error {
    anyhow::anyhow!(
        "a Python program, as the configurations of score_sde are, which is not run here: give its numbers by flags, \
         model.sigma_max as --sigma-max, model.sigma_min as --sigma-min, model.num_scales as --num-levels, \
         sampling.n_steps_each as --steps-per-level, the constant of the step size as --epsilon, with --dim or \
         --dataset"
    )
}

/// channels × image_size².
fn dimension(root: &Value) -> Result<u64> {
    let side = |key| integer(root, "data", key).context("the dimension is unknown (or give --dim)");
    let (size, channels) = (side("image_size")?, side("channels")?);
    size.checked_mul(size)
        .and_then(|pixels| pixels.checked_mul(channels))
        .with_context(|| format!("image_size {size} with {channels} channels is too large"))
}

/// The value of a key in its section, else at the top level.
fn find<'a>(root: &'a Value, section: &str, key: &str) -> Option<&'a Value> {
    root.get(section).and_then(|section| section.get(key)).or_else(|| root.get(key))
}

fn required<'a>(root: &'a Value, section: &str, key: &str) -> Result<&'a Value> {
    find(root, section, key).with_context(|| format!("{key} is missing (section {section})"))
}

fn flag(root: &Value, key: &str) -> bool {
    find(root, "data", key).and_then(Value::as_bool).unwrap_or(false)
}

fn number(key: &str, value: &Value) -> Result<f64> {
    // YAML 1.1 readers such as PyYAML take 2e-5 for text, so configurations quote or spell it in several ways.
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .with_context(|| format!("{key} is {}, not a number", one_line(value)))
}

fn real(root: &Value, section: &str, key: &str) -> Result<f64> {
    number(key, required(root, section, key)?)
}

fn integer(root: &Value, section: &str, key: &str) -> Result<u64> {
    let value = required(root, section, key)?;
    value.as_u64().with_context(|| format!("{key} is {}, not a whole number", one_line(value)))
}

fn one_line(value: &Value) -> String {
    let text = serde_yaml_ng::to_string(value).unwrap_or_default();
    text.trim().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The authors' configuration for CIFAR-10, sections and keys as they have them.
    /// Source: ermongroup/ncsnv2 at 1bcea03, configs/cifar10.yml (facts only).
    const CIFAR10: &str = include_str!("../fuzz/seeds/yaml/cifar10.yml");

    #[test]
    fn the_authors_cifar10_configuration_is_read() {
        let read = parse_yaml(CIFAR10, None).unwrap();
        let expected = Schedule::new(3072, NoiseRange::new(50.0, 0.01).unwrap(), 232, 5, 6.2e-6).unwrap();
        let dataset = Dataset::find("cifar10");
        let (name, range, notes) = (Some("CIFAR10".into()), DataRange::Unit, Vec::new());
        let spacing = Spacing::default();
        assert_eq!(read, Stated { schedule: expected, name, dataset, range, spacing, notes });
    }

    /// Source: ermongroup/ncsn at 80899cd, configs/ and runners/anneal_runner.py (facts only).
    #[test]
    fn configurations_of_ncsn_take_steps_and_epsilon_from_its_code_and_say_so() {
        let read = parse_yaml(include_str!("../tests/cli/check.in/ncsn/anneal.yml"), None).unwrap();
        let expected = Schedule::new(784, NoiseRange::new(1.0, 0.01).unwrap(), 10, 100, 2e-5).unwrap();
        assert_eq!((read.schedule, read.dataset), (expected, Dataset::find("mnist")));
        assert_eq!(
            read.notes,
            ["T and epsilon are not in the file: 100 and 2e-5, as in the code of Song & Ermon (2019)"]
        );
        // One of the two alone is a key that was lost, not a configuration of ncsn.
        let half = include_str!("../tests/cli/check.in/ncsn/anneal.yml").to_owned()
            + "sampling:\n  step_lr: 0.00002\n";
        assert!(format!("{:#}", parse_yaml(&half, None).unwrap_err()).contains("n_steps_each is missing"));
    }

    #[test]
    fn categories_name_the_data_sets_of_lsun() {
        for (category, name) in [("church_outdoor", "church"), ("bedroom", "bedroom"), ("tower", "tower")] {
            let data = format!("dataset: LSUN\n  category: {category}");
            let read = parse_yaml(&CIFAR10.replace("dataset: \"CIFAR10\"", &data), None).unwrap();
            assert_eq!(read.dataset.map(|dataset| dataset.name), Some(name));
        }
        let read = parse_yaml(&CIFAR10.replace("CIFAR10", "LSUN"), None).unwrap();
        assert_eq!((read.dataset, read.name.as_deref()), (None, Some("LSUN")));
    }

    #[test]
    fn keys_of_yaml_are_not_python() {
        assert!(is_python("import ml_collections\n") && is_python("x = 1\ndef get_config():\n"));
        assert!(!is_python("import: 3\nfrom: x\ndefault: 1\n") && !is_python(CIFAR10));
    }

    #[test]
    fn rescaled_pixels_are_signed() {
        let read = parse_yaml(&CIFAR10.replace("rescaled: false", "rescaled: true"), None).unwrap();
        assert_eq!(read.range, DataRange::Signed);
    }

    #[test]
    fn each_missing_key_is_named() {
        for key in ["step_lr", "n_steps_each", "image_size", "channels", "sigma_begin", "num_classes"] {
            let without: Vec<&str> = CIFAR10.lines().filter(|line| !line.contains(key)).collect();
            let error = format!("{:#}", parse_yaml(&without.join("\n"), None).unwrap_err());
            assert!(error.contains(key) && error.contains("missing"), "{error}");
        }
    }

    #[test]
    fn bad_values_are_refused_in_one_line() {
        for (good, bad) in [
            ("sigma_begin: 50", "sigma_begin: [1, 2]"),
            ("num_classes: 232", "num_classes: 2.5"),
            ("num_classes: 232", "num_classes: 1"),
            ("step_lr: 0.0000062", "step_lr: 1"),
            ("step_lr: 0.0000062", "step_lr: .nan"),
            ("sigma_begin: 50", "sigma_begin: 0.001"),
            ("image_size: 32", "image_size: 18446744073709551615"),
            ("channels: 3", "channels: 3\n  channels: 1"),
            ("sigma_dist: geometric", "sigma_dist: uniform"),
            ("logit_transform: false", "logit_transform: true"),
        ] {
            let changed = CIFAR10.replace(good, bad);
            assert_ne!(changed, CIFAR10, "{good} is there");
            let error = format!("{:#}", parse_yaml(&changed, None).unwrap_err());
            assert!(!error.contains('\n'), "{error}");
        }
    }
}

//! Schedules in the authors' YAML configurations.

use anyhow::{Context, Result, bail};
use ncsn_theory::schedule::presets::PUBLISHED_SIGMA_MIN;
use ncsn_theory::schedule::{DataRange, NoiseRange, Schedule};
use serde_yaml_ng::Value;

/// What a configuration says about noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The schedule.
    pub schedule: Schedule,
    /// Name of the data set, where one is given.
    pub dataset: Option<String>,
    /// Units of the pixels: [−1, 1] with `rescaled`, else [0, 1].
    pub range: DataRange,
}

/// Reads a configuration of the authors' code.
///
/// The keys are `model`: `sigma_begin`, `sigma_end` (0.01 when absent, as in every published configuration),
/// `num_classes`, `sigma_dist`; `sampling`: `step_lr`, `n_steps_each`; `data`: `dataset`, `image_size`, `channels`,
/// `rescaled`, `logit_transform`. Each may stand at the top level instead. Other keys belong to training and
/// evaluation and are left alone.
///
/// # Arguments
/// `dim` — D, for configurations that do not state an image size.
///
/// # Errors
/// Text that is not YAML, a key that is missing or not a number, levels that are not geometric, logit-transformed
/// data, and the errors of [`Schedule::new`].
pub fn parse_yaml(text: &str, dim: Option<u64>) -> Result<Configuration> {
    let root: Value = serde_yaml_ng::from_str(text)
        .map_err(|error| anyhow::anyhow!("not YAML: {}", error.to_string().replace('\n', " ")))?;
    if let Some(spacing) =
        find(&root, "model", "sigma_dist").filter(|value| value.as_str() != Some("geometric"))
    {
        bail!("sigma_dist is {}, only geometric levels can be checked", one_line(spacing));
    }
    if flag(&root, "logit_transform") {
        bail!("logit_transform is true: the techniques measure pixels, not their logits");
    }
    let range = if flag(&root, "rescaled") { DataRange::Signed } else { DataRange::Unit };
    let sigma_min = match find(&root, "model", "sigma_end") {
        Some(value) => number("sigma_end", value)?,
        None => PUBLISHED_SIGMA_MIN,
    };
    let schedule = Schedule::new(
        dim.map_or_else(|| dimension(&root), Ok)?,
        NoiseRange::new(real(&root, "model", "sigma_begin")?, sigma_min)?,
        integer(&root, "model", "num_classes")?,
        integer(&root, "sampling", "n_steps_each")?,
        real(&root, "sampling", "step_lr")?,
    )?;
    let dataset = find(&root, "data", "dataset").and_then(Value::as_str).map(str::to_owned);
    Ok(Configuration { schedule, dataset, range })
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

/// A double as YAML 1.1 and 1.2 readers both take for a number: with a point, and a signed exponent.
pub fn yaml_number(x: f64) -> String {
    let plain = format!("{x:?}");
    let Some((mantissa, exponent)) = plain.split_once('e') else { return plain };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
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
        assert_eq!(
            read,
            Configuration { schedule: expected, dataset: Some("CIFAR10".into()), range: DataRange::Unit }
        );
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

    #[test]
    fn numbers_keep_their_value_and_have_a_point() {
        for (x, text) in
            [(50.0, "50.0"), (1e-5, "1.0e-5"), (6.2e-6, "6.2e-6"), (1e300, "1.0e+300"), (0.01, "0.01")]
        {
            assert_eq!(yaml_number(x), text);
            assert_eq!(text.parse(), Ok(x));
        }
    }
}

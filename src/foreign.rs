//! Schedules in the authors' YAML configurations.

use anyhow::{Context, Result, bail};
use ncsn_theory::schedule::presets::PUBLISHED_SIGMA_MIN;
use ncsn_theory::schedule::{NoiseRange, Schedule};
use serde_yaml_ng::Value;

/// The schedule in a configuration of the authors' code, and the name of its data set where it has one.
///
/// Reads `sigma_begin`, `sigma_end` (0.01 when absent, as in every published configuration), `num_classes`, `step_lr`,
/// `n_steps_each` and, for the dimension, `image_size` and `channels`, in whatever section they stand. Other keys belong
/// to training and are left alone.
///
/// # Arguments
/// `dim` — D, for configurations that do not state an image size.
///
/// # Errors
/// Text that is not YAML, a key that is missing, not a number or given twice, and the errors of [`Schedule::new`].
pub fn parse_yaml(text: &str, dim: Option<u64>) -> Result<(Schedule, Option<String>)> {
    let root: Value = serde_yaml_ng::from_str(text)
        .map_err(|error| anyhow::anyhow!("not YAML: {}", error.to_string().replace('\n', " ")))?;
    let dim = match dim {
        Some(dim) => dim,
        None => {
            let (size, channels) = (
                integer(&root, "image_size").context("the dimension is unknown (or give --dim)")?,
                integer(&root, "channels").context("the dimension is unknown (or give --dim)")?,
            );
            size.checked_mul(size)
                .and_then(|pixels| pixels.checked_mul(channels))
                .with_context(|| format!("image_size {size} with {channels} channels is too large"))?
        }
    };
    let sigma_end =
        find(&root, "sigma_end")?.map_or(Ok(PUBLISHED_SIGMA_MIN), |value| number("sigma_end", value))?;
    let range = NoiseRange::new(real(&root, "sigma_begin")?, sigma_end)?;
    let schedule = Schedule::new(
        dim,
        range,
        integer(&root, "num_classes")?,
        integer(&root, "n_steps_each")?,
        real(&root, "step_lr")?,
    )?;
    let dataset = find(&root, "dataset")?.and_then(Value::as_str).map(str::to_owned);
    Ok((schedule, dataset))
}

/// The value of `key`, at any depth.
fn find<'a>(value: &'a Value, key: &str) -> Result<Option<&'a Value>> {
    let mut found = None;
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        let Value::Mapping(mapping) = value else { continue };
        for (name, child) in mapping {
            if name.as_str() == Some(key) {
                if found.is_some() {
                    bail!("{key} is given twice");
                }
                found = Some(child);
            }
            pending.push(child);
        }
    }
    Ok(found)
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

fn real(root: &Value, key: &str) -> Result<f64> {
    number(key, find(root, key)?.with_context(|| format!("{key} is missing"))?)
}

fn integer(root: &Value, key: &str) -> Result<u64> {
    let value = find(root, key)?.with_context(|| format!("{key} is missing"))?;
    value.as_u64().with_context(|| format!("{key} is {}, not a whole number", one_line(value)))
}

fn one_line(value: &Value) -> String {
    let text = serde_yaml_ng::to_string(value).unwrap_or_default();
    text.trim().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schedule keys of the authors' configuration for CIFAR-10.
    /// Source: ermongroup/ncsnv2 at 1bcea03, configs/cifar10.yml (values only).
    const CIFAR10: &str = "sampling:\n  step_lr: 0.0000062\n  n_steps_each: 5\ndata:\n  dataset: \"CIFAR10\"\n  \
                           image_size: 32\n  channels: 3\nmodel:\n  sigma_begin: 50\n  num_classes: 232\n  \
                           sigma_end: 0.01\n";

    #[test]
    fn the_authors_cifar10_keys_are_read() {
        let (schedule, dataset) = parse_yaml(CIFAR10, None).unwrap();
        let expected = Schedule::new(3072, NoiseRange::new(50.0, 0.01).unwrap(), 232, 5, 6.2e-6).unwrap();
        assert_eq!((schedule, dataset.as_deref()), (expected, Some("CIFAR10")));
    }

    #[test]
    fn each_missing_key_is_named() {
        for key in ["step_lr", "n_steps_each", "image_size", "channels", "sigma_begin", "num_classes"] {
            let without: String =
                CIFAR10.lines().filter(|line| !line.contains(key)).map(|l| l.to_owned() + "\n").collect();
            let error = format!("{:#}", parse_yaml(&without, None).unwrap_err());
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
            ("channels: 3", "channels: 3\n  image_size: 64"),
        ] {
            let error = format!("{:#}", parse_yaml(&CIFAR10.replace(good, bad), None).unwrap_err());
            assert!(!error.contains('\n'), "{error}");
        }
    }
}

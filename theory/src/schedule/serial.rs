//! A schedule as files hold it.

use serde::{Deserialize, Serialize};

use super::{NoiseRange, Schedule};
use crate::Error;

/// The numbers of a [`Schedule`] before they are checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Numbers {
    dim: u64,
    sigma_max: f64,
    sigma_min: f64,
    num_levels: u64,
    steps_per_level: u64,
    epsilon: f64,
}

impl TryFrom<Numbers> for Schedule {
    type Error = Error;

    fn try_from(numbers: Numbers) -> Result<Self, Error> {
        let Numbers { dim, sigma_max, sigma_min, num_levels, steps_per_level, epsilon } = numbers;
        Self::new(dim, NoiseRange::new(sigma_max, sigma_min)?, num_levels, steps_per_level, epsilon)
    }
}

impl From<Schedule> for Numbers {
    fn from(schedule: Schedule) -> Self {
        Self {
            dim: schedule.dim,
            sigma_max: schedule.range.max(),
            sigma_min: schedule.range.min(),
            num_levels: schedule.num_levels,
            steps_per_level: schedule.steps_per_level,
            epsilon: schedule.epsilon,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Source: Table 4, CIFAR-10.
    fn cifar10() -> serde_json::Value {
        json!({"dim": 3072, "sigma_max": 50.0, "sigma_min": 0.01, "num_levels": 232, "steps_per_level": 5,
            "epsilon": 6.2e-6})
    }

    #[test]
    fn a_schedule_is_written_by_its_six_names_and_reads_back() {
        let schedule: Schedule = serde_json::from_value(cifar10()).unwrap();
        let expected = Schedule::new(3072, NoiseRange::new(50.0, 0.01).unwrap(), 232, 5, 6.2e-6).unwrap();
        assert_eq!(schedule, expected);
        assert_eq!(serde_json::to_value(schedule).unwrap(), cifar10());
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_key_value_and_limit_in_one_line() {
        for (key, value, expected) in [
            ("epsilon", json!(2e-4), "epsilon is 0.0002, allowed: above 0 and below 2 sigma_min^2"),
            ("num_levels", json!(1), "num_levels is 1, allowed: 2 to 2^53"),
            ("sigma_min", json!(60.0), "sigma_min 60.0 is not below sigma_max 50.0"),
            ("dim", json!(0), "dim is 0, allowed: 1 to 2^53"),
            ("step_lr", json!(1e-5), "unknown field `step_lr`, expected one of `dim`"),
        ] {
            let mut numbers = cifar10();
            numbers[key] = value;
            let message = serde_json::from_value::<Schedule>(numbers).unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        }
    }
}

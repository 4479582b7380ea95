//! Configurations as files hold them, those of before included.

use ncsn_theory::schedule::{DataRange, NoiseRange, Schedule};
use serde::{Deserialize, Serialize};

use super::noise::{Noise, Stated};
use super::{Config, Data, Records, Training};
use crate::Error;
use crate::model::NetworkShape;

/// A configuration before its noise levels are checked: what it holds, it is written with again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    preset: String,
    network: NetworkShape,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise: Option<Numbers>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<Noise>,
    data: Data,
    training: Training,
    records: Records,
}

/// The table `noise` of the first configurations, which had no dimension: it was that of the network's items.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    sigma_max: f64,
    sigma_min: f64,
    num_levels: u64,
    steps_per_level: u64,
    epsilon: f64,
    #[serde(default, skip_serializing_if = "is_unit")]
    units: DataRange,
    source: String,
}

fn is_unit(range: &DataRange) -> bool {
    *range == DataRange::Unit
}

impl Numbers {
    fn for_dim(self, dim: u64) -> Result<Noise, Error> {
        let range = NoiseRange::new(self.sigma_max, self.sigma_min)?;
        let numbers = Schedule::new(dim, range, self.num_levels, self.steps_per_level, self.epsilon)?;
        Ok(Noise::Stated(Stated { source: self.source, data_range: self.units, numbers }))
    }
}

impl TryFrom<Table> for Config {
    type Error = Error;

    fn try_from(table: Table) -> Result<Self, Error> {
        let Table { preset, network, noise, schedule, data, training, records } = table;
        let noise = match (schedule, noise) {
            (Some(schedule), None) => schedule,
            (None, Some(numbers)) => numbers.for_dim(network.dim())?,
            (None, None) => return Err(Error::setting("schedule", "missing", "a table, file or stated")),
            (Some(_), Some(_)) => {
                return Err(Error::setting("noise", "a table", "none beside the table schedule"));
            }
        };
        Ok(Self { preset, network, noise, data, training, records })
    }
}

//! Commands that several processes run together.

use std::time::Duration;

use anyhow::Result;
use ncsn_shell::{Outcome, TRY_AGAIN, fail};
use serde_json::{Value, json};
use tch::Device;

use crate::Error;
use crate::config::{Config, Precision};
use crate::peers::{Peers, Place};

/// Seconds that processes wait for each other at the start.
pub(super) const PATIENCE: u64 = 300;

/// Meets the other processes, if there are any.
///
/// # Arguments
/// * `about` — what must be the same for all, beside the program, the precision and the kind of device
///
/// # Errors
/// Those of [`Peers::join`].
pub(super) fn meet(
    place: Option<&Place>,
    (device, precision): (Device, Precision),
    about: &Value,
    patience: u64,
) -> Result<Peers, Error> {
    let Some(place) = place.filter(|place| place.size > 1) else { return Ok(Peers::alone()) };
    let (program, precision) = (env!("CARGO_PKG_VERSION"), precision.to_string());
    let about = json!({"program": program, "precision": precision, "cuda": device.is_cuda(), "about": about});
    let ended = |reason: &str| {
        lost(reason);
        // The main thread may be waiting for what was lost.
        std::process::exit(i32::from(TRY_AGAIN));
    };
    Peers::join(place, device, &about, Duration::from_secs(patience), ended)
}

/// A configuration as processes compare it: the same files may lie elsewhere on another machine, but their digest is there.
pub(super) fn compared(config: &Config) -> Config {
    let mut config = config.clone();
    (config.data.train, config.data.test) = (None, None);
    config
}

/// What becomes of a command whose other processes may have been lost.
///
/// # Errors
/// Those that are its own.
pub(super) fn outcome<T>(
    result: Result<T, impl Into<anyhow::Error>>,
    done: impl FnOnce(T) -> Result<Outcome>,
) -> Result<Outcome> {
    let error = match result {
        Ok(result) => return done(result),
        Err(error) => error.into(),
    };
    match error.downcast_ref() {
        Some(Error::Peers(reason)) => {
            lost(reason);
            Ok(Outcome::TryAgain)
        }
        _ => Err(error),
    }
}

fn lost(reason: &str) {
    fail(&format!("{reason}; a training goes on from its last checkpoint with --resume"));
}

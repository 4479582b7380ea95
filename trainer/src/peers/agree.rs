//! Whether all processes are about to do the same.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::place::Place;
use super::store::Store;
use crate::Error;
use crate::config::differing;

/// Waits for what each process is about to do, and compares it with this one's.
pub(super) fn compare(store: &Store, place: &Place, about: &Value, patience: Duration) -> Result<(), Error> {
    let Place { rank, size, .. } = *place;
    let own = serde_json::json!({"WORLD_SIZE": size, "about": about});
    let key = |rank: usize| format!("about/{rank}");
    store.set(&key(rank), &own.to_string())?;
    let since = Instant::now();
    for other in (0..size).filter(|&other| other != rank) {
        let left = patience.saturating_sub(since.elapsed());
        let Ok(found) = store.get(&key(other), left) else {
            let missing = (0..size).filter(|&rank| !store.has(&key(rank)).unwrap_or(false));
            let missing: Vec<String> = missing.map(|rank| rank.to_string()).collect();
            return Err(Error::Peers(format!(
                "rank {} of {size} has not come within {} s",
                missing.join(", "),
                patience.as_secs()
            )));
        };
        let found: Value = serde_json::from_str(&found).unwrap_or_default();
        if let Some(first) = differing(&found, &own).first() {
            let value = |all: &Value| {
                let path = format!("/{}", first.replace('.', "/"));
                all.pointer(&path).map_or("missing".to_owned(), Value::to_string)
            };
            return Err(Error::Peers(format!(
                "{} is {} in rank {other} and {} in rank {rank}",
                first.trim_start_matches("about."),
                value(&found),
                value(&own)
            )));
        }
    }
    Ok(())
}

//! Whether the other processes are alive: each counts up in the store, and looks at the others' counts.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::place::Place;
use super::store::Store;
use crate::Error;

/// Between signs of life.
const BEAT: Duration = Duration::from_secs(3);
/// Without a sign of life for so long, a process is lost.
const LIMIT: Duration = Duration::from_secs(30);

/// Threads that give signs of life and wait for those of others, until dropped.
#[derive(Debug)]
pub(super) struct Watch(#[expect(dead_code, reason = "its end ends the threads")] [Sender<()>; 2]);

impl Watch {
    /// Rank 0 looks after all others, they look after rank 0.
    ///
    /// # Arguments
    /// * `lost` — told what was lost; the main thread may be waiting for it and never come back, so that this should end the
    ///   process
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub(super) fn start(place: &Place, patience: Duration, lost: fn(&str)) -> Result<Self, Error> {
        let store = Store::open(place, false, patience)?;
        let ranks = if place.rank == 0 { 1..place.size } else { 0..1 };
        let mut others: Vec<Other> =
            ranks.map(|rank| Other { rank, count: -1, since: Instant::now() }).collect();
        let own = key(place.rank);
        let answered = Arc::new(Mutex::new(Instant::now()));
        let last = Arc::clone(&answered);
        let ([end_beats, end_guard], [no_beats, no_guard]) = pairs();
        thread::spawn(move || {
            while !wait(&no_beats) {
                let found = look(&store, &own, &mut others);
                *last.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Instant::now();
                match found {
                    Ok(None) => {}
                    Ok(Some(rank)) => {
                        return lost(&format!(
                            "rank {rank} has given no sign of life for {} s",
                            LIMIT.as_secs()
                        ));
                    }
                    // Whoever ends first closes the others' connections, whose turn comes within a beat.
                    Err(_) if wait(&no_beats) => return,
                    Err(_) => return lost("the process at which the others meet has ended"),
                }
            }
        });
        // A store whose host hangs does not answer at all.
        thread::spawn(move || {
            while !wait(&no_guard) {
                if answered.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).elapsed() > LIMIT {
                    let limit = LIMIT.as_secs();
                    return lost(&format!(
                        "the process at which the others meet has not answered for {limit} s"
                    ));
                }
            }
        });
        Ok(Self([end_beats, end_guard]))
    }
}

struct Other {
    rank: usize,
    count: i64,
    since: Instant,
}

fn pairs() -> ([Sender<()>; 2], [Receiver<()>; 2]) {
    let ((a, b), (c, d)) = (channel(), channel());
    ([a, c], [b, d])
}

fn key(rank: usize) -> String {
    format!("alive/{rank}")
}

/// Whether the end has come within a beat.
fn wait(ended: &Receiver<()>) -> bool {
    !matches!(ended.recv_timeout(BEAT), Err(RecvTimeoutError::Timeout))
}

/// Gives a sign of life, and returns who has given none for too long.
fn look(store: &Store, own: &str, others: &mut [Other]) -> Result<Option<usize>, Error> {
    store.add(own, 1)?;
    for other in others {
        let count = store.add(&key(other.rank), 0)?;
        if count != other.count {
            (other.count, other.since) = (count, Instant::now());
        } else if other.since.elapsed() > LIMIT {
            return Ok(Some(other.rank));
        }
    }
    Ok(None)
}

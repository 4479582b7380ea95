//! Many changed seeds through every parser, in one process: `cargo run --release --bin campaign -- 10000000 [SEED]`.
//!
//! Ends with status 1 at the first input that panics, takes longer than a second or more memory than its bound; the input is
//! then left in `artifacts/`. Without libFuzzer's coverage, but a hundred times as fast to start and on stable Rust.

#[path = "entry.rs"]
mod entry;

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Memory that is in use, and the most that was since it was last set.
static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(used, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What one input may take: the pools of unpackers and decoders, and what the files of at most some KB can unpack to.
const MOST_MEMORY: usize = 1 << 30;
const MOST_TIME: Duration = Duration::from_secs(1);
/// Time between reports, and the inputs of one target in turn.
const REPORT: Duration = Duration::from_secs(20);
const TURN: u64 = 512;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let mut random = Random(arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1));
    let seeds: Vec<(&str, Vec<Vec<u8>>)> = entry::TARGETS.iter().map(|&target| (target, seeds(target))).collect();
    // What is thrown is reported by its input, not line by line.
    std::panic::set_hook(Box::new(|_| {}));
    let (started, mut reported) = (Instant::now(), Instant::now());
    let (mut done, mut accepted) = (0, 0);
    let (mut slowest, mut most) = ((Duration::ZERO, ""), (0, ""));
    'all: loop {
        for (target, seeds) in &seeds {
            // Temporary files make these slow: every eighth turn is enough.
            let turn = if matches!(*target, "open" | "hdf5") { TURN / 8 } else { TURN };
            for _ in 0..turn {
                if done >= count {
                    break 'all;
                }
                let input = random.changed(seeds);
                let before = USED.load(Ordering::Relaxed);
                PEAK.store(before, Ordering::Relaxed);
                let begun = Instant::now();
                let result = catch_unwind(|| entry::read(target, &input));
                let (took, memory) = (begun.elapsed(), PEAK.load(Ordering::Relaxed).saturating_sub(before));
                done += 1;
                accepted += u64::from(matches!(result, Ok(Ok(()))));
                slowest = slowest.max((took, target));
                most = most.max((memory, target));
                let fault = match result {
                    Err(_) => Some("panics".to_owned()),
                    _ if memory > MOST_MEMORY => Some(format!("takes {memory} bytes")),
                    // A busy machine may pause any input once.
                    _ if took > MOST_TIME && again(target, &input) > MOST_TIME => Some(format!("takes {took:?}")),
                    _ => None,
                };
                if let Some(fault) = fault {
                    let _ = std::fs::create_dir_all("artifacts");
                    let path = format!("artifacts/campaign-{target}");
                    let _ = std::fs::write(&path, &input);
                    println!("{target}: an input of {} bytes {fault}: {path}", input.len());
                    return ExitCode::FAILURE;
                }
                if reported.elapsed() > REPORT {
                    reported = Instant::now();
                    println!("{done} inputs, {accepted} accepted, {:.0} s", started.elapsed().as_secs_f64());
                }
            }
        }
    }
    println!(
        "{done} inputs over {} parsers in {:.0} s, {accepted} accepted: no panic; slowest {:.0?} ({}), \
         most memory {} kB ({})",
        seeds.len(),
        started.elapsed().as_secs_f64(),
        slowest.0,
        slowest.1,
        most.0 / 1000,
        most.1
    );
    ExitCode::SUCCESS
}

fn again(target: &str, input: &[u8]) -> Duration {
    let begun = Instant::now();
    let _ = entry::read(target, input);
    begun.elapsed()
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a folder of seeds").map(|file| file.expect("a seed").path()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A seed with a few changes: bytes, runs of bytes, lengths, parts of another seed.
    fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..1 + self.below(4) {
            let at = self.below(input.len());
            match self.below(8) {
                0 | 1 if !input.is_empty() => input[at] = self.next() as u8,
                2 if !input.is_empty() => input[at] ^= 1 << self.below(8),
                3 => input.truncate(at),
                4 => {
                    let length = self.below(9);
                    let bytes = self.next().to_le_bytes();
                    input.splice(at..at, bytes[..length.min(8)].iter().copied());
                }
                5 if !input.is_empty() => {
                    let end = (at + 1 + self.below(8)).min(input.len());
                    input.drain(at..end);
                }
                6 if input.len() >= 4 => {
                    // Numbers that parsers take for lengths.
                    let values = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, self.next() as u32 & 0xffff];
                    let at = self.below(input.len() - 3);
                    let value = values[self.below(values.len())];
                    let bytes = if self.below(2) == 0 { value.to_le_bytes() } else { value.to_be_bytes() };
                    input[at..at + 4].copy_from_slice(&bytes);
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let length = self.below(other.len() - from.min(other.len())).min(64);
                    input.splice(at..at, other[from..from + length].iter().copied());
                }
            }
        }
        input
    }
}

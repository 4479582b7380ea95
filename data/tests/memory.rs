//! Memory that damaged tables take: headers may claim anything, and nothing is allocated for a claim alone.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use support::{open_plain, write};
use tempfile::tempdir;

/// Most bytes that a file of a few KB may take: 16 MiB of gathered rows, 8 MiB for blocks of LZ4, buffers of files.
const BOUND: usize = 32 << 20;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_changed_byte_of_a_table_takes_memory_beyond_the_bound() {
    let oracles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles");
    let folder = tempdir().unwrap();
    let files = [
        "arrow/list-f32.arrow",
        "arrow/list-f64.arrow",
        "arrow/array3d-zstd.arrow",
        "arrow/fixed.arrow",
        "arrow/columns-f64.arrow",
        "parquet/list-f32.parquet",
        "parquet/fixed-f64.parquet",
        "parquet/columns-u8.parquet",
        "parquet/split.parquet",
        "parquet/delta.parquet",
    ];
    for file in files {
        let whole = std::fs::read(oracles.join(file)).unwrap();
        for at in (0..whole.len()).step_by(whole.len().div_ceil(300)) {
            let mut changed = whole.clone();
            changed[at] ^= [0x80, 0xff, 0x7f][at % 3];
            let path = write(folder.path(), "table", &changed);
            PEAK.store(NOW.load(Relaxed), Relaxed);
            // Whether it is refused is for other tests.
            drop(open_plain(&path));
            let peak = PEAK.load(Relaxed);
            assert!(peak < BOUND, "{file}, byte {at}: {peak} bytes");
        }
    }
}

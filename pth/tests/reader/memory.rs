//! What the reader holds in memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Cursor, Write};
use std::path::Path;

use ncsn_pth as pickle;

use crate::locate::content;
use crate::refused::stream;
use crate::writer::{Block, Way};

/// The system's allocator, which counts what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    HELD.set(HELD.get() + change);
    PEAK.set(PEAK.get().max(HELD.get()));
}

// SAFETY: every call is passed on to `System` unchanged; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above; the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes held at once by a call beyond what was held before.
pub fn peak<T>(call: impl FnOnce() -> T) -> (T, u64) {
    let before = HELD.get();
    PEAK.set(before);
    let result = call();
    (result, (PEAK.get() - before).cast_unsigned() as u64)
}

/// The opcodes of a tensor that is the whole of its storage of float32.
fn tensor(elements: u64) -> Vec<u8> {
    let numel = [b"\x8a\x08", &elements.to_le_bytes()[..]].concat();
    [
        &b"ctorch._utils\n_rebuild_tensor\n("[..],
        b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu",
        &numel,
        b"tQK\0",
        &numel,
        b"\x85K\x01\x85tR.",
    ]
    .concat()
}

/// A legacy stream of one tensor, up to its elements.
pub fn stream_of(elements: u64) -> Vec<u8> {
    let mut legacy = stream(&tensor(elements));
    legacy.truncate(legacy.len() - 4);
    legacy.extend_from_slice(b"\x80\x02]X\x01\0\0\x000a.");
    legacy.extend_from_slice(&elements.to_le_bytes());
    legacy
}

/// An archive of one tensor of zeros.
pub fn archive_of(elements: usize) -> Vec<u8> {
    let (data, tensor) = (vec![0; elements * 4], tensor(elements as u64));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, data) in [("x/data.pkl", tensor.as_slice()), ("x/data/0", &data), ("x/version", b"3\n")] {
        zip.start_file(name, options).unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// 8 MB in one block: the reader's own copy is the value, in every form.
#[test]
fn a_large_block_is_held_once() {
    const ELEMENTS: usize = 2_000_000;
    const BYTES: usize = 4 * ELEMENTS;
    let bytes = vec![0u8; BYTES];
    let legacy = [stream_of(ELEMENTS as u64), bytes.clone()].concat();
    let array = Block { name: "f4", shape: vec![ELEMENTS], bytes, is_big: true, is_fortran: false };
    for file in [legacy, archive_of(ELEMENTS), array.pickle(Way::Bytes), array.pickle(Way::Buffer)] {
        let (value, peak) = peak(|| pickle::parse(Cursor::new(&file), Path::new("x")).unwrap());
        assert_eq!(content(&value, &file).2.len(), BYTES);
        // 1.05 rather than 1: buffers of the readers and of the pickle machine.
        assert!(peak < BYTES as u64 * 105 / 100, "{peak} bytes for {BYTES}");
    }
}

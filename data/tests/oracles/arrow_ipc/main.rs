//! Reads files by the crate `arrow-ipc` with each byte changed, each time in a process of its own, and counts how it ends.
//!
//! cargo run --release -- ../arrow/images.arrow ../arrow/lz4.arrow ...

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::process::{Command, Stdio, exit};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use arrow_ipc::reader::{FileReader, StreamReader};

/// Bytes at once that no file of a few KB has a reason to ask for.
const LARGE: usize = 16 << 20;

/// Ends of a process: read or refused, after it asked for much memory, by a panic.
const DONE: i32 = 0;
const AFTER_LARGE: i32 = 3;
const PANIC: i32 = 101;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn read(bytes: &[u8]) -> bool {
    let input = Cursor::new(bytes);
    if bytes.starts_with(b"ARROW1") {
        FileReader::try_new(input, None).is_ok_and(|mut batches| batches.all(|batch| batch.is_ok()))
    } else {
        StreamReader::try_new(input, None).is_ok_and(|mut batches| batches.all(|batch| batch.is_ok()))
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, path, at, "--changed"] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        let (mut bytes, at) = (std::fs::read(path).expect("a file"), at.parse::<usize>().expect("a number"));
        bytes[at] ^= [0x01, 0x80, 0xff][at % 3];
        read(&bytes);
        exit(if LARGEST.load(Relaxed) > LARGE { AFTER_LARGE } else { DONE });
    }
    let program = std::env::current_exe().expect("this program");
    for path in &arguments[1..] {
        let length = std::fs::metadata(path).expect("a file").len();
        let [mut panics, mut large, mut aborts] = [0; 3];
        for at in 0..length {
            let mut command = Command::new(&program);
            let status = command.args([path, &at.to_string(), "--changed"]).stderr(Stdio::null()).status();
            match status.expect("a process").code() {
                Some(DONE) => {}
                Some(AFTER_LARGE) => large += 1,
                Some(PANIC) => panics += 1,
                _ => aborts += 1,
            }
        }
        println!("{path}: of {length} changes {panics} panic, {aborts} abort, {large} ask for over 16 MiB");
    }
}

//! Panics: one in foreign code is an error of its input, any other is a fault of the program and asks for a report.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::escape::one_line;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs code of another crate on bytes of a stranger.
///
/// What the code leaves half done must not be used again: it is dropped with the closure.
///
/// # Errors
/// The message of its panic, of which nothing is printed.
pub fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                loud(panic);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(code));
    GUARDED.set(before);
    result.map_err(|thrown| format!("its decoder panics: {}", message(&*thrown)))
}

/// A reader of another crate that unpacks a stranger's bytes: its panic is an error of reading.
#[derive(Debug)]
pub struct Guarded<R>(pub R);

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        guarded(|| self.0.read(buffer)).unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }
}

/// From now on a panic prints one line that names the place and asks for a report.
///
/// With `RUST_BACKTRACE` a trace follows.
///
/// The exit status of a program that panics is 101, as in all of Rust.
///
/// # Arguments
/// program — name and version
pub fn ask_for_reports(program: &'static str) {
    panic::set_hook(Box::new(move |panic| {
        // What one thread throws may make others panic; the first line tells the cause.
        static REPORTED: AtomicBool = AtomicBool::new(false);
        if GUARDED.get() || REPORTED.swap(true, Ordering::Relaxed) {
            return;
        }
        // A failure to write to standard error leaves nowhere to report it.
        let _ = writeln!(io::stderr(), "{}", line(program, panic));
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            let _ = writeln!(io::stderr(), "{trace}");
        }
    }));
}

fn line(program: &str, panic: &PanicHookInfo) -> String {
    let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
    let message = message(panic.payload());
    format!(
        "error: a fault of {program}{place}: {}; please report this line with the command that caused it",
        one_line(&message)
    )
}

fn message(thrown: &(dyn Any + Send)) -> String {
    let text = thrown.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| thrown.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

//! A panic that is not foreign code's is a fault of the program, and asks for a report.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};

use ncsn_data::escape::one_line;
use ncsn_data::guard::{is_guarded, message};

/// From now on a panic prints one line that names the place and asks for a report.
///
/// With `RUST_BACKTRACE` a trace follows.
///
/// The exit status of a program that panics is 101, as in all of Rust.
///
/// # Arguments
/// * `program` — name and version
pub fn ask_for_reports(program: &'static str) {
    panic::set_hook(Box::new(move |panic| {
        // What one thread throws may make others panic; the first line tells the cause.
        static REPORTED: AtomicBool = AtomicBool::new(false);
        if is_guarded() || REPORTED.swap(true, Ordering::Relaxed) {
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

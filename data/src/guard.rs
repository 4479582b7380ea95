//! Foreign code on a stranger's bytes: its panic is an error of the input, of which nothing is printed.

use std::any::Any;
use std::cell::Cell;
use std::io::{self, Read};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

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

/// Whether this thread runs guarded code, whose panics no hook should report.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// What a panic was thrown with, if it is text.
pub fn message(thrown: &(dyn Any + Send)) -> String {
    let text = thrown.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| thrown.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

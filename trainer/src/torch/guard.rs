//! Torch's failures within formulas: panics on the way up, errors for whoever asks.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, Location};
use std::path::{Component, Path};
use std::sync::Once;

use crate::Error;

thread_local! {
    /// Depth of [`attempt`]s on this thread.
    static ATTEMPTS: Cell<u32> = const { Cell::new(0) };
    /// Whether the panic on its way up began in tch.
    static IN_TCH: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`, in which operators of tch panic on torch's errors, and returns such a panic as an error.
///
/// # Errors
/// [`Error::OutOfMemory`], [`Error::Torch`]; other panics go on.
pub fn attempt<R>(body: impl FnOnce() -> R) -> Result<R, Error> {
    static WATCH: Once = Once::new();
    WATCH.call_once(watch);
    ATTEMPTS.set(ATTEMPTS.get() + 1);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    ATTEMPTS.set(ATTEMPTS.get() - 1);
    result.map_err(|payload| match payload.downcast::<Error>() {
        Ok(error) => *error,
        Err(payload) => match text(payload.as_ref()) {
            Some(text) if IN_TCH.get() => Error::torch(text),
            _ => panic::resume_unwind(payload),
        },
    })
}

/// Notes of each panic whether it is torch's; those that an [`attempt`] returns are not reported.
fn watch() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        IN_TCH.set(info.location().is_some_and(is_of_tch));
        let is_torch = IN_TCH.get() || info.payload().is::<Error>();
        if !(is_torch && ATTEMPTS.get() > 0) {
            report(info);
        }
    }));
}

/// Whether a place in the source is in the crate tch, whose methods unwrap their own results.
fn is_of_tch(place: &Location) -> bool {
    let is_tch = |part: Component| {
        part.as_os_str().to_str().is_some_and(|name| name == "tch" || name.starts_with("tch-"))
    };
    Path::new(place.file()).components().any(is_tch)
}

/// Text of a panic.
fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied())
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    #[test]
    fn torch_errors_become_errors() {
        let made = attempt(|| Tensor::from_slice(&[1_f32, 2.0]).view([3]));
        let message = made.expect_err("two values are no three").to_string();
        assert!(message.contains("shape '[3]' is invalid for input of size 2"), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }

    #[test]
    fn an_inner_attempt_leaves_the_outer_one_to_its_own() {
        let outer = attempt(|| {
            assert!(attempt(|| Tensor::from_slice(&[1_f32]).view([3])).is_err());
            Tensor::from_slice(&[1_f32, 2.0]).view([5])
        });
        assert!(outer.expect_err("two are no five").to_string().contains("[5]"));
    }

    /// One with the very words of torch's is a mistake in the program all the same.
    #[test]
    fn other_panics_go_on_whatever_they_say() {
        for words in ["a bug", "Torch(\"out of memory\")", "out of memory"] {
            assert!(panic::catch_unwind(|| attempt(|| panic!("{words}"))).is_err());
        }
    }
}

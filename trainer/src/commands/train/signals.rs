//! Signals: the first stops a training after its step, the second ends the process.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Has a first signal, whose number is put into `stop`, acknowledged; a second ends the process.
///
/// # Errors
/// The system's, when it takes no handler.
pub(super) fn stop_on_signals(stop: &Arc<AtomicU8>) -> Result<()> {
    let mut signals = Signals::new(that_stop())?;
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if stop.swap(signal as u8, Ordering::Relaxed) > 0 {
                signal_hook::low_level::exit(128 + signal);
            }
            let _ = writeln!(
                std::io::stderr(),
                "\nstopping: the step at work is finished and saved; once more ends at once, with the checkpoint before"
            );
        }
    });
    Ok(())
}

/// The signals by which users and systems stop a process. nohup has a closed terminal ignored, and so it stays.
pub(in crate::commands) fn that_stop() -> impl Iterator<Item = i32> {
    [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal != SIGHUP || !is_ignored(SIGHUP))
}

/// Whether this process was started with a signal ignored.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: a null action changes nothing; the plain structure is filled by the call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

//! `ncsn-trainer launch`: several processes of this program on one machine.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ncsn_shell::{Outcome, TRY_AGAIN, warn};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM};

use crate::Error;
use crate::cli::LaunchArgs;
use crate::peers::place::{
    LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT, MOST, RANK, RESTARTS, WORLD_SIZE,
};

/// Between looks at the processes.
const BETWEEN: Duration = Duration::from_millis(50);
/// After one has failed, the others have so long to say why they end and to finish a checkpoint.
const GRACE: Duration = Duration::from_secs(20);

/// Starts the processes and waits for them.
///
/// # Errors
/// Wrong numbers; a program that does not start.
pub fn run(args: &LaunchArgs) -> Result<Outcome> {
    super::within("nproc", args.nproc as u64, MOST as u64)?;
    let signal = Arc::new(AtomicU8::new(0));
    for number in [SIGINT, SIGTERM, SIGHUP] {
        let signal = Arc::clone(&signal);
        // SAFETY: a store to an atomic is all that the handler does.
        unsafe {
            signal_hook::low_level::register(number, move || signal.store(number as u8, Ordering::Relaxed))
        }?;
    }
    let mut restarts = 0;
    loop {
        let ended = Group::start(args, restarts)?.wait(&signal)?;
        match ended {
            Ended::Lost if restarts < args.max_restarts => {
                restarts += 1;
                warn(&format!("a process was lost; start {} of {} again", restarts, args.max_restarts));
            }
            Ended::Lost => return Ok(Outcome::TryAgain),
            Ended::With(status) => return Ok(outcome(status)),
        }
    }
}

/// How the processes of a group have ended.
enum Ended {
    /// All by themselves: the first status that is not 0.
    With(i32),
    /// One was killed or lost another, which may not happen again.
    Lost,
}

fn outcome(status: i32) -> Outcome {
    match status {
        0 => Outcome::Yes,
        129.. => Outcome::Stopped((status - 128) as u8),
        // Each process has said itself why.
        status => std::process::exit(status),
    }
}

/// Processes that are ended with this value.
struct Group(Vec<Child>);

impl Group {
    fn start(args: &LaunchArgs, restarts: u64) -> Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?;
        let port = match args.port {
            Some(port) => port,
            None => free_port().context("a free port")?,
        };
        let mut group = Self(Vec::new());
        for rank in 0..args.nproc {
            let mut command = Command::new(&program);
            command.args(arguments()).env(RANK, rank.to_string()).env(LOCAL_RANK, rank.to_string());
            for size in [WORLD_SIZE, LOCAL_WORLD_SIZE] {
                command.env(size, args.nproc.to_string());
            }
            command.env(MASTER_ADDR, "127.0.0.1").env(MASTER_PORT, port.to_string());
            command.env(RESTARTS, restarts.to_string());
            // A terminal's Ctrl-C comes to this process, which passes it on once.
            command.process_group(0);
            end_with_parent(&mut command);
            group.0.push(command.spawn().map_err(Error::file(&program))?);
        }
        Ok(group)
    }

    /// Waits for all of them, passing signals on; when one fails, the others are given time to end, and then ended.
    fn wait(mut self, signal: &AtomicU8) -> Result<Ended> {
        let mut statuses: Vec<ExitStatus> = Vec::new();
        let mut failed: Option<Instant> = None;
        while !self.0.is_empty() {
            let passed = signal.swap(0, Ordering::Relaxed);
            let mut running = Vec::new();
            for mut child in self.0.drain(..) {
                match child.try_wait()? {
                    Some(status) => statuses.push(status),
                    None => running.push(child),
                }
            }
            self.0 = running;
            if passed > 0 {
                self.send(i32::from(passed));
            }
            if failed.is_none() && statuses.iter().any(|status| !status.success()) {
                failed = Some(Instant::now());
            }
            if failed.is_some_and(|since| since.elapsed() > GRACE) {
                self.send(SIGKILL);
            }
            thread::sleep(BETWEEN);
        }
        let is_lost = |status: &ExitStatus| match (status.code(), status.signal()) {
            (Some(code), _) => code == i32::from(TRY_AGAIN),
            // Those that this process has killed, too, follow one that was lost or has failed by itself.
            (None, signal) => signal.is_some(),
        };
        // Wrong use and failures that would come again are said with 2.
        let own = statuses
            .iter()
            .filter_map(ExitStatus::code)
            .find(|&code| code != 0 && code != i32::from(TRY_AGAIN));
        match own {
            Some(code) => Ok(Ended::With(code)),
            None if statuses.iter().any(is_lost) => Ok(Ended::Lost),
            None => Ok(Ended::With(0)),
        }
    }

    fn send(&self, signal: i32) {
        for child in &self.0 {
            // SAFETY: the process is this one's child and was not waited for, so that the number is still its own.
            unsafe { libc::kill(child.id() as i32, signal) };
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.send(SIGKILL);
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// This process's arguments from the inner command on.
fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(1).skip_while(|argument| argument != "train" && argument != "sample")
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Has the system end a process when this one ends, however that comes about.
fn end_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec, one call that takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, SIGTERM) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

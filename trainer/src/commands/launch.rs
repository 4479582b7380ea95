//! `ncsn-trainer launch`: several processes of this program on one machine.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ncsn_shell::{Outcome, TRY_AGAIN, warn};
use signal_hook::consts::{SIGKILL, SIGTERM};

use super::train::signals;
use crate::Error;
use crate::cli::{LaunchArgs, Launched};
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
    for number in signals::that_stop() {
        let signal = Arc::clone(&signal);
        // SAFETY: a store to an atomic is all that the handler does.
        unsafe {
            signal_hook::low_level::register(number, move || signal.store(number as u8, Ordering::Relaxed))
        }?;
    }
    let mut restarts = 0;
    loop {
        match Group::start(args, restarts)?.wait(&signal)? {
            Ended::Lost if restarts < args.max_restarts => {
                restarts += 1;
                warn(&format!("a process was lost; start {} of {} again", restarts, args.max_restarts));
            }
            Ended::Lost => return Ok(Outcome::TryAgain),
            Ended::Stopped(signal) => return Ok(Outcome::Stopped(signal)),
            Ended::With(0) => return Ok(Outcome::Yes),
            // Each process has said itself why.
            Ended::With(status) => std::process::exit(status),
        }
    }
}

/// How the processes of a group have ended.
enum Ended {
    /// All by themselves: the first status that is not 0.
    With(i32),
    /// By a signal to this process, which may have come before they could take it.
    Stopped(u8),
    /// One was killed or lost another, which may not happen again.
    Lost,
}

/// One of the processes.
struct Member {
    child: Child,
    /// What it says on standard error; none for the first, who says it itself.
    said: Option<JoinHandle<String>>,
}

/// Processes that are ended with this value.
struct Group(Vec<Member>);

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
            command.stderr(if rank == 0 { Stdio::inherit() } else { Stdio::piped() });
            end_with_parent(&mut command);
            let mut child = command.spawn().map_err(Error::file(&program))?;
            let said = child.stderr.take().map(|pipe| {
                thread::spawn(move || io::read_to_string(pipe).unwrap_or_else(|error| error.to_string()))
            });
            group.0.push(Member { child, said });
        }
        Ok(group)
    }

    /// Waits for all of them, passing signals on; when one fails, the others are given time to end, and then ended.
    fn wait(mut self, signal: &AtomicU8) -> Result<Ended> {
        let mut stopped = None;
        let mut failed: Option<Instant> = None;
        let statuses = loop {
            // What has ended is asked again, and says the same.
            let statuses = self.0.iter_mut().map(|member| member.child.try_wait());
            let statuses: Vec<Option<ExitStatus>> = statuses.collect::<io::Result<_>>()?;
            if let Some(all) = statuses.iter().copied().collect::<Option<Vec<ExitStatus>>>() {
                break all;
            }
            let passed = signal.swap(0, Ordering::Relaxed);
            if passed > 0 {
                stopped = Some(passed);
                self.send(i32::from(passed));
            }
            if failed.is_none() && statuses.iter().flatten().any(|status| !status.success()) {
                failed = Some(Instant::now());
            }
            if failed.is_some_and(|since| since.elapsed() > GRACE) {
                self.send(SIGKILL);
            }
            thread::sleep(BETWEEN);
        };
        self.repeat(&statuses);
        // Wrong use and failures that would come again; those that were killed follow another or may not come again.
        let codes = || statuses.iter().filter_map(ExitStatus::code);
        Ok(match (codes().find(|&code| code != 0 && code != i32::from(TRY_AGAIN)), stopped) {
            (Some(code), _) if code > 128 => Ended::Stopped((code - 128) as u8),
            (Some(code), _) => Ended::With(code),
            (None, _) if statuses.iter().all(ExitStatus::success) => Ended::With(0),
            (None, Some(signal)) => Ended::Stopped(signal),
            (None, None) => Ended::Lost,
        })
    }

    /// Says what others than the first have said, if they ended otherwise: else it is the same.
    fn repeat(&mut self, statuses: &[ExitStatus]) {
        for (rank, (member, status)) in self.0.iter_mut().zip(statuses).enumerate() {
            let said = member.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
            if status.code() != statuses[0].code() {
                // A failure to write to standard error leaves nowhere to report it.
                said.lines().for_each(|line| drop(writeln!(io::stderr(), "rank {rank}: {line}")));
            }
        }
    }

    fn send(&mut self, signal: i32) {
        for Member { child, .. } in &mut self.0 {
            if matches!(child.try_wait(), Ok(None)) {
                // SAFETY: the process is this one's child and was not waited for, so that the number is still its own.
                unsafe { libc::kill(child.id() as i32, signal) };
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.send(SIGKILL);
        for Member { child, .. } in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// This process's arguments from the inner command on.
fn arguments() -> impl Iterator<Item = OsString> {
    let names = Launched::names();
    let is_command = move |argument: &OsString| names.iter().any(|name| argument == name.as_str());
    std::env::args_os().skip(1).skip_while(move |argument| !is_command(argument))
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

//! `ncsn certify`: a schedule as a file that Coq proves right, and the proof of such a file from anybody.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::schedule;
use crate::certificate::Certificate;
use crate::cli::CertifyArgs;
use ncsn_data::escape;
use ncsn_schedule::ScheduleFile;
use ncsn_shell::Outcome;
use ncsn_shell::output::write_files;

/// Largest file that is read; certificates and schedule files have a few thousand bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What to write or verify.
#[derive(Clone, Debug)]
pub enum Request {
    /// Write the certificate of a schedule to a file, else to standard output.
    Write(Subject, Option<PathBuf>),
    /// Verify a certificate, of this schedule if there is one, in the folder of the proofs.
    Verify(PathBuf, Option<Subject>, PathBuf),
}

/// A schedule.
#[derive(Clone, Debug)]
pub enum Subject {
    /// That of a data set.
    Preset(String),
    /// That of a file.
    File(PathBuf),
}

impl TryFrom<CertifyArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: CertifyArgs) -> Result<Self> {
        let subject = args.file.map(Subject::File).or(args.dataset.map(Subject::Preset));
        Ok(match args.verify {
            Some(certificate) => Self::Verify(certificate, subject, args.proofs),
            None => Self::Write(
                subject.context("one of SCHEDULE and --dataset is required")?,
                args.output.filter(|path| path.as_os_str() != "-"),
            ),
        })
    }
}

/// Writes or verifies the certificate.
///
/// # Errors
/// A schedule or certificate that cannot be read, one that has no proof, a file that cannot be written, no Coq.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    match request {
        Request::Write(subject, output) => {
            let text = certificate(subject)?.text();
            match output {
                Some(path) => write_files(&[(path, &text)])?,
                None => out.write_all(text.as_bytes())?,
            }
            Ok(Outcome::Yes)
        }
        Request::Verify(path, subject, proofs) => {
            let stated = Certificate::parse(&read(path)?).with_context(|| path.display().to_string())?;
            if let Some(subject) = subject {
                stated.compare(&certificate(subject)?).with_context(|| path.display().to_string())?;
                writeln!(
                    out,
                    "{}: {} values, all those of the schedule",
                    escape::path(path),
                    stated.count()
                )?;
            }
            let outcome = prove(&stated, proofs)?;
            let verdict =
                if outcome == Outcome::Yes { "certified" } else { "not certified: the proof fails" };
            writeln!(out, "{}: {verdict}", escape::path(path))?;
            Ok(outcome)
        }
    }
}

fn certificate(subject: &Subject) -> Result<Certificate> {
    match subject {
        Subject::Preset(name) => Certificate::new(&schedule::derive(&schedule::Request::preset(name)?)?.0),
        Subject::File(path) => ScheduleFile::parse(&read(path)?)
            .and_then(|file| Certificate::new(&file))
            .with_context(|| path.display().to_string()),
    }
}

fn read(path: &Path) -> Result<String> {
    let context = || path.display().to_string();
    let size = std::fs::metadata(path).with_context(context)?.len();
    ensure!(size <= MAX_BYTES, "{}: {size} bytes, allowed: {MAX_BYTES}", path.display());
    std::fs::read_to_string(path).with_context(context)
}

/// Compiles the template with these numbers, and checks the proof again with coqchk.
fn prove(stated: &Certificate, proofs: &Path) -> Result<Outcome> {
    let script = proofs.join("../scripts/coq.sh");
    ensure!(
        script.is_file() && proofs.join("verify.sh").is_file(),
        "{}: not the project's folder of proofs, which --verify needs (--proofs DIR)",
        proofs.display()
    );
    // In the folder of the proofs, which is all that the checker sees.
    let folder = tempfile::Builder::new().prefix("verify-").tempdir_in(proofs).context("making a folder")?;
    std::fs::write(folder.path().join("stated.v"), stated.text()).context("writing the certificate")?;
    let name = Path::new(folder.path().file_name().context("a folder without a name")?).join("stated.v");
    let status = Command::new(&script)
        .arg("./verify.sh")
        .arg(&name)
        .stdin(Stdio::null())
        .stdout(Stdio::from(io::stderr()))
        .status()
        .with_context(|| script.display().to_string())?;
    match status.code() {
        Some(0) => Ok(Outcome::Yes),
        Some(1) => Ok(Outcome::No),
        _ => bail!("{} ended with {status}", script.display()),
    }
}

//! `ncsn certify`: a schedule as a file that Coq proves right.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Outcome;
use super::check::{Stated, derive_schedule, read_schedule};
use crate::certificate::certificate;
use crate::cli::CertifyArgs;
use crate::output::write_files;

/// Which schedule to certify, and where to.
#[derive(Clone, Debug)]
pub struct Request {
    subject: Subject,
    output: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Subject {
    Preset(String),
    File(PathBuf),
}

impl TryFrom<CertifyArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: CertifyArgs) -> Result<Self> {
        let subject = args.file.map(Subject::File).or(args.dataset.map(Subject::Preset));
        Ok(Self { subject: subject.context("one of FILE and --dataset is required")?, output: args.output })
    }
}

/// Writes the certificate.
///
/// # Errors
/// A schedule that cannot be read, one that has no proof, a file that cannot be written.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    let Stated { schedule, name, spacing, .. } = match &request.subject {
        Subject::Preset(name) => derive_schedule(name)?,
        Subject::File(path) => read_schedule(path, None)?,
    };
    let text = certificate(&name, &schedule, spacing)?;
    match &request.output {
        Some(path) => write_files(&[(path, &text)])?,
        None => out.write_all(text.as_bytes())?,
    }
    Ok(Outcome::Yes)
}

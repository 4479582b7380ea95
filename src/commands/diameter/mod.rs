//! `ncsn diameter`: the largest distance between two items of a data set, at once or in shards.

mod report;
mod shard;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use ncsn_data as data;
use ncsn_data::pattern_of;
use ncsn_shell::{Outcome, ReadArgs};
use ncsn_theory::schedule::DataRange;

use crate::cli::{DiameterArgs, ReportFormat};
use crate::measure::{Subsample, measure};
use crate::shard::{Square, merge};
use report::Report;

/// What to do, and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    work: Work,
    format: ReportFormat,
}

#[derive(Clone, Debug)]
enum Work {
    /// Measure data at once.
    Whole { path: PathBuf, options: data::Options, range: DataRange, subsample: Option<Subsample> },
    /// Write what the merge needs of a shard.
    Shard { path: PathBuf, options: data::Options, keep_from: Option<Square>, output: PathBuf, dry_run: bool },
    /// Find the diameter from the files of all shards.
    Merge { files: Vec<PathBuf>, range: DataRange },
}

impl TryFrom<DiameterArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: DiameterArgs) -> Result<Self> {
        let format = args.format;
        if !args.merge.is_empty() {
            ensure!(
                args.read == ReadArgs::default(),
                "--merge takes the options of reading from the shards: --size, --crop and the others are for --shard"
            );
            return Ok(Self { work: Work::Merge { files: args.merge, range: args.data_range }, format });
        }
        let path = pattern_of(&args.data)?;
        let options = data::Options { share: args.shard, ..args.read.into() };
        let work = match (args.shard, args.output) {
            (Some(_), Some(output)) => {
                ensure!(output.as_os_str() != "-", "--output is -, allowed with --shard: a file");
                Work::Shard { path, options, keep_from: args.keep_from, output, dry_run: args.dry_run }
            }
            _ => {
                let subsample = args.subsample.map(|count| Subsample { count, seed: args.seed });
                Work::Whole { path, options, range: args.data_range, subsample }
            }
        };
        Ok(Self { work, format })
    }
}

/// Measures and prints.
///
/// # Errors
/// Data that cannot be read, or that have no diameter; files of shards that do not make up a whole, or not yet.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    let report: Report = match &request.work {
        Work::Whole { path, options, range, subsample } => {
            (&measure(path, options, *subsample, *range)?).into()
        }
        Work::Shard { path, options, keep_from, output, dry_run } => {
            return shard::run(path, options, *keep_from, (output, *dry_run), request.format, out);
        }
        Work::Merge { files, range } => merge(files, *range)?.into(),
    };
    match request.format {
        ReportFormat::Text => out.write_all(report.text()?.as_bytes())?,
        ReportFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report.to_json())?)?,
    }
    Ok(Outcome::Yes)
}

//! `ncsn schedule`: the whole schedule of a data set, each number enclosed and explained.

mod page;
mod subject;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ncsn_data::pattern_of;
use ncsn_theory::schedule::check::check;
use ncsn_theory::schedule::presets::{DATASETS, Dataset, PUBLISHED_SIGMA_MIN, Published};
use ncsn_theory::schedule::{DataRange, Derivation, NoiseRange, Request as Derive, Spacing, Steps};

use crate::cli::{ScheduleArgs, ScheduleFormat};
use crate::figures;
use crate::measure::Subsample;
use crate::report;
use ncsn_data::escape;
use ncsn_schedule::{FindingRow, Provenance, PublishedRow, ScheduleFile};
use ncsn_shell::ReadArgs;
use ncsn_shell::output::{self, write_files};
use ncsn_shell::{Outcome, command_line};
pub use subject::Source;
use subject::Subject;

/// T where neither the user nor Table 4 says otherwise.
const DEFAULT_STEPS: u64 = 5;

/// Suffixes of --plot.
const PICTURES: &[&str] = if cfg!(feature = "png") { &["svg", "png"] } else { &["svg"] };

/// What to derive and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    source: Source,
    sigma_max: Option<f64>,
    sigma_min: Option<f64>,
    range: DataRange,
    spacing: Spacing,
    steps: Option<Steps>,
    format: ScheduleFormat,
    output: Option<PathBuf>,
    plot: Option<PathBuf>,
    report: Option<PathBuf>,
    dry_run: bool,
}

/// The preset with this name.
///
/// # Errors
/// An unknown name, with the known ones.
pub fn find_dataset(name: &str) -> Result<&'static Dataset> {
    Dataset::find(name).with_context(|| {
        let known = DATASETS.map(|dataset| dataset.name).join(", ");
        format!("dataset is {name:?}, allowed: {known} (or give --data PATH)")
    })
}

impl TryFrom<ScheduleArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: ScheduleArgs) -> Result<Self> {
        ensure!(
            !args.source.data.is_empty() || (args.read == ReadArgs::default() && args.subsample.is_none()),
            "--size, --crop, the other options of reading and --subsample need --data"
        );
        let source = match (args.source.dataset, &args.source.data[..], args.source.dim) {
            (Some(name), _, _) => Source::Preset(find_dataset(&name)?),
            (_, paths @ [_, ..], _) => {
                let subsample = args.subsample.map(|count| Subsample { count, seed: args.seed });
                Source::Data(pattern_of(paths)?, args.read.into(), subsample)
            }
            (_, _, Some(dim)) => Source::Dimension(dim),
            (None, [], None) => bail!("one of --dataset, --data and --dim is required"),
        };
        let steps = match (args.steps_per_level, args.budget, args.tolerance) {
            (Some(steps), _, _) => Some(Steps::PerLevel(steps)),
            (_, Some(budget), _) => Some(Steps::Budget(budget)),
            (_, _, Some(tolerance)) => Some(Steps::Tolerance(tolerance)),
            (None, None, None) => None,
        };
        Ok(Self {
            source,
            sigma_max: args.sigma_max,
            sigma_min: args.sigma_min,
            range: args.data_range,
            spacing: Spacing { target: args.overlap, law: args.law, rounding: args.rounding },
            steps,
            format: args.format,
            output: args.output.filter(|path| path.as_os_str() != "-"),
            plot: args.plot,
            report: args.report,
            dry_run: args.dry_run,
        })
    }
}

impl Request {
    /// The request that `schedule --dataset NAME` makes.
    ///
    /// # Errors
    /// An unknown name.
    pub fn preset(name: &str) -> Result<Self> {
        Ok(Self {
            source: Source::Preset(find_dataset(name)?),
            sigma_max: None,
            sigma_min: None,
            range: DataRange::default(),
            spacing: Spacing::default(),
            steps: None,
            format: ScheduleFormat::Text,
            output: None,
            plot: None,
            report: None,
            dry_run: false,
        })
    }
}

/// Derives the schedule and prints it.
///
/// # Errors
/// Data that cannot be read, a request that has no answer, a file that cannot be written.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[
        ("--output", request.output.as_deref(), &[]),
        ("--plot", request.plot.as_deref(), PICTURES),
        ("--report", request.report.as_deref(), &["html"]),
    ])?;
    let (file, derivation) = derive(request)?;
    let text = match request.format {
        ScheduleFormat::Text => report::schedule(&file, &derivation, request.steps.is_none())?,
        ScheduleFormat::Json => file.to_json()?,
        ScheduleFormat::Toml => file.to_toml()?,
        ScheduleFormat::Ncsnv2 => file.to_ncsnv2()?,
    };
    // Everything is made before anything is written.
    let picture =
        request.plot.as_ref().map(|path| picture(path, figures::summary(&file, &derivation)?)).transpose()?;
    let html = |_: &PathBuf| page::page(&file, &derivation, &command_line()).map(|page| page.html());
    let html = request.report.as_ref().map(html).transpose()?;
    let outputs = [
        (&request.output, Some(text.as_bytes())),
        (&request.plot, picture.as_deref()),
        (&request.report, html.as_ref().map(String::as_bytes)),
    ];
    let files: Vec<_> =
        outputs.into_iter().filter_map(|(path, content)| path.as_deref().zip(content)).collect();
    if request.dry_run {
        for (path, content) in &files {
            writeln!(out, "would write {} bytes to {}", content.len(), escape::path(path))?;
        }
    } else {
        write_files(&files)?;
    }
    if request.output.is_none() {
        out.write_all(text.as_bytes())?;
    }
    Ok(Outcome::Yes)
}

/// A picture in the format that its file's name says.
fn picture(path: &Path, svg: String) -> Result<Vec<u8>> {
    #[cfg(feature = "png")]
    if path.extension().is_some_and(|suffix| suffix == "png") {
        // Twice as many pixels as units, so that it can be printed.
        return Ok(ncsn_figures::png::png(&svg, 2.0)?);
    }
    let _ = path;
    Ok(svg.into_bytes())
}

/// The schedule file for a request, and the derivation behind it.
///
/// # Errors
/// As [`run`].
pub fn derive(request: &Request) -> Result<(ScheduleFile, Derivation)> {
    let Request { spacing, .. } = *request;
    let subject = Subject::new(&request.source, request.range)?;
    let (sigma_max, sigma_max_origin) = subject.sigma_max(request.sigma_max)?;
    let (sigma_min, sigma_min_origin) = sigma_min(request.sigma_min, subject.range)?;
    let (steps, steps_origin) = steps(request.steps, subject.published);
    let range = NoiseRange::new(sigma_max, sigma_min)?;
    let derivation = Derive { dim: subject.dim, range, spacing, steps }.derive()?;
    let provenance = Provenance {
        program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        dim: subject.dim_origin,
        sigma_max: sigma_max_origin,
        sigma_min: sigma_min_origin,
        gamma_root: format!(
            "Technique 2: overlap {} of adjacent levels by the {} law",
            ncsn_schedule::number(spacing.target),
            spacing.law
        ),
        num_levels: format!(
            "{} of x = ln(sigma_max/sigma_min)/ln(gamma_root) = {}",
            spacing.rounding,
            beside_integers(derivation.real_levels.mid())
        ),
        steps_per_level: steps_origin,
        epsilon: "Technique 4: the minimiser of the variance ratio at gamma and T".to_owned(),
        data: subject.data,
    };
    let mut file = ScheduleFile::new(&derivation, subject.name, subject.range, provenance);
    if let Some(row) = subject.published {
        let published = PublishedRow::new(row, subject.dim)?;
        let findings = check(&published.schedule, spacing, None)?;
        file.findings = findings.iter().map(FindingRow::from).collect();
        file.published = Some(published);
    }
    Ok((file, derivation))
}

/// x with three decimals, or as many more as show on which side of a whole or half number it lies, as rounding asks.
fn beside_integers(x: f64) -> String {
    let side = |x: f64| (x.floor(), x.ceil(), x.round());
    (3..17)
        .map(|digits| format!("{x:.digits$}"))
        .find(|text| text.parse().is_ok_and(|shown: f64| side(shown) == side(x)))
        .unwrap_or_else(|| ncsn_schedule::number(x))
}

/// σ_L: given, or the paper's for pixels in [0, 1], scaled to the range.
fn sigma_min(given: Option<f64>, range: DataRange) -> Result<(f64, String)> {
    match (given, range) {
        (Some(sigma), _) => Ok((sigma, "given".to_owned())),
        (None, DataRange::Unit) => {
            Ok((PUBLISHED_SIGMA_MIN, "0.01 for pixels in [0, 1], as in the paper".to_owned()))
        }
        (None, DataRange::Signed) => {
            let origin = "the paper's 0.01, doubled for pixels in [-1, 1]".to_owned();
            Ok((PUBLISHED_SIGMA_MIN * range.scale(), origin))
        }
        (None, DataRange::Native) => bail!("floating-point data are in their own units: give --sigma-min"),
    }
}

/// How T is chosen: as given, else as published.
fn steps(given: Option<Steps>, published: Option<&Published>) -> (Steps, String) {
    match (given, published) {
        (Some(steps @ Steps::PerLevel(_)), _) => (steps, "given".to_owned()),
        (Some(steps @ Steps::Budget(budget)), _) => {
            (steps, format!("Technique 4: the most that {budget} score evaluations allow"))
        }
        (Some(steps @ Steps::Tolerance(tolerance)), _) => (
            steps,
            format!("the fewest with variance ratio at most 1 + {}", ncsn_schedule::number(tolerance)),
        ),
        (None, Some(row)) => (Steps::PerLevel(row.steps_per_level), "as published".to_owned()),
        (None, None) => (Steps::PerLevel(DEFAULT_STEPS), "default, as published for CIFAR-10".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounding_can_be_followed_from_the_digits_shown() {
        for (x, shown) in [
            (218.25, "218.250"),
            (217.999_96, "217.99996"),
            (218.000_001, "218.000001"),
            (218.0, "218.000"),
            (218.499_99, "218.49999"),
            (218_f64.next_up(), "218.00000000000003"),
        ] {
            assert_eq!(beside_integers(x), shown);
        }
    }
}

//! `ncsn-trainer hype score`: HYPE∞ from answers, and who is left out.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use anyhow::Result;
use ncsn_data::escape;
use ncsn_shell::Outcome;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::files::{Answers, Key};
use crate::Error;
use crate::cli::{Format, HypeScoreArgs};
use crate::evaluate::hype::{self, Judged, RESAMPLES, Spread, Tally, Truth, slips};

/// Why answers do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excluded {
    /// So many images of so many are answered.
    Unfinished(u64, u64),
    /// Other answers of the same evaluator count.
    Twice,
    /// So many images of noise of so many were taken for real.
    Noise(u64, u64),
    /// The same to all real and generated images.
    OneAnswer(Judged),
}

impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unfinished(done, of) => write!(f, "answered {done} of {of} images"),
            Self::Twice => write!(f, "a second time of the same evaluator"),
            Self::Noise(wrong, of) => {
                write!(f, "took {wrong} of {of} images of noise for real, allowed: up to {}", slips(of))
            }
            Self::OneAnswer(Judged::Real) => write!(f, "took every image for real"),
            Self::OneAnswer(Judged::Generated) => write!(f, "took every image for generated"),
        }
    }
}

/// One file of answers, evaluated.
struct Evaluated<'a> {
    file: String,
    answers: &'a Answers,
    tally: Tally,
    /// Milliseconds of the answers that count for the score.
    times: Vec<f64>,
    excluded: Option<Excluded>,
}

/// The score over all evaluators who count.
struct Overall {
    count: usize,
    hype: f64,
    fakes: f64,
    reals: f64,
    spread: Option<Spread>,
    median_ms: Option<f64>,
}

/// Reads answers, and writes the score.
///
/// # Errors
/// A key or answers that cannot be read, are none, or belong to another page.
pub fn run(args: &HypeScoreArgs, out: &mut dyn Write) -> Result<Outcome> {
    let key = Key::read(&args.key)?;
    let read =
        args.answers.iter().map(|path| Answers::read(path, &key)).collect::<Result<Vec<_>, Error>>()?;
    let files = args.answers.iter().map(|path| escape::path(path));
    let evaluated = evaluate(&key, files.zip(&read));
    let overall = overall(&evaluated, args.seed);
    match args.format {
        Format::Json => write_json(args, &key, &evaluated, overall.as_ref(), out)?,
        Format::Text => write_text(args, &key, &evaluated, overall.as_ref(), out)?,
    }
    Ok(if overall.is_some() { Outcome::Yes } else { Outcome::No })
}

/// Counts all answers, and finds who is left out.
fn evaluate<'a>(key: &Key, read: impl Iterator<Item = (String, &'a Answers)>) -> Vec<Evaluated<'a>> {
    let truths = key.truths();
    let mut all: Vec<Evaluated> = read
        .map(|(file, answers)| {
            let (mut tally, mut times) = (Tally::default(), Vec::new());
            for answer in &answers.answers {
                let truth = truths[answer.image.as_str()];
                tally.add(truth, answer.answer);
                times.extend((truth != Truth::Noise).then_some(answer.ms));
            }
            let (done, of) = (answers.answers.len() as u64, key.images.len() as u64);
            let excluded = if done < of {
                Some(Excluded::Unfinished(done, of))
            } else if tally.missed_noise() {
                Some(Excluded::Noise(tally.noise.wrong, tally.noise.of))
            } else {
                tally.one_answer().map(Excluded::OneAnswer)
            };
            Evaluated { file, answers, tally, times, excluded }
        })
        .collect();
    // ISO 8601 in UTC, as the page writes it, has the order of time. Whoever was inattentive gets no second chance.
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (index, one) in all.iter().enumerate() {
        if !matches!(one.excluded, Some(Excluded::Unfinished(..))) {
            let kept = first.entry(one.answers.who()).or_insert(index);
            if one.answers.started < all[*kept].answers.started {
                *kept = index;
            }
        }
    }
    for (index, one) in all.iter_mut().enumerate() {
        let is_finished = !matches!(one.excluded, Some(Excluded::Unfinished(..)));
        if is_finished && first.get(&one.answers.who()) != Some(&index) {
            one.excluded = Some(Excluded::Twice);
        }
    }
    all
}

/// Means over the evaluators who count, if there is one.
fn overall(evaluated: &[Evaluated], seed: u64) -> Option<Overall> {
    let counted: Vec<&Evaluated> = evaluated.iter().filter(|one| one.excluded.is_none()).collect();
    let count = counted.len();
    let mean =
        |value: fn(&Tally) -> f64| counted.iter().map(|one| value(&one.tally)).sum::<f64>() / count as f64;
    let scores: Vec<f64> = counted.iter().map(|one| one.tally.hype()).collect();
    let times: Vec<f64> = counted.iter().flat_map(|one| one.times.iter().copied()).collect();
    (count > 0).then(|| Overall {
        count,
        hype: mean(Tally::hype),
        fakes: mean(|tally| tally.fakes.percent()),
        reals: mean(|tally| tally.reals.percent()),
        spread: hype::bootstrap(&scores, RESAMPLES, &mut ChaCha8Rng::seed_from_u64(seed)),
        median_ms: hype::median(&times),
    })
}

fn write_json(
    args: &HypeScoreArgs,
    key: &Key,
    evaluated: &[Evaluated],
    overall: Option<&Overall>,
    out: &mut dyn Write,
) -> Result<()> {
    let evaluators: Vec<_> = evaluated
        .iter()
        .map(|one| {
            // Half an evaluation is no score.
            let is_whole = !matches!(one.excluded, Some(Excluded::Unfinished(..)));
            let tally = is_whole.then_some(one.tally);
            json!({"evaluator": one.answers.evaluator, "session": one.answers.session, "file": one.file,
                "started": one.answers.started, "finished": one.answers.finished,
                "excluded": one.excluded.map(|reason| reason.to_string()),
                "hype": tally.map(|tally| tally.hype()),
                "fakes_error": tally.map(|tally| tally.fakes.percent()),
                "reals_error": tally.map(|tally| tally.reals.percent()),
                "noise_taken_for_real": one.tally.noise.wrong, "median_ms": hype::median(&one.times)})
        })
        .collect();
    let all = json!({"schema": "ncsn.hype/1", "page": key.page, "title": key.title,
        "images_of_each_kind": key.count(Truth::Real), "noise": key.count(Truth::Noise),
        "noise_allowed": slips(key.count(Truth::Noise)), "evaluators": evaluators,
        "counted": overall.map_or(0, |overall| overall.count),
        "hype": overall.map(|overall| overall.hype), "fakes_error": overall.map(|overall| overall.fakes),
        "reals_error": overall.map(|overall| overall.reals),
        "standard_deviation": overall.and_then(|overall| overall.spread).map(|spread| spread.deviation),
        "interval": overall.and_then(|overall| overall.spread).map(|spread| spread.interval),
        "resamples": RESAMPLES, "seed": args.seed,
        "median_ms": overall.and_then(|overall| overall.median_ms)});
    writeln!(out, "{all:#}")?;
    Ok(())
}

fn write_text(
    args: &HypeScoreArgs,
    key: &Key,
    evaluated: &[Evaluated],
    overall: Option<&Overall>,
    out: &mut dyn Write,
) -> Result<()> {
    let (each, noise) = (key.count(Truth::Real), key.count(Truth::Noise));
    writeln!(
        out,
        "{}: {each} real and {each} generated images, {noise} of noise, page {}",
        key.title, key.page
    )?;
    writeln!(out)?;
    let seconds = |ms: Option<f64>| ms.map_or("-".to_owned(), |ms| format!("{:.1}", ms / 1000.0));
    let width = evaluated.iter().map(|one| one.answers.evaluator.chars().count()).fold(10, usize::max);
    writeln!(out, "  {:width$}  HYPE %  fakes error %  reals error %  median s", "evaluator")?;
    for one in evaluated {
        let name = &one.answers.evaluator;
        match one.excluded {
            Some(reason) => writeln!(out, "  {name:width$}  left out: {reason} ({})", one.file)?,
            None => writeln!(
                out,
                "  {name:width$}  {:6.1}  {:13.1}  {:13.1}  {:>8}",
                one.tally.hype(),
                one.tally.fakes.percent(),
                one.tally.reals.percent(),
                seconds(hype::median(&one.times))
            )?,
        }
    }
    let Some(Overall { count, hype, fakes, reals, spread, median_ms }) = overall else {
        writeln!(out, "\n  no evaluator is left: no score")?;
        return Ok(());
    };
    writeln!(
        out,
        "  {:width$}  {hype:6.1}  {fakes:13.1}  {reals:13.1}  {:>8}\n",
        format!("all {count}"),
        seconds(*median_ms)
    )?;
    match spread {
        Some(Spread { deviation, interval: [least, most] }) => writeln!(
            out,
            "  HYPE {hype:.1}, standard deviation {deviation:.1}, 95 % interval {least:.1} to {most:.1} \
             ({RESAMPLES} sets of {count} evaluators, seed {})",
            args.seed
        )?,
        None => writeln!(
            out,
            "  HYPE {hype:.1}; one evaluator has no standard deviation and no interval: two at least are needed"
        )?,
    }
    Ok(())
}

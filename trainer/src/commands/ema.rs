//! `ncsn-trainer ema`: averages of a run's weights of other lengths, after training.

use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_data::escape;
use ncsn_shell::Outcome;
use serde_json::{Value, json};
use tch::Tensor;

use crate::checkpoint::{self, Manifest, TENSORS};
use crate::cli::{EmaArgs, Format};
use crate::train::posthoc::{self, AVERAGES, Combination};
use crate::{Error, tensor_file};

/// Name of the folder of the averages made, in a run's folder.
const MADE: &str = "ema";

/// Makes averages from a run's snapshots, each a checkpoint that can be sampled from.
///
/// # Errors
/// A run without snapshots; a step that has none; widths out of range; files that cannot be read or written.
pub fn run(args: &EmaArgs, out: &mut dyn Write) -> Result<Outcome> {
    let averages = args.run.join(AVERAGES);
    let steps = checkpoint::list(&averages)?;
    let Some(&last) = steps.last() else {
        std::fs::metadata(&args.run).map_err(Error::file(&args.run))?;
        anyhow::bail!(
            "{} holds no snapshots, which 'train --snapshots-every STEPS' writes",
            escape::path(&averages)
        );
    };
    let step = args.step.unwrap_or(last);
    let all = args.sigma_rel.iter().map(|&width| posthoc::combination(&steps, width, step));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    let manifest = checkpoint::manifest(&checkpoint::folder(&averages, step))?;
    let mut made = Vec::new();
    for (width, found) in args.sigma_rel.iter().zip(all) {
        let weights = posthoc::combined(&args.run, &found, &manifest)?;
        let finite = weights.tensors().iter().all(|tensor| tensor.isfinite().all().int64_value(&[]) != 0);
        ensure!(finite, "a weight of sigma_rel {width} is not finite");
        let sigmas = Tensor::from_slice(&manifest.config.sigmas());
        let folder = args.run.join(MADE).join(format!("sigma-rel-{width}"));
        let path = checkpoint::make(&folder, step, u64::MAX, |folder| {
            let path = folder.join(TENSORS);
            let named = weights.iter().map(|(name, tensor)| (format!("ema.{name}"), tensor));
            tensor_file::write(&path, named.chain([("sigmas".to_owned(), &sigmas)]), None)?;
            let tensors_sha256 = checkpoint::sha256(&path)?;
            Manifest { tensors_sha256, ..manifest.clone() }.write(folder)
        })?;
        if args.format == Format::Text {
            writeln!(
                out,
                "sigma_rel {width} after step {step}, what each step counts met within {:.2} %: {}",
                100.0 * found.residual,
                escape::path(&path)
            )?;
        }
        made.push(json!({"sigma_rel": width, "step": step, "snapshots": found.terms.len() / 2,
            "residual": found.residual, "terms": terms(&found), "checkpoint": path}));
    }
    if args.format == Format::Json {
        writeln!(out, "{:#}", json!({"schema": "ncsn.ema/1", "made": made}))?;
    }
    Ok(Outcome::Yes)
}

/// Which stored averages it is made of.
fn terms(found: &Combination) -> Vec<Value> {
    let terms = found.terms.iter();
    terms
        .map(|(step, width, factor)| json!({"step": step, "sigma_rel": width, "coefficient": factor}))
        .collect()
}

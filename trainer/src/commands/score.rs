//! `ncsn-trainer score` and `ncsn-trainer loss`: numbers of a network for other programs to check.

use std::io::Write;

use anyhow::Result;
use ncsn_data::escape;
use ncsn_shell::Outcome;
use ncsn_shell::output;
use tch::{Kind, Tensor};

use crate::Error;
use crate::cli::ScoreArgs;
use crate::model::Network;
use crate::source::{self, Opening};
use crate::tensor_file::{self, TensorFile};
use crate::train::loss::{Draw, dsm_losses};

/// Reads `x` and `y`, writes `out`, the score of each item at its level.
///
/// # Errors
/// Files that cannot be read or written, tensors that do not fit.
pub fn score(args: &ScoreArgs, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[("--output", Some(&args.output), &["safetensors"])])?;
    let (network, file, x) = open(args)?;
    let levels = levels(&network, &file, "y", &x)?;
    let result = tch::no_grad(|| network.score(&x, &levels));
    tensor_file::write(&args.output, [("out".to_owned(), &result)], None)?;
    writeln!(
        out,
        "scores of {} items by the {} weights in {}",
        x.size()[0],
        args.weights,
        escape::path(&args.output)
    )?;
    Ok(Outcome::Yes)
}

/// Reads `x`, `labels` and `noise`, writes `loss` and `loss_per_sample`.
///
/// # Errors
/// Files that cannot be read or written, tensors that do not fit.
pub fn loss(args: &ScoreArgs, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[("--output", Some(&args.output), &["safetensors"])])?;
    let (network, file, x) = open(args)?;
    let labels = levels(&network, &file, "labels", &x)?;
    let noise = file.shaped("noise", &x.size())?.to_device(network.device()).to_kind(Kind::Float);
    let losses = tch::no_grad(|| dsm_losses(&network, &x, &Draw::given(&labels, &noise)));
    let mean = losses.mean(Kind::Float);
    let tensors = [("loss".to_owned(), &mean), ("loss_per_sample".to_owned(), &losses)];
    tensor_file::write(&args.output, tensors, None)?;
    writeln!(
        out,
        "loss {:.6} of {} items by the {} weights in {}",
        mean.double_value(&[]),
        x.size()[0],
        args.weights,
        escape::path(&args.output)
    )?;
    Ok(Outcome::Yes)
}

/// The network, the input file and its items.
fn open(args: &ScoreArgs) -> Result<(Network, TensorFile, Tensor)> {
    let (device, precision) = super::set_up(&args.device)?;
    let file = TensorFile::read(&args.input)?;
    let x = file.get("x")?;
    let size = match x.size()[..] {
        [_, _, height, width] => [height, width],
        _ => [1, 1],
    };
    let how = Opening { weights: args.weights, device, precision };
    let network = source::open_network(&args.checkpoint, size, how)?;
    // A network for images takes any size that its factor divides.
    let item = &network.shape().item;
    let shape: Vec<i64> = if item.len() == 3 { vec![-1, item[0], -1, -1] } else { vec![-1, item[0]] };
    let x = file.shaped("x", &shape)?.to_device(device).to_kind(Kind::Float);
    let mut seen = network.shape().clone();
    seen.item = x.size()[1..].to_vec();
    seen.check()?;
    Ok((network, file, x))
}

/// Indices of noise levels, one per item and each a level of the network.
fn levels(network: &Network, file: &TensorFile, name: &str, x: &Tensor) -> Result<Tensor, Error> {
    let levels = file.shaped(name, &[x.size()[0]])?.to_kind(Kind::Int64);
    let count = network.sigmas().size()[0];
    let (least, most) = (levels.min().int64_value(&[]), levels.max().int64_value(&[]));
    if least < 0 || most >= count {
        let found = format!("has indices {least} to {most}");
        return Err(file.problem(name, found, format!("0 to {}, the noise levels", count - 1)));
    }
    Ok(levels.to_device(network.device()))
}

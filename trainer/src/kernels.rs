//! Own kernels, once it is known that they compute what torch's operators do on the device at hand.

use tch::{Device, Kind, Tensor};

use crate::config::Precision;
use crate::model::layers::{VARIANCE_FLOOR, elu, instance_norm_plus};
use crate::torch::kernels::{self, Emulation};
use crate::torch::{self, Rounding};
use crate::{Error, device};

/// Emulates the kernels on the CPU, where it is set: for tests.
pub const EMULATE: &str = "NCSN_EMULATE_KERNELS";

/// Batch, channels, height, width, rows of the parameters: packs of four channels or single ones, images that one block has or
/// several share, parameters of each image or of more than are added up at a time.
const CASES: [[i64; 5]; 3] = [[11, 8, 5, 7, 1], [2, 130, 9, 7, 2], [2, 128, 24, 24, 1]];
/// Relative L2 distance from double precision that a few roundings of single precision make; means are three deviations from 0.
const SINGLE: f64 = 64.0 / (1 << 24) as f64;
/// The same where the result is rounded to bfloat16, of eight bits.
const HALF: f64 = 1.0 / (1 << 8) as f64 + SINGLE;

/// Takes own kernels for InstanceNorm++ and ELU on a device from now on: compiles them, and compares them with the formula in double
/// precision first.
///
/// # Errors
/// [`Error::Setting`] on the CPU; [`Error::Kernels`] where they cannot be compiled or compute something else.
pub fn enable(device: Device, precision: Precision) -> Result<(), Error> {
    let failed = |error: Error| {
        let reason = match error {
            Error::Torch { message } => message,
            other => other.to_string(),
        };
        Error::Kernels { device: device::name(device), reason }
    };
    let kinds: &[Kind] = match precision {
        Precision::Bf16 => &[Kind::Float, Kind::BFloat16],
        Precision::F32 | Precision::Tf32 => &[Kind::Float],
    };
    let pairs = || kinds.iter().flat_map(|&x| kinds.iter().map(move |&y| (x, y)));
    match device {
        Device::Cuda(index) => {
            pairs().try_for_each(|(x, y)| kernels::prepare(index, x, y)).map_err(failed)?;
            kernels::use_on_cuda(true);
        }
        _ if std::env::var_os(EMULATE).is_some() => kernels::emulate(Some(Emulation::Forward)),
        _ => return Err(Error::setting("kernels", "own", "torch on the CPU: own kernels are for CUDA")),
    }
    let checked = pairs().try_for_each(|(x, y)| check(device, x, y));
    if checked.is_err() {
        kernels::use_on_cuda(false);
        kernels::emulate(None);
    }
    checked.map_err(failed)
}

/// Compares values and gradients with those of the formula in double precision.
///
/// # Errors
/// [`Error::Torch`] naming what differs.
pub fn check(device: Device, x: Kind, y: Kind) -> Result<(), Error> {
    for case in CASES {
        let errors = torch::attempt(|| errors(case, device, x, y))?;
        for (name, error, allowed) in errors {
            if error >= allowed || error.is_nan() {
                let message = format!(
                    "{name} of InstanceNorm++ from {x:?} to {y:?} differs by {error:.1e} from double precision, \
                     allowed: {allowed:.1e}"
                );
                return Err(Error::Torch { message });
            }
        }
    }
    Ok(())
}

/// Relative L2 distances of result and gradients, and what is allowed of each.
fn errors(case: [i64; 5], device: Device, x_kind: Kind, y_kind: Kind) -> Vec<(&'static str, f64, f64)> {
    let [batch, channels, height, width, rows] = case;
    // Numbers of no generator: a run's own draws stay what they are.
    let spread = |shape: &[i64], step: f64| {
        let count = shape.iter().product::<i64>();
        let numbers = Tensor::arange(count, (Kind::Double, Device::Cpu)) * step;
        (numbers.sin() * 43_758.5).frac().view(shape).to_device(device)
    };
    let pixels = [batch, channels, height, width];
    let x = (spread(&pixels, 12.9898) + spread(&[1, channels, 1, 1], 78.233) * 2.0).to_kind(x_kind);
    let x = torch::channels_last(&x);
    let affine = [0.37, 1.7, 2.9].map(|step| spread(&[rows, channels], step).to_kind(Kind::Float) + 0.5);
    let direction = spread(&pixels, 4.1414).to_kind(y_kind);
    let run = |exact: bool| {
        let leaf = |tensor: &Tensor| {
            let kind = if exact { Kind::Double } else { tensor.kind() };
            tensor.to_kind(kind).detach().copy().set_requires_grad(true)
        };
        let (x, affine) = (leaf(&x), affine.each_ref().map(leaf));
        let norm = || torch::norm(&x, &affine, VARIANCE_FLOOR, true, Rounding::Allowed);
        let y = match y_kind {
            _ if exact => Some(elu(&instance_norm_plus(&x, &affine))),
            Kind::BFloat16 => torch::autocast(device, norm),
            _ => norm(),
        };
        // Where the kernels do not take it, nothing is as it should be.
        let y = y.unwrap_or_else(|| Tensor::full_like(&x, f64::NAN) * &x);
        let loss = (&y * direction.to_kind(y.kind())).sum(y.kind());
        let mut all = vec![y.detach()];
        all.extend(Tensor::run_backward(&[&loss], &[&x, &affine[0], &affine[1], &affine[2]], false, false));
        (y.kind(), all)
    };
    let ((found_kind, found), (_, exact)) = (run(false), run(true));
    let allowed = |kind: Kind| if kind == Kind::BFloat16 { HALF } else { SINGLE };
    let names = ["the result", "the gradient by x", "that by gamma", "that by alpha", "that by beta"];
    let limits = [allowed(y_kind), allowed(x_kind), SINGLE, SINGLE, SINGLE];
    let compared = names.into_iter().zip(limits).zip(found.iter().zip(&exact));
    let distance =
        |a: &Tensor, b: &Tensor| ((a.to_kind(Kind::Double) - b).norm() / b.norm()).double_value(&[]);
    let mut errors: Vec<_> =
        compared.map(|((name, limit), (found, exact))| (name, distance(found, exact), limit)).collect();
    if found_kind != y_kind {
        errors.push(("the kind", f64::INFINITY, 0.0));
    }
    errors
}

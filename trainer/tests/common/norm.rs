//! InstanceNorm++ and ELU as their formula.

use tch::{Device, Kind, Tensor};

/// Added to variances.
pub const FLOOR: f64 = 1e-5;

/// Standard normal numbers times `scale`.
pub fn random(shape: &[i64], scale: f64) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)) * scale
}

/// The formula of [`ncsn_trainer::model::layers::Norm`].
pub fn formula(x: &Tensor, [gamma, alpha, beta]: &[Tensor; 3], activate: bool) -> Tensor {
    let (variance, mean) = x.var_mean_correction([2_i64, 3].as_slice(), 0, true);
    let means = mean.flatten(1, -1);
    let (spread, centre) = means.var_mean_correction([1_i64].as_slice(), 1, true);
    let relative = (&means - centre) / (spread + FLOOR).sqrt();
    let per_pixel = |values: Tensor| values.unsqueeze(-1).unsqueeze(-1);
    let normalised = (x - &mean) / (variance + FLOOR).sqrt();
    let z = per_pixel(gamma.shallow_clone()) * (normalised + per_pixel(alpha * relative))
        + per_pixel(beta.shallow_clone());
    if activate { z.elu() } else { z }
}

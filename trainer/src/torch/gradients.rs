//! Gradients, and what training does with many tensors at once.

use std::ffi::{c_double, c_int};
use std::ptr;

use tch::Tensor;

use super::{Raw, check, raw, raws};
use crate::Error;

unsafe extern "C" {
    fn ncsn_gradients(loss: Raw, parameters: *const Raw, count: usize, gradients: *mut Raw) -> c_int;
    fn ncsn_gradients_from(
        output: Raw,
        gradient: Raw,
        inputs: *const Raw,
        count: usize,
        gradients: *mut Raw,
    ) -> c_int;
    fn ncsn_lerp_(own: *const Raw, other: *const Raw, count: usize, weight: c_double) -> c_int;
    fn ncsn_adam_(
        parameters: *const Raw,
        gradients: *const Raw,
        means: *const Raw,
        squares: *const Raw,
        maxima: *const Raw,
        count: usize,
        step: Raw,
        lr: c_double,
        beta1: c_double,
        beta2: c_double,
        eps: c_double,
        skip: Raw,
    ) -> c_int;
    fn ncsn_add_(own: *const Raw, other: *const Raw, count: usize) -> c_int;
    fn ncsn_clip_(gradients: *const Raw, count: usize, most: c_double) -> c_int;
    fn ncsn_find_not_finite_(gradients: *const Raw, count: usize, found: Raw) -> c_int;
}

/// Gradients of a scalar, each in the memory order of its parameter, as [`adam_`] needs them.
///
/// # Errors
/// [`Error::Torch`] when the scalar does not depend on a parameter; [`Error::OutOfMemory`].
pub fn gradients(loss: &Tensor, parameters: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    let mut found = vec![ptr::null_mut(); parameters.len()];
    // SAFETY: both lists hold `parameters.len()` entries, the first of live tensors.
    check(unsafe {
        ncsn_gradients(raw(loss), raws(parameters).as_ptr(), parameters.len(), found.as_mut_ptr())
    })?;
    // SAFETY: on success the shim hands over a new tensor in each place.
    Ok(found.into_iter().map(|gradient| unsafe { Tensor::from_ptr(gradient.cast()) }).collect())
}

/// Gradients of something by tensors, from its gradient by an output that depends on them, each in their memory order; none for
/// a tensor that the output does not depend on.
///
/// # Errors
/// [`Error::Torch`] when the output depends on none of them; [`Error::OutOfMemory`].
pub fn gradients_from(
    output: &Tensor,
    gradient: &Tensor,
    inputs: &[Tensor],
) -> Result<Vec<Option<Tensor>>, Error> {
    let mut found = vec![ptr::null_mut(); inputs.len()];
    // SAFETY: both lists hold `inputs.len()` entries, the first of live tensors.
    check(unsafe {
        ncsn_gradients_from(
            raw(output),
            raw(gradient),
            raws(inputs).as_ptr(),
            inputs.len(),
            found.as_mut_ptr(),
        )
    })?;
    // SAFETY: on success the shim hands over a new tensor in each place that is not null.
    let owned = |gradient: Raw| unsafe { Tensor::from_ptr(gradient.cast()) };
    Ok(found.into_iter().map(|gradient| (!gradient.is_null()).then(|| owned(gradient))).collect())
}

/// own ← own + other, tensor by tensor.
///
/// # Errors
/// [`Error::Torch`].
pub fn add_(own: &[Tensor], other: &[Tensor]) -> Result<(), Error> {
    let (own, other) = (raws(own), raws(other));
    // SAFETY: the pointers are of live tensors.
    check(unsafe { ncsn_add_(own.as_ptr(), other.as_ptr(), own.len().min(other.len())) })
}

/// Shortens gradients whose norm over all of them is larger than `most` to that norm.
///
/// # Errors
/// [`Error::Torch`].
pub fn clip_(gradients: &[Tensor], most: f64) -> Result<(), Error> {
    let all = raws(gradients);
    // SAFETY: the pointers are of live tensors.
    check(unsafe { ncsn_clip_(all.as_ptr(), all.len(), most) })
}

/// Sets a float scalar to 1 where a gradient has an entry that is not finite; otherwise leaves it, without waiting.
///
/// # Errors
/// [`Error::Torch`].
pub fn find_not_finite_(gradients: &[Tensor], found: &Tensor) -> Result<(), Error> {
    // SAFETY: the list holds live tensors, and so is the scalar.
    check(unsafe { ncsn_find_not_finite_(raws(gradients).as_ptr(), gradients.len(), raw(found)) })
}

/// own ← own + weight·(other − own), for each pair of tensors.
///
/// # Errors
/// [`Error::Torch`] when shapes, devices or kinds differ.
pub fn lerp_(own: &[Tensor], other: &[Tensor], weight: f64) -> Result<(), Error> {
    assert_eq!(own.len(), other.len(), "one tensor for each");
    // SAFETY: both lists hold `own.len()` live tensors.
    check(unsafe { ncsn_lerp_(raws(own).as_ptr(), raws(other).as_ptr(), own.len(), weight) })
}

/// Tensors that one step of Adam reads and writes, one of each kind per parameter.
pub struct AdamTensors<'a> {
    /// θ.
    pub parameters: &'a [Tensor],
    /// ∇θ.
    pub gradients: &'a [Tensor],
    /// First moments.
    pub means: &'a [Tensor],
    /// Second moments.
    pub squares: &'a [Tensor],
    /// Largest second moments so far, for AMSGrad.
    pub maxima: Option<&'a [Tensor]>,
}

/// One step of Adam; nothing moves where `skip` is 1.
///
/// # Arguments
/// * `step` — float scalar: number of this step, from 1
/// * `skip` — float scalar
///
/// # Errors
/// [`Error::Torch`] when shapes, devices, kinds or memory orders differ: libtorch's kernel pairs entries by their place
/// in memory.
pub fn adam_(
    tensors: &AdamTensors,
    step: &Tensor,
    lr: f64,
    [beta1, beta2]: [f64; 2],
    eps: f64,
    skip: &Tensor,
) -> Result<(), Error> {
    let count = tensors.parameters.len();
    let lengths = [tensors.gradients.len(), tensors.means.len(), tensors.squares.len()];
    assert_eq!(lengths, [count; 3], "one tensor of each kind per parameter");
    let maxima = tensors.maxima.map(raws);
    // SAFETY: all lists hold `count` live tensors; a null list of maxima means none.
    check(unsafe {
        ncsn_adam_(
            raws(tensors.parameters).as_ptr(),
            raws(tensors.gradients).as_ptr(),
            raws(tensors.means).as_ptr(),
            raws(tensors.squares).as_ptr(),
            maxima.as_ref().map_or(ptr::null(), |list| list.as_ptr()),
            count,
            raw(step),
            lr,
            beta1,
            beta2,
            eps,
            raw(skip),
        )
    })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::super::{channels_last, to_vec};
    use super::*;

    #[test]
    fn lerp_moves_towards_the_other() {
        let own = [Tensor::from_slice(&[0.0_f32, 10.0])];
        lerp_(&own, &[Tensor::from_slice(&[4.0_f32, 10.0])], 0.25).expect("same shapes");
        assert_eq!(to_vec(&own[0]), [1.0, 10.0]);
    }

    #[test]
    fn adam_refuses_gradients_in_another_memory_order() {
        let nchw = Tensor::ones([4, 2, 3, 3], (Kind::Float, Device::Cpu));
        let [parameter, mean, square] = [(); 3].map(|()| [channels_last(&nchw)]);
        let step = |gradient: Tensor| {
            let tensors = AdamTensors {
                parameters: &parameter,
                gradients: &[gradient],
                means: &mean,
                squares: &square,
                maxima: None,
            };
            adam_(&tensors, &Tensor::from(1.0_f32), 0.1, [0.9, 0.999], 1e-8, &Tensor::from(0.0_f32))
        };
        let message = step(nchw.copy()).expect_err("strides differ").to_string();
        assert!(message.contains("parameter and gradient 0 lie differently in memory"), "{message}");
        assert!(step(channels_last(&nchw)).is_ok());
    }

    #[test]
    fn gradients_lie_as_their_parameters() {
        let parameter = channels_last(&Tensor::rand([4, 2, 3, 3], (Kind::Float, Device::Cpu)));
        let parameter = parameter.set_requires_grad(true);
        let factor = Tensor::rand([4, 2, 3, 3], (Kind::Float, Device::Cpu));
        let loss = (&parameter * &factor).sum(Kind::Float);
        let found = gradients(&loss, &[parameter.shallow_clone()]).expect("a gradient");
        assert_eq!(found[0].stride(), parameter.stride());
        assert_eq!(found[0], factor);
    }
}

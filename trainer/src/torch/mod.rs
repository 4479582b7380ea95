//! What tch lacks of libtorch, by the shim `shim/shim.cpp`; and torch's failures as errors.
//!
//! Tensors whose size the user chooses are made by methods that return torch's failures. In the formulas of the networks and
//! samplers, where every operator may fail, they are panics, as tch has it: [`attempt`] returns those.

mod gradients;
mod guard;
pub mod kernels;

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char, c_double, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic;
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::OnceLock;

use tch::kind::Element;
use tch::{Device, Kind, Tensor};

pub use gradients::{AdamTensors, adam_, add_, clip_, find_not_finite_, gradients, gradients_from, lerp_};
pub use guard::attempt;

use crate::Error;

pub(crate) type Raw = *mut c_void;

unsafe extern "C" {
    fn ncsn_error() -> *const c_char;
    fn ncsn_channels_last(input: Raw, output: *mut Raw) -> c_int;
    fn ncsn_upload(input: Raw, device: c_int, output: *mut Raw) -> c_int;
    fn ncsn_read_later(scalar: Raw, output: *mut Raw) -> c_int;
    fn ncsn_read_now(later: Raw, value: *mut c_double) -> c_int;
    fn ncsn_read_end(later: Raw);
    fn ncsn_conv3x3(
        input: Raw,
        weight: Raw,
        bias: Raw,
        dilation: i64,
        exact: c_int,
        output: *mut Raw,
    ) -> c_int;
    fn ncsn_handles_norm(x: Raw) -> c_int;
    fn ncsn_norm(
        x: Raw,
        gamma: Raw,
        alpha: Raw,
        beta: Raw,
        floor: c_double,
        activate: c_int,
        exact: c_int,
        output: *mut Raw,
    ) -> c_int;
    fn ncsn_autocast_begin(device: c_int, dtype: c_int, enabled: *mut c_int, old: *mut c_int) -> c_int;
    fn ncsn_autocast_end(device: c_int, enabled: c_int, old: c_int) -> c_int;
    fn ncsn_math(tf32: c_int, deterministic: c_int) -> c_int;
    fn ncsn_trace_begin(cuda: c_int) -> c_int;
    fn ncsn_trace_end(path: *const c_char) -> c_int;
    fn ncsn_open_cuda(state: *mut c_int, driver: *mut c_int) -> c_int;
    fn ncsn_device_name(index: c_int, name: *mut c_char, capacity: c_int, memory: *mut usize) -> c_int;
    fn ncsn_cuda_memory(
        index: c_int,
        reset: c_int,
        peak: *mut i64,
        available: *mut usize,
        total: *mut usize,
    ) -> c_int;
}

pub(crate) fn raw(tensor: &Tensor) -> Raw {
    tensor.as_ptr() as Raw
}

fn raws(tensors: &[Tensor]) -> Vec<Raw> {
    tensors.iter().map(raw).collect()
}

pub(crate) fn check(status: c_int) -> Result<(), Error> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: the shim keeps its last message alive until the next call on this thread.
    let message = unsafe { CStr::from_ptr(ncsn_error()) }.to_string_lossy();
    Err(Error::torch(&message))
}

fn tensor(call: impl FnOnce(*mut Raw) -> c_int) -> Result<Tensor, Error> {
    let mut output = ptr::null_mut();
    check(call(&mut output))?;
    // SAFETY: on success the shim hands over a new tensor.
    Ok(unsafe { Tensor::from_ptr(output.cast()) })
}

/// For use in formulas: the failure becomes a panic, as of tch's own operators.
fn in_formula<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic::panic_any(error))
}

/// The same values in channels-last memory order, in which 3×3 convolutions run fastest.
///
/// # Panics
/// As tch's methods, on torch's errors.
pub fn channels_last(input: &Tensor) -> Tensor {
    // SAFETY: the pointers are of live tensors.
    in_formula(tensor(|output| unsafe { ncsn_channels_last(raw(input), output) }))
}

/// The same values on a device. The host does not wait for what the device still computes.
///
/// # Errors
/// [`Error::OutOfMemory`], [`Error::Torch`].
pub fn upload(input: Tensor, device: Device) -> Result<Tensor, Error> {
    let Device::Cuda(index) = device else { return Ok(input) };
    // SAFETY: the pointer is of a live tensor.
    tensor(|output| unsafe { ncsn_upload(raw(&input), index as c_int, output) })
}

/// A scalar on its way from a device: read without waiting for what was queued after it.
#[derive(Debug)]
pub struct Later(Raw);

impl Later {
    /// Begins to read a scalar.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn read(scalar: &Tensor) -> Result<Self, Error> {
        let mut later = ptr::null_mut();
        // SAFETY: the tensor lives; on success the shim hands over what `drop` gives back.
        check(unsafe { ncsn_read_later(raw(scalar), &mut later) })?;
        Ok(Self(later))
    }

    /// The value, once it is there.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn value(self) -> Result<f64, Error> {
        let mut value = 0.0;
        // SAFETY: the pointer is the shim's own.
        check(unsafe { ncsn_read_now(self.0, &mut value) })?;
        Ok(value)
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        // SAFETY: the pointer is the shim's own, given back once.
        unsafe { ncsn_read_end(self.0) }
    }
}

/// 3×3 convolution with stride 1 and padding = dilation; by Winograd's algorithm where that is faster.
///
/// # Arguments
/// * `input` — `[batch, in, height, width]`
/// * `weight` — `[out, in, 3, 3]`
/// * `bias` — `[out]`
/// * `rounding` — whether [`autocast`] and TF32 may round its factors
///
/// # Panics
/// As tch's methods, on torch's errors.
pub fn conv3x3(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    dilation: i64,
    rounding: Rounding,
) -> Tensor {
    let bias = bias.map_or(ptr::null_mut(), raw);
    let exact = c_int::from(rounding == Rounding::Never);
    // SAFETY: the pointers are of live tensors, or null for no bias.
    let call = |output| unsafe { ncsn_conv3x3(raw(input), raw(weight), bias, dilation, exact, output) };
    in_formula(tensor(call))
}

/// InstanceNorm++ as [`crate::model::layers::Norm`] has it, then ELU if asked for, in few passes over memory; nothing where there is
/// no such path: images in f32 on the CPU are taken, and where [`kernels`] are in use those in f32 and bfloat16.
///
/// # Arguments
/// * `x` — `[batch, channels, height, width]`
/// * `affine` — γ, α, β, each `[1 or batch, channels]`
/// * `floor` — added to variances
/// * `rounding` — whether the result may be in bfloat16, by [`kernels`] under [`autocast`]: for a product that would round it
///
/// # Panics
/// As tch's methods, on torch's errors.
pub fn norm(
    x: &Tensor,
    affine: &[Tensor; 3],
    floor: f64,
    activate: bool,
    rounding: Rounding,
) -> Option<Tensor> {
    // SAFETY: the pointer is of a live tensor.
    if unsafe { ncsn_handles_norm(raw(x)) } == 0 {
        return None;
    }
    let [gamma, alpha, beta] = affine.each_ref().map(raw);
    let (activate, exact) = (c_int::from(activate), c_int::from(rounding == Rounding::Never));
    // SAFETY: the pointers are of live tensors.
    let call = |output| unsafe { ncsn_norm(raw(x), gamma, alpha, beta, floor, activate, exact, output) };
    Some(in_formula(tensor(call)))
}

/// Whether the factors of a product may be rounded to a shorter format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// As the run's precision says.
    Allowed,
    /// Not in the forward pass.
    Never,
}

/// Runs `body` with products and convolutions in bfloat16 on `device`, whatever else is in single precision.
pub fn autocast<R>(device: Device, body: impl FnOnce() -> R) -> R {
    struct Guard(c_int, c_int, c_int);
    impl Drop for Guard {
        fn drop(&mut self) {
            // SAFETY: plain values.
            unsafe { ncsn_autocast_end(self.0, self.1, self.2) };
        }
    }
    const BFLOAT16: c_int = 15;
    let device = c_int::from(matches!(device, Device::Cuda(_)));
    let (mut enabled, mut old) = (0, 0);
    // SAFETY: the two integers outlive the call.
    let status = unsafe { ncsn_autocast_begin(device, BFLOAT16, &mut enabled, &mut old) };
    let _guard = Guard(device, enabled, old);
    in_formula(check(status));
    body()
}

/// Whether CUDA may round f32 products to TF32, and whether only deterministic algorithms are used.
///
/// # Errors
/// [`Error::Torch`].
pub fn set_math(tf32: bool, deterministic: bool) -> Result<(), Error> {
    // SAFETY: plain values.
    check(unsafe { ncsn_math(c_int::from(tf32), c_int::from(deterministic)) })
}

/// Runs `body` and writes what libtorch's profiler saw of it, operators and kernels, in Chrome's trace format.
///
/// # Errors
/// [`Error::Torch`] when the file cannot be written; those of `body`.
pub fn traced<R>(device: Device, path: &Path, body: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    let name = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::setting("trace", path.display(), "a path without zero bytes"))?;
    // SAFETY: a plain value.
    check(unsafe { ncsn_trace_begin(c_int::from(device.is_cuda())) })?;
    let result = body();
    // SAFETY: the path ends with a zero and outlives the call.
    check(unsafe { ncsn_trace_end(name.as_ptr()) })?;
    result
}

/// What became of libtorch's CUDA half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CudaHalf {
    /// Nothing: there is no driver.
    NoDriver,
    /// `libtorch_cuda.so` does not lie beside the `libtorch_cpu.so` in use.
    Missing,
    /// It does not load, for this reason.
    Unloadable(String),
    /// It is open.
    Open {
        /// CUDA version that the driver is for: 13000 stands for 13.0.
        driver: i32,
    },
}

/// Opens libtorch's CUDA half if there is a driver and it lies beside the CPU half; the first thing that `main` does.
pub fn cuda_half() -> &'static CudaHalf {
    static HALF: OnceLock<CudaHalf> = OnceLock::new();
    HALF.get_or_init(|| {
        let (mut state, mut driver) = (0, 0);
        // SAFETY: the integers outlive the call.
        match (check(unsafe { ncsn_open_cuda(&mut state, &mut driver) }), state) {
            (Err(error), _) => CudaHalf::Unloadable(error.to_string()),
            (Ok(()), 0) => CudaHalf::NoDriver,
            (Ok(()), 1) => CudaHalf::Missing,
            (Ok(()), _) => CudaHalf::Open { driver },
        }
    })
}

/// Name and memory in bytes of a CUDA device.
///
/// # Errors
/// [`Error::Torch`] without a driver or device.
pub fn device_name(index: usize) -> Result<(String, usize), Error> {
    let mut name = [0_u8; 256];
    let mut memory = 0;
    // SAFETY: the capacity leaves room for the terminating zero of the zeroed buffer.
    check(unsafe { ncsn_device_name(index as c_int, name.as_mut_ptr().cast(), 255, &mut memory) })?;
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
    Ok((name.to_string_lossy().into_owned(), memory))
}

/// Memory of a CUDA device, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CudaMemory {
    /// Taken by tensors at most since the last reset.
    pub peak: u64,
    /// Free for other processes too.
    pub available: u64,
    /// In all.
    pub total: u64,
}

/// Memory of a CUDA device; `reset` starts a new peak.
///
/// # Errors
/// [`Error::Torch`] without CUDA.
pub fn cuda_memory(index: usize, reset: bool) -> Result<CudaMemory, Error> {
    let (mut peak, mut available, mut total) = (0, 0, 0);
    // SAFETY: the integers outlive the call.
    check(unsafe {
        ncsn_cuda_memory(index as c_int, c_int::from(reset), &mut peak, &mut available, &mut total)
    })?;
    Ok(CudaMemory { peak: peak as u64, available: available as u64, total: total as u64 })
}

/// Values of a tensor, whatever its kind, device and memory order, as f32.
#[must_use]
pub fn to_vec(tensor: &Tensor) -> Vec<f32> {
    values(tensor)
}

/// Values of a tensor, whatever its kind, device and memory order.
#[must_use]
pub fn values<T: Element + Copy + Default>(tensor: &Tensor) -> Vec<T> {
    let flat = tensor.to_device(Device::Cpu).to_kind(T::KIND).contiguous().flatten(0, -1);
    let mut values = vec![T::default(); flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}

/// Runs `body` on one thread of the CPU: for work whose threads wait for each other more than they compute.
pub fn on_one_thread<R>(body: impl FnOnce() -> R) -> R {
    struct Guard(i32);
    impl Drop for Guard {
        fn drop(&mut self) {
            tch::set_num_threads(self.0);
        }
    }
    let _guard = Guard(tch::get_num_threads());
    tch::set_num_threads(1);
    body()
}

/// Values of a tensor in single precision: where they lie, or a copy of what is of another kind, device or memory order.
#[must_use]
pub fn floats(tensor: &Tensor) -> Cow<'_, [f32]> {
    let is_plain = tensor.kind() == Kind::Float && tensor.device() == Device::Cpu && tensor.is_contiguous();
    if !is_plain || tensor.numel() == 0 {
        return Cow::Owned(to_vec(tensor));
    }
    // SAFETY: a contiguous tensor has that many values of this kind there, for as long as it lives; nothing of this crate
    // writes to a tensor that it has lent.
    Cow::Borrowed(unsafe { slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autocast_ends_with_its_body() {
        let product = |x: &Tensor| x.matmul(x).kind();
        let x = Tensor::ones([2, 2], (Kind::Float, Device::Cpu));
        assert_eq!(autocast(Device::Cpu, || product(&x)), Kind::BFloat16);
        assert_eq!(product(&x), Kind::Float);
    }
}

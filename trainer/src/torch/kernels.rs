//! InstanceNorm++ and ELU by own kernels (`shim/kernels`): compiled for the GPU at hand by NVRTC, or emulated on the CPU, which is for
//! tests.

use std::ffi::{CStr, CString, c_char, c_int};

use tch::Kind;

use super::check;
use crate::Error;

unsafe extern "C" {
    fn ncsn_kernels_use(on: c_int);
    fn ncsn_kernels_in_use() -> c_int;
    fn ncsn_kernels_emulate(how: c_int);
    fn ncsn_kernels_prepare(device: c_int, x_is_bf16: c_int, y_is_bf16: c_int) -> c_int;
    fn ncsn_kernels_plan(batch: i64, channels: i64, pixels: i64, plan: *mut i64);
    fn ncsn_kernels_compile(
        architecture: *const c_char,
        x_is_bf16: c_int,
        y_is_bf16: c_int,
        code: *mut usize,
        log: *mut c_char,
        capacity: usize,
    ) -> c_int;
}

/// Takes the kernels for tensors on CUDA from now on, or torch's operators again; they must have been made ready by [`prepare`].
pub fn use_on_cuda(on: bool) {
    // SAFETY: a plain value.
    unsafe { ncsn_kernels_use(c_int::from(on)) }
}

/// Whether tensors are given to the kernels, on CUDA or emulated.
#[must_use]
pub fn in_use() -> bool {
    // SAFETY: no arguments.
    unsafe { ncsn_kernels_in_use() != 0 }
}

/// How threads and blocks follow each other where kernels are emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulation {
    /// In the order of their numbers.
    Forward,
    /// In the opposite order: kernels whose threads race give something else.
    Reverse,
}

/// Takes emulated kernels for tensors on the CPU from now on, or its own operators again.
pub fn emulate(how: Option<Emulation>) {
    // SAFETY: a plain value.
    unsafe { ncsn_kernels_emulate(how.map_or(0, |how| 1 + how as c_int)) }
}

/// Compiles and loads the kernels for x and y of these kinds on a CUDA device; nothing is done for them later.
///
/// # Errors
/// [`Error::Torch`] without driver or NVRTC, or when it does not compile for this GPU.
pub fn prepare(device: usize, x: Kind, y: Kind) -> Result<(), Error> {
    // SAFETY: plain values.
    check(unsafe { ncsn_kernels_prepare(device as c_int, is_bf16(x), is_bf16(y)) })
}

fn is_bf16(kind: Kind) -> c_int {
    c_int::from(kind == Kind::BFloat16)
}

/// How the threads of the kernels lie over tensors of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Neighbouring channels that each thread has: 4, or 1 where that does not divide them.
    pub lanes: i64,
    /// Threads of a block along the channels.
    pub width: i64,
    /// Pixels of a thread at most.
    pub each: i64,
    /// Blocks that share an image.
    pub chunks: i64,
    /// Blocks along the channels.
    pub groups: i64,
}

impl Plan {
    /// For tensors of these sizes, which lie as libtorch allocates them.
    #[must_use]
    pub fn new(batch: i64, channels: i64, pixels: i64) -> Self {
        let mut plan = [0; 5];
        // SAFETY: the plan has five numbers.
        unsafe { ncsn_kernels_plan(batch, channels, pixels, plan.as_mut_ptr()) };
        let [lanes, width, each, chunks, groups] = plan;
        Self { lanes, width, each, chunks, groups }
    }
}

/// Compiles the kernels for an architecture such as `sm_90` by NVRTC, without a GPU: bytes of machine code, and the compiler's words.
///
/// # Errors
/// [`Error::Torch`] without NVRTC, or with the first line of what it complains of.
pub fn compile(architecture: &str, x: Kind, y: Kind) -> Result<(usize, String), Error> {
    const CAPACITY: usize = 1 << 16;
    let name = CString::new(architecture)
        .map_err(|_| Error::setting("architecture", architecture, "a word without zero bytes"))?;
    let (mut bytes, mut log) = (0, vec![0_u8; CAPACITY]);
    // SAFETY: the name ends with a zero; the log has the capacity that is said, and is ended with a zero within it.
    check(unsafe {
        ncsn_kernels_compile(
            name.as_ptr(),
            is_bf16(x),
            is_bf16(y),
            &mut bytes,
            log.as_mut_ptr().cast(),
            CAPACITY,
        )
    })?;
    let log = CStr::from_bytes_until_nul(&log).unwrap_or_default();
    Ok((bytes, log.to_string_lossy().into_owned()))
}

//! Devices: what there is, and what is asked for.

use std::str::FromStr;

use tch::{Cuda, Device};

use crate::config::Precision;
use crate::torch::CudaHalf;
use crate::{Error, torch};

/// A device as asked for on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first GPU, or else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU by its number.
    Cuda(usize),
}

impl FromStr for Wanted {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = text.strip_prefix("cuda:").map(str::parse);
        match (text, number) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(index))) => Ok(Self::Cuda(index)),
            _ => Err(Error::setting("device", text, "auto, cpu, cuda, cuda:N")),
        }
    }
}

impl Wanted {
    /// The device, if it is there.
    ///
    /// # Errors
    /// [`Error::NoDevice`].
    pub fn find(self) -> Result<Device, Error> {
        let count = gpus();
        match self {
            Self::Auto if count > 0 => Ok(Device::Cuda(0)),
            Self::Auto | Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(index) if index < count => Ok(Device::Cuda(index)),
            Self::Cuda(index) => Err(Error::NoDevice {
                name: format!("cuda:{index}"),
                reason: match absent() {
                    Some(reason) => reason,
                    None => format!("torch sees {count} of them; 'ncsn-trainer devices' shows which"),
                },
            }),
        }
    }
}

/// Number of GPUs that torch can use.
#[must_use]
pub fn gpus() -> usize {
    usize::try_from(Cuda::device_count()).unwrap_or(0)
}

/// Why there is no GPU to compute on; nothing where there is one.
#[must_use]
pub fn absent() -> Option<String> {
    match torch::cuda_half() {
        CudaHalf::NoDriver => Some("there is no NVIDIA driver".to_owned()),
        CudaHalf::Missing => Some(
            "libtorch_cuda.so does not lie beside libtorch_cpu.so; scripts/setup-libtorch.sh --cuda gets it"
                .to_owned(),
        ),
        CudaHalf::Unloadable(reason) => Some(format!(
            "libtorch's CUDA half does not load ({reason}); scripts/setup-libtorch.sh --cuda gets what it needs"
        )),
        CudaHalf::Open { .. } if gpus() > 0 => None,
        CudaHalf::Open { driver } => Some(format!(
            "torch can use no device with this driver, which is for CUDA {}.{}",
            driver / 1000,
            driver % 1000 / 10
        )),
    }
}

/// The same where a driver says that there is one all the same.
#[must_use]
pub fn unused_gpu() -> Option<String> {
    if *torch::cuda_half() == CudaHalf::NoDriver { None } else { absent() }
}

/// Name of a device for people.
#[must_use]
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => {
            let name = torch::device_name(index).map_or_else(|_| "GPU".to_owned(), |(name, _)| name);
            format!("cuda:{index} ({name})")
        }
        _ => format!("cpu ({} threads)", tch::get_num_threads()),
    }
}

/// Waits for everything that a device still computes.
pub fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}

/// The precision asked for, or bfloat16 products on a GPU and f32 on the CPU; sets torch's switches for it, before its first
/// work on the device.
///
/// # Arguments
/// * `deterministic` — no algorithm whose result differs from time to time, as far as libtorch has others: it warns
///
/// # Errors
/// [`Error::Torch`].
pub fn precision(wanted: Option<Precision>, device: Device, deterministic: bool) -> Result<Precision, Error> {
    let usual = if device.is_cuda() { Precision::Bf16 } else { Precision::F32 };
    let precision = wanted.unwrap_or(usual);
    torch::set_math(precision != Precision::F32, deterministic)?;
    if device.is_cuda() {
        // What is fastest in one process may not be in the next.
        Cuda::cudnn_set_benchmark(!deterministic);
    }
    Ok(precision)
}

/// Keeps memory that large tensors leave for the next ones, instead of giving each back to the system; before threads start.
///
/// glibc maps every block of more than 32 MiB anew, and the kernel clears its pages: half the time of a step with a large
/// batch. The process keeps what it had at most.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: plain values, which glibc takes at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_TOP_PAD, 1 << 28);
    }
}

/// Resources that this process has used so far.
#[must_use]
pub fn usage() -> libc::rusage {
    // SAFETY: a plain structure, which the call fills; it cannot fail for the process itself.
    unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}

/// Most memory taken so far, in bytes: by tensors on a GPU, by the process on the CPU.
///
/// # Errors
/// Those of torch.
pub fn peak_memory(device: Device) -> Result<u64, Error> {
    match device {
        Device::Cuda(index) => Ok(torch::cuda_memory(index, false)?.peak),
        // Linux counts kilobytes.
        _ => Ok(usage().ru_maxrss as u64 * 1024),
    }
}

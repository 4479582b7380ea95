//! Devices: what there is, and what is asked for.

use std::str::FromStr;

use tch::{Cuda, Device};

use crate::config::Precision;
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
                reason: format!("torch sees {count} CUDA devices; 'ncsn-trainer devices' says more"),
            }),
        }
    }
}

/// Number of GPUs that torch can use.
pub fn gpus() -> usize {
    usize::try_from(Cuda::device_count()).unwrap_or(0)
}

/// Name of a device for people.
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

/// The precision asked for, or bfloat16 products on a GPU and f32 on the CPU; sets torch's switches for it.
///
/// # Errors
/// [`Error::Torch`].
pub fn precision(wanted: Option<Precision>, device: Device) -> Result<Precision, Error> {
    let usual = if device.is_cuda() { Precision::Bf16 } else { Precision::F32 };
    let precision = wanted.unwrap_or(usual);
    torch::set_math(precision != Precision::F32, false)?;
    if device.is_cuda() {
        Cuda::cudnn_set_benchmark(true);
    }
    Ok(precision)
}

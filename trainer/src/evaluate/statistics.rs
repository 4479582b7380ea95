//! Mean and covariance of features, and files of them.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::foreign::{self, Holds, Which};
use crate::Error;
use crate::tensor_file::{self, TensorFile};

/// Largest dimension: the covariance of as many features takes half a gigabyte.
pub const MAX_DIM: i64 = 8192;

/// What a Gaussian law is fitted by.
#[derive(Debug)]
pub struct Statistics {
    /// Number of items; none where a file does not say.
    pub count: Option<u64>,
    /// `[dim]` in double precision, on the CPU.
    pub mean: Tensor,
    /// `[dim, dim]` in double precision, on the CPU; divided by the count less one.
    pub covariance: Tensor,
}

/// Vectors that are taken in together: a matrix is updated by many at the speed of a product, by few at that of memory.
const TOGETHER: i64 = 1024;

/// Rows of the scatter computed at once, of which what is left of the diagonal is left out.
const STRIP: i64 = 256;

/// Mean and scatter of the items so far.
#[derive(Debug)]
pub struct Moments {
    count: f64,
    mean: Tensor,
    /// Right of the diagonal and in squares of [`STRIP`] along it; what is left of them is not kept.
    scatter: Tensor,
    /// Vectors not taken in yet, and how many.
    waiting: Vec<Tensor>,
    rows: i64,
}

impl Moments {
    /// Of no item.
    ///
    /// # Errors
    /// [`Error::Setting`] above [`MAX_DIM`].
    pub fn new(dim: i64, device: Device) -> Result<Self, Error> {
        if dim > MAX_DIM {
            let allowed = format!("up to {MAX_DIM}: give --inception, or smaller images by --size");
            return Err(Error::setting("number of features", dim, allowed));
        }
        let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Double, device));
        let [mean, scatter] = [zeros(&[dim]), zeros(&[dim, dim])];
        Ok(Self { count: 0.0, mean, scatter, waiting: Vec::new(), rows: 0 })
    }

    /// Takes in a batch `[count, dim]`, in the order of the calls; batches of another size give the same bits.
    pub fn add(&mut self, batch: &Tensor) {
        let mut rest = batch.shallow_clone();
        while self.rows + rest.size()[0] >= TOGETHER {
            let missing = TOGETHER - self.rows;
            self.wait(rest.narrow(0, 0, missing));
            self.take();
            rest = rest.narrow(0, missing, rest.size()[0] - missing);
        }
        self.wait(rest);
    }

    fn wait(&mut self, part: Tensor) {
        self.rows += part.size()[0];
        self.waiting.push(part);
    }

    /// Takes in what waits.
    ///
    /// # Formula
    /// ```text
    /// d = mean_batch − mean,  w = n_batch/(n + n_batch)
    /// mean ← mean + w d,  scatter ← scatter + scatter_batch + n w d dᵀ
    /// ```
    /// so that nothing cancels however far the mean is from 0.
    ///
    /// # Source
    /// Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample variances".
    fn take(&mut self) {
        if self.rows == 0 {
            return;
        }
        let batch = Tensor::cat(&self.waiting, 0).to_kind(Kind::Double);
        let dim = batch.size()[1];
        self.waiting.clear();
        self.rows = 0;
        let count = batch.size()[0] as f64;
        let mean = batch.mean_dim([0].as_slice(), false, Kind::Double);
        let rest = &batch - &mean;
        let difference = &mean - &self.mean;
        let weight = count / (self.count + count);
        let step = &difference * (self.count * weight);
        for first in (0..dim).step_by(STRIP as usize) {
            let columns = rest.narrow(1, first, dim - first);
            let rows = columns.narrow(1, 0, STRIP.min(dim - first));
            let mut strip = self.scatter.narrow(0, first, rows.size()[1]).narrow(1, first, dim - first);
            let _ = strip.addmm_(&rows.tr(), &columns);
        }
        let _ = self.scatter.addr_(&step, &difference);
        self.mean += difference * weight;
        self.count += count;
    }

    /// Mean and covariance.
    ///
    /// # Errors
    /// [`Error::Setting`] for fewer than two items.
    pub fn finish(mut self) -> Result<Statistics, Error> {
        self.take();
        if self.count < 2.0 {
            return Err(Error::setting("number of items", self.count, "at least 2"));
        }
        let dim = self.mean.size()[0];
        for first in (0..dim - 1).step_by(STRIP as usize) {
            let (width, rest) = (STRIP.min(dim - first), (dim - first - STRIP).max(0));
            let right = self.scatter.narrow(0, first, width).narrow(1, first + width, rest);
            self.scatter.narrow(0, first + width, rest).narrow(1, first, width).copy_(&right.tr());
        }
        Ok(Statistics {
            count: Some(self.count as u64),
            mean: self.mean.to_device(Device::Cpu),
            covariance: (self.scatter / (self.count - 1.0)).to_device(Device::Cpu),
        })
    }
}

/// Whether a path is a file of statistics rather than of items.
#[must_use]
pub fn is_statistics(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix == "safetensors")
        || foreign::holds(path) == Holds::Statistics
}

/// Of what features a file says that its statistics are, where it does.
///
/// # Errors
/// Those of reading.
pub fn identity(path: &Path) -> Result<Option<String>, Error> {
    if path.extension().is_none_or(|suffix| suffix != "safetensors") {
        return Ok(None);
    }
    Ok(TensorFile::read(path)?.metadata().get("features").cloned())
}

impl Statistics {
    /// Reads a file of [`Self::write`], or `mu` and `sigma` of a file as [`foreign`] lists them.
    ///
    /// # Arguments
    /// * `features` — identity of the features that they must be of, where the file says it
    /// * `which` — of several in a pickle
    ///
    /// # Errors
    /// Those of reading; [`Error::Content`] for other features, shapes that do not fit, entries that are not
    /// finite, a covariance that is not symmetric.
    pub fn read(path: &Path, features: &str, which: Which) -> Result<Self, Error> {
        if path.extension().is_none_or(|suffix| suffix != "safetensors") {
            let [mean, covariance] = foreign::law(path, which)?;
            return Self { count: None, mean, covariance }.checked(path);
        }
        let file = TensorFile::read(path)?;
        if let Some(found) = file.metadata().get("features").filter(|found| *found != features) {
            return Err(Error::content(path, format!("statistics of {found}"), features));
        }
        let [mean, covariance] = ["mu", "sigma"].map(|name| file.get(name));
        let count = file.shaped("count", &[])?;
        let found = match count.kind() {
            Kind::Int64 => u64::try_from(count.int64_value(&[])).ok(),
            _ => None,
        };
        let Some(count) = found else {
            let found = format!("is {:?} {}", count.kind(), count.double_value(&[]));
            return Err(file.problem(
                "count",
                found,
                "a 64-bit integer of at least 0; 0 for an unknown one".to_owned(),
            ));
        };
        Self { count: Some(count).filter(|&count| count > 0), mean: mean?, covariance: covariance? }
            .checked(path)
    }

    /// Those of sFID in a file of guided-diffusion's, where it has them.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_spatial(path: &Path) -> Result<Option<Self>, Error> {
        let law = foreign::spatial_law(path)?;
        law.map(|[mean, covariance]| Self { count: None, mean, covariance }.checked(path)).transpose()
    }

    /// Writes a file: tensors `mu`, `sigma`, `count`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, path: &Path, features: &str) -> Result<(), Error> {
        let count = Tensor::from(self.count.unwrap_or_default() as i64);
        let tensors = [("mu", &self.mean), ("sigma", &self.covariance), ("count", &count)];
        let named = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
        tensor_file::write(path, named, Some(("features", features.to_owned())))
    }

    /// Number of features.
    #[must_use]
    pub fn dim(&self) -> i64 {
        self.mean.size()[0]
    }

    fn checked(self, path: &Path) -> Result<Self, Error> {
        let (mean, covariance) = (self.mean.size(), self.covariance.size());
        let problem = |name: &str, found: String, expected: String| {
            Error::content(path, format!("tensor {name} {found}"), expected)
        };
        let [dim @ 1..=MAX_DIM] = mean[..] else {
            let expected = format!("[features], of which there are 1 to {MAX_DIM}");
            return Err(problem("mu", format!("has shape {mean:?}"), expected));
        };
        for (name, tensor) in [("mu", &self.mean), ("sigma", &self.covariance)] {
            if !matches!(tensor.kind(), Kind::Double | Kind::Float | Kind::Half | Kind::BFloat16) {
                let found = format!("holds {:?}", tensor.kind());
                return Err(problem(name, found, "floating-point numbers".to_owned()));
            }
        }
        if covariance != [dim, dim] {
            let found = format!("has shape {covariance:?}");
            return Err(problem("sigma", found, format!("[{dim}, {dim}] as mu has {dim} entries")));
        }
        let double = |tensor: Tensor| tensor.to_kind(Kind::Double);
        let checked = Self { mean: double(self.mean), covariance: double(self.covariance), ..self };
        for (name, tensor) in [("mu", &checked.mean), ("sigma", &checked.covariance)] {
            if tensor.isfinite().all().int64_value(&[]) == 0 {
                return Err(problem(
                    name,
                    "has entries that are not finite".to_owned(),
                    "numbers".to_owned(),
                ));
            }
        }
        // np.cov is symmetric but for rounding; so is what was stored in single precision, to 2⁻²⁴ of each entry.
        let sigma = &checked.covariance;
        let largest = sigma.abs().max().double_value(&[]);
        let asymmetry = (sigma - sigma.tr()).abs().max().double_value(&[]);
        if asymmetry > f64::from(f32::EPSILON) * largest {
            let found = format!("differs from its transpose by {asymmetry:e}");
            return Err(problem("sigma", found, "a symmetric matrix".to_owned()));
        }
        Ok(checked)
    }
}

//! Classes of items, and batches of items with theirs.

use std::path::Path;
use std::sync::Arc;

use ncsn_data::{self as data, LabelSource};
use tch::{Device, Tensor};

use super::{Items, Stored};
use crate::config::Labels;
use crate::{Error, torch};

/// Clean items on a device.
#[derive(Debug)]
pub struct Batch {
    /// `[batch, …item]`.
    pub x: Tensor,
    /// Class of each, `[batch]`, int64, where items have classes.
    pub classes: Option<Tensor>,
}

impl From<Tensor> for Batch {
    fn from(x: Tensor) -> Self {
        Self { x, classes: None }
    }
}

/// What is known of the classes of training items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Their names.
    pub names: Vec<String>,
    /// SHA-256 of the labels, as [`data::Labels::digest`] has it.
    pub digest: String,
}

impl Known {
    /// What is known by labels.
    #[must_use]
    pub fn of(labels: &data::Labels) -> Self {
        Self { names: labels.names().to_vec(), digest: labels.digest() }
    }
}

impl Items {
    /// The same items, of classes.
    #[must_use]
    pub(super) fn labelled(self, labels: Option<data::Labels>) -> Self {
        Self { labels: labels.map(Arc::new), ..self }
    }

    /// A batch on a device.
    ///
    /// # Arguments
    /// * `stored` — the items with these numbers, as [`read`](Self::read) gives them
    ///
    /// # Errors
    /// Those of [`Stored::tensor`].
    pub fn batch(&self, stored: &Stored, numbers: &[usize], device: Device) -> Result<Batch, Error> {
        let x = stored.tensor(&self.shape, device)?;
        let class = |labels: &data::Labels| -> Vec<i64> {
            numbers.iter().map(|&number| i64::from(labels.classes()[self.stored_number(number)])).collect()
        };
        let classes = self.labels.as_deref().map(class);
        let upload = |classes: Vec<i64>| torch::upload(Tensor::f_from_slice(&classes)?, device);
        Ok(Batch { x, classes: classes.map(upload).transpose()? })
    }
}

/// The labels of a data set's rows.
///
/// # Errors
/// Those of [`data::labels`].
pub(super) fn read(
    path: &Path,
    set: &data::DataSet,
    labels: &Labels,
    file: Option<&Path>,
) -> Result<data::Labels, Error> {
    let source = LabelSource { file, array: labels.array.as_deref() };
    Ok(data::labels(path, set, source, &|_, _| {})?)
}

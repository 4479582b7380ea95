//! One file for each format.

pub(crate) mod table;
pub(crate) mod tar;

pub mod archive;
pub mod arrow;
pub mod cifar;
pub mod idx;
pub mod lmdb;
pub mod npy;
pub mod npz;
pub mod parquet;
pub mod zip_images;

//! One file for each format.

pub(crate) mod records;
pub(crate) mod stl10;
pub(crate) mod table;
pub(crate) mod tar;

pub mod archive;
pub mod arrow;
pub mod cifar;
pub mod hdf5;
pub mod idx;
pub mod lmdb;
pub mod mat;
pub mod npy;
pub mod npz;
pub mod parquet;
pub mod pickles;
pub mod safetensors;
pub mod text;
pub mod tfrecord;
pub mod zip_images;

//! One file or folder for each format.
//!
//! | Module | Reads | Rows |
//! |---|---|---|
//! | [`archive`] | tar, plain or compressed, shards of WebDataset, archives in an archive | images, else arrays; records |
//! | [`zip_images`] | zip | images, else arrays, else one array as [`npz`] |
//! | `records` | CIFAR's binary ([`cifar`]) and pickled batches, ImageNet-32's and -64's, STL-10 | images |
//! | [`idx`] | MNIST's files, byte to double | arrays, `[1, height, width]` where there are three axes |
//! | [`npy`], [`npz`] | NumPy: booleans, integers, floats, either order | as the array has them |
//! | [`pickles`] | `torch.save`, pickles of NumPy arrays, by the crate `ncsn-pth` | as the array has them |
//! | [`safetensors`] | safetensors, in place | as the tensor has them |
//! | [`hdf5`], [`mat`] | HDF5; MATLAB 5 to 7.3 | along the first axis, of SVHN's along the last |
//! | [`parquet`], [`arrow`] | tables: images, lists of numbers, columns of numbers | images, or numbers |
//! | [`lmdb`] | LSUN, FFHQ, pickled arrays | images, else arrays |
//! | [`tfrecord`] | TFRecord: images, StyleGAN's pixels, floats | images, or numbers |
//! | [`text`] | CSV, TSV, columns by spaces | numbers, or bytes where all are 0 to 255 |

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

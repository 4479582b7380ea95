//! Every seed of the fuzz targets, its truncations and its single-byte changes: no panic, and errors of one line.

#[path = "../fuzz/entry.rs"]
mod entry;

use std::panic::catch_unwind;
use std::path::Path;

/// Positions of a seed that are cut and changed; longer seeds are sampled evenly.
const POSITIONS: usize = 400;

fn replay(target: &str, bytes: &[u8], what: &str) {
    let outcome = catch_unwind(|| entry::read(target, bytes)).unwrap_or_else(|_| panic!("{what} panics"));
    if let Err(message) = outcome {
        assert_eq!(message.lines().count(), 1, "{what}: {message:?}");
    }
}

fn replay_seed(target: &str, name: &str, seed: &[u8]) {
    replay(target, seed, &format!("{target}/{name}"));
    for position in (0..seed.len()).step_by(seed.len().div_ceil(POSITIONS)) {
        replay(target, &seed[..position], &format!("{target}/{name} cut to {position} bytes"));
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = seed.to_vec();
            changed[position] ^= flip;
            replay(target, &changed, &format!("{target}/{name} with byte {position} ^ {flip:#04x}"));
        }
    }
}

#[test]
fn no_seed_and_no_small_change_of_one_panics() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for target in entry::TARGETS {
        let mut replayed = 0;
        for file in std::fs::read_dir(seeds.join(target)).unwrap() {
            let path = file.unwrap().path();
            replay_seed(target, &path.file_name().unwrap().to_string_lossy(), &std::fs::read(&path).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{target} has seeds");
    }
}

#[test]
fn seeds_that_are_valid_are_accepted() {
    let valid = [
        "cifar/ten",
        "idx/bytes",
        "idx/float",
        "idx/double",
        "lmdb/others.mdb",
        "lmdb/named.mdb",
        "npy/bytes",
        "npy/float",
        "npy/big",
        "npy/fortran",
        "npy/version2",
        "npy/integers",
        "npy/half",
        "npy/booleans",
        "npz/stored",
        "npz/deflated",
        "open/images.tgz",
        "open/idx.gz",
        "parquet/none.parquet",
        "parquet/snappy.parquet",
        "parquet/gzip.parquet",
        "parquet/zstd.parquet",
        "parquet/fallback.parquet",
        "parquet/version2.parquet",
        "parquet/binary.parquet",
        "picture/RGB.png",
        "picture/P.png",
        "picture/1.png",
        "picture/RGBA.png",
        "picture/RGB.bmp",
        "picture/RGB.webp",
        "picture/lossless.webp",
        "picture/RGB.jpeg",
        "picture/L.jpeg",
        "picture/CMYK.jpeg",
        "picture/progressive.jpeg",
        "picture/sixteen.png",
        "schedule/cifar10.json",
        "schedule/mnist.toml",
        "tar/gnu.tar",
        "tar/pax.tar",
        "tar/ustar.tar",
        "yaml/cifar10.yml",
        "zip/stored",
        "zip/deflated",
    ];
    for seed in valid {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(seed);
        let target = seed.split('/').next().unwrap();
        assert_eq!(entry::read(target, &std::fs::read(path).unwrap()), Ok(()), "{seed}");
    }
}

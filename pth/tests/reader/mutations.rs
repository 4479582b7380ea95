//! Damaged files: whatever the bytes, the reader returns, soon and within its budget.

use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use ncsn_pth::{self as pickle, Error, Value};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fixture;
use crate::memory::peak;
use crate::refused::stream;

/// Far above any mutation's time (milliseconds, also without optimisation), far below a loop's.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Reads and locates `bytes` and checks time and memory; whether the file was accepted.
pub fn survives(bytes: &[u8]) -> bool {
    let accepted = returns(bytes, |file| pickle::parse(file, Path::new("mutated.pth")));
    let located = returns(bytes, |file| pickle::locate_in(file, Path::new("mutated.pth")));
    // A checksum is compared only where the bytes are read.
    assert!(located || !accepted, "read, but not located: {bytes:?}");
    accepted
}

fn returns(bytes: &[u8], read: fn(Cursor<&[u8]>) -> Result<Value, Error>) -> bool {
    let start = Instant::now();
    let (result, peak) = peak(|| read(Cursor::new(bytes)));
    assert!(start.elapsed() < TIME_LIMIT, "{:?} for {bytes:?}", start.elapsed());
    // The budget of the module, and 1 MiB for the buffers of the zip reader.
    let limit = (64 << 20) + 16 * bytes.len() as u64 + (1 << 20);
    assert!(peak <= limit, "{peak} bytes for {bytes:?}");
    if let Err(error) = &result {
        assert!(error.to_string().starts_with("mutated.pth: "), "{error}");
    }
    result.is_ok()
}

/// Between one and four random edits: a byte replaced, inserted or removed, a piece copied elsewhere.
fn mutate(rng: &mut impl Rng, bytes: &[u8]) -> Vec<u8> {
    const TELLING: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, b'.', b'(', b'R', b'h', b'Q', b'\n', 0x94];
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[at] = rng.random(),
            1 => bytes[at] = TELLING[rng.random_range(0..TELLING.len())],
            2 => bytes[at] ^= 1 << rng.random_range(0..8),
            3 => bytes.insert(at, TELLING[rng.random_range(0..TELLING.len())]),
            4 if bytes.len() > 8 => {
                bytes.remove(at);
            }
            _ => {
                let from = rng.random_range(0..bytes.len());
                let len = rng.random_range(1..=16).min(bytes.len() - at.max(from));
                bytes.copy_within(from..from + len, at);
            }
        }
    }
    bytes
}

/// The archive with another pickle, checksums and sizes made to fit.
fn with_pickle(archive: &[u8], pickle: &[u8]) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for index in 0..old.len() {
        let mut entry = old.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        new.start_file(&name, options).unwrap();
        new.write_all(if name.ends_with("data.pkl") { pickle } else { &data }).unwrap();
    }
    new.finish().unwrap().into_inner()
}

/// The `data.pkl` of an archive.
fn pickle_of(archive: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let index =
        (0..zip.len()).find(|&i| zip.by_index(i).unwrap().name().unwrap().ends_with("data.pkl")).unwrap();
    let mut data = Vec::new();
    zip.by_index(index).unwrap().read_to_end(&mut data).unwrap();
    data
}

const ARCHIVES: [&str; 6] =
    ["small.pth", "list.pth", "list_deflated.pth", "views.pth", "dtypes.pth", "scalars_4.pth"];
const STREAMS: [&str; 6] = [
    "small_stream.pth",
    "list_stream.pth",
    "pair_cuda_stream.pth",
    "views_stream.pth",
    "dtypes_stream.pth",
    "scalars_0_stream.pth",
];
const PICKLES: [&str; 8] = [
    "array_0.pkl",
    "array_2.pkl",
    "array_4.pkl",
    "array_5.pkl",
    "arrays_4.pkl",
    "plain_2.pkl",
    "pair.pkl",
    "python2_2.pkl",
];

fn files() -> impl Iterator<Item = &'static str> {
    ARCHIVES.into_iter().chain(STREAMS).chain(PICKLES)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

#[test]
fn truncated_files_are_refused_at_every_length() {
    for name in files() {
        let whole = bytes(name);
        assert!(survives(&whole), "{name}");
        for len in 0..whole.len() {
            assert!(!survives(&whole[..len]), "{name} cut to {len} bytes");
        }
    }
}

#[test]
fn mutated_files_never_panic() {
    const PER_FILE: usize = 3000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for name in files() {
        let whole = bytes(name);
        let accepted = (0..PER_FILE).filter(|_| survives(&mutate(&mut rng, &whole))).count();
        println!("{name}: {accepted} of {PER_FILE} mutations accepted");
    }
}

/// Behind the checksums of the archive, where a mutation of the file alone rarely gets.
#[test]
fn mutated_pickles_in_sound_archives_never_panic() {
    const PER_FILE: usize = 2000;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for name in ARCHIVES {
        let whole = bytes(name);
        let pickle = pickle_of(&whole);
        let accepted =
            (0..PER_FILE).filter(|_| survives(&with_pickle(&whole, &mutate(&mut rng, &pickle)))).count();
        println!("{name}: {accepted} of {PER_FILE} mutations accepted");
    }
}

/// Programs of random opcodes with arguments that fit: deeper than mutations get.
#[test]
fn random_programs_never_panic() {
    const PROGRAMS: usize = 20_000;
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let pieces: [&[u8]; 54] = [
        b"(",
        b"0",
        b"1",
        b"2",
        b"N",
        b"\x88",
        b"\x89",
        b"]",
        b")",
        b"}",
        b"l",
        b"t",
        b"d",
        b"a",
        b"e",
        b"s",
        b"u",
        b"\x85",
        b"\x86",
        b"\x87",
        b"\x94",
        b"R",
        b"o",
        b"\x81",
        b"\x92",
        b"b",
        b"Q",
        b"\x93",
        b"q\0",
        b"q\x01",
        b"h\0",
        b"h\x01",
        b"K\x01",
        b"K\x04",
        b"J\xff\xff\xff\xff",
        b"\x8a\x09\0\0\0\0\0\0\0\0\x01",
        b"G\0\0\0\0\0\0\0\0",
        b"X\x01\0\0\0a",
        b"\x8c\x01b",
        b"C\x02xy",
        b"cnumpy\ndtype\n",
        b"cnumpy\nndarray\n",
        b"cnumpy\ndtype\n(X\x02\0\0\0i2K\0K\x01tR",
        b"(K\x03X\x01\0\0\0>NNNK\0K\0K\0tb",
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85N\x87R",
        b"cnumpy.core.multiarray\nscalar\n",
        b"c_codecs\nencode\n",
        b"X\x06\0\0\0latin1",
        b"ccollections\nOrderedDict\n",
        b"ctorch\nSize\n",
        b"ctorch._utils\n_rebuild_tensor\n",
        b"ctorch._utils\n_rebuild_parameter\n",
        b"ctorch\nFloatStorage\n",
        b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\0tQ",
    ];
    let mut accepted = 0;
    for _ in 0..PROGRAMS {
        let length = rng.random_range(1..40);
        let mut program: Vec<u8> =
            (0..length).flat_map(|_| pieces[rng.random_range(0..pieces.len())]).copied().collect();
        program.push(b'.');
        accepted += usize::from(survives(&stream(&program)));
    }
    println!("{accepted} of {PROGRAMS} programs accepted");
}

//! Places of elements instead of elements.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use ncsn_pth::{Dtype, Fault, Value, locate, locate_in, parse, read};

use crate::fixture;
use crate::memory::{archive_of, peak, stream_of};
use crate::writer::{Block, Way};

/// Type, shape and elements of a tensor or an array, from the file where they are left there.
pub fn content(value: &Value, file: &[u8]) -> (Dtype, Vec<usize>, Vec<u8>) {
    match value {
        Value::Tensor(tensor) => (tensor.dtype, tensor.shape.clone(), tensor.bytes.clone()),
        Value::Array(array) => (array.dtype, array.shape.clone(), array.bytes.clone()),
        Value::Placed(placed) => {
            let start = placed.place.offset as usize;
            let bytes = &file[start..start + placed.place.length as usize];
            (placed.dtype, placed.shape.clone(), bytes.to_vec())
        }
        other => panic!("a {} has no elements", other.kind()),
    }
}

/// Names of the blocks in a tree that are left in the file, and of those that are not; all others are compared.
fn compare(name: &str, loaded: &Value, located: &Value, file: &[u8], found: &mut [Vec<String>; 2]) {
    match (loaded, located) {
        (Value::Dict(loaded), Value::Dict(located)) => {
            assert_eq!(loaded.len(), located.len());
            for ((key, loaded), (same, located)) in loaded.iter().zip(located) {
                assert_eq!(key, same);
                compare(key.as_text().unwrap_or(name), loaded, located, file, found);
            }
        }
        (Value::List(loaded), Value::List(located)) => {
            assert_eq!(loaded.len(), located.len());
            loaded
                .iter()
                .zip(located)
                .for_each(|(loaded, located)| compare(name, loaded, located, file, found));
        }
        (Value::Tensor(_) | Value::Array(_), _) => {
            assert_eq!(content(loaded, file), content(located, file), "{name}");
            found[usize::from(located.as_placed().is_none())].push(name.to_owned());
        }
        _ => assert_eq!(loaded, located),
    }
}

fn places(name: &str) -> [Vec<String>; 2] {
    let path = fixture(name);
    let file = std::fs::read(&path).unwrap();
    let mut found = [vec![], vec![]];
    compare("", &read(&path).unwrap(), &locate(&path).unwrap(), &file, &mut found);
    found
}

/// Source: `views` in `make.py`: which of them are contiguous in row-major order.
#[test]
fn contiguous_tensors_are_left_in_the_file() {
    for name in ["views.pth", "views_stream.pth"] {
        let [left, loaded] = places(name);
        assert_eq!(left, ["base", "row", "element", "empty_slice", "twice", "twice"], "{name}");
        let strided = ["transposed", "column", "every_other", "overlap", "channels_last", "expanded"];
        assert_eq!(loaded, strided, "{name}");
    }
}

#[test]
fn every_tensor_of_a_checkpoint_is_left_in_the_file() {
    for name in ["list.pth", "list_stream.pth", "pair_cuda_stream.pth", "dtypes.pth", "dtypes_stream.pth"] {
        let [left, loaded] = places(name);
        assert!(left.len() >= 9 && loaded.is_empty(), "{name}: {loaded:?}");
    }
}

#[test]
fn deflated_tensors_and_small_arrays_are_loaded() {
    assert_eq!(places("list_deflated.pth").map(|names| names.len() > 8), [false, true]);
    for name in ["both.pth", "both_5.pth", "both_stream.pth"] {
        assert_eq!(places(name), [["tensor"], ["array"]], "{name}");
    }
    for protocol in 0..6 {
        assert!(places(&format!("arrays_{protocol}.pkl"))[0].is_empty(), "protocol {protocol}");
    }
}

#[test]
fn a_tensor_that_reaches_past_the_end_is_refused() {
    for name in ["broken_short_storage.pth", "broken_bounds.pth", "broken_truncated_stream.pth"] {
        assert!(locate(&fixture(name)).is_err(), "{name}");
    }
}

#[test]
fn arrays_in_other_orders_are_loaded() {
    for (is_big, is_fortran, is_placed) in
        [(false, false, true), (true, false, false), (false, true, false), (true, true, false)]
    {
        let bytes = (0..400 * 100 * 2).map(|i| (i % 251) as u8).collect();
        let array = Block { name: "u2", shape: vec![400, 100], bytes, is_big, is_fortran };
        let file = array.pickle(Way::Bytes);
        let value = locate_in(Cursor::new(&file), Path::new("x.pkl")).unwrap();
        assert_eq!(value.as_placed().is_some(), is_placed);
        assert!(content(&value, &file).2 == array.bytes);
    }
}

/// Source: APPNOTE 6.3.10 of the zip format: bit 0 of the flags, at byte 6 of an entry and 8 of its line in the directory.
#[test]
fn an_encrypted_entry_has_no_place() {
    let mut file = std::fs::read(fixture("small.pth")).unwrap();
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        for at in 0..file.len() {
            let name = at + if flags == 6 { 30 } else { 46 };
            if file[at..].starts_with(signature) && file[name..].starts_with(b"small/data/0") {
                file[at + flags] |= 1;
            }
        }
    }
    let error = locate_in(Cursor::new(&file), Path::new("x.pth")).unwrap_err();
    assert!(matches!(*error.fault, Fault::Archive(_)), "{error}");
}

/// A file of which only the first and the last bytes exist: what lies between is 0.
struct Sparse {
    head: Vec<u8>,
    gap: u64,
    tail: Vec<u8>,
    at: u64,
}

impl Read for Sparse {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let head = self.head.len() as u64;
        let end = head + self.gap + self.tail.len() as u64;
        let count = (out.len() as u64).min(end.saturating_sub(self.at)) as usize;
        for byte in &mut out[..count] {
            *byte = match self.at {
                at if at < head => self.head[at as usize],
                at if at < head + self.gap => 0,
                at => self.tail[(at - head - self.gap) as usize],
            };
            self.at += 1;
        }
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let end = self.head.len() as u64 + self.gap + self.tail.len() as u64;
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(change) => end.checked_add_signed(change).unwrap(),
            SeekFrom::Current(change) => self.at.checked_add_signed(change).unwrap(),
        };
        Ok(self.at)
    }
}

/// 40 GB of float32 in one tensor of a stream: no more memory than for 40 bytes.
#[test]
fn forty_gigabytes_are_located_in_a_megabyte() {
    const ELEMENTS: u64 = 10_000_000_000;
    let file = Sparse { head: stream_of(ELEMENTS), gap: 4 * ELEMENTS, tail: vec![], at: 0 };
    let start = file.head.len() as u64;
    let (value, peak) = peak(|| locate_in(file, Path::new("x.pth")).unwrap());
    let placed = value.as_placed().unwrap();
    assert_eq!((placed.place.offset, placed.place.length), (start, 4 * ELEMENTS));
    assert!(peak < 1 << 20, "{peak} bytes");
}

#[test]
fn a_zip_and_a_pickle_of_eight_megabytes_are_located_in_one() {
    const ELEMENTS: usize = 2_000_000;
    let array = Block {
        name: "f4",
        shape: vec![ELEMENTS],
        bytes: vec![0; 4 * ELEMENTS],
        is_big: false,
        is_fortran: false,
    };
    let ways = [Way::String, Way::Bytes, Way::Buffer].map(|way| array.pickle(way));
    for file in ways.into_iter().chain([archive_of(ELEMENTS)]) {
        let (value, peak) = peak(|| locate_in(Cursor::new(&file), Path::new("x")).unwrap());
        assert_eq!(value.as_placed().unwrap().place.length, 4 * ELEMENTS as u64);
        assert!(peak < 1 << 20, "{peak} bytes");
    }
}

/// Long strings that are no arrays are left in the file until the tree needs them.
#[test]
fn long_strings_are_loaded() {
    let len = 70_000_u32.to_le_bytes();
    let string = |code: &[u8], byte: u8| [code, &len, &[byte; 70_000], b"a"].concat();
    let shared = [b"B", &len[..], &[1; 70_000], b"q\0ah\0a"].concat();
    let file =
        [b"\x80\x03]".to_vec(), string(b"T", b'a'), string(b"T", 0xff), shared, b".".to_vec()].concat();
    let expected = [
        Value::Text("a".repeat(70_000)),
        Value::Bytes(vec![0xff; 70_000]),
        Value::Bytes(vec![1; 70_000]),
        Value::Bytes(vec![1; 70_000]),
    ];
    for read in [parse, locate_in] {
        let value = read(Cursor::new(&file), Path::new("x.pkl")).unwrap();
        assert!(value.as_list().unwrap() == expected);
    }
}

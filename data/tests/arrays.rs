//! IDX, CIFAR, npy and npz, from bytes written by hand.

mod support;

use std::io::{Cursor, Write};
use std::path::PathBuf;

use ncsn_data::Options;
use support::{bytes, floats, message, names, open, open_plain, write};
use tempfile::{TempDir, tempdir};

const RECORD: usize = 3072;

fn idx(kind: u8, shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn npy(descr: &str, fortran: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, content) in arrays {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A file in a folder that lives as long as it is held.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), name, bytes);
    (folder, path)
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    let (folder, path) = file(name, bytes);
    message(open_plain(&path)).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn idx_bytes_read_alike_in_place_and_compressed() {
    let values: Vec<u8> = (0..3 * 2 * 5).collect();
    let content = idx(8, &[3, 2, 5], &values);
    let mut digests = Vec::new();
    for (name, content) in [("x-idx3-ubyte", content.clone()), ("x-idx3-ubyte.gz", gzip(&content))] {
        let (_folder, path) = file(name, &content);
        let data = open_plain(&path).unwrap();
        assert_eq!(bytes(&data), values);
        assert_eq!(data.shape, [1, 2, 5]);
        assert_eq!(names(&data)[2], format!("{name}#2"));
        digests.push(data.digest().unwrap().to_owned());
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn idx_floats_read_alike_in_both_precisions() {
    let values: Vec<f64> = (0..12).map(|i| f64::from(i) / 8.0 - 0.5).collect();
    let single: Vec<u8> = values.iter().flat_map(|&x| (x as f32).to_be_bytes()).collect();
    let double: Vec<u8> = values.iter().flat_map(|&x| x.to_be_bytes()).collect();
    for (kind, content) in [(0x0d, single), (0x0e, double)] {
        let (_folder, path) = file("x.idx", &idx(kind, &[3, 4], &content));
        let data = open_plain(&path).unwrap();
        assert_eq!((floats(&data), data.shape), (values.clone(), vec![4]));
    }
}

#[test]
fn idx_headers_that_lie_are_refused() {
    let cases = [
        (idx(0x0a, &[2, 2], &[0; 16]), "x.idx is none of: a folder, "),
        (idx(8, &[2, 4], &[0; 7]), "x.idx holds 7 bytes of values, its shape needs 8"),
        (idx(8, &[2, 4], &[0; 9]), "x.idx holds 9 bytes of values, its shape needs 8"),
        (
            idx(8, &[u32::MAX; 3], &[0; 9]),
            "shape 4294967295×4294967295×4294967295 has no rows of 1 to 1073741824 bytes",
        ),
        (
            idx(8, &[u32::MAX, 1 << 30], &[0; 9]),
            "x.idx holds 9 bytes of values, its shape needs 4611686017353646080",
        ),
        (idx(8, &[3, 0], &[]), "shape 3×0 has no rows"),
        (idx(8, &[0, 3], &[]), "x.idx holds no images and no rows"),
        (idx(8, &[3, 0], &[])[..7].to_vec(), "cannot unpack x.idx"),
    ];
    for (content, expected) in cases {
        let refused = refusal("x.idx", &content);
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn compressed_idx_that_lies_is_refused() {
    let short = refusal("x.gz", &gzip(&idx(8, &[2, 4], &[0; 7])));
    assert_eq!(short, "x.gz holds 7 bytes of values, its shape needs 8");
    let long = refusal("x.gz", &gzip(&idx(8, &[2, 4], &[0; 9])));
    assert_eq!(long, "x.gz goes on after the 8 bytes of values that its shape needs");
    let bomb = refusal("x.gz", &gzip(&idx(8, &[1 << 31, 1 << 20], &[0; 9])));
    assert!(bomb.contains("more than the 1032-fold its compression reaches"), "{bomb}");
    let whole = gzip(&idx(8, &[2, 4], &[0; 8]));
    assert!(refusal("x.gz", &whole[..whole.len() - 4]).starts_with("cannot unpack x.gz"));
}

/// Columns are gathered 32 MiB of rows at a time; this array is 40 MB.
#[test]
fn columns_of_more_than_one_block_become_rows() {
    const COUNT: usize = 10_000;
    const DIM: usize = 4096;
    let value = |row: usize, entry: usize| (row * 31 + entry * 17) as u8;
    let columns: Vec<u8> = (0..DIM).flat_map(|entry| (0..COUNT).map(move |row| value(row, entry))).collect();
    let (_folder, path) = file("x.npy", &npy("|u1", "True", &format!("({COUNT}, {DIM})"), &columns));
    let rows = bytes(&open_plain(&path).unwrap());
    let wrong = rows.iter().enumerate().find(|&(at, &found)| found != value(at / DIM, at % DIM));
    assert_eq!((rows.len(), wrong), (COUNT * DIM, None));
}

#[test]
fn mnist_resizes_like_images() {
    let (_folder, path) = file("x.idx", &idx(8, &[3, 4, 4], &[7; 48]));
    let data = open(&path, &Options { size: Some(2), ..Options::default() }).unwrap();
    assert_eq!((bytes(&data), &data.shape[..]), (vec![7; 12], &[1, 2, 2][..]));
    assert_eq!(names(&data), ["x.idx#0", "x.idx#1", "x.idx#2"]);
}

#[test]
fn npy_reads_every_order_and_width() {
    let values: Vec<f64> = (0..24).map(f64::from).collect();
    // In column order the first index runs fastest: value (i, j, k) = 12 i + 4 j + k.
    let columns: Vec<f64> = (0..24).map(|at| f64::from(12 * (at % 2) + 4 * (at / 2 % 3) + at / 6)).collect();
    for (order, values_there) in [("False", &values), ("True", &columns)] {
        let encodings: [(&str, Vec<u8>); 4] = [
            ("<f4", values_there.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect()),
            (">f4", values_there.iter().flat_map(|&x| (x as f32).to_be_bytes()).collect()),
            ("<f8", values_there.iter().flat_map(|&x| x.to_le_bytes()).collect()),
            (">f8", values_there.iter().flat_map(|&x| x.to_be_bytes()).collect()),
        ];
        for (descr, content) in encodings {
            let array = npy(descr, order, "(2, 3, 4)", &content);
            let packed = npz(&[("arr_0.npy", array.clone())], zip::CompressionMethod::Deflated);
            for (name, content) in [("x.npy", array), ("x.npz", packed)] {
                let (_folder, path) = file(name, &content);
                let data = open_plain(&path).unwrap();
                assert_eq!(
                    (floats(&data), &data.shape[..]),
                    (values.clone(), &[3, 4][..]),
                    "{descr} {order} {name}"
                );
            }
        }
        let content: Vec<u8> = values_there.iter().map(|&x| x as u8).collect();
        let (_folder, path) = file("x.npy", &npy("|u1", order, "(2, 3, 4)", &content));
        assert_eq!(bytes(&open_plain(&path).unwrap()), (0..24).collect::<Vec<u8>>());
    }
}

#[test]
fn plain_vectors_and_numbers_have_shapes_of_one_entry() {
    for (shape, expected) in [("(6,)", vec![1]), ("(2, 3)", vec![3]), ("(6L,)", vec![1])] {
        let (_folder, path) = file("x.npy", &npy("|u1", "False", shape, &[1, 2, 3, 4, 5, 6]));
        assert_eq!(open_plain(&path).unwrap().shape, expected);
    }
}

/// Six numbers of a type in both byte orders and both orders of the axes; `value` makes bytes of each, the last first.
fn all_orders(name: &str, kept: &str, numbers: [f64; 6], value: impl Fn(f64) -> Vec<u8>) {
    let by_columns = [0, 3, 1, 4, 2, 5].map(|k| numbers[k]);
    for (mark, order, stored) in [
        ('<', "False", numbers),
        ('>', "False", numbers),
        ('<', "True", by_columns),
        ('>', "True", by_columns),
    ] {
        let content: Vec<u8> = stored
            .iter()
            .flat_map(|&x| {
                let mut bytes = value(x);
                if mark == '>' {
                    bytes.reverse();
                }
                bytes
            })
            .collect();
        let (_folder, path) = file("x.npy", &npy(&format!("{mark}{name}"), order, "(2, 3)", &content));
        let data = open_plain(&path).unwrap();
        assert_eq!(floats(&data), numbers, "{mark}{name} {order}");
        // As the same numbers in the type that is kept, stored plainly.
        let plain: Vec<u8> = match kept {
            "f4" => numbers.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
            _ => numbers.iter().flat_map(|&x| x.to_le_bytes()).collect(),
        };
        let (_folder, path) = file("y.npy", &npy(&format!("<{kept}"), "False", "(2, 3)", &plain));
        assert_eq!(
            data.digest().unwrap(),
            open_plain(&path).unwrap().digest().unwrap(),
            "{mark}{name} {order}"
        );
    }
}

#[test]
fn integers_and_halves_become_the_floats_that_they_are() {
    let near_end = |end: f64| [end, end - 1.0, 0.0, 1.0, 7.0, 100.0];
    all_orders("i1", "f4", [-128.0, 127.0, 0.0, -1.0, 1.0, 100.0], |x| vec![x as i8 as u8]);
    all_orders("u2", "f4", near_end(65_535.0), |x| (x as u16).to_le_bytes().to_vec());
    all_orders("i2", "f4", near_end(-32_767.0), |x| (x as i16).to_le_bytes().to_vec());
    all_orders("u4", "f8", near_end(4_294_967_295.0), |x| (x as u32).to_le_bytes().to_vec());
    all_orders("i4", "f8", near_end(-2_147_483_647.0), |x| (x as i32).to_le_bytes().to_vec());
    // 2⁵³, and beyond it a power of two.
    all_orders("u8", "f8", [9_007_199_254_740_992.0, 1.8e19, 0.0, 1.0, 2.0, 3.0], |x| {
        (x as u64).to_le_bytes().to_vec()
    });
    all_orders("i8", "f8", [-9_223_372_036_854_775_808.0, -5.0, 0.0, 1.0, 2.0, 3.0], |x| {
        (x as i64).to_le_bytes().to_vec()
    });
    all_orders("b1", "f4", [1.0, 0.0, 0.0, 1.0, 1.0, 0.0], |x| vec![x as u8]);
    // IEEE 754 half precision: 65504 is the largest, 2⁻²⁴ the least, 2⁻¹⁴ the least that is normal.
    let halves = [(1.0, 0x3c00), (-2.0, 0xc000), (65_504.0, 0x7bff), (0.5, 0x3800)];
    let halves = [&halves[..], &[(2_f64.powi(-24), 0x0001), (2_f64.powi(-14), 0x0400_u16)]].concat();
    let numbers: [f64; 6] = std::array::from_fn(|k| halves[k].0);
    all_orders("f2", "f4", numbers, |x| {
        halves.iter().find(|half| half.0 == x).unwrap().1.to_le_bytes().to_vec()
    });
}

/// Bytes as `numpy.save` writes them of `ml_dtypes.bfloat16` 0.5: 1.5, −2, 3.140625; 65280, 0.00099945068359375, 0.
#[test]
fn two_bytes_without_a_type_are_bfloat16_and_the_notes_say_so() {
    let content = b"\xc0?\x00\xc0I@\x7fG\x83:\x00\x00";
    let (_folder, path) = file("x.npy", &npy("<V2", "False", "(2, 3)", content));
    let data = open_plain(&path).unwrap();
    assert_eq!(data.notes, ["entries of two bytes without a type are taken for bfloat16"]);
    let numbers = [1.5_f32, -2.0, 3.140_625, 65_280.0, 0.000_999_450_7, 0.0];
    let plain: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let (_folder, path) = file("y.npy", &npy("<f4", "False", "(2, 3)", &plain));
    assert_eq!(data.digest().unwrap(), open_plain(&path).unwrap().digest().unwrap());
}

#[test]
fn integers_that_no_double_is_are_refused() {
    let content: Vec<u8> = [5_i64, 6, 7, (1 << 53) + 1].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(
        refusal("x.npy", &npy("<i8", "False", "(2, 2)", &content)),
        "row 1 of x.npy, entry 1, is 9007199254740993, an integer that no double is"
    );
    assert_eq!(
        refusal("x.npy", &npy("<f2", "False", "(1, 2)", &[0, 0x3c, 0, 0x7c])),
        "row 0 of x.npy, entry 1, is inf, not a finite number"
    );
}

#[test]
fn idx_has_small_integers_too() {
    let (_folder, path) = file("x.idx", &idx(0x0b, &[2, 2], &[0, 1, 0xff, 0xff, 0x7f, 0xff, 0x80, 0]));
    assert_eq!(floats(&open_plain(&path).unwrap()), [1.0, -1.0, 32_767.0, -32_768.0]);
}

#[test]
fn npy_headers_that_lie_are_refused() {
    let v = [0; 24];
    let mut version = npy("|u1", "False", "(2, 3)", &v[..6]);
    version[6] = 9;
    let cases = [
        (
            npy("<c8", "False", "(3,)", &v),
            "npy descr is '<c8', allowed: '|b1', '|u1', '|i1', '<u2' to '<u8', ",
        ),
        (npy("é", "False", "(3,)", &v), "npy descr is 'é', allowed: "),
        (npy("|u1", "Maybe", "(3,)", &v), "npy fortran_order is Maybe, allowed: True, False"),
        (npy("|u1", "False", "(3, -1)", &v), "npy shape is (3, -1), allowed: (rows, ...)"),
        (npy("|u1", "False", "()", &v), "npy shape is (), allowed: (rows, ...)"),
        (npy("|u1", "False", "(99999999999999999999,)", &v), "npy shape is (99999999999999999999,)"),
        (npy("<f8", "False", "(2, 576460752303423488)", &v), "has no rows of 1 to 1073741824 bytes"),
        (npy("|u1", "False", "(5, 5)", &v), "x.npy holds 24 bytes of values, its shape needs 25"),
        (npy("|u1", "True", "(5, 5)", &v), "x.npy holds 24 bytes of values, its shape needs 25"),
        (version, "npy version is 9, allowed: 1, 2, 3"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            "npy header length is 4294967295, allowed: 0 to 65536",
        ),
        (npy("|u1", "False", "(3,)", &[])[..40].to_vec(), "cannot unpack x.npy"),
    ];
    for (content, expected) in cases {
        let refused = refusal("x.npy", &content);
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    for (descr, order, expected) in [
        ("<f8", "False", "row 1 of x.npy, entry 2, is NaN, not a finite number"),
        (">f8", "False", "row 1 of x.npy, entry 2, is NaN, not a finite number"),
        // In column order the last value is the same one.
        ("<f8", "True", "row 1 of x.npy, entry 2, is NaN, not a finite number"),
    ] {
        let values = [0.0, 1.0, 2.0, 3.0, 4.0, f64::NAN];
        let content: Vec<u8> = values
            .iter()
            .flat_map(|x| if descr == ">f8" { x.to_be_bytes() } else { x.to_le_bytes() })
            .collect();
        assert_eq!(refusal("x.npy", &npy(descr, order, "(2, 3)", &content)), expected);
    }
    let infinite: Vec<u8> = [1.0_f32, f32::NEG_INFINITY].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(
        refusal("x.npy", &npy("<f4", "False", "(2,)", &infinite)),
        "row 1 of x.npy, entry 0, is -inf, not a finite number"
    );
}

#[test]
fn arrays_have_no_size_to_change() {
    let (_folder, path) = file("x.npy", &npy("|u1", "False", "(1, 2, 3)", &[0; 6]));
    let refused = message(open(&path, &Options { size: Some(2), ..Options::default() }));
    assert!(refused.starts_with("size and crop apply to images; rows of"), "{refused}");
}

#[test]
fn npz_of_several_arrays_needs_a_name() {
    let a = npy("|u1", "False", "(2, 2)", &[1, 2, 3, 4]);
    let b = npy("|u1", "False", "(1, 2)", &[5, 6]);
    let archive = npz(&[("a.npy", a), ("b.npy", b), ("note.txt", vec![1])], zip::CompressionMethod::Stored);
    assert_eq!(refusal("x.npz", &archive), "x.npz holds 2 arrays (a, b): name one by --array");
    let (_folder, path) = file("x.npz", &archive);
    let named = |name: &str| open(&path, &Options { array: Some(name.into()), ..Options::default() });
    assert_eq!(bytes(&named("b").unwrap()), [5, 6]);
    assert_eq!(bytes(&named("a.npy").unwrap()), [1, 2, 3, 4]);
    assert!(message(named("c")).ends_with("x.npz holds no array c, it holds: a, b"));
    let (_folder, path) = file("x.npy", &npy("|u1", "False", "(2,)", &[1, 2]));
    let refused = message(open(&path, &Options { array: Some("b".into()), ..Options::default() }));
    assert!(refused.ends_with("x.npy holds no array b, it has none by name"), "{refused}");
}

#[test]
fn npz_that_lies_is_refused() {
    let lying = npz(&[("a.npy", npy("|u1", "False", "(9, 9)", &[0; 80]))], zip::CompressionMethod::Deflated);
    assert_eq!(refusal("x.npz", &lying), "x.npz holds 80 bytes of values, its shape needs 81");
    let none = npz(&[("a.txt", vec![1])], zip::CompressionMethod::Stored);
    assert!(refusal("x.npz", &none).starts_with("x.npz is a zip archive without images and arrays"));
    let whole = npz(&[("a.npy", npy("|u1", "False", "(9, 9)", &[0; 81]))], zip::CompressionMethod::Stored);
    assert!(refusal("x.npz", &whole[..whole.len() / 2]).starts_with("cannot unpack x.npz"));
    let mut damaged = whole.clone();
    let at = damaged.windows(20).position(|w| w == [0; 20]).unwrap();
    damaged[at] = 1;
    assert!(refusal("x.npz", &damaged).starts_with("cannot unpack x.npz"), "the checksum is checked");
}

/// CIFAR records of `count` images, image i full of `first + i`.
fn cifar(labels: &[u8], first: u8, count: u8) -> Vec<u8> {
    (first..first + count).flat_map(|value| [labels.to_vec(), vec![value; RECORD]].concat()).collect()
}

#[test]
fn cifar_folder_reads_its_training_batches_in_order() {
    let folder = tempdir().unwrap();
    for (name, first) in [("data_batch_2.bin", 3), ("data_batch_10.bin", 6), ("data_batch_1.bin", 0)] {
        write(folder.path(), name, &cifar(&[9], first, 3));
    }
    write(folder.path(), "test_batch.bin", &cifar(&[9], 100, 1));
    write(folder.path(), "batches.meta.txt", b"airplane");
    let data = open_plain(folder.path()).unwrap();
    assert_eq!(bytes(&data), (0..9).flat_map(|value| vec![value; RECORD]).collect::<Vec<u8>>());
    assert_eq!(data.shape, [3, 32, 32]);
    assert_eq!(names(&data)[4], "data_batch_2.bin#1");
    assert_eq!(data.notes[0], "CIFAR records of data_batch_1.bin, data_batch_2.bin, data_batch_10.bin");
    let small = open(folder.path(), &Options { size: Some(1), ..Options::default() }).unwrap();
    assert_eq!(bytes(&small), (0..9).flat_map(|value| [value; 3]).collect::<Vec<u8>>());
}

#[test]
fn cifar_100_has_two_labels() {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "train.bin", &cifar(&[19, 99], 0, 2));
    let expected: Vec<u8> = (0..2).flat_map(|value| vec![value; RECORD]).collect();
    assert_eq!(bytes(&open_plain(&path).unwrap()), expected);
    let renamed = write(folder.path(), "other.bin", &cifar(&[19, 99], 0, 2));
    assert_eq!(bytes(&open_plain(&renamed).unwrap()), expected);
}

#[test]
fn cifar_archive_gives_the_digest_of_its_folder() {
    let folder = tempdir().unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    for (name, first) in [("data_batch_1.bin", 0), ("data_batch_2.bin", 3), ("test_batch.bin", 6)] {
        let content = cifar(&[1], first, 3);
        write(folder.path(), &format!("set/{name}"), &content);
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, format!("cifar-10-batches-bin/{name}"), &content[..]).unwrap();
    }
    let archive = write(folder.path(), "set.tar.gz", &gzip(&builder.into_inner().unwrap()));
    let (a, b) = (open_plain(&folder.path().join("set")).unwrap(), open_plain(&archive).unwrap());
    assert_eq!(a.digest().unwrap(), b.digest().unwrap());
    assert_eq!(names(&b)[4], "cifar-10-batches-bin/data_batch_2.bin#1");
    assert_eq!(b.notes[0], "cifar-10-batches-bin/test_batch.bin left out");
}

#[test]
fn cifar_that_lies_is_refused() {
    let mut content = cifar(&[1], 0, 2);
    assert!(
        refusal("data_batch_1.bin", &content[..6000])
            .ends_with("holds 6000 bytes, not a multiple of 3073, the bytes of a CIFAR record")
    );
    assert!(refusal("x.bin", &content[..6000]).contains("not a multiple of 3073"));
    assert!(refusal("test.bin", &content).contains("not a multiple of 3074"));
    assert!(refusal("x.bin", b"").contains("holds 0 bytes"));
    content[3073] = 10;
    assert_eq!(refusal("x.bin", &content), "x.bin: label is [10], allowed: 0 to 9 (CIFAR-10)");
}

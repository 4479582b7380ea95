//! STL-10's records, whose planes go by columns.

mod support;

use ncsn_data::{Kind, Options, Split};
use support::{bytes, kind, message, open, open_plain, write};

const SIDE: usize = 96;

/// A record as the file has it, and the same as planes by rows.
fn record(seed: usize) -> (Vec<u8>, Vec<u8>) {
    let value = |channel: usize, row: usize, column: usize| (seed + 7 * channel + 3 * row + 5 * column) as u8;
    let planes = |at: fn(usize, usize) -> (usize, usize)| {
        let places = (0..3).flat_map(|c| (0..SIDE).flat_map(move |i| (0..SIDE).map(move |j| (c, i, j))));
        places.map(|(c, i, j)| value(c, at(i, j).0, at(i, j).1)).collect()
    };
    (planes(|i, j| (j, i)), planes(|i, j| (i, j)))
}

#[test]
fn columns_become_rows_and_names_tell_the_part() {
    let folder = tempfile::tempdir().unwrap();
    let [(a, a_rows), (b, b_rows), (c, c_rows)] = [0, 50, 100].map(record);
    write(folder.path(), "train_X.bin", &[a, b].concat());
    write(folder.path(), "test_X.bin", &c);
    write(folder.path(), "train_y.bin", &[1, 2]);
    let data = open_plain(folder.path()).unwrap();
    assert_eq!((&data.shape[..], data.planes), (&[3, SIDE, SIDE][..], true));
    assert!(bytes(&data) == [a_rows, b_rows].concat(), "the training images");
    let test = Options { split: Split::Test, ..Options::default() };
    assert!(bytes(&open(folder.path(), &test).unwrap()) == c_rows, "the test images");
    let path = write(folder.path(), "unlabeled_X.bin", &c[..1000]);
    assert_eq!(kind(open_plain(&path)), Kind::Damaged);
    assert!(
        message(open_plain(&path))
            .ends_with("1000 bytes, not a multiple of 27648, the bytes of a record of STL-10")
    );
}

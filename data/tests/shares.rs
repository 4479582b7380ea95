//! Shares of a data set: every row is in one of them, and what is not in a share is not decoded for it.

use std::fs;
use std::path::Path;

use ncsn_data::{self as data, DataSet, Kind, Options, Pixels, Rows, Share};

/// Items in all shares: see the formula of the sample; those before 128, and every second to 256.
const SAMPLED: usize = 128;

fn open(path: &Path, share: &str, options: Options) -> Result<DataSet, data::Error> {
    let share: Share = share.parse().unwrap();
    data::open(path, &Options { share: Some(share), ..options }, &|_, _| {})
}

/// Grey images of 2×1 pixels whose first pixel is their number; the names named are no images.
fn folder(count: u8, broken: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for k in 0..count {
        let path = folder.path().join(format!("{k:03}.png"));
        if broken.contains(&k) {
            fs::write(path, b"nothing").unwrap();
        } else {
            image::GrayImage::from_raw(2, 1, vec![k, 255 - k]).unwrap().save(path).unwrap();
        }
    }
    folder
}

/// First pixel, place among all, whether it is the share's own, and name, of each row.
fn rows(data: &DataSet) -> Vec<(u8, u64, bool, String)> {
    let Pixels::Bytes(rows) = &data.rows else { panic!("images are bytes") };
    let places = data.places.as_ref().unwrap();
    assert_eq!(places.rows.len(), rows.len());
    let row = |(k, place): (usize, &data::Place)| {
        let mut row = vec![0; rows.dim()];
        rows.read(k, &mut row).unwrap();
        (row[0], place.item, place.own, data.names.get(k).unwrap())
    };
    places.rows.iter().enumerate().map(row).collect()
}

#[test]
fn every_image_of_a_folder_is_in_one_share_under_its_own_place_and_name() {
    let folder = folder(140, &[]);
    for of in [1, 2, 3, 7, 200] {
        let mut own = Vec::new();
        for index in 1..=of {
            let data = open(folder.path(), &format!("{index}/{of}"), Options::default()).unwrap();
            assert_eq!(data.places.as_ref().unwrap().items, 140);
            let rows = rows(&data);
            for (pixel, item, _, name) in &rows {
                assert_eq!((u64::from(*pixel), name), (*item, &format!("{item:03}.png")));
            }
            assert!(rows.len() <= SAMPLED + 6 + 140 / of + 1);
            own.extend(rows.into_iter().filter(|row| row.2).map(|row| row.1));
        }
        own.sort_unstable();
        assert_eq!(own, (0..140).collect::<Vec<_>>());
    }
}

#[test]
fn an_image_of_another_share_is_not_opened() {
    // 129 is odd and beyond 128, hence in no sample.
    let folder = folder(140, &[129]);
    assert!(open(folder.path(), "1/2", Options::default()).is_ok());
    let refused = open(folder.path(), "2/2", Options::default()).unwrap_err();
    assert_eq!((refused.kind(), refused.path()), (Kind::Item, Path::new("129.png")));
}

#[test]
fn corrupt_images_are_counted_by_the_share_that_they_are_of() {
    let folder = folder(140, &[3, 129, 131]);
    let skip = || Options { skip_corrupt: true, ..Options::default() };
    let skipped = ["1/2", "2/2", "1/3", "2/3", "3/3"].map(|share| {
        let data = open(folder.path(), share, skip()).unwrap();
        assert!(rows(&data).iter().all(|row| row.1 != 3 && u64::from(row.0) == row.1));
        assert_eq!(data.skipped as usize, data.places.as_ref().unwrap().skipped.len());
        data.places.unwrap().skipped
    });
    assert_eq!(skipped, [vec![], vec![3, 129, 131], vec![3, 129], vec![], vec![131]]);
}

#[test]
fn the_images_of_an_archive_are_divided_and_links_go_with_what_they_lead_to() {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("a.tar");
    let images = folder(5, &[]);
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    for k in 0..5 {
        let name = format!("{k:03}.png");
        tar.append_path_with_name(images.path().join(&name), &name).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "z.png", "003.png").unwrap();
    tar.finish().unwrap();
    let own = |share: &str| -> Vec<(u64, String)> {
        let data = open(&path, share, Options::default()).unwrap();
        assert_eq!(data.places.as_ref().unwrap().items, 5);
        rows(&data).into_iter().filter(|row| row.2).map(|row| (row.1, row.3)).collect()
    };
    let named = |rows: &[(u64, &str)]| -> Vec<(u64, String)> {
        rows.iter().map(|&(item, name)| (item, name.to_owned())).collect()
    };
    assert_eq!(own("1/2"), named(&[(0, "000.png"), (2, "002.png"), (4, "004.png")]));
    assert_eq!(own("2/2"), named(&[(1, "001.png"), (3, "003.png"), (5, "z.png")]));
}

/// Bytes in place, in one file and in two that are read as one.
#[test]
fn rows_of_an_array_are_divided_into_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let idx = |name: &str, from: u8, count: u8| {
        let rows = (from..from + count).flat_map(|k| [k, 0]);
        let head = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 2];
        fs::write(folder.path().join(name), head.into_iter().chain(rows).collect::<Vec<u8>>()).unwrap();
    };
    idx("a", 0, 4);
    idx("b", 4, 6);
    let own = |path: &str, share: &str| -> Vec<u64> {
        let data = open(&folder.path().join(path), share, Options::default()).unwrap();
        rows(&data).into_iter().filter(|row| row.2).map(|row| row.1).collect()
    };
    assert_eq!([own("b", "1/3"), own("b", "2/3"), own("b", "3/3")], [vec![0, 1], vec![2, 3], vec![4, 5]]);
    let both = |share: &str| own("{a,b}", share);
    assert_eq!([both("1/2"), both("2/2")].map(|mut own| (own.len(), own.remove(0))), [(5, 0), (5, 5)]);
}

#[test]
fn images_at_another_size_are_divided_as_they_are_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("idx");
    let head = [0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 2];
    let rows_of = (0..6_u8).flat_map(|k| [40 * k; 4]);
    fs::write(&path, head.into_iter().chain(rows_of).collect::<Vec<u8>>()).unwrap();
    let size = || Options { size: Some(4), ..Options::default() };
    let data = open(&path, "2/3", size()).unwrap();
    let own: Vec<_> = rows(&data).into_iter().filter(|row| row.2).map(|row| (row.0, row.1, row.3)).collect();
    assert_eq!(own, [(40, 1, "idx#1".to_owned()), (160, 4, "idx#4".to_owned())]);
}

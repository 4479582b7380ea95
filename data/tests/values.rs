//! Values that use little of their range, greys, and orientations: what is read, what is said, and the flags for it.

mod support;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};
use ncsn_data::Options;
use support::{bytes, colour, encode, grey, message, open, open_plain, planes, write};

const PNG_HEAD: usize = 33;

fn options(range: &str) -> Options {
    Options { value_range: Some(range.parse().unwrap()), ..Options::default() }
}

/// A note that hardly any of a range is used, and the flag.
fn narrow(least: u16, greatest: u16, all: u16, range: &str) -> String {
    let ends = range.replace(',', " to ");
    format!(
        "values are {least} to {greatest} only, of 0 to {all}: --value-range {range} reads {ends} as the whole range"
    )
}

fn npy(descr: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 3), }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), values].concat()
}

fn idx(values: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3], values].concat()
}

#[test]
fn arrays_of_zeros_and_ones_are_noted_and_spread_on_request() {
    let (folder, values) = (tempfile::tempdir().unwrap(), [0, 1, 0, 1, 1, 1]);
    let spread = values.map(|value| value * 255);
    for (name, make) in [("x.npy", (|v: &[u8]| npy("|u1", v)) as fn(&[u8]) -> Vec<u8>), ("x.idx", idx)] {
        let whole = open_plain(&write(folder.path(), "whole", &make(&spread))).unwrap();
        assert!(whole.notes.is_empty());
        let path = write(folder.path(), name, &make(&values));
        let plain = open_plain(&path).unwrap();
        assert_eq!((bytes(&plain), &plain.notes[..]), (values.to_vec(), &[narrow(0, 1, 255, "0,1")][..]));
        let mended = open(&path, &options("0,1")).unwrap();
        assert_eq!((bytes(&mended), mended.notes.len()), (spread.to_vec(), 0));
        assert_eq!(mended.digest().unwrap(), whole.digest().unwrap());
    }
    let resized = open(&folder.path().join("x.idx"), &Options { size: Some(1), ..options("0,1") }).unwrap();
    assert_eq!(bytes(&resized), [255, 255], "the middle of each row");
}

#[test]
fn cifar_records_of_few_values_are_noted_in_files_and_archives() {
    let folder = tempfile::tempdir().unwrap();
    let record: Vec<u8> = std::iter::once(3).chain((0..3072).map(|i| (i % 8) as u8)).collect();
    write(folder.path(), "set/data_batch_1.bin", &record.repeat(2));
    let mut tar = tar::Builder::new(std::fs::File::create(folder.path().join("x.tar")).unwrap());
    tar.append_dir_all("set", folder.path().join("set")).unwrap();
    tar.finish().unwrap();
    for path in ["set", "x.tar"].map(|name| folder.path().join(name)) {
        let note = narrow(0, 7, 255, "0,7");
        assert!(open_plain(&path).unwrap().notes.contains(&note));
        let mended = open(&path, &options("0,7")).unwrap();
        assert_eq!(bytes(&mended)[..8], [0, 36, 73, 109, 146, 182, 219, 255]);
    }
}

#[test]
fn twelve_bits_in_sixteen_are_noted_and_spread_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let deep = |value: u16| -> DynamicImage {
        image::ImageBuffer::from_raw(2, 1, vec![value, 4000]).map(DynamicImage::ImageLuma16).unwrap()
    };
    write(folder.path(), "a.png", &encode(&deep(16), ImageFormat::Png));
    write(folder.path(), "b.png", &encode(&deep(2048), ImageFormat::Png));
    let plain = open_plain(folder.path()).unwrap();
    // Of 65535, rounded: 16 -> 0, 4000 -> 16, 2048 -> 8.
    assert_eq!(bytes(&plain), [0, 16, 8, 16]);
    assert!(plain.notes.contains(&narrow(16, 4000, 65_535, "0,4095")), "{:?}", plain.notes);
    let mended = open(folder.path(), &options("0,4095")).unwrap();
    // Of 4095: 16 -> 0.996, 4000 -> 249.08, 2048 -> 127.53.
    assert_eq!(bytes(&mended), [1, 249, 128, 249]);
    assert_eq!(
        mended.notes,
        ["2 of 2 images have 16-bit samples, of which the value range is reduced to 256 values"]
    );
}

#[test]
fn values_outside_the_range_are_refused_by_name_and_not_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "x.npy", &npy("|u1", &[0, 1, 0, 1, 9, 1]));
    let refused = message(open(&path, &options("0,1")));
    assert_eq!(
        refused,
        format!("row 1 of {} holds the value 9, outside the value range 0,1", path.display())
    );
    write(folder.path(), "set/a.png", &encode(&grey(2, 2, 7), ImageFormat::Png));
    let refused =
        message(open(&folder.path().join("set"), &Options { skip_corrupt: true, ..options("0,3") }));
    assert_eq!(refused, "a.png holds the value 7, outside the value range 0,3");
    let floats: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let refused = message(open(&write(folder.path(), "f.npy", &npy("<f4", &floats)), &options("0,1")));
    assert!(refused.starts_with("a value range applies to bytes and images;"), "{refused}");
}

/// A BMP of two rows of four pixels with a palette of `1 << bits` colours, lines from below.
fn bmp(bits: u16, palette: &[[u8; 3]], lines: [&[u8]; 2]) -> Vec<u8> {
    let colours: Vec<u8> = palette.iter().flat_map(|&[r, g, b]| [b, g, r, 0]).collect();
    let start = 54 + colours.len() as u32;
    let mut file =
        [b"BM", &(start + 8).to_le_bytes()[..], &[0; 4], &start.to_le_bytes(), &40_u32.to_le_bytes()]
            .concat();
    file.extend([4_u32, 2].iter().flat_map(|side| side.to_le_bytes()));
    file.extend([1, bits].iter().flat_map(|n| n.to_le_bytes()));
    file.extend([0, 8, 0, 0, palette.len() as u32, 0].iter().flat_map(|n: &u32| n.to_le_bytes()));
    file.extend(colours);
    for line in [lines[1], lines[0]] {
        file.extend(line);
        file.resize(file.len() + 4 - line.len(), 0);
    }
    file
}

#[test]
fn a_bmp_whose_palette_is_grey_has_one_channel() {
    let folder = tempfile::tempdir().unwrap();
    let grey: Vec<[u8; 3]> = (0..=255).map(|value| [value; 3]).collect();
    let mut colour = grey.clone();
    colour[9] = [1, 2, 3];
    let lines: [&[u8]; 2] = [&[0, 50, 9, 255], &[4, 3, 2, 1]];
    let read = |file: &[u8]| open_plain(write(folder.path(), "set/a.bmp", file).parent().unwrap()).unwrap();
    let data = read(&bmp(8, &grey, lines));
    assert_eq!((&data.shape[..], bytes(&data)), (&[1, 2, 4][..], vec![0, 50, 9, 255, 4, 3, 2, 1]));
    let data = read(&bmp(8, &colour, lines));
    assert_eq!((&data.shape[..], &bytes(&data)[..4]), (&[3, 2, 4][..], &[0, 50, 1, 255][..]));
    let data = read(&bmp(1, &[[0; 3], [255; 3]], [&[0b1010_0000], &[0b0100_0000]]));
    assert_eq!((&data.shape[..], bytes(&data)), (&[1, 2, 4][..], vec![255, 0, 255, 0, 0, 255, 0, 0]));
}

/// EXIF with one entry, the orientation, in either order of bytes.
fn exif(orientation: u16, big: bool) -> Vec<u8> {
    let (word, long) = (
        |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() },
        |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() },
    );
    [
        if big { &b"MM\0\x2a"[..] } else { b"II\x2a\0" },
        &long(8),
        &word(1),
        &word(0x112),
        &word(3),
        &long(1),
        &word(orientation),
        &[0; 6],
    ]
    .concat()
}

/// The same image with EXIF: JPEG's second segment, PNG's chunk after the header.
fn with_exif(image: &[u8], exif: &[u8]) -> Vec<u8> {
    if image.starts_with(&[0xff, 0xd8]) {
        let length = (2 + 6 + exif.len() as u16).to_be_bytes();
        return [&image[..2], &[0xff, 0xe1], &length, b"Exif\0\0", exif, &image[2..]].concat();
    }
    let chunk = [b"eXIf", exif].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    let length = (exif.len() as u32).to_be_bytes();
    [&image[..PNG_HEAD], &length, &chunk, &crc.sum().to_be_bytes(), &image[PNG_HEAD..]].concat()
}

/// Source: `DynamicImage::apply_orientation` of the crate image, which moves pixels on its own.
#[test]
fn orientation_is_said_and_applied_on_request() {
    for (format, suffix) in [(ImageFormat::Jpeg, "jpg"), (ImageFormat::Png, "png")] {
        let upright = encode(&colour(6, 4, 2), format);
        for orientation in 1..=8_u8 {
            let folder = tempfile::tempdir().unwrap();
            write(
                folder.path(),
                &format!("a.{suffix}"),
                &with_exif(&upright, &exif(orientation.into(), orientation % 2 == 0)),
            );
            let plain = open_plain(folder.path()).unwrap();
            assert_eq!(plain.shape, [3, 4, 6]);
            let note = "1 of 1 images have an EXIF orientation, which is not applied: --exif applies it";
            assert_eq!(plain.notes, if orientation == 1 { vec![] } else { vec![note] });
            let turned = open(folder.path(), &Options { exif: true, ..Options::default() }).unwrap();
            let mut expected = DynamicImage::ImageRgb8(of_planes(&bytes(&plain)));
            expected.apply_orientation(Orientation::from_exif(orientation).unwrap());
            assert_eq!(bytes(&turned), planes(&expected), "{suffix} {orientation}");
            assert_eq!(turned.shape, [3, expected.height() as usize, expected.width() as usize]);
            let note = "1 of 1 images are turned or mirrored as their EXIF orientation says";
            assert_eq!(turned.notes, if orientation == 1 { vec![] } else { vec![note] });
        }
    }
}

fn of_planes(planes: &[u8]) -> image::RgbImage {
    let plane = planes.len() / 3;
    image::RgbImage::from_fn(6, 4, |x, y| {
        image::Rgb([0, 1, 2].map(|c| planes[c * plane + (y * 6 + x) as usize]))
    })
}

#[test]
fn small_images_that_are_enlarged_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    for (name, width, height) in [("a.png", 9, 9), ("b.png", 5, 20), ("c.png", 8, 8)] {
        write(folder.path(), name, &encode(&colour(width, height, 1), ImageFormat::Png));
    }
    let sized = open(folder.path(), &Options { size: Some(8), ..Options::default() }).unwrap();
    assert_eq!(sized.notes, ["1 of 3 images are smaller than the size asked for and enlarged"]);
    let cropped =
        open(folder.path(), &Options { size: Some(8), crop: Some(5), ..Options::default() }).unwrap();
    assert_eq!(cropped.notes, ["3 of 3 images are smaller than the size asked for and enlarged"]);
}

#[test]
fn images_of_other_formats_are_counted_by_suffix() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.gif", "b.GIF", "c.tif", "d.heic", "e.txt"] {
        write(folder.path(), name, b"nothing that is read");
    }
    let unread = "2 .gif not read, 1 .heic not read, 1 .tif not read";
    std::fs::remove_file(folder.path().join("c.tif")).unwrap();
    ["a.gif", "b.GIF"].iter().for_each(|name| std::fs::remove_file(folder.path().join(name)).unwrap());
    let unread_alone = "1 .heic not read";
    let refused = message(open_plain(folder.path()));
    let counts = format!("({unread_alone}, 1 other files, 0 corrupt images skipped)");
    assert!(
        refused.ends_with(&format!(
            "that are read {counts}: read are PNG, JPEG, BMP and WebP, else GIF, TIFF and PNM"
        )),
        "{refused}"
    );
    for name in ["a.gif", "b.GIF", "c.tif"] {
        write(folder.path(), name, b"GIF89a");
    }
    write(folder.path(), "a.png", &encode(&colour(4, 4, 1), ImageFormat::Png));
    let notes = open_plain(folder.path()).unwrap().notes;
    assert_eq!(
        notes,
        [
            format!("{unread}: read are PNG, JPEG, BMP and WebP, else GIF, TIFF and PNM").as_str(),
            "1 files that are no images left out"
        ]
    );
}

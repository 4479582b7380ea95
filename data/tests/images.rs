//! Folders and archives of images.

mod support;

use std::io::Write;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use ncsn_data::{Kind, Options, Split};
use support::{bytes, colour, encode, grey, kind, message, names, open, open_plain, planes, write};

const FORMATS: [(ImageFormat, &str); 4] = [
    (ImageFormat::Png, "png"),
    (ImageFormat::Jpeg, "JPG"),
    (ImageFormat::Bmp, "bmp"),
    (ImageFormat::WebP, "webp"),
];

const SKIP: Options = Options {
    size: None,
    crop: None,
    pad: None,
    skip_corrupt: true,
    array: None,
    split: Split::Train,
    value_range: None,
    exif: false,
    batches: false,
    full_depth: false,
    classes: false,
    share: None,
};

/// A tar archive by an independent writer.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_folder_is_read_in_the_order_of_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in ["b.png", "a/2.png", "a/10.png", "a.png", "a-b/1.png"].into_iter().enumerate() {
        write(folder.path(), name, &encode(&colour(5, 3, seed as u32), ImageFormat::Png));
    }
    write(folder.path(), "readme.txt", b"not an image");
    write(folder.path(), "._a.png", b"not an image either");
    let data = open_plain(folder.path()).unwrap();
    assert_eq!(names(&data), ["a/10.png", "a/2.png", "a-b/1.png", "a.png", "b.png"]);
    let expected: Vec<u8> = [2, 1, 4, 3, 0].iter().flat_map(|&seed| planes(&colour(5, 3, seed))).collect();
    assert_eq!(bytes(&data), expected);
    assert_eq!(data.shape, [3, 3, 5]);
    assert_eq!(data.notes, ["2 files that are no images left out"]);
}

#[test]
fn lossless_formats_give_back_the_pixels_that_went_in() {
    for (format, suffix) in FORMATS.into_iter().filter(|&(format, _)| format != ImageFormat::Jpeg) {
        for image in [colour(33, 17, 4), grey(33, 17, 4)] {
            if format == ImageFormat::WebP && image.color().channel_count() == 1 {
                continue; // WebP has no grey
            }
            let folder = tempfile::tempdir().unwrap();
            let encoded = encode(&image, format);
            write(folder.path(), &format!("x.{suffix}"), &encoded);
            let data = open_plain(folder.path()).unwrap();
            assert_eq!(bytes(&data), planes(&image), "{suffix}");
        }
    }
}

/// Source: tests/oracles/jpeg.py
#[test]
fn jpegs_of_every_kind_give_the_pixels_of_pillow() {
    let oracle: serde_json::Value = serde_json::from_str(include_str!("oracles/jpeg.json")).unwrap();
    for (name, expected) in oracle["images"].as_object().unwrap() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/picture").join(name);
        let picture = ncsn_data::picture::decode(&std::fs::read(path).unwrap()).unwrap();
        let expected: Vec<u8> = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(picture.pixels, expected, "{name}");
        assert_eq!(picture.changes.cmyk, name == "CMYK.jpeg");
    }
}

#[test]
fn an_image_is_known_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", &encode(&colour(4, 4, 1), ImageFormat::Png));
    write(folder.path(), "b.jpg", &encode(&colour(4, 4, 2), ImageFormat::Png));
    assert_eq!(names(&open_plain(folder.path()).unwrap()), ["a", "b.jpg"]);
}

#[test]
fn folder_and_archives_have_one_digest() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}x.png", "very-long-folder-name/".repeat(9));
    let files: Vec<(&str, Vec<u8>)> = ["a/1.png", "a/2.png", &long]
        .into_iter()
        .enumerate()
        .map(|(seed, name)| (name, encode(&colour(6, 5, seed as u32), ImageFormat::Png)))
        .collect();
    files.iter().for_each(|(name, content)| drop(write(folder.path(), &format!("set/{name}"), content)));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (*name, &content[..])).collect();
    let tar = write(folder.path(), "set.tar", &tar(&files));
    let gz = write(folder.path(), "set.tgz", &gzip(&std::fs::read(&tar).unwrap()));
    let set = folder.path().join("set");
    let [a, b, c] = [set, tar, gz].map(|path| open_plain(&path).unwrap());
    assert_eq!(names(&a), names(&b));
    assert_eq!(names(&b)[2].len(), long.len());
    assert_eq!(a.digest().unwrap(), b.digest().unwrap());
    assert_eq!(b.digest().unwrap(), c.digest().unwrap());
}

/// Source: the digest's definition, in Python: sha256(bytes(pixels) + b"u8 1x1x2x2\n").
#[test]
fn the_digest_is_that_of_values_and_shape() {
    const EXPECTED: &str = "0da503efe3ad80d98199fd95e95467fe643846811f5a7826cba7b5e36127cd93";
    let folder = tempfile::tempdir().unwrap();
    let image = image::GrayImage::from_raw(2, 2, vec![1, 2, 3, 4]).unwrap();
    write(folder.path(), "a.png", &encode(&image.into(), ImageFormat::Png));
    assert_eq!(open_plain(folder.path()).unwrap().digest().unwrap(), EXPECTED);
}

#[test]
fn links_and_folders_of_an_archive_are_passed_over() {
    let mut builder = tar::Builder::new(Vec::new());
    let png = encode(&colour(4, 4, 1), ImageFormat::Png);
    for (kind, name) in [(tar::EntryType::Directory, "d.png/"), (tar::EntryType::Symlink, "s.png")] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_link(&mut header, name, "elsewhere").unwrap();
    }
    let mut header = tar::Header::new_ustar();
    header.set_size(png.len() as u64);
    builder.append_pax_extensions([("path", "täuschung/ä.png".as_bytes()), ("comment", b"x")]).unwrap();
    builder.append_data(&mut header, "short", &png[..]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "x.tar", &builder.into_inner().unwrap());
    assert_eq!(names(&open_plain(&path).unwrap()), ["täuschung/ä.png"]);
}

#[test]
fn an_archive_cut_short_is_refused_or_noted() {
    let png = encode(&colour(40, 40, 1), ImageFormat::Png);
    let whole = tar(&[("a.png", &png), ("b.png", &png)]);
    let folder = tempfile::tempdir().unwrap();
    let entry = 512 + png.len().next_multiple_of(512);
    let within = write(folder.path(), "within.tar", &whole[..entry + 600]);
    assert!(message(open_plain(&within)).contains("the archive ends within an entry"));
    let between = open_plain(&write(folder.path(), "between.tar", &whole[..entry])).unwrap();
    assert_eq!(between.notes, ["the archive has no end mark: it may have been cut short"]);
    let packed = gzip(&whole);
    let packed = write(folder.path(), "packed.tgz", &packed[..packed.len() - 9]);
    assert!(message(open_plain(&packed)).starts_with("cannot unpack"));
}

#[test]
fn an_absurd_size_in_an_archive_claims_no_memory() {
    let mut header = tar::Header::new_gnu();
    header.set_path("a.png").unwrap();
    header.set_size(1 << 60);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend([0; 1024]);
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "x.tar", &bytes);
    assert!(message(open_plain(&path)).contains("a.png: 1152921504606846976 bytes, more than the"));
}

#[test]
fn mixed_sizes_name_the_first_two_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    for (name, width, height) in [("a.png", 4, 4), ("b.png", 4, 4), ("c.png", 4, 5), ("d.png", 9, 9)] {
        write(folder.path(), name, &encode(&colour(width, height, 0), ImageFormat::Png));
    }
    let expected = "a.png is 4×4 but c.png is 4×5 (width×height): give a size to resize them to";
    assert_eq!(message(open_plain(folder.path())), expected);
    let sized = open(folder.path(), &Options { size: Some(3), ..Options::default() }).unwrap();
    assert_eq!((sized.rows.len(), sized.shape), (4, vec![3, 3, 3]));
    let crop = message(open(folder.path(), &Options { crop: Some(5), ..Options::default() }));
    assert_eq!(crop, "a.png is 4×4, smaller than the crop of 5×5");
    assert_eq!(
        message(open(folder.path(), &Options { size: Some(0), ..Options::default() })),
        "size is 0, allowed: 1 to 4096 pixels"
    );
}

#[test]
fn grey_among_colour_is_expanded_wherever_it_comes() {
    let (g, c) = (grey(6, 4, 9), colour(6, 4, 2));
    let g3: Vec<u8> = planes(&g).repeat(3);
    for order in [[&g, &g, &c], [&c, &g, &g], [&g, &c, &g]] {
        let folder = tempfile::tempdir().unwrap();
        for (i, image) in order.iter().enumerate() {
            write(folder.path(), &format!("{i}.png"), &encode(image, ImageFormat::Png));
        }
        let data = open_plain(folder.path()).unwrap();
        let expected: Vec<u8> =
            order.iter().flat_map(|i| if i.color().has_color() { planes(i) } else { g3.clone() }).collect();
        assert_eq!(bytes(&data), expected);
        assert_eq!(data.notes, ["2 of 3 images are grey, expanded to colour by equal channels"]);
        let fresh: String = data.digest().unwrap().into();
        let again = open_plain(folder.path()).unwrap();
        assert_eq!(again.digest().unwrap(), fresh);
    }
}

#[test]
fn alpha_and_sixteen_bits_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let deep = image::ImageBuffer::from_fn(2, 2, |x, _| image::Rgba([x as u16 * 257 + 128, 129, 65_535, 9]));
    write(folder.path(), "a.png", &encode(&DynamicImage::ImageRgba16(deep), ImageFormat::Png));
    let data = open_plain(folder.path()).unwrap();
    assert_eq!(bytes(&data), [0, 1, 0, 1, 1, 1, 1, 1, 255, 255, 255, 255]);
    let expected = [
        "1 of 1 images have an alpha channel, which is dropped",
        "1 of 1 images have 16-bit samples, reduced to the nearest of 256 values",
    ];
    assert_eq!(data.notes, expected);
}

#[test]
fn truncated_images_are_named_or_skipped() {
    for (format, suffix) in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let encoded = encode(&colour(40, 40, 3), format);
        write(folder.path(), &format!("a.{suffix}"), &encoded);
        write(folder.path(), &format!("b.{suffix}"), &encoded[..encoded.len() / 2]);
        write(folder.path(), &format!("c.{suffix}"), b"text");
        let refused = message(open_plain(folder.path()));
        assert!(refused.starts_with(&format!("b.{suffix}: truncated or corrupt image")), "{refused}");
        let data = open(folder.path(), &SKIP).unwrap();
        assert_eq!((data.rows.len(), data.skipped), (1, 2));
        assert_eq!(data.notes, [format!("2 corrupt images skipped: b.{suffix}, c.{suffix}")]);
    }
}

#[test]
fn folders_without_images_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        message(open_plain(folder.path()))
            .contains("no images and no rows (0 other files, 0 corrupt images skipped)")
    );
    write(folder.path(), "a.txt", b"text");
    assert!(
        message(open_plain(folder.path()))
            .contains("no images and no rows (1 other files, 0 corrupt images skipped)")
    );
    write(folder.path(), "a.png", b"text");
    assert_eq!(
        message(open_plain(folder.path())),
        "a.png: not a PNG, JPEG, BMP, WebP, GIF, TIFF or PNM image"
    );
    assert!(
        message(open(folder.path(), &SKIP))
            .contains("no images and no rows (1 other files, 1 corrupt images skipped)")
    );
}

#[test]
fn a_folder_says_what_its_files_end_in() {
    let folder = tempfile::tempdir().unwrap();
    ["a.wav", "b.WAV", "c.txt", "d"].iter().for_each(|name| drop(write(folder.path(), name, b"nothing")));
    let refused = message(open_plain(folder.path()));
    let end = "no rows (4 other files, 0 corrupt images skipped), its files end in .wav (2), .txt (1)";
    assert!(refused.ends_with(end), "{refused}");
}

#[test]
fn images_are_padded_after_they_are_resized() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.png", &encode(&grey(6, 4, 9), ImageFormat::Png));
    let sized = Options { size: Some(2), ..Options::default() };
    let inside = bytes(&open(folder.path(), &sized).unwrap());
    let data = open(folder.path(), &Options { pad: Some(4), ..sized }).unwrap();
    assert_eq!(data.shape, [1, 4, 4]);
    let found = bytes(&data);
    assert_eq!([5, 6, 9, 10].map(|at| found[at]).to_vec(), inside);
    assert_eq!(found.iter().filter(|&&value| value != 0).count(), inside.iter().filter(|&&v| v != 0).count());
}

#[test]
fn paths_that_hold_no_data_set_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = write(folder.path(), "a.png", &encode(&colour(4, 4, 0), ImageFormat::Png));
    assert!(kind(open_plain(&image)) == Kind::Unknown);
    let text = write(folder.path(), "a.txt", b"text");
    assert!(kind(open_plain(&text)) == Kind::Unknown);
    let empty = write(folder.path(), "a.tar", b"");
    assert!(kind(open_plain(&empty)) == Kind::Unknown);
    let packed_text = write(folder.path(), "a.gz", &gzip(b"text"));
    assert!(kind(open_plain(&packed_text)) == Kind::Unknown);
    assert!(message(open_plain(&folder.path().join("none"))).contains("No such file"));
    assert!(message(open_plain(Path::new("/dev/null"))).contains("neither a folder nor a regular file"));
}

#[cfg(unix)]
#[test]
fn links_to_images_are_read_and_broken_ones_named() {
    let folder = tempfile::tempdir().unwrap();
    let image = write(folder.path(), "real/a.png", &encode(&colour(4, 4, 0), ImageFormat::Png));
    let set = folder.path().join("set");
    std::fs::create_dir(&set).unwrap();
    std::os::unix::fs::symlink(&image, set.join("a.png")).unwrap();
    assert_eq!(names(&open_plain(&set).unwrap()), ["a.png"]);
    std::os::unix::fs::symlink(folder.path().join("gone"), set.join("b.png")).unwrap();
    assert!(message(open_plain(&set)).contains("b.png: No such file"));
    let skipped = open(&set, &SKIP).unwrap();
    assert_eq!(
        (names(&skipped), skipped.notes),
        (vec!["a.png".into()], vec!["1 corrupt images skipped: b.png".into()])
    );
}

/// Source: torchvision's ImageFolder, which walks with `followlinks=True`.
#[cfg(unix)]
#[test]
fn linked_folders_are_read_and_circles_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let link =
        |target: &str, name: &str| std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    for (seed, name) in ["real/b/1.png", "real/2.png", "set/own/3.png"].into_iter().enumerate() {
        write(folder.path(), name, &encode(&colour(4, 4, seed as u32), ImageFormat::Png));
    }
    // Two links to one folder are two folders; one to itself, one to above and one by way of another are circles.
    link("../real", "set/class0");
    link("../real", "set/class1");
    link(".", "set/own/again");
    link("../..", "set/own/above");
    link("../set", "real/back");
    let data = open_plain(&folder.path().join("set")).unwrap();
    let read = ["class0/2.png", "class0/b/1.png", "class1/2.png", "class1/b/1.png", "own/3.png"];
    let above = ["own/above/real/2.png", "own/above/real/b/1.png"];
    assert_eq!(names(&data), [&read[..], &above].concat());
    assert_eq!(data.notes, ["5 links to folders that hold them left out"]);
    let linked = folder.path().join("linked");
    std::os::unix::fs::symlink(folder.path().join("set"), &linked).unwrap();
    assert_eq!(open_plain(&linked).unwrap().digest().unwrap(), data.digest().unwrap());
}

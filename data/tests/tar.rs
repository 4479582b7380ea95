//! Tar archives that lie, and a comparison with the `tar` crate.

mod support;

use std::io::{Read, Write};
use std::path::Path;

use ncsn_data::formats::archive;
use ncsn_data::{DataSet, Error, Kind, Options, Request, Split};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::{bytes, message, names, open, write};

/// A header of the POSIX form.
fn header(name: &str, kind: u8, size: usize, target: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[148..156].fill(b' ');
    block[156] = kind;
    block[157..157 + target.len()].copy_from_slice(target.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Content up to a whole block.
fn padded(content: &[u8]) -> Vec<u8> {
    let mut blocks = content.to_vec();
    blocks.resize(content.len().next_multiple_of(512), 0);
    blocks
}

fn member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    [header(name, kind, content.len(), ""), padded(content)].concat()
}

/// One record of an extended header, whose length counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length = (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length).unwrap();
    format!("{length}{rest}")
}

fn extended(key: &str, value: &str) -> Vec<u8> {
    member("PaxHeaders/x", b'x', record(key, value).as_bytes())
}

/// A grey image of one pixel, with bytes behind its end that decoders leave alone.
fn pixel(value: u8, behind: usize) -> Vec<u8> {
    let image = image::GrayImage::from_raw(1, 1, vec![value]).unwrap();
    let mut encoded = support::encode(&image.into(), image::ImageFormat::Png);
    encoded.resize(encoded.len() + behind, 0);
    encoded
}

fn read(archive: &[u8]) -> Result<DataSet, Error> {
    let options = Options::default();
    let request = Request { path: Path::new("x.tar"), options: &options, progress: &|_, _| {} };
    archive::read(&[archive, &[0; 1024]].concat()[..], &request)
}

/// The size belongs to a.png, three blocks of 512 bytes; applied to the long name, it hides a.png, and b.png is called
/// longname.
#[test]
fn an_extended_size_does_not_apply_to_a_long_name() {
    let long = |size: &[u8]| [size, &member("././@LongLink", b'L', b"longname.png\0")].concat();
    let images =
        [member("a.png", b'0', &pixel(1, 1536 - pixel(1, 0).len())), member("b.png", b'0', &pixel(2, 0))];
    for size in [Vec::new(), extended("size", "1536")] {
        let data = read(&[long(&size), images.concat()].concat()).unwrap();
        assert_eq!((names(&data), bytes(&data)), (vec!["longname.png".into(), "b.png".into()], vec![1, 2]));
    }
}

/// An address space of 400 MB: reading the 600 MB that an extended size promised for a name ended the program.
#[cfg(target_os = "linux")]
#[test]
fn an_extended_size_of_a_long_name_claims_no_memory() {
    const PROMISED: usize = 600 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.tar.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(&extended("size", &PROMISED.to_string())).unwrap();
    packed.write_all(&header("././@LongLink", b'L', 13, "")).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..PROMISED >> 20).for_each(|_| packed.write_all(&zeros).unwrap());
    packed.write_all(&member("a.png", b'0', &pixel(1, 0))).unwrap();
    packed.finish().unwrap();
    let this = std::env::current_exe().unwrap();
    let test = "an_archive_of_little_memory_on_purpose";
    let limited =
        format!("ulimit -v 400000; exec {} --ignored --exact {test} --test-threads 1", this.display());
    let out = std::process::Command::new("sh").args(["-c", &limited]).env("BOMB", &path).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
}

/// Run by the test above with limited memory.
#[test]
#[ignore = "needs the archive of the test above"]
fn an_archive_of_little_memory_on_purpose() {
    let refused = message(support::open_plain(Path::new(&std::env::var_os("BOMB").unwrap())));
    assert!(refused.contains("holds no images and no rows"), "{refused}");
}

#[test]
fn extensions_that_contradict_or_break_off_are_refused() {
    let image = member("a.png", b'0', &pixel(1, 0));
    let long = member("././@LongLink", b'L', b"b.png\0");
    let damaged = member("x", b'x', b"99 path=c.png\n");
    let huge = member("x", b'L', &vec![b'a'; (1 << 20) + 1]);
    for (before, expected) in [
        ([extended("path", "c.png"), long.clone()].concat(), "the archive gives two names to one entry"),
        ([long.clone(), long].concat(), "the archive gives two names to one entry"),
        ([extended("size", "5"), extended("size", "6")].concat(), "the archive gives two sizes to one entry"),
        (extended("size", "-5"), "the archive has an extended size of \"-5\""),
        (damaged, "the archive has an extended header of \"99 path=c.png\\n\""),
        (huge, "the archive has an extension of \"1048577 bytes, more than 1048576\""),
    ] {
        let refused = message(read(&[before, image.clone()].concat()));
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn what_is_hidden_or_no_file_is_counted_as_in_folders() {
    let image = pixel(7, 0);
    let archive = [
        member("./a.png", b'0', &image),
        member("._a.png", b'0', &image),
        member("set/.ipynb_checkpoints/a.png", b'0', &image),
        member("set/.hidden/data_batch_1.bin", b'0', &image),
        member("pipe.png", b'6', b""),
        member("anim.gif", b'0', b"GIF89a"),
        member("notes.txt", b'0', b"text"),
        extended("GNU.sparse.major", "1"),
        member("holes.png", b'0', &image),
    ];
    let data = read(&archive.concat()).unwrap();
    assert_eq!(names(&data), ["./a.png"]);
    assert_eq!(
        data.notes,
        [
            "1 .gif not read: read are PNG, JPEG, BMP and WebP, else GIF, TIFF and PNM",
            "6 files that are no images left out"
        ]
    );
}

/// A sparse file of GNU's old form has blocks of its map between header and content.
#[test]
fn the_map_of_a_sparse_file_is_passed_over() {
    let mut sparse = header("holes.png", b'S', 512, "");
    sparse[482] = 1;
    let sum: u32 = sparse
        .iter()
        .enumerate()
        .map(|(at, &b)| if (148..156).contains(&at) { 32 } else { u32::from(b) })
        .sum();
    sparse[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let archive = [sparse, vec![0; 512], vec![1; 512], member("a.png", b'0', &pixel(3, 0))];
    assert_eq!(names(&read(&archive.concat()).unwrap()), ["a.png"]);
}

#[test]
fn a_suffix_tells_the_parts_of_an_item_apart() {
    let members = |values: [u8; 3]| {
        let [number, image, mask] = values;
        [
            member(&format!("{number}.cls"), b'0', b"3"),
            member(&format!("{number}.jpg"), b'0', &pixel(image, 0)),
            member(&format!("{number}.mask.png"), b'0', &pixel(mask, 0)),
        ]
        .concat()
    };
    let folder = tempfile::tempdir().unwrap();
    let shards =
        [[[1, 10, 11], [2, 20, 21]], [[3, 30, 31], [4, 40, 41]]].map(|items| items.map(members).concat());
    for (number, shard) in shards.iter().enumerate() {
        write(folder.path(), &format!("{number}.tar"), &[&shard[..], &[0; 1024]].concat());
    }
    let both = open(folder.path(), &Options::default()).unwrap();
    assert_eq!(bytes(&both), [10, 11, 20, 21, 30, 31, 40, 41]);
    let note = "parts of one item are read as items: --array reads those of one suffix (jpg, mask.png)";
    assert_eq!(both.notes, [note, "4 files that are no images left out"]);
    let of = |suffix: &str| Options { array: Some(suffix.to_owned()), ..Options::default() };
    let first = folder.path().join("0.tar");
    for (suffix, expected) in
        [("jpg", [10, 20, 30, 40]), ("MASK.png", [11, 21, 31, 41]), (".jpg", [10, 20, 30, 40])]
    {
        let data = open(folder.path(), &of(suffix)).unwrap();
        assert_eq!(bytes(&data), expected, "{suffix}");
        assert_eq!(data.notes, ["8 files that are no images left out"]);
        assert_eq!(bytes(&open(&first, &of(suffix)).unwrap()), expected[..2], "{suffix}");
    }
    let message = message(open(&first, &of("png")));
    assert!(message.starts_with("no file's name goes on with .png after its first dot: "), "{message}");
    assert!(message.ends_with("its files end in .cls (2), .jpg (2), .png (2)"), "{message}");
}

#[test]
fn numbered_images_are_no_parts_of_one_item() {
    let archive = ["a.1.png", "a.2.png"].map(|name| member(name, b'0', &pixel(1, 0))).concat();
    let read = read(&[&archive[..], &[0; 1024]].concat()).unwrap();
    assert!(read.notes.is_empty(), "{:?}", read.notes);
}

#[test]
fn links_to_images_are_images() {
    let archive = [
        member("set/train/a.png", b'0', &pixel(5, 0)),
        header("set/hard.png", b'1', 0, "set/train/a.png"),
        header("set/soft.png", b'2', 0, "later/b.png"),
        member("set/later/b.png", b'0', &pixel(200, 0)),
        header("out.png", b'2', 0, "../a.png"),
        header("abs.png", b'2', 0, "/etc/a.png"),
        header("set/all", b'2', 0, "train"),
    ];
    let data = read(&archive.concat()).unwrap();
    assert_eq!(names(&data), ["set/train/a.png", "set/later/b.png", "set/hard.png", "set/soft.png"]);
    assert_eq!(bytes(&data), [5, 200, 5, 200]);
    assert_eq!(data.notes, ["3 links that lead to no image of the archive left out"]);
}

#[test]
fn a_link_into_another_part_is_left_out() {
    let archive = [
        member("train/a.png", b'0', &pixel(5, 0)),
        member("test/b.png", b'0', &pixel(6, 0)),
        header("test/c.png", b'2', 0, "b.png"),
        header("test/d.png", b'2', 0, "../train/a.png"),
        vec![0; 1024],
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "x.tar", &archive.concat());
    let data = open(&path, &Options { split: Split::Test, ..Options::default() }).unwrap();
    assert_eq!(names(&data), ["test/b.png", "test/c.png"]);
}

/// Archives drawn for the comparison; each has up to nine entries.
const ARCHIVES: u64 = 600;

/// Source: the crate `tar`, an independent reader.
#[test]
fn random_archives_read_as_by_the_tar_crate() {
    let (mut images, mut empty) = (0, 0);
    for seed in 0..ARCHIVES {
        let archive = random_archive(&mut ChaCha8Rng::seed_from_u64(seed));
        let expected = by_the_tar_crate(&archive);
        match read(&archive) {
            Ok(data) => {
                let found: Vec<(String, u8)> = names(&data).into_iter().zip(bytes(&data)).collect();
                assert_eq!(found, expected, "seed {seed}");
                images += found.len();
            }
            Err(error) if error.kind() == Kind::Empty => {
                assert!(expected.is_empty(), "seed {seed}: {expected:?}");
                empty += 1;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(images > ARCHIVES as usize && empty > 10, "{images} images, {empty} archives without");
}

/// Entries of all kinds with extensions of all kinds before them; where the size is said twice, the header's is wrong.
fn random_archive(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut targets: Vec<String> = Vec::new();
    for index in 0..rng.random_range(1..10_u8) {
        let folder = ["", "./", "a/", "a/b/", ".c/", "a/.d/"].choose(rng).unwrap();
        let is_image = rng.random_bool(0.75);
        let suffix = if is_image { "png" } else { "txt" };
        let name = format!("{folder}{}{index}.{suffix}", if rng.random_bool(0.1) { "." } else { "f" });
        let kind = *b"000007\x00125364".choose(rng).unwrap();
        let is_file = matches!(kind, b'0' | b'7' | 0);
        let content = match (is_file, is_image) {
            (false, _) => Vec::new(),
            (true, false) => b"no image at all".to_vec(),
            (true, true) => pixel(index, rng.random_range(0..1500)),
        };
        let (mut said, mut short, mut size) = (Vec::new(), name.clone(), content.len());
        if rng.random_bool(0.3) {
            said.push(extended("comment", "size=5\npath=other.png"));
        } else if is_file && rng.random_bool(0.4) {
            said.push(extended("size", &size.to_string()));
            size = *[0, 7, 512, 5000].choose(rng).unwrap();
        } else if rng.random_bool(0.3) {
            said.push(extended("path", &name));
            short = "other.png".into();
        }
        if short == name && rng.random_bool(0.4) {
            said.push(member("././@LongLink", b'L', format!("{name}\0").as_bytes()));
            short = "other.png".into();
        }
        let mut target = targets.choose(rng).cloned().unwrap_or_default();
        if kind == b'2' {
            let up = name.split('/').filter(|part| *part != ".").count() - 1;
            target = format!("{}{target}", "../".repeat(up));
        }
        if matches!(kind, b'1' | b'2') && rng.random_bool(0.5) {
            said.push(member("././@LongLink", b'K', format!("{target}\0").as_bytes()));
            target = "other.png".into();
        }
        if said.len() == 2 && rng.random_bool(0.5) {
            said.swap(0, 1);
        }
        if rng.random_bool(0.2) {
            // Elsewhere the crate `tar` takes a global header for the entry that the others speak of.
            said.insert(0, member("g", b'g', record("comment", "global").as_bytes()));
        }
        archive.extend(said.concat());
        archive.extend([header(&short, kind, size, &target), padded(&content)].concat());
        if is_file {
            targets.push(name);
        }
    }
    archive
}

/// Names and pixels of the images, those of links last.
fn by_the_tar_crate(archive: &[u8]) -> Vec<(String, u8)> {
    let clean = |path: &str| -> String {
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
            match part {
                ".." => parts.truncate(parts.len().saturating_sub(1)),
                part => parts.push(part),
            }
        }
        parts.join("/")
    };
    let (mut found, mut links) = (Vec::<(String, u8)>::new(), Vec::new());
    for entry in tar::Archive::new(&[archive, &[0; 1024]].concat()[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        if name.split('/').any(|part| part.starts_with('.') && part != ".") {
            continue;
        }
        let target = entry.link_name_bytes().map(|target| String::from_utf8(target.into_owned()).unwrap());
        match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                if let Ok(image) = image::load_from_memory(&content) {
                    found.push((name, image.as_bytes()[0]));
                }
            }
            tar::EntryType::Link => links.push((name, clean(&target.unwrap_or_default()))),
            tar::EntryType::Symlink => {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                links.push((name.clone(), clean(&format!("{folder}/{}", target.unwrap_or_default()))));
            }
            _ => {}
        }
    }
    let files = found.clone();
    for (name, target) in links {
        if let Some((_, pixel)) = files.iter().find(|(name, _)| clean(name) == target) {
            found.push((name, *pixel));
        }
    }
    found
}

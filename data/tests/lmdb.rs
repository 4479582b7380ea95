//! LMDB databases made by liblmdb, and damaged ones.

mod support;

use std::path::{Path, PathBuf};

use ncsn_data::{Kind, Options, Split};
use serde_json::Value;
use support::{kind, message, names, open, open_plain, write};
use tempfile::{TempDir, tempdir};

/// Source: tests/oracles/lmdb_files.py
const ORACLE: &str = include_str!("oracles/lmdb.json");

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/oracles/lmdb/{name}.mdb"))
}

fn content(name: &str) -> Vec<u8> {
    std::fs::read(path_of(name)).unwrap()
}

fn oracle() -> Value {
    serde_json::from_str(ORACLE).unwrap()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// A folder as LSUN's, which lives as long as it is held.
fn folder_of(bytes: &[u8]) -> TempDir {
    let folder = tempdir().unwrap();
    write(folder.path(), "data.mdb", bytes);
    write(folder.path(), "lock.mdb", b"of no interest");
    folder
}

fn refusal(bytes: &[u8]) -> String {
    let folder = folder_of(bytes);
    message(open_plain(folder.path())).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn databases_give_the_images_of_liblmdb_in_the_order_of_its_cursor() {
    for name in ["lsun", "compact", "deep"] {
        let expected = &oracle()[name];
        let data = open_plain(&path_of(name)).unwrap();
        assert_eq!(names(&data), strings(&expected["names"]), "{name}");
        assert_eq!(data.digest().unwrap(), expected["digest"], "{name}");
        assert!(data.notes.is_empty(), "{:?}", data.notes);
    }
}

#[cfg(unix)]
#[test]
fn a_folder_is_read_without_its_lock_file_and_without_writing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder_of(&content("lsun"));
    std::fs::remove_file(folder.path().join("lock.mdb")).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(open_plain(folder.path()).unwrap().digest().unwrap(), oracle()["lsun"]["digest"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn one_of_several_resolutions_is_chosen_by_name() {
    let path = path_of("ffhq");
    assert!(message(open_plain(&path)).ends_with("ffhq.mdb holds 3 arrays (16, 32, 8): name one by --array"));
    for (side, expected) in oracle()["ffhq"].as_object().unwrap() {
        let data = open(&path, &Options { array: Some(side.clone()), ..Options::default() }).unwrap();
        assert_eq!(names(&data), strings(&expected["names"]));
        assert_eq!(data.digest().unwrap(), expected["digest"]);
        assert_eq!(data.notes, ["9 values of other keys left out"]);
    }
    let none = message(open(&path, &Options { array: Some("64".into()), ..Options::default() }));
    assert!(none.ends_with("ffhq.mdb holds no array 64, it holds: 16, 32, 8"), "{none}");
}

#[test]
fn values_that_are_no_images_are_counted() {
    let data = open_plain(&path_of("others")).unwrap();
    assert_eq!((data.shape, data.rows.len()), (vec![3, 3, 3], 1));
    assert_eq!(data.notes, ["3 files that are no images left out"]);
    let named = open_plain(&path_of("named")).unwrap();
    assert_eq!(named.notes, ["1 databases in the database left out"]);
    assert!(kind(open_plain(&path_of("empty"))) == Kind::Empty);
}

#[test]
fn a_database_is_one_part() {
    let folder = folder_of(&content("others"));
    let test = Options { split: Split::Test, ..Options::default() };
    for path in [folder.path(), &folder.path().join("data.mdb")] {
        assert_eq!(message(open(path, &test)), format!("no test split in {}", path.display()));
    }
}

#[test]
fn a_database_cut_short_is_refused_before_it_is_read() {
    let whole = content("compact");
    for length in [whole.len() - 4096, whole.len() / 2, 8192] {
        let expected = format!(
            "data.mdb holds {length} bytes, its content needs {}: it has been cut short",
            whole.len()
        );
        assert_eq!(refusal(&whole[..length]), expected);
    }
    assert_eq!(
        refusal(&whole[..100]),
        "data.mdb holds 100 bytes, its content needs 152: it has been cut short"
    );
}

/// Bytes that lie, by the format in src/data/lmdb.rs; the pages of the fixtures have 4096 bytes.
#[test]
fn fields_that_lie_are_named_with_their_place() {
    let patched = |name: &str, at: usize, bytes: &[u8]| {
        let mut content = content(name);
        content[at..at + bytes.len()].copy_from_slice(bytes);
        refusal(&content)
    };
    let meta = |name: &str| {
        let content = content(name);
        let transaction = |page: usize| content[4096 * page + 144];
        4096 * usize::from(transaction(1) > transaction(0))
    };
    let (main, root) = (meta("lsun"), content("lsun")[meta("lsun") + 128] as usize);
    assert!(patched("lsun", 16, &[0]).starts_with("data.mdb, byte 16: LMDB magic is 0xbeefc000, allowed:"));
    assert_eq!(patched("lsun", 4096 + 20, &[2]), "data.mdb, byte 4116: LMDB version is 2, allowed: 1");
    let size = patched("lsun", 40, &[1]);
    assert_eq!(size, "data.mdb, byte 40: LMDB page size is 4097, allowed: a power of two, 256 to 32768");
    let depth = patched("lsun", main + 94, &[33]);
    assert!(depth.contains("LMDB tree's depth is 33, allowed: 1 to 32"), "{depth}");
    let flags = patched("lsun", main + 92, &[4]);
    assert!(flags.contains("LMDB tree's flags is 4, allowed: no 0x4"), "{flags}");
    let entries = patched("lsun", main + 120, &[21]);
    assert_eq!(entries, "data.mdb, byte 0: number of LMDB entries is 20, allowed: 21");
    let beyond = patched("lsun", main + 128, &[0, 1]);
    assert!(beyond.contains("number of an LMDB page is 256, allowed: 2 to"), "{beyond}");
    let leaf = patched("lsun", main + 94, &[1]);
    assert!(leaf.contains("kind of an LMDB page is 0x1, allowed: 0x2"), "{leaf}");
    let place = patched("lsun", 4096 * root + 16, &[0xff, 0xff]);
    assert!(place.contains("LMDB node's place is 65535, allowed: a node that ends by 4096"), "{place}");
    let room = patched("lsun", 4096 * root + 12, &[15]);
    assert!(room.contains("free room of an LMDB page is 15 to"), "{room}");
}

#[test]
fn a_tree_that_comes_back_to_itself_ends_in_an_error() {
    let mut content = content("lsun");
    let meta = 4096 * usize::from(content[4096 + 144] > content[144]);
    let root = content[meta + 128] as usize;
    // The tree claims one level more, and every child of its root is the root.
    content[meta + 94] = 32;
    let nodes = (usize::from(content[4096 * root + 12]) - 16) / 2;
    for index in 0..nodes {
        let at = 4096 * root + 16 + 2 * index;
        let node = 4096 * root + usize::from(u16::from_le_bytes([content[at], content[at + 1]]));
        content[node..node + 4].copy_from_slice(&(root as u32).to_le_bytes());
    }
    let refused = refusal(&content);
    assert!(refused.contains("number of LMDB pages read, of which none is reached twice,"), "{refused}");
}

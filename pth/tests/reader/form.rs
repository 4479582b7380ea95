//! Files told apart by their first bytes.

use ncsn_pth::{HEAD, is_pickle, is_torch_stream, is_torch_zip};

use crate::fixture;

/// Names and first bytes of the fixtures with this suffix, the broken ones apart.
fn heads(suffix: &str) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().path());
    let mut heads = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(suffix) && !name.starts_with("broken") {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.truncate(HEAD);
            heads.push((name, bytes));
        }
    }
    assert!(heads.len() > 20, "{} files", heads.len());
    heads
}

/// Source: `make.py` and `make_numpy.py` end the names of streams with `_stream`; the repacked archive keeps its order.
#[test]
fn files_of_torch_are_told_by_their_head() {
    for (name, head) in heads(".pth") {
        let is_stream = name.ends_with("_stream.pth");
        assert_eq!((is_torch_stream(&head), is_torch_zip(&head)), (is_stream, !is_stream), "{name}");
        assert_eq!(is_pickle(&head), is_stream, "{name}");
    }
}

#[test]
fn pickles_are_told_by_their_head() {
    for (name, head) in heads(".pkl") {
        assert_eq!(
            (is_pickle(&head), is_torch_stream(&head), is_torch_zip(&head)),
            (true, false, false),
            "{name}"
        );
        assert!((0..head.len()).all(|len| !is_torch_stream(&head[..len])), "{name}");
    }
}

#[test]
fn a_zip_of_other_things_is_not_of_torch() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("images/data.png", zip::write::SimpleFileOptions::default()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    assert!(!is_torch_zip(&zip));
    assert!((0..zip.len()).all(|len| !is_torch_zip(&zip[..len])));
    // The right name in what is no zip.
    let mut small = std::fs::read(fixture("small.pth")).unwrap();
    small[0] = b'Q';
    assert!(!is_torch_zip(&small));
}

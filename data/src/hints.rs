//! What a file is that is no data set, and what can be done with it.

use std::path::Path;

/// What is read, for those who gave something else.
const READ: &str = "a folder, .tar or .zip of images or arrays; .npy, .npz, .pt, .pkl, .safetensors; IDX; CIFAR; \
                    STL-10; LMDB; .parquet";

/// How content that no reader knows looks, as the end of a sentence that begins with its path.
pub(crate) fn looks(head: &[u8], path: &Path) -> String {
    match known(head) {
        Some(hint) => hint.to_owned(),
        None if head.is_empty() => "is empty".to_owned(),
        None => match by_suffix(path) {
            Some(hint) => hint.to_owned(),
            None if is_text(head) => format!("is text, and no matrix of numbers: read are {READ}"),
            None => format!("is none of: {READ}"),
        },
    }
}

fn known(head: &[u8]) -> Option<&'static str> {
    let text = head.trim_ascii_start();
    let begins = |with: &str| text.get(..with.len()).is_some_and(|t| t.eq_ignore_ascii_case(with.as_bytes()));
    let at = |place: usize, bytes: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    let one_of = |brands: &[&[u8]]| at(4, b"ftyp") && brands.iter().any(|brand| at(8, brand));
    Some(match () {
        () if begins("<!doctype html") || begins("<html") => {
            "is an HTML page, as servers send instead of a file: download it again"
        }
        () if begins("version https://git-lfs") => {
            "is a Git LFS pointer, which stands for a file: 'git lfs pull' fetches that"
        }
        () if at(128, b"DICM") => "is DICOM: pydicom's pixel_array and numpy.save make .npy of it",
        () if is_nifti(head) => "is NIfTI: nibabel's get_fdata and numpy.save make .npy of it",
        () if one_of(&[b"heic", b"heix", b"mif1", b"msf1"]) => {
            "is HEIC: heif-convert makes PNG or JPEG of it"
        }
        () if one_of(&[b"avif", b"avis"]) => "is AVIF: avifdec makes PNG of it",
        () if at(4, b"ftyp") || at(0, b"\x1aE\xdf\xa3") => "is a video: ffmpeg makes images of it",
        () if at(0, b"RIFF") && at(8, b"WAVE") => "is audio: scipy.io.wavfile and numpy.save make .npy of it",
        () if at(0, b"Rar!") || at(0, b"7z\xbc\xaf\x27\x1c") => "is an archive that must be unpacked first",
        () if at(0, b"SQLite format 3") => "is an SQLite database",
        () if at(0, b"%PDF") => "is a PDF document",
        () => return None,
    })
}

/// Header sizes of NIfTI 1 and 2, with the words that follow them.
fn is_nifti(head: &[u8]) -> bool {
    let one = head.starts_with(&348_u32.to_le_bytes()) || head.starts_with(&348_u32.to_be_bytes());
    let two = head.get(4..7) == Some(b"n+2") || head.get(4..7) == Some(b"ni2");
    two || one && matches!(head.get(344..347), Some(b"n+1" | b"ni1"))
}

fn by_suffix(path: &Path) -> Option<&'static str> {
    let suffix = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match &suffix[..] {
        "jp2" | "j2k" => "is JPEG 2000, which is not read: opj_decompress makes PNG of it",
        "json" | "jsonl" => "is JSON, which holds no rows that are read",
        _ => return None,
    })
}

/// No bytes but those of text; the last character may be cut.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && valid.chars().all(|c| !c.is_control() || c.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_data_set_are_named_for_what_they_are() {
        let mut nifti = vec![0; 352];
        nifti[..4].copy_from_slice(&348_u32.to_le_bytes());
        nifti[344..348].copy_from_slice(b"n+1\0");
        let dicom = [&[0; 128][..], b"DICM\0"].concat();
        for (head, begins) in [
            (&b"\n <!DOCTYPE html><html>"[..], "is an HTML page"),
            (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
            (&dicom, "is DICOM"),
            (&nifti, "is NIfTI"),
            (b"\0\0\0\x18ftypheic\0\0", "is HEIC"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "is audio"),
            (b"hello, \xc3", "is text"),
            (b"\x01\x02\x03", "is none of: a folder"),
            (b"", "is empty"),
        ] {
            let hint = looks(head, Path::new("x"));
            assert!(hint.starts_with(begins), "{hint}");
        }
        assert!(looks(b"\x01\x02", Path::new("x.jp2")).starts_with("is JPEG 2000"));
    }
}

//! Names that try to act on a terminal, from files, archives, options and configurations, through the program.

#![cfg(unix)]

#[path = "../data/tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use support::{colour, encode, write};

/// Clears the screen, rings, returns, sets colours by a C1 control, reorders, forges a line.
const FOREIGN: &str = "a\u{1b}[2J\u{7}\r\u{9b}31m\u{202e}\u{2067}\nerror: all is well";
const SHOWN: &str = "a\\u001b[2J\\u0007\\r\\u009b31m\\u202e\\u2067\\nerror: all is well";

/// Standard output and error of the program.
fn ncsn(folder: &Path, arguments: &[&str]) -> (String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_ncsn")).args(arguments).current_dir(folder).output().unwrap();
    (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

fn assert_inert(text: &str, what: &str) {
    let acts = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(acts), "{what}: {text:?}");
    assert!(!text.contains("\nerror: all"), "{what}: a forged line in {text:?}");
}

fn png(seed: u32) -> Vec<u8> {
    encode(&colour(4, 4, seed), image::ImageFormat::Png)
}

/// A folder whose images have such names, and an archive of the same.
fn data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in ["1.png", "2.png"].into_iter().enumerate() {
        write(folder.path(), &format!("{FOREIGN}/{FOREIGN}{name}"), &png(seed as u32));
    }
    let mut tar = tar::Builder::new(std::fs::File::create(folder.path().join("x.tar")).unwrap());
    tar.append_dir_all("", folder.path().join(FOREIGN)).unwrap();
    tar.finish().unwrap();
    folder
}

#[test]
fn reports_show_names_without_obeying_them() {
    let folder = data();
    for data in [FOREIGN, "x.tar"] {
        let (text, error) = ncsn(folder.path(), &["diameter", data]);
        assert!(error.is_empty() && text.contains(&format!("{SHOWN}1.png (row ")), "{text}{error}");
        assert_inert(&text, "diameter");
    }
    let (text, error) = ncsn(folder.path(), &["schedule", "--data", FOREIGN]);
    assert!(error.is_empty(), "{error}");
    assert_inert(&text, "schedule");
}

#[test]
fn json_has_the_exact_names() {
    let folder = data();
    let (text, _) = ncsn(folder.path(), &["diameter", FOREIGN, "--format", "json"]);
    assert_inert(&text, "json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["path"], FOREIGN);
    assert_eq!(json["witness"][0]["name"], format!("{FOREIGN}1.png"));
    let (text, _) = ncsn(folder.path(), &["schedule", "--data", FOREIGN, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["provenance"]["data"]["path"], FOREIGN);
    let (text, _) = ncsn(folder.path(), &["schedule", "--data", FOREIGN, "--format", "toml"]);
    // Strings of several lines are TOML's own form.
    assert_inert(&text.replace('\n', " "), "toml");
    assert_eq!(toml::from_str::<toml::Table>(&text).unwrap()["dataset"].as_str(), Some(FOREIGN));
}

#[test]
fn errors_are_one_line_whatever_they_name() {
    let folder = data();
    let corrupt = format!("corrupt/{FOREIGN}.png");
    write(folder.path(), &corrupt, &png(1)[..40]);
    let yaml = format!("{FOREIGN}.yml");
    write(folder.path(), &yaml, b"model: {sigma_begin: \"\\x9b2J\"}\ndata: {image_size: 4, channels: 3}\n");
    write(
        folder.path(),
        "key.toml",
        format!("schema = \"ncsn.schedule/1\"\n{} = 1\n", serde_json::to_string(FOREIGN).unwrap()).as_bytes(),
    );
    let missing = format!("none{FOREIGN}");
    for arguments in [
        ["diameter", &missing],
        ["diameter", &yaml],
        ["diameter", "corrupt"],
        ["check", &missing],
        ["check", &yaml],
        ["check", "key.toml"],
        ["explain", &missing],
        ["certify", "key.toml"],
        ["schedule", FOREIGN],
    ] {
        let (text, error) = ncsn(folder.path(), &arguments);
        assert!(
            text.is_empty() && error.starts_with("error: ") && error.lines().count() == 1,
            "{arguments:?}: {error}"
        );
        assert_inert(&error, arguments[0]);
    }
}

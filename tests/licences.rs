//! The licences of all dependencies against `deny.toml`, as `cargo deny` reads it, for machines that do not have it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Whether an SPDX expression holds when these licences are accepted; `WITH` adds a permission, so it changes nothing.
fn accepted(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let held = any(&mut words, allowed);
    assert!(words.next().is_none(), "{expression} is read to its end");
    held
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words, allowed: &[&str]) -> bool {
    let mut held = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        held |= all(words, allowed);
    }
    held
}

fn all(words: &mut Words, allowed: &[&str]) -> bool {
    let mut held = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        held &= one(words, allowed);
    }
    held
}

fn one(words: &mut Words, allowed: &[&str]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let held = any(words, allowed);
        assert_eq!(words.next(), Some(")"));
        return held;
    }
    let licence = words.next().expect("a licence");
    if words.next_if_eq(&"WITH").is_some() {
        words.next();
    }
    allowed.contains(&licence)
}

#[test]
fn expressions_are_read_as_spdx_has_them() {
    let allowed = ["MIT", "Zlib"];
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 AND MIT", false),
        ("MIT AND (GPL-2.0 OR Zlib)", true),
        ("GPL-2.0 OR MIT AND Apache-2.0", false),
        ("Zlib WITH an-exception", true),
    ] {
        assert_eq!(accepted(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_deny_toml_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules: toml::Table = std::fs::read_to_string(root.join("deny.toml")).unwrap().parse().unwrap();
    let strings = |value: &toml::Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
    };
    let licences = &rules["licenses"];
    let allowed = strings(&licences["allow"]);
    let exceptions = licences["exceptions"].as_array().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features", "--locked", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    // What no build of this machine has needed may not be there: then those that are needed everywhere are looked at.
    let output = if output.status.success() {
        output
    } else {
        let usual = ["metadata", "--format-version", "1", "--locked"];
        Command::new(env!("CARGO")).args(usual).current_dir(root).output().unwrap()
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let foreign =
        metadata["packages"].as_array().unwrap().iter().filter(|package| !package["source"].is_null());
    let mut complaints = Vec::new();
    for package in foreign.clone() {
        let (name, licence) =
            (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or("none"));
        let own = exceptions.iter().filter(|exception| exception["crate"].as_str() == Some(name));
        let own = own.flat_map(|exception| strings(&exception["allow"]));
        let all: Vec<String> = allowed.iter().cloned().chain(own).collect();
        if !accepted(licence, &all.iter().map(String::as_str).collect::<Vec<_>>()) {
            complaints.push(format!("{name}: {licence}"));
        }
    }
    assert!(foreign.count() > 100, "the dependencies are listed");
    assert!(complaints.is_empty(), "not allowed by deny.toml:\n{}", complaints.join("\n"));
}

//! The list of deliberate mistakes in theory/mutants: it applies to the sources as they are, and its table has no gap.
//!
//! That each is caught is shown by `make mutants`, which takes minutes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    file: String,
    within: Option<String>,
    old: String,
    new: String,
}

fn theory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("theory")
}

fn mutants() -> Vec<Mutant> {
    let text = std::fs::read_to_string(theory().join("mutants/mutants.toml")).unwrap();
    toml::from_str::<List>(&text).unwrap().mutant
}

#[test]
fn every_mistake_applies_to_one_place_of_the_sources() {
    for Mutant { name, file, within, old, new } in mutants() {
        let source = std::fs::read_to_string(theory().join("..").join(&file)).unwrap();
        let within = within.as_ref().unwrap_or(&old);
        assert_eq!(source.matches(within.as_str()).count(), 1, "{name}: {within} in {file}");
        assert_eq!(within.matches(old.as_str()).count(), 1, "{name}: {old}");
        assert_ne!(old, new, "{name}");
    }
}

#[test]
fn the_table_names_what_catches_each() {
    let table = std::fs::read_to_string(theory().join("mutants/README.md")).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| |"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let mutants = mutants();
    assert!(mutants.len() >= 30 && rows.len() == mutants.len(), "{} rows of {}", rows.len(), mutants.len());
    assert_eq!(mutants.iter().map(|mutant| &mutant.name).collect::<HashSet<_>>().len(), mutants.len());
    let said = [("README.md", "deliberate mistakes"), ("theory/src/lib.rs", "one-line mistakes")];
    for (file, what) in said {
        let text = std::fs::read_to_string(theory().join("..").join(file)).unwrap();
        assert!(text.contains(&format!("{} {what}", mutants.len())), "{file} has another number");
    }
    for (number, (row, mutant)) in rows.iter().zip(&mutants).enumerate() {
        let expected = [(number + 1).to_string(), mutant.name.clone(), format!("`{}`", mutant.file)];
        assert_eq!(row[..3], expected.each_ref().map(String::as_str));
        assert!(row[3].starts_with('`'), "{}: caught by {}", mutant.name, row[3]);
    }
}

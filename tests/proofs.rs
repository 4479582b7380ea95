//! The proofs in `proofs/` and the code speak of the same things: names of theorems, of functions, of constants.
//!
//! `make proofs` checks the proofs themselves; this needs no Coq.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ncsn_theory::schedule::{MIN_DIM, Rounding, presets};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files of a folder and below with a suffix.
fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == suffix) {
                found.push(path);
            }
        }
    }
    found
}

/// Theorems that the two files `Main.v` restate.
fn theorems() -> BTreeSet<String> {
    let text = read("proofs/theories/Main.v") + &read("proofs/measure/Main.v");
    let names = text.lines().filter_map(|line| line.strip_prefix("Theorem "));
    names.map(|rest| rest.split([' ', ':']).next().unwrap_or_default().to_owned()).collect()
}

/// Names in backticks of a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_conformance_table_names_every_theorem_and_no_other() {
    let text = read("theory/src/lib.rs");
    let rows = text.lines().filter(|line| line.starts_with("//! | "));
    let last = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let named: BTreeSet<String> = last.flat_map(quoted).map(str::to_owned).collect();
    assert_eq!(named, theorems());
}

#[test]
fn the_readme_of_the_proofs_names_every_theorem() {
    let text = read("proofs/README.md");
    let named: BTreeSet<&str> = quoted(&text).collect();
    let missing: Vec<String> = theorems().into_iter().filter(|name| !named.contains(&**name)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_file_says_which_functions_it_models_and_they_exist() {
    let code: String = ["theory/src", "src"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .map(|path| fs::read_to_string(path).expect("a source file"))
        .collect();
    let words: BTreeSet<&str> = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let mut models = 0;
    for path in ["proofs/theories", "proofs/measure"].iter().flat_map(|folder| files(folder, "v")) {
        let text = fs::read_to_string(&path).expect("a proof");
        if path.ends_with("Main.v") {
            continue;
        }
        assert!(text.contains("Rust"), "{} names no function of the code", path.display());
        // Paths such as proposition3::recursion, and braces as in a `use`.
        let paths = text.split_whitespace().filter(|word| word.contains("::"));
        let names = paths.flat_map(|path| path.split(|c: char| !(c.is_alphanumeric() || c == '_')));
        for name in names.filter(|name| !name.is_empty()) {
            assert!(words.contains(name), "{}: nothing in the code is called {name}", path.display());
            models += 1;
        }
    }
    assert!(models > 60, "{models} names found: the headers are read wrongly");
}

#[test]
fn rounding_rules_have_the_names_of_the_code() {
    let text = read("proofs/theories/Statements.v");
    let line = text.lines().find(|line| line.starts_with("Inductive rounding := ")).expect("the rules");
    let rules: BTreeSet<String> = line["Inductive rounding := ".len()..]
        .trim_end_matches('.')
        .split(" | ")
        .map(str::to_owned)
        .collect();
    let expected = Rounding::ALL.map(|rule| rule.name().replace("+1", "_plus_one"));
    assert_eq!(rules, BTreeSet::from(expected));
}

#[test]
fn the_smallest_dimension_is_that_of_the_theorem() {
    let text = read("proofs/theories/Statements.v");
    assert!(text.contains("forall D target, 9 / 2 < D -> 0 < target < overlap D 1 -> exists gamma"));
    assert!(text.contains("forall D, 0 <= D <= 9 / 2 ->"));
    assert_eq!(MIN_DIM, (9.0_f64 / 2.0).floor() as u64 + 1);
}

/// `make certify` compares in the other direction, for every file.
#[test]
fn every_data_set_has_its_certificate_as_the_program_writes_it() {
    for dataset in &presets::DATASETS {
        let request = ncsn::commands::schedule::Request::preset(dataset.name).expect("a data set");
        let (file, derivation) = ncsn::commands::schedule::derive(&request).expect("a schedule");
        let spacing = file.spacing().expect("a spacing");
        let text = ncsn::certificate::certificate(&file.dataset, &derivation.schedule, spacing);
        let committed = read(format!("proofs/certificates/{}.v", dataset.name));
        assert_eq!(text.expect("a certificate"), committed, "{}", dataset.name);
    }
}

//! The proofs in `proofs/` and the code speak of the same things: names of theorems, of functions, of constants.
//!
//! `make proofs` checks the proofs themselves; this needs no Coq.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ncsn::certificate::{Certificate, WIDEST};
use ncsn::commands::schedule::{Request, derive};
use ncsn_schedule::{Provenance, ScheduleFile};
use ncsn_theory::schedule::{
    DataRange, Law, MIN_DIM, NoiseRange, Request as Derive, Rounding, Spacing, Steps, presets,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The schedule file of a data set.
fn file(name: &str) -> ScheduleFile {
    derive(&Request::preset(name).expect("a data set")).expect("a schedule").0
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
    let code: String = ["theory/src", "diameter/src", "src"]
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
        let committed = read(format!("proofs/certificates/{}.v", dataset.name));
        assert_eq!(Certificate::new(&file(dataset.name)).unwrap().text(), committed, "{}", dataset.name);
    }
}

#[test]
fn certificates_read_back_to_the_numbers_of_the_schedule_file() {
    for dataset in &presets::DATASETS {
        let expected = Certificate::new(&file(dataset.name)).unwrap();
        assert_eq!(Certificate::parse(&expected.text()).unwrap(), expected);
    }
}

/// What certificates from strangers have been seen to do: each passed a compiler that was given their file.
#[test]
fn a_certificate_that_is_more_than_its_numbers_is_refused() {
    let good = Certificate::new(&file("mnist")).unwrap().text();
    let at_theorem = |text: &str| good.replace("Theorem stated", &format!("{text}\nTheorem stated"));
    for bad in [
        at_theorem("Definition is_certified (s : schedule) := True."),
        at_theorem("Hypothesis trust : forall s, is_certified s."),
        at_theorem("Unset Guard Checking."),
        at_theorem("Unset Positivity Checking."),
        at_theorem("#[bypass_check(guard)]"),
        at_theorem("Module M. Definition stated := 1. End M. Import M."),
        at_theorem("Redirect \"mnist\" Print Assumptions I."),
        at_theorem("Declare ML Module \"x\"."),
        at_theorem(""),
        good.replace("Proof. certify. Qed.", "Proof. certify. Admitted."),
        good.replace("dim := 784;", "dim := 784 + 0;"),
        good.replace("dim := 784;", "dim := 0784;"),
        good.replace("dim := 784;", "dim := -784;"),
        good.replace("dim := 784;", "dim := 784; (* *)"),
        good.replace("ceil_plus_one", "stated_rule"),
        good.replace("for mnist,", "for *) Axiom a : False. (*,"),
        good.replace("0x1p-1", "(1/2)"),
        good.replace("0x1p-1", "0x1.0p-1"),
        good.replace("0x1p-1", "-0x1p-1"),
        good.replace("0x1p-1", "0x1p-1\r"),
        good.replace("Print Assumptions stated_is_certified.", ""),
        good.clone() + "Reset Initial.",
        good.clone() + "\n",
        good.trim_end().to_owned(),
        good.replace('\n', "\r\n"),
        String::new(),
    ] {
        assert_ne!(bad, good);
        let error = format!("{:#}", Certificate::parse(&bad).expect_err(&bad));
        assert!(error.starts_with("line ") || error.starts_with("the file "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_certificate_of_other_numbers_is_told_apart_from_the_schedule_by_key() {
    let stated = Certificate::new(&file("mnist")).unwrap();
    let mut other = file("mnist");
    other.enclosures.overlap[1] = other.enclosures.overlap[1].next_up();
    let error = stated.compare(&Certificate::new(&other).unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("overlap.upper is 0x1.048e"), "{error}");
    stated.compare(&Certificate::new(&file("mnist")).unwrap()).unwrap();
}

/// Schedules of image sizes: the solution need not lie between neighbouring doubles, as it does for the data sets.
#[test]
fn every_schedule_of_an_ordinary_size_has_a_certificate() {
    let mut wide = 0;
    for (index, dim) in [5, 48, 784, 3072, 12_288, 196_608, 3_145_728].into_iter().enumerate() {
        for target in [0.01, 0.3, 0.5, 0.9, 0.985, 0.99, 0.997] {
            let derivation = Derive {
                dim,
                range: NoiseRange::new(50.0, 0.01).unwrap(),
                spacing: Spacing {
                    target,
                    law: Law::Normal,
                    rounding: Rounding::ALL[index % Rounding::ALL.len()],
                },
                steps: Steps::PerLevel(1 + index as u64 * 40),
            }
            .derive()
            .unwrap();
            let file =
                ScheduleFile::new(&derivation, "images".to_owned(), DataRange::Unit, Provenance::default());
            let text = Certificate::new(&file).unwrap().text();
            assert_eq!(Certificate::parse(&text).unwrap().text(), text);
            wide += u32::from(derivation.gamma_root.lo().next_up() < derivation.gamma_root.hi());
        }
    }
    assert!(wide > 5, "only {wide} of 49 are wider than neighbouring doubles");
}

#[test]
fn what_has_no_proof_is_refused() {
    let mut chi = file("cifar10");
    chi.spacing.law = Law::Chi;
    assert!(Certificate::new(&chi).is_err());
    let mut rounded = file("cifar10");
    rounded.spacing.rounding = Rounding::Floor;
    assert_eq!(
        Certificate::new(&rounded).unwrap_err().to_string(),
        "num_levels is 220, but overlap 0.5 and floor give 218"
    );
}

/// Both spell the same text and the same bound.
#[test]
fn the_widest_enclosure_is_that_of_the_statement() {
    assert!(read("proofs/theories/Statements.v").contains("Definition widest : R := 1 / 1000."));
    assert_eq!(WIDEST, 1.0 / 1000.0);
}

/// Runs a script of `proofs/` on a file with this text; whether it accepts, and what it says.
fn script(name: &str, arguments: &[&str], text: &str) -> (bool, String) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    let mut command = Command::new("sh");
    command.arg(root().join("proofs").join(name)).args(arguments).arg(file.path());
    let output = command.output().expect("a shell");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

#[test]
fn the_grammar_of_the_makefile_takes_certificates_and_refuses_more() {
    let good = read("proofs/certificates/mnist.v");
    assert!(script("form.sh", &[], &good).0);
    for bad in [
        good.replace("dim := 784;", "dim := 784 + 0;"),
        good.replace("dim := 784;", "dim := @;"),
        good.replace("for mnist,", "for *) Axiom a : False. (*,"),
        good.replace("certify. Qed", "certify. Admitted"),
        good.replace("Theorem", "Unset Guard Checking.\nTheorem"),
        good.clone() + "Redirect \"ffhq\" Print Assumptions I.\n",
        good.clone() + "\n",
        good.trim_end().to_owned(),
    ] {
        assert_ne!(bad, good);
        assert!(!script("form.sh", &[], &bad).0, "{bad}");
    }
}

#[test]
fn the_lint_of_the_libraries_refuses_what_switches_checks_off() {
    assert!(script("lint.sh", &[], &read("proofs/theories/Certificate.v")).0);
    for bad in [
        "Unset Guard Checking.",
        "Local Unset\n  Positivity (* or *) Checking.",
        "Unset Universe Checking.",
        "#[bypass_check(guard)] Fixpoint f (n : nat) : False := f n.",
        "Redirect \"Main\" Print Assumptions I.",
        "Declare ML Module \"x\".",
        "Lemma a : 1 = 1. Proof. native_compute. reflexivity. Qed.",
        "Lemma a : False. Admitted.",
        "Axiom a : False.",
        "  Check I.",
    ] {
        assert!(!script("lint.sh", &[], bad).0, "{bad}");
    }
}

#[test]
fn lines_of_print_assumptions_that_are_not_understood_fail() {
    let axioms =
        "Axioms:\nClassical_Prop.classic : forall P : Prop, P \\/ ~ P\nA.long_name\n  : forall x, x = x\n";
    assert_eq!(
        script("assumptions.sh", &["1"], axioms),
        (true, "Classical_Prop.classic\nA.long_name\n".to_owned())
    );
    assert!(script("assumptions.sh", &["1"], "Closed under the global context\n").0);
    for bad in [
        "Axioms:\nf is assumed to be guarded.\n",
        "Axioms:\nbad is assumed to be positive.\n",
        "Axioms:\nx relies on an unsafe universe hierarchy.\n",
        "Closed under the global context\nClosed under the global context\n",
        "  Axioms:\n",
        "",
    ] {
        assert!(!script("assumptions.sh", &["1"], bad).0, "{bad}");
    }
}

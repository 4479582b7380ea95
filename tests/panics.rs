//! Panics in decoders are errors of their images; a panic elsewhere is one line that asks for a report.

#[path = "../data/tests/support/mod.rs"]
mod support;

use std::process::{Command, Output};

use support::{colour, encode, write};

/// Pictures of fuzz/seeds on which the crate png 0.18.1 panics; fuzz/seeds.py made them.
const PANIC: [&str; 2] = ["palette_of_4_bytes.png", "palette_of_5_bytes.png"];

fn seed(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/picture").join(name))
        .unwrap()
}

fn error_of(output: Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_decoder_that_panics_is_a_corrupt_image_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in PANIC {
        write(folder.path(), name, &seed(name));
        let ncsn = |more: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ncsn"));
            error_of(command.arg("diameter").arg(folder.path()).args(more).output().unwrap())
        };
        let (code, error) = ncsn(&[]);
        let expected = format!("error: {name}: truncated or corrupt image (its decoder panics: ");
        assert!(code == Some(2) && error.starts_with(&expected) && error.lines().count() == 1, "{error}");
        for other in ["x.png", "y.png"] {
            write(
                folder.path(),
                other,
                &encode(&colour(2, 1, other.len() as u32 + name.len() as u32), image::ImageFormat::Png),
            );
        }
        write(folder.path(), "z.png", &encode(&colour(2, 1, 77), image::ImageFormat::Png));
        assert_eq!(ncsn(&["--skip-corrupt"]), (Some(0), String::new()));
        std::fs::remove_dir_all(folder.path()).unwrap();
        std::fs::create_dir(folder.path()).unwrap();
    }
}

/// Run by the test below in a process of its own: a panic on a thread that works for another one.
#[test]
#[ignore = "panics on purpose, for the test below"]
fn a_fault_on_purpose() {
    ncsn_shell::ask_for_reports("ncsn 1.2.3");
    assert!(ncsn_data::guard::guarded(|| panic!("a guarded panic")).is_err());
    rayon::scope(|scope| scope.spawn(|_| panic!("the \u{1b}[2J cause")));
}

#[test]
fn a_panic_elsewhere_is_one_line_that_asks_for_a_report() {
    let mut test = Command::new(std::env::current_exe().unwrap());
    let test =
        test.args(["--ignored", "--exact", "--nocapture", "a_fault_on_purpose"]).env_remove("RUST_BACKTRACE");
    let (_, error) = error_of(test.output().unwrap());
    let lines: Vec<&str> = error.lines().collect();
    let [line] = lines[..] else { panic!("{error}") };
    assert!(line.starts_with("error: a fault of ncsn 1.2.3 at tests/panics.rs:"), "{line}");
    assert!(
        line.ends_with(": the \\u001b[2J cause; please report this line with the command that caused it"),
        "{line}"
    );
}

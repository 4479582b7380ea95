//! Pages as a real browser shows them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Chromium by any of its names, or the program that `NCSN_CHROMIUM` names.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("NCSN_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let mut installed = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    named.or_else(|| installed.find(|program| program.is_file()))
}

/// Runs a script of this folder with Chromium and further arguments; where there is no browser, says so past the harness, which
/// would keep it to itself, and returns false.
pub fn in_browser(script: &str, folder: &Path, arguments: &[&Path], subject: &str) -> bool {
    let (Some(chromium), Ok(_)) = (chromium(), Command::new("python3").arg("--version").output()) else {
        let _ = writeln!(io::stderr(), "NOT TESTED for want of chromium and python3: {subject} in a browser");
        return false;
    };
    // The trainer's tests look in the folder above theirs.
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let script = roots.map(|root| root.join("tests/browser").join(script)).find(|path| path.exists());
    let Output { status, stdout, stderr } = Command::new("python3")
        .arg("-B")
        .arg(script.expect("a script of the project"))
        .arg(chromium)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{said}");
    true
}

/// Where pictures of the screens go: the folder that `NCSN_PICTURES` names, or one that is removed.
pub fn pictures(folder: &Path) -> PathBuf {
    std::env::var_os("NCSN_PICTURES").map_or_else(|| folder.join("pictures"), PathBuf::from)
}

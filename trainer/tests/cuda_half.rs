//! Finding libtorch's CUDA half without a GPU: stubs of the driver and of the library, in folders as they occur.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::command::{success, trainer};

/// A shared library of one C function.
fn compile(library: &Path, code: &str) {
    let source = library.with_extension("c");
    fs::write(&source, code).expect("writes");
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(library).arg(&source).status();
    assert!(status.expect("a C compiler").success());
}

/// A driver for CUDA 12.4.
fn driver(folder: &Path) {
    compile(
        &folder.join("libcuda.so.1"),
        "int cuDriverGetVersion(int* version) { *version = 12040; return 0; }",
    );
}

/// libtorch's CPU half, as a file of its own.
fn cpu_half(folder: &Path) {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.libtorch/lib");
    for name in ["libtorch_cpu.so", "libc10.so", "libgomp.so.1"] {
        let real = fs::canonicalize(lib.join(name)).expect("a library");
        fs::hard_link(&real, folder.join(name))
            .or_else(|_| fs::copy(&real, folder.join(name)).map(drop))
            .expect("a copy");
    }
    for name in ["libcudart.so.13", "libcupti.so.13"] {
        let _ = symlink(fs::canonicalize(lib.join(name)).unwrap_or_default(), folder.join(name));
    }
}

fn folder(within: &Path, name: &str) -> PathBuf {
    let folder = within.join(name);
    fs::create_dir(&folder).expect("a folder");
    folder
}

/// What `devices` says of CUDA with these folders of libraries before all others.
fn said(folders: &[&Path]) -> String {
    let path = std::env::join_paths(folders).expect("a path");
    let text = success(trainer("devices").env("LD_LIBRARY_PATH", path));
    text.lines().find(|line| line.starts_with("cuda")).expect("a line on CUDA").to_owned()
}

#[test]
fn the_cuda_half_is_found_through_links_and_what_is_wrong_is_said() {
    if ncsn_trainer::device::gpus() > 0 {
        println!("this machine has a GPU; stubs were not tried");
        return;
    }
    let all = tempfile::tempdir().expect("a temporary folder");
    let (driven, alone, whole, links) = (
        folder(all.path(), "driven"),
        folder(all.path(), "alone"),
        folder(all.path(), "whole"),
        folder(all.path(), "links"),
    );
    driver(&driven);
    cpu_half(&alone);
    cpu_half(&whole);
    compile(&whole.join("libtorch_cuda.so"), "int nothing;");
    for name in ["libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"] {
        symlink(whole.join(name), links.join(name)).expect("a link");
    }
    assert_eq!(said(&[&alone]), "cuda      none: there is no NVIDIA driver");
    assert_eq!(
        said(&[&driven, &alone]),
        "cuda      none: libtorch_cuda.so does not lie beside libtorch_cpu.so; scripts/setup-libtorch.sh --cuda gets it"
    );
    let opened = "cuda      none: torch can use no device with this driver, which is for CUDA 12.4";
    assert_eq!(said(&[&driven, &whole]), opened);
    assert_eq!(said(&[&driven, &links]), opened);
    fs::write(whole.join("libtorch_cuda.so"), "not a library").expect("writes");
    let line = said(&[&driven, &links]);
    assert!(line.starts_with("cuda      none: libtorch's CUDA half does not load ("), "{line}");
    assert!(line.ends_with("scripts/setup-libtorch.sh --cuda gets what it needs"), "{line}");

    // A half that does not load is no reason not to work.
    let path = std::env::join_paths([&driven, &links]).expect("a path");
    let mut version = trainer("--version");
    assert!(success(version.env("LD_LIBRARY_PATH", &path)).starts_with("ncsn-trainer "));
    let mut data = trainer("train --preset shapes --dry-run");
    let output = data.env("LD_LIBRARY_PATH", &path).output().expect("the trainer starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(
        stderr.matches("warning: computing on the CPU: libtorch's CUDA half does not load").count(),
        1,
        "{stderr}"
    );
}

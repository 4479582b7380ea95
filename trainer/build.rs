//! Compiles the shim against `.libtorch` and links libtorch's CPU half; CUDA is loaded at run time.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// The libtorch that tch is made for, as in `scripts/setup-libtorch.sh`.
const VERSION: &str = "2.11.0";

fn main() {
    println!("cargo:rerun-if-changed=shim");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let libtorch = PathBuf::from(env::var_os("LIBTORCH").unwrap_or_else(|| ".libtorch".into()));
    println!("cargo:rerun-if-changed={}", libtorch.join("build-version").display());
    match fs::read_to_string(libtorch.join("build-version")) {
        Ok(version) if version.trim() == VERSION => compile(&libtorch),
        Ok(version) => fail(&format!("{} holds libtorch {}", libtorch.display(), version.trim())),
        Err(_) => fail(&format!("there is no libtorch in {}", libtorch.display())),
    }
}

fn fail(found: &str) -> ! {
    println!("cargo::error={found}, but the trainer needs {VERSION}: run scripts/setup-libtorch.sh");
    process::exit(1)
}

/// What NVRTC compiles on a user's machine, as a C++ string: together the kernels' files are one.
fn embed_kernels(folder: &Path) {
    let read = |name: &str| {
        fs::read_to_string(Path::new("shim/kernels").join(name))
            .unwrap_or_else(|error| fail_for(name, &error))
    };
    let source: String = ["basics.h", "norm.h", "norm_backward.h"].map(read).concat();
    let text = format!("R\"ncsn_source({source})ncsn_source\"\n");
    if let Err(error) = fs::write(folder.join("kernels_source.h"), text) {
        fail_for("kernels_source.h", &error);
    }
}

fn fail_for(name: &str, error: &std::io::Error) -> ! {
    println!("cargo::error={name}: {error}");
    process::exit(1)
}

fn compile(libtorch: &Path) {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    embed_kernels(&out);
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .debug(false)
        .warnings(false)
        .include(libtorch.join("include"))
        .include(libtorch.join("include/torch/csrc/api/include"))
        .include("shim/missing")
        .include(&out)
        .files(["shim/shim.cpp", "shim/peers.cpp", "shim/winograd.cpp", "shim/norm.cpp"])
        .files(["shim/own_norm.cpp", "shim/emulation.cpp", "shim/nvrtc.cpp", "shim/cuda.cpp"])
        .compile("ncsn_shim");
    // cargo puts folders inside OUT_DIR that are searched for libraries on the path of `cargo run` and of doctests.
    let folder = out.join("libtorch");
    let _ = fs::remove_file(&folder);
    let library =
        fs::canonicalize(libtorch.join("lib")).unwrap_or_else(|_| fail("its folder lib is missing"));
    if let Err(error) = std::os::unix::fs::symlink(&library, &folder) {
        fail(&format!("linking {}: {error}", folder.display()));
    }
    println!("cargo:rustc-link-search=native={}", folder.display());
    for library in ["torch_cpu", "c10"] {
        println!("cargo:rustc-link-lib=dylib={library}");
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", library.display());
}

//! Says what core-math, in C, is compiled for, which a crate that depends on it cannot change.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=TARGET_CPU");
    if std::env::var_os("TARGET_CPU").is_none() {
        println!(
            "cargo::warning=core-math is compiled for this machine's processor alone (-march=native); for programs \
             that run on others too, put TARGET_CPU = \"x86-64-v2\" under [env] in the workspace's .cargo/config.toml"
        );
    }
}

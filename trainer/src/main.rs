//! `ncsn-trainer`: trains score networks and samples from them.

use std::process::ExitCode;

fn main() -> ExitCode {
    ncsn_shell::ask_for_reports(concat!("ncsn-trainer ", env!("CARGO_PKG_VERSION")));
    ncsn_trainer::commands::main()
}

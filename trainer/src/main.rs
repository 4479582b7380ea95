//! `ncsn-trainer`: trains score networks and samples from them.

use std::process::ExitCode;

fn main() -> ExitCode {
    ncsn_trainer::commands::main()
}

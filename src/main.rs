//! `ncsn`: noise schedules, diameters, checks and validation.

use std::process::ExitCode;

fn main() -> ExitCode {
    ncsn::commands::main()
}

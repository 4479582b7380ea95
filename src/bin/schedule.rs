//! `schedule`: the calculator on its own, the same as `ncsn schedule`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ncsn::commands::schedule_main()
}

//! What the command lines of `ncsn` and `ncsn-trainer` share: exit statuses, reports on terminals and in pipes, files that
//! appear whole or not at all, the options of reading data.

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod command_line;
pub mod fold;
pub mod output;
pub mod pages;
pub mod process;
pub mod reading;
pub mod reports;

pub use command_line::command_line;
pub use process::{Outcome, TRY_AGAIN, fail, finish, parse, stdout, warn};
pub use reading::{ReadArgs, read};
pub use reports::ask_for_reports;

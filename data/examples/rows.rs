//! What is read of a path: `cargo run --release --example rows -- PATH`.

use std::path::PathBuf;
use std::process::ExitCode;

use ncsn_data::{Error, Options, Pixels, open};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: rows PATH");
        return ExitCode::from(2);
    };
    match describe(&path) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn describe(path: &std::path::Path) -> Result<String, Error> {
    let data = open(path, &Options::default(), &|_, _| {})?;
    let kind = match &data.rows {
        Pixels::Bytes(_) => "bytes",
        Pixels::Floats(rows) if rows.is_double() => "doubles",
        Pixels::Floats(_) => "singles",
    };
    let first = data.names.get(0).unwrap_or_default();
    let mut text = format!("{} rows of {:?} {kind}, the first named {first}", data.rows.len(), data.shape);
    for note in &data.notes {
        text += &format!("\nnote: {note}");
    }
    Ok(text)
}

//! Prints what is in files of `torch.save` and in pickles: one line for each value, its path in the file before it.
//!
//! ```text
//! cargo run -p ncsn-pth --example list -- FILE…
//! ```

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use ncsn_pth::{Value, locate};

/// Items of a long list that are shown.
const SHOWN: usize = 8;

fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in std::env::args_os().skip(1) {
        match locate(Path::new(&file)) {
            Ok(value) => {
                match print(&mut io::stdout().lock(), &Path::new(&file).display().to_string(), &value) {
                    Ok(()) => {}
                    Err(reason) if reason.kind() == ErrorKind::BrokenPipe => return code,
                    Err(reason) => {
                        eprintln!("cannot write: {reason}");
                        return ExitCode::FAILURE;
                    }
                }
            }
            Err(error) => {
                eprintln!("{error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn print(out: &mut impl Write, path: &str, value: &Value) -> io::Result<()> {
    match value {
        Value::Dict(entries) => {
            let parts = entries.iter().map(|(key, value)| (format!("[{}]", short(key)), value));
            several(out, path, value, entries.len(), parts)
        }
        Value::List(items) | Value::Tuple(items) => {
            let parts = items.iter().enumerate().map(|(n, item)| (format!("[{n}]"), item));
            several(out, path, value, items.len(), parts.take(SHOWN))
        }
        Value::Tensor(tensor) => {
            let name = tensor.dtype.name();
            writeln!(out, "{path}: tensor {name} {:?} on {}", tensor.shape, tensor.device.escape_debug())
        }
        Value::Array(array) => writeln!(out, "{path}: array {} {:?}", array.dtype.name(), array.shape),
        Value::Placed(placed) => {
            let (name, offset) = (placed.dtype.name(), placed.place.offset);
            writeln!(out, "{path}: {name} {:?} at byte {offset}", placed.shape)
        }
        scalar => writeln!(out, "{path}: {} {}", scalar.kind(), short(scalar)),
    }
}

fn several<'a>(
    out: &mut impl Write,
    path: &str,
    value: &Value,
    count: usize,
    parts: impl Iterator<Item = (String, &'a Value)>,
) -> io::Result<()> {
    writeln!(out, "{path}: {} of {count}", value.kind())?;
    for (name, part) in parts {
        print(out, &format!("{path}{name}"), part)?;
    }
    Ok(())
}

/// A scalar in at most 60 characters.
fn short(value: &Value) -> String {
    let text = match value {
        Value::None => "None".into(),
        Value::Bool(value) => format!("{value:?}"),
        Value::Int(value) => format!("{value:?}"),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(value) => format!("{value:?}"),
        Value::Bytes(value) => format!("b\"{}\"", value.escape_ascii()),
        other => other.kind().into(),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

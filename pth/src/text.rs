//! Numbers and strings as pickle protocol 0 writes them, one to a line.

use super::fault::{Fault, shown};

/// The line as ASCII or UTF-8 text.
pub(super) fn utf8(line: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(line).map_err(|_| Fault::Utf8)
}

/// A decimal integer, with Python 2's suffix `L` or without.
pub(super) fn integer(line: Vec<u8>) -> Result<i128, Fault> {
    let text = utf8(line)?;
    text.strip_suffix('L').unwrap_or(&text).parse().map_err(|_| literal(&text, "integer"))
}

/// A decimal fraction, `inf` or `nan`.
pub(super) fn float(line: Vec<u8>) -> Result<f64, Fault> {
    let text = utf8(line)?;
    text.parse().map_err(|_| literal(&text, "number"))
}

/// A quoted byte string of Python 2: `'a\n\x41'` is the bytes a, newline, A.
///
/// # Errors
///
/// [`Fault::Literal`] without matching quotes or with an unknown escape.
pub(super) fn quoted(line: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let bad = || literal(&String::from_utf8_lossy(&line), "quoted string");
    let inner = match line.as_slice() {
        [open @ (b'\'' | b'"'), inner @ .., close] if open == close => inner,
        _ => return Err(bad()),
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first().ok_or_else(bad)?;
        rest = after;
        out.push(match escape {
            b'\\' | b'\'' | b'"' => escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let code = hex(rest, 2).and_then(|code| u8::try_from(code).ok()).ok_or_else(bad)?;
                rest = &rest[2..];
                code
            }
            _ => return Err(bad()),
        });
    }
    Ok(out)
}

/// Python's `raw-unicode-escape`: Latin-1, with `\uXXXX` and `\UXXXXXXXX` for the rest and no other escape.
///
/// # Errors
///
/// [`Fault::Literal`] if an escape is cut short or names no character.
pub(super) fn raw_unicode_escape(line: Vec<u8>) -> Result<String, Fault> {
    let bad = || literal(&String::from_utf8_lossy(&line), "unicode string");
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_slice();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match rest {
            [b'\\', b'u', ..] => 4,
            [b'\\', b'U', ..] => 8,
            _ => {
                out.push(char::from(byte));
                rest = after;
                continue;
            }
        };
        out.push(hex(&rest[2..], digits).and_then(char::from_u32).ok_or_else(bad)?);
        rest = &rest[2 + digits..];
    }
    Ok(out)
}

/// The value of the first `digits` bytes as hexadecimal digits, if they are.
fn hex(bytes: &[u8], digits: usize) -> Option<u32> {
    let digits = bytes.get(..digits)?;
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

fn literal(found: &str, expected: &'static str) -> Fault {
    Fault::Literal { found: shown(found), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `pickle.dumps(["a\n'é\u20ac\U0001f600"], protocol=0)` of Python 3.11.
    #[test]
    fn raw_unicode_escape_reads_what_python_writes() {
        let line = b"a\\u000a'\xe9\\u20ac\\U0001f600".to_vec();
        assert_eq!(raw_unicode_escape(line).unwrap(), "a\n'é€😀");
    }

    /// Source: `save_string` in `pickle.py` of Python 2.7 writes `repr`, here of the bytes of "it's", newline, "é".
    #[test]
    fn quoted_reads_what_python_2_writes() {
        assert_eq!(quoted(br#""it's\n\xc3\xa9""#.to_vec()).unwrap(), "it's\né".as_bytes());
    }

    #[test]
    fn cut_escapes_are_refused() {
        for line in [&br"'\'"[..], br"'\x4'", b"'", b"", b"'a"] {
            assert!(matches!(quoted(line.to_vec()), Err(Fault::Literal { .. })), "{line:?}");
        }
        for line in [&br"\u12"[..], br"\Uffffffff", br"\ud800"] {
            assert!(matches!(raw_unicode_escape(line.to_vec()), Err(Fault::Literal { .. })), "{line:?}");
        }
    }
}

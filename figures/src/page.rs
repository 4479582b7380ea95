//! A page of figures, pictures and tables in one HTML file, which needs nothing else.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Figure;
use crate::svg::escaped;

/// Characters of an entry that need no more room than its words.
const SHORT: usize = 20;

/// Readable at 360 pixels and in print, light and dark; wide tables and figures scroll within themselves.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#222;--ground:#fff;--faint:#666;--rule:#ccc}\
@media(prefers-color-scheme:dark){:root{--ink:#ddd;--ground:#16181c;--faint:#999;--rule:#444}}\
body{margin:0 auto;padding:1rem;max-width:60rem;font:16px/1.5 system-ui,sans-serif}\
body{color:var(--ink);background:var(--ground)}\
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2.5rem;border-bottom:1px solid var(--rule)}\
figure{margin:1.5rem 0}figcaption{color:var(--faint);font-size:.9rem}\
figure>div,.wide{overflow-x:auto}.wide{margin:1rem 0}\
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:0 1rem}\
.beside>*{min-width:0}\
img{max-width:100%;height:auto;image-rendering:pixelated}svg{display:block;width:100%;min-width:30rem}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.25rem .75rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}\
.t{min-width:9rem}h1,h2,p,li,td:not(.n){overflow-wrap:anywhere}.n{text-align:right;white-space:nowrap}\
caption{text-align:left;color:var(--faint)}\
code{overflow-wrap:anywhere}";

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its title, also the first heading.
    pub title: String,
    /// From top to bottom.
    pub parts: Vec<Part>,
}

/// What stands on a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// The beginning of a section.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Pixels.
    Picture {
        /// A PNG file.
        png: Vec<u8>,
        /// What is seen, for those who see it.
        caption: String,
        /// What is seen, for those who do not.
        told: String,
        /// The command that makes the same.
        command: String,
    },
    /// Curves.
    Curves {
        /// The figure.
        figure: Figure,
        /// What is to be seen in it.
        caption: String,
        /// The command that makes the same.
        command: String,
    },
    /// Parts side by side, as many as the window has room for.
    Beside(Vec<Part>),
    /// Text of programs, line by line.
    Code(String),
    /// Words and numbers in rows.
    Table {
        /// What they are.
        caption: String,
        /// Names of the columns.
        head: Vec<String>,
        /// As many entries in each as there are columns; the first names the row.
        rows: Vec<Vec<String>>,
    },
}

impl Page {
    /// The page as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style>\n<main><h1>{title}</h1>\n"
        );
        for part in &self.parts {
            // Writing to a string does not fail.
            let _ = write_part(&mut out, part);
        }
        out + "</main></html>\n"
    }
}

fn write_part(out: &mut String, part: &Part) -> std::fmt::Result {
    match part {
        Part::Heading(text) => writeln!(out, "<h2>{}</h2>", escaped(text)),
        Part::Text(text) => writeln!(out, "<p>{}</p>", escaped(text)),
        Part::Beside(parts) => {
            writeln!(out, "<div class=\"beside\">")?;
            parts.iter().try_for_each(|part| write_part(out, part))?;
            writeln!(out, "</div>")
        }
        Part::Code(text) => writeln!(out, "<pre class=\"wide\" tabindex=\"0\">{}</pre>", escaped(text)),
        Part::Picture { png, caption, told, command } => {
            let (told, data) = (escaped(told), STANDARD.encode(png));
            write!(out, "<figure><div><img alt=\"{told}\" src=\"data:image/png;base64,{data}\"></div>")?;
            captioned(out, caption, command)
        }
        Part::Curves { figure, caption, command } => {
            write!(out, "<figure><div tabindex=\"0\">{}</div>", figure.svg())?;
            captioned(out, caption, command)?;
            let numbers = escaped(&figure.numbers());
            writeln!(
                out,
                "<details><summary>Numbers of the curves</summary>\
                 <pre class=\"wide\" tabindex=\"0\">{numbers}</pre></details>"
            )
        }
        Part::Table { caption, head, rows } => {
            write!(
                out,
                "<div class=\"wide\" tabindex=\"0\"><table><caption>{}</caption><tr>",
                escaped(caption)
            )?;
            head.iter().try_for_each(|name| write!(out, "<th scope=\"col\">{}</th>", escaped(name)))?;
            for row in rows {
                write!(out, "</tr>\n<tr>")?;
                for (column, entry) in row.iter().enumerate() {
                    let entry = escaped(entry);
                    match column {
                        0 => write!(out, "<th scope=\"row\">{entry}</th>")?,
                        // An interval has a line for each end.
                        _ if is_number(&entry) => {
                            write!(out, "<td class=\"n\">{}</td>", entry.replace(", ", ",<br>"))?;
                        }
                        // A sentence would else be squeezed to a word a line.
                        _ if entry.chars().count() > SHORT => write!(out, "<td class=\"t\">{entry}</td>")?,
                        _ => write!(out, "<td>{entry}</td>")?,
                    }
                }
            }
            writeln!(out, "</tr></table></div>")
        }
    }
}

/// Whether an entry is a number or an interval alone, which stands below others by its digits.
fn is_number(entry: &str) -> bool {
    let number = |entry: &str| entry.replace(',', "").replace('−', "-").parse::<f64>().is_ok();
    match entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')) {
        Some(ends) => ends.split(", ").all(number),
        None => number(entry),
    }
}

fn captioned(out: &mut String, caption: &str, command: &str) -> std::fmt::Result {
    writeln!(
        out,
        "<figcaption>{}<br><code>{}</code></figcaption></figure>",
        escaped(caption),
        escaped(command)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_alone_stand_by_their_digits() {
        assert!(["1", "−1,234.5", "6.2e-6", "[1.5, 1e-6]"].iter().all(|entry| is_number(entry)));
        assert!(!["", "3 x 16 x 16", "1 to 2", "n", "[a, 2]", "[]"].iter().any(|entry| is_number(entry)));
    }

    #[test]
    fn text_cannot_become_markup() {
        let evil = "\"><script>alert(1)</script>&".to_owned();
        let page = Page {
            title: evil.clone(),
            parts: vec![
                Part::Heading(evil.clone()),
                Part::Text(evil.clone()),
                Part::Beside(vec![Part::Code(evil.clone()), Part::Text(evil.clone())]),
                Part::Picture {
                    png: vec![0, 255],
                    caption: evil.clone(),
                    told: evil.clone(),
                    command: evil.clone(),
                },
                Part::Table {
                    caption: evil.clone(),
                    head: vec![evil.clone()],
                    rows: vec![vec![evil.clone(), evil]],
                },
            ],
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("alt=\"\""), "{html}");
        assert!(html.contains("src=\"data:image/png;base64,AP8=\""), "{html}");
        assert!(html.contains("<th scope=\"row\">"), "{html}");
    }
}

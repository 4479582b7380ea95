//! How the workspace hangs together: no circle of files, the crates in the order of CONTRIBUTING.md, what each brings along.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Complaints that are put up with for now, word for word.
const KNOWN: &[&str] = &[];

/// Every crate, its folder, and the crates of the workspace that it may use. Tests may use all that stand above.
const CRATES: [(&str, &str, &[&str]); 9] = [
    ("ncsn-theory", "theory", &[]),
    ("ncsn-diameter", "diameter", &["ncsn-theory"]),
    ("ncsn-pth", "pth", &[]),
    ("ncsn-data", "data", &["ncsn-diameter", "ncsn-pth"]),
    ("ncsn-schedule", "schedule", &["ncsn-theory"]),
    ("ncsn-shell", "shell", &["ncsn-data"]),
    ("ncsn-figures", "figures", &[]),
    (
        "ncsn",
        ".",
        &["ncsn-theory", "ncsn-diameter", "ncsn-data", "ncsn-schedule", "ncsn-shell", "ncsn-figures"],
    ),
    (
        "ncsn-trainer",
        "trainer",
        &["ncsn-theory", "ncsn-pth", "ncsn-data", "ncsn-schedule", "ncsn-shell", "ncsn-figures"],
    ),
];

/// Characters of a line of code at most; lines of comments may be longer where a table or an address makes them so.
const WIDEST: usize = 120;

#[test]
fn no_files_of_a_crate_use_each_other_in_a_circle() {
    let complaints = CRATES.iter().flat_map(|(name, folder, _)| {
        let source = root().join(folder).join("src");
        let files = rust_files(&source).into_iter().map(|path| {
            let module = module(path.strip_prefix(&source).unwrap());
            (module, fs::read_to_string(path).unwrap())
        });
        circles(&files.collect()).into_iter().map(move |circle| format!("{name}: {circle}"))
    });
    refuse(complaints);
}

#[test]
fn the_crates_depend_on_each_other_as_the_picture_says() {
    let complaints = CRATES.iter().enumerate().flat_map(|(index, &(name, folder, allowed))| {
        let manifest = manifest(folder);
        let used = |table: &str| -> Vec<String> {
            let names = manifest
                .get(table)
                .and_then(toml::Value::as_table)
                .into_iter()
                .flat_map(|table| table.keys());
            names.filter(|name| CRATES.iter().any(|(other, ..)| other == name)).cloned().collect()
        };
        let below: Vec<&str> =
            CRATES[..index].iter().map(|(other, ..)| *other).filter(|other| *other != "ncsn").collect();
        let tables =
            [("dependencies", allowed), ("build-dependencies", allowed), ("dev-dependencies", &below)];
        tables.map(|(table, allowed)| {
            let wrong = used(table).into_iter().filter(|used| !allowed.contains(&used.as_str()));
            wrong.map(|wrong| format!("{name} has {wrong} among its {table}")).collect::<Vec<_>>()
        })
    });
    refuse(complaints.flatten());
}

#[test]
fn the_trainer_knows_nothing_of_the_crate_of_the_commands() {
    let complaints = rust_files(&root().join("trainer")).into_iter().filter_map(|path| {
        let code = without_comments(&fs::read_to_string(&path).unwrap());
        let named = tokens(&code).windows(2).any(|pair| pair == ["ncsn", "::"]);
        named.then(|| format!("{} names ncsn::", shown(&path)))
    });
    refuse(complaints);
}

#[test]
fn no_line_of_code_is_wider_than_120_characters() {
    let complaints = rust_files(root()).into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let wide = |line: &str| line.chars().count() > WIDEST && !line.trim_start().starts_with("//");
        let numbers: Vec<usize> =
            (1..).zip(text.lines()).filter(|(_, line)| wide(line)).map(|(n, _)| n).collect();
        numbers.into_iter().map(move |number| format!("{}:{number}", shown(&path)))
    });
    refuse(complaints);
}

#[test]
fn every_crate_has_a_readme_and_a_description_and_every_library_examples() {
    let complaints = CRATES.iter().flat_map(|&(name, folder, _)| {
        let path = root().join(folder);
        let described = manifest(folder)["package"].get("description").is_some();
        let example = path.join("src/main.rs").is_file() || !rust_files(&path.join("examples")).is_empty();
        let has = [
            ("README.md", path.join("README.md").is_file()),
            ("description", described),
            ("examples", example),
        ];
        has.into_iter().filter(|(_, has)| !has).map(move |(what, _)| format!("{name} has no {what}"))
    });
    refuse(complaints);
}

#[test]
fn nested_trees_of_uses_are_read_to_their_leaves() {
    let code = "pub(crate) use crate::{a::{b::C, self}, d as e}; fn f() { super::g::h::<u8>(1); }";
    let expected = ["crate", "crate::a::b::C", "crate::a::self", "crate::d", "super::g::h"];
    assert_eq!(paths(code).iter().map(|path| path.join("::")).collect::<Vec<_>>(), expected);
}

#[test]
fn a_circle_is_found_and_a_parent_with_its_child_is_none() {
    let file = |module: &str, text: &str| (module.to_owned(), text.to_owned());
    let sound = [
        file("", "mod a; mod b; use a::A;"),
        file("a", "use crate::b::c::C; use super::Root;"),
        file("b", "mod c; use self::c::C;"),
        file("b::c", "use super::B; // crate::a\n#[cfg(test)] mod tests { use crate::a::A; }"),
    ];
    assert_eq!(circles(&BTreeMap::from(sound.clone())), [""; 0]);
    let mut circular = BTreeMap::from(sound);
    circular.insert("b::c".to_owned(), "use crate::{a::A};".to_owned());
    assert_eq!(circles(&circular), ["a -> b::c", "b::c -> a"]);
}

/// Fails with all complaints that are not known.
fn refuse(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<String> =
        complaints.filter(|complaint| !KNOWN.contains(&complaint.as_str())).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn manifest(folder: &str) -> toml::Table {
    fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap().parse().unwrap()
}

/// The Rust files of a folder and below, in order; none where there is no such folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`; `lib.rs` is the empty name.
fn module(path: &Path) -> String {
    let mut parts: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts.join("::")
}

/// The files that lie on a circle of uses, by module, each with those of its circles that it uses.
fn circles(files: &BTreeMap<String, String>) -> Vec<String> {
    let uses: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .map(|(module, text)| {
            let code = without_comments(text);
            let used = paths(&code).into_iter().filter_map(|path| file_of(module, &path, files));
            (module.as_str(), used.filter(|used| !related(module, used)).collect())
        })
        .collect();
    let mut found = Vec::new();
    for (module, used) in &uses {
        let back: Vec<&str> =
            used.iter().copied().filter(|used| reached(used, &uses).contains(module)).collect();
        if !back.is_empty() {
            found.push(format!("{module} -> {}", back.join(", ")));
        }
    }
    found
}

/// The modules that one uses, and those that these use, and so on.
fn reached<'a>(from: &'a str, uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut reached, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(module) = left.pop() {
        left.extend(uses[module].iter().copied().filter(|used| reached.insert(*used)));
    }
    reached
}

/// Whether one module contains the other.
fn related(a: &str, b: &str) -> bool {
    let within = |a: &str, b: &str| b.is_empty() || a == b || a.starts_with(&format!("{b}::"));
    within(a, b) || within(b, a)
}

/// The file that a path leads into when it is written in `module`.
fn file_of<'a>(module: &str, path: &[&str], files: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let mut at: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let mut best = None;
    for part in path {
        match *part {
            "crate" => at.clear(),
            "super" => _ = at.pop(),
            "self" => {}
            name => at.push(name),
        }
        best = files.get_key_value(&at.join("::")).map(|(module, _)| module.as_str()).or(best);
    }
    best
}

/// All paths that begin with `crate`, `super` or `self`; trees of uses as one path for each leaf.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let code = code.split("#[cfg(test)]").next().unwrap();
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if matches!(tokens[at], "crate" | "super" | "self") {
            read_tree(&tokens, &mut at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one path or tree from the token `at` on and appends its leaves, each behind `prefix`.
fn read_tree<'a>(tokens: &[&'a str], at: &mut usize, prefix: &[&'a str], found: &mut Vec<Vec<&'a str>>) {
    let mut path = prefix.to_vec();
    while let Some(&token) = tokens.get(*at) {
        *at += 1;
        if token == "{" {
            while *at < tokens.len() && tokens[*at] != "}" {
                if tokens[*at] == "," { *at += 1 } else { read_tree(tokens, at, &path, found) }
            }
            *at += 1;
            return;
        }
        if token.starts_with(is_of_name) {
            path.push(token);
        }
        if tokens.get(*at) != Some(&"::") {
            break;
        }
        *at += 1;
    }
    if tokens.get(*at) == Some(&"as") {
        *at += 2;
    }
    found.push(path);
}

/// Names, `::`, and every other character by itself, without blanks.
fn tokens(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()) {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            length => length,
        };
        found.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    found
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands before `//` in each line.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect()
}

//! Small data sets, and commands on their shards.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use ncsn::cli::Cli;
use ncsn::commands::run;
use ncsn_shell::Outcome;
use serde_json::Value;

/// Runs a command line; its output, and how it ended.
pub fn ncsn(arguments: &[&str]) -> (String, Result<Outcome, String>) {
    let cli = match Cli::try_parse_from(std::iter::once(&"ncsn").chain(arguments)) {
        Ok(cli) => cli,
        Err(error) => return (String::new(), Err(error.to_string())),
    };
    let mut out = Vec::new();
    let outcome = run(cli.command, &mut out).map_err(|error| format!("{error:#}"));
    (String::from_utf8(out).unwrap(), outcome)
}

pub fn json(arguments: &[&str]) -> Value {
    let (text, outcome) = ncsn(arguments);
    outcome.unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Images of two smooth waves whose brightness and phase vary, as flat rows.
pub fn drawn(count: usize, dim: usize) -> Vec<Vec<u8>> {
    let wave = |image: usize, at: usize| {
        let (phase, level) = ((image * 7 % 31) as f64 / 5.0, (image * 13 % 197) as f64 / 197.0);
        255.0 * (level * 0.7 + 0.3 * (0.5 + 0.5 * (at as f64 / 2.0 + phase).sin()))
    };
    (0..count).map(|image| (0..dim).map(|at| wave(image, at) as u8).collect()).collect()
}

/// The largest squared distance, from its definition.
pub fn farthest(rows: &[Vec<u8>]) -> u64 {
    let distance =
        |a: &[u8], b: &[u8]| -> u64 { a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum() };
    rows.iter().flat_map(|a| rows.iter().map(move |b| distance(a, b))).max().unwrap()
}

/// A file `x.npy` of little-endian values, `[rows, dim]`.
pub fn npy(folder: &Path, kind: &str, dim: usize, bytes: &[u8]) -> PathBuf {
    let width: usize = kind[2..].parse().unwrap();
    let shape = format!("({}, {dim})", bytes.len() / dim / width);
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let head = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    let path = folder.join("x.npy");
    fs::write(&path, [&head, bytes].concat()).unwrap();
    path
}

/// An image of 2 × 2 pixels in three channels.
pub fn png(path: &Path, row: &[u8]) {
    image::RgbImage::from_raw(2, 2, row.to_vec()).unwrap().save(path).unwrap();
}

/// A folder for the files of shards.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The file of a shard, which counts from 1.
    pub fn file(&self, index: usize) -> PathBuf {
        self.0.path().join(format!("{index}.safetensors"))
    }

    /// Writes the files of all shards.
    pub fn make(&self, path: &Path, of: usize, options: &[&str]) {
        for index in 1..=of {
            self.make_one(path, &format!("{index}/{of}"), options);
        }
    }

    pub fn make_one(&self, path: &Path, shard: &str, options: &[&str]) {
        let file = self.file(shard.split('/').next().unwrap().parse().unwrap());
        let arguments = ["diameter", text(path), "--shard", shard, "-o", text(&file)];
        ncsn(&[&arguments[..], options].concat()).1.unwrap();
    }

    /// The merge of all shards, or why there is none.
    pub fn merge(&self, of: usize) -> Result<Value, String> {
        let files: Vec<PathBuf> = (1..=of).map(|index| self.file(index)).collect();
        let arguments = ["diameter", "--format", "json", "--merge"];
        let files: Vec<&str> = files.iter().map(|file| text(file)).collect();
        let (report, outcome) = ncsn(&[&arguments[..], &files].concat());
        outcome.map(|_| serde_json::from_str(&report).unwrap())
    }

    /// The merge, and how many passes it took: two where it demands more rows.
    pub fn merged(&self, path: &Path, of: usize, options: &[&str]) -> (Value, u32) {
        self.make(path, of, options);
        let demand = match self.merge(of) {
            Ok(merged) => return (merged, 1),
            Err(demand) => demand,
        };
        let (_, commands) = demand.split_once("make again ").unwrap_or_else(|| panic!("{demand}"));
        for command in commands.split(", ") {
            let words: Vec<&str> = command.split(' ').collect();
            let &["--shard", shard, "--keep-from", least] = &words[..] else { panic!("{command}") };
            self.make_one(path, shard, &[options, &["--keep-from", least]].concat());
        }
        (self.merge(of).unwrap(), 2)
    }
}

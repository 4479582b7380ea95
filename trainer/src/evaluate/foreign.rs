//! Files of statistics and features that other programs write.
//!
//! ```text
//! .npz   mu [dim], sigma [dim, dim]               pytorch-fid, clean-fid, EDM, guided-diffusion
//! .npz   mu_s, sigma_s beside them                guided-diffusion, for sFID
//! .npz   pool_3 [count, dim]                      score_sde: features, of which statistics are computed
//! .pkl   {"mu": …, "sigma": …}
//! .pkl   {"fid": {"mu": …, "sigma": …}, …}        EDM2: of several networks, by name
//! ```
//!
//! No code of a pickle is run. None of them says by which network it was made.

use std::fs::File;
use std::path::Path;

use ncsn_data::{Options, Pixels, Rows};
use ncsn_pth::Value;
use tch::Tensor;

use crate::{Error, authors};

/// Array of features in score_sde's files.
pub const FEATURES: &str = "pool_3";
const SPATIAL: [&str; 2] = ["mu_s", "sigma_s"];
const NAMES: [&str; 2] = ["mu", "sigma"];

/// What a file of another program holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Mean and covariance.
    Statistics,
    /// The features themselves.
    Features,
    /// Something else: items, if anything.
    Other,
}

/// Which of several statistics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which<'a> {
    /// As stated.
    pub stated: Option<&'a str>,
    /// As meant where nothing is stated.
    pub usual: Option<&'a str>,
}

/// What a file holds, by the names in it.
#[must_use]
pub fn holds(path: &Path) -> Holds {
    match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("npz") => {
            let names = names(path).unwrap_or_default();
            let has_features = names.iter().any(|name| name == FEATURES);
            match (are_law(&names), has_features) {
                (true, _) => Holds::Statistics,
                (false, true) => Holds::Features,
                (false, false) => Holds::Other,
            }
        }
        Some("pkl" | "pickle") => match ncsn_pth::locate(path) {
            Ok(value) if is_law(&value) || !laws(&value).is_empty() => Holds::Statistics,
            _ => Holds::Other,
        },
        _ => Holds::Other,
    }
}

/// Mean and covariance of a file, as they are stored.
///
/// # Arguments
/// * `which` — of several in a pickle: the name stated, and the one meant where none is
///
/// # Errors
/// Those of reading; [`Error::Content`] for a name that is missing.
pub fn law(path: &Path, which: Which) -> Result<[Tensor; 2], Error> {
    if path.extension().is_some_and(|suffix| suffix == "npz") {
        let known = names(path)?;
        for wanted in NAMES {
            if !known.iter().any(|known| known == wanted) {
                return Err(missing(path, wanted, &known));
            }
        }
        return Ok([array(path, "mu")?.flatten(0, -1), array(path, "sigma")?]);
    }
    let value = ncsn_pth::read(path)?;
    let names = laws(&value);
    let known = |name: &&str| names.iter().any(|known| known == name);
    let chosen = match (which.stated, &names[..]) {
        (None, []) => Some(&value),
        (None, [only]) => value.get(only),
        (None, _) => which.usual.filter(known).and_then(|name| value.get(name)),
        (Some(name), _) => Some(name).filter(known).and_then(|name| value.get(name)),
    };
    let chosen = match chosen {
        Some(chosen) => chosen,
        None => {
            let found = format!("holds statistics of {}", names.join(", "));
            return Err(Error::content(path, found, "--array with one of these names"));
        }
    };
    let entry = |name: &str| {
        let value = chosen.get(name).ok_or_else(|| missing(path, name, &keys(chosen)))?;
        match value {
            Value::Array(array) => authors::tensor_of(array.dtype, &array.shape, &array.bytes),
            Value::Tensor(tensor) => authors::tensor_of(tensor.dtype, &tensor.shape, &tensor.bytes),
            other => Err(Error::content(path, format!("{name} is a {}", other.kind()), "an array")),
        }
    };
    Ok([entry("mu")?, entry("sigma")?])
}

/// Mean and covariance that sFID is taken of, `mu_s` and `sigma_s` of guided-diffusion's `.npz` files, where a file has them.
///
/// # Errors
/// Those of reading.
pub fn spatial_law(path: &Path) -> Result<Option<[Tensor; 2]>, Error> {
    let known =
        if path.extension().is_some_and(|suffix| suffix == "npz") { names(path)? } else { Vec::new() };
    if SPATIAL.iter().all(|name| known.iter().any(|known| known == name)) {
        return Ok(Some([array(path, SPATIAL[0])?.flatten(0, -1), array(path, SPATIAL[1])?]));
    }
    Ok(None)
}

fn missing(path: &Path, name: &str, known: &[String]) -> Error {
    Error::content(path, format!("has no {name}, but {}", known.join(", ")), "mu and sigma")
}

/// Whether names are those of statistics: both beside whatever else, or one alone, where the other is missing by mistake.
fn are_law(names: &[String]) -> bool {
    let is_ours = |name: &String| NAMES.contains(&name.as_str());
    names.iter().filter(|name| is_ours(name)).count() == 2 || (!names.is_empty() && names.iter().all(is_ours))
}

fn is_law(value: &Value) -> bool {
    are_law(&keys(value))
}

/// Keys of a dict that are texts.
fn keys(value: &Value) -> Vec<String> {
    let entries = value.as_dict().unwrap_or_default().iter();
    entries.filter_map(|(key, _)| Some(key.as_text()?.to_owned())).collect()
}

/// Names under which a pickle has statistics.
fn laws(value: &Value) -> Vec<String> {
    let entries = value.as_dict().unwrap_or_default().iter();
    let named = entries.filter(|(_, value)| is_law(value));
    named.filter_map(|(key, _)| Some(key.as_text()?.to_owned())).collect()
}

/// Names of the arrays of an `.npz` file.
fn names(path: &Path) -> Result<Vec<String>, Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    let archive = zip::ZipArchive::new(file)
        .map_err(|reason| Error::content(path, format!("is damaged ({reason})"), "an .npz file"))?;
    let names = archive.file_names().filter_map(Result::ok);
    Ok(names.map(|name| name.trim_end_matches(".npy").to_owned()).collect())
}

/// An array of an `.npz` file, as rows.
fn array(path: &Path, name: &str) -> Result<Tensor, Error> {
    let options = Options { array: Some(name.to_owned()), ..Options::default() };
    let set = ncsn_data::open(path, &options, &|_, _| {})?;
    let Pixels::Floats(rows) = &set.rows else {
        return Err(Error::content(path, format!("tensor {name} holds bytes"), "floating-point numbers"));
    };
    let (count, dim) = (set.rows.len(), set.rows.dim());
    let mut values = vec![0.0_f64; count * dim];
    for (number, row) in values.chunks_exact_mut(dim).enumerate() {
        rows.read(number, row).map_err(Error::file(path))?;
    }
    Ok(Tensor::from_slice(&values).view([count as i64, dim as i64]))
}

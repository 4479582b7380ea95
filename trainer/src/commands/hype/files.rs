//! The files of `hype`: the key of a page, which tells what each image is, and the answers that the page saves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::evaluate::hype::{Judged, Truth};

/// First field of a key.
pub const KEY: &str = "ncsn.hype-key/1";
/// First field of answers; the page's script writes it.
pub const ANSWERS: &str = "ncsn.hype-answers/1";

/// What the images of a page are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// [`KEY`].
    pub schema: String,
    /// Name of the page, by which answers are known.
    pub page: String,
    /// Its title.
    pub title: String,
    /// Version of the program that made it.
    pub version: String,
    /// Seed of what was drawn.
    pub seed: u64,
    /// Where the generated images are from.
    pub samples: Set,
    /// Where the real images are from.
    pub data: Set,
    /// Channels, height and width of an image.
    pub shape: Vec<i64>,
    /// The images in the order of their names.
    pub images: Vec<Image>,
}

/// A set that images were drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Where it was.
    pub path: String,
    /// SHA-256 of all its values, as in certificates.
    pub sha256: String,
    /// Number of its items.
    pub count: u64,
}

/// An image of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its name on the page, which tells nothing.
    pub id: String,
    /// What it is.
    pub truth: Truth,
    /// Its number in the set that it is from, from 0; noise has none.
    pub number: Option<u64>,
}

/// What one evaluator answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// [`ANSWERS`].
    #[serde(rename = "schema")]
    _schema: String,
    /// Name of the page.
    pub page: String,
    /// Name or code of the evaluator.
    pub evaluator: String,
    /// Drawn by the page at the start: answers saved twice have the same.
    pub session: String,
    /// When the evaluator began, as ISO 8601 has it.
    pub started: String,
    /// When the last image was answered; none before.
    pub finished: Option<String>,
    /// In the order in which the images were shown.
    pub answers: Vec<Answer>,
}

/// The answer to one image.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Name of the image.
    pub image: String,
    /// What it was taken for.
    pub answer: Judged,
    /// Milliseconds for which it was visible before.
    pub ms: f64,
}

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] for another file, for names that occur twice, for unequally many real and
    /// generated images.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let key: Self = read(path, KEY, "the key of a page, as 'hype make' writes it")?;
        if let Some(id) = twice(key.images.iter().map(|image| image.id.as_str())) {
            return Err(Error::content(path, format!("image {id} twice"), "every image once"));
        }
        let (real, generated) = (key.count(Truth::Real), key.count(Truth::Generated));
        if real != generated || real == 0 {
            let found = format!("{real} real and {generated} generated images");
            return Err(Error::content(path, found, "equally many, and at least one"));
        }
        Ok(key)
    }

    /// Number of images of a kind.
    #[must_use]
    pub fn count(&self, truth: Truth) -> u64 {
        self.images.iter().filter(|image| image.truth == truth).count() as u64
    }

    /// What each image is, by its name.
    #[must_use]
    pub fn truths(&self) -> BTreeMap<&str, Truth> {
        self.images.iter().map(|image| (image.id.as_str(), image.truth)).collect()
    }
}

impl Answers {
    /// Reads answers to the page of a key.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] for another file, another page, an image that the page has not or that was answered
    /// twice, no name, a time that is none, an end elsewhere than after the last image.
    pub fn read(path: &Path, key: &Key) -> Result<Self, Error> {
        let answers: Self = read(path, ANSWERS, "answers, as the page of 'hype make' saves them")?;
        let wrong = |found: String, expected: &str| Err(Error::content(path, found, expected));
        if answers.page != key.page {
            return wrong(format!("answers to page {}", answers.page), &format!("page {}", key.page));
        }
        if answers.evaluator.trim().is_empty() {
            return wrong("no name of the evaluator".to_owned(), "a name or code");
        }
        let truths = key.truths();
        for Answer { image, ms, .. } in &answers.answers {
            if !truths.contains_key(image.as_str()) {
                return wrong(format!("an answer for image {image}"), "images of the key");
            }
            if !(0.0..=f64::MAX).contains(ms) {
                return wrong(format!("{ms} ms for image {image}"), "at least 0");
            }
        }
        if let Some(image) = twice(answers.answers.iter().map(|answer| answer.image.as_str())) {
            return wrong(format!("two answers for image {image}"), "one");
        }
        let (done, of) = (answers.answers.len(), key.images.len());
        if answers.finished.is_some() != (done == of) {
            let end = answers.finished.as_deref().unwrap_or("no end");
            return wrong(format!("{end} after {done} of {of} images"), "an end after the last image");
        }
        Ok(answers)
    }

    /// The name without what a second typing may change: case and spaces.
    #[must_use]
    pub fn who(&self) -> String {
        self.evaluator.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A JSON file of a schema.
fn read<T: DeserializeOwned>(path: &Path, schema: &str, expected: &str) -> Result<T, Error> {
    let text = fs::read_to_string(path).map_err(Error::file(path))?;
    let refused =
        |error: serde_json::Error| Error::content(path, error.to_string().replace('\n', " "), expected);
    let value: Value = serde_json::from_str(&text).map_err(refused)?;
    match value.get("schema").and_then(Value::as_str) {
        Some(found) if found == schema => serde_json::from_value(value).map_err(refused),
        Some(found) => Err(Error::content(path, format!("schema {found}"), format!("{schema}: {expected}"))),
        None => Err(Error::content(path, "no schema", format!("{schema}: {expected}"))),
    }
}

/// A name that occurs twice.
fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut sorted: Vec<&str> = names.collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

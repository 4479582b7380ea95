//! Choice among images that come one by one, by the folders they lie in.

use std::collections::HashMap;

use crate::error::Error;
use crate::options::Request;
use crate::split::{Part, Split};

/// What was met so far, and what of it is wanted.
pub(crate) struct Chooser<'a> {
    request: &'a Request<'a>,
    /// Parts by the names of files, where a list tells them.
    listed: HashMap<String, Part>,
    training: bool,
    /// The first part met that is not for training: test or validation.
    held_out: Option<Part>,
    /// Whether anything else was met.
    others: bool,
    left_out: u64,
}

impl<'a> Chooser<'a> {
    pub(crate) fn new(request: &'a Request<'a>) -> Self {
        Self { request, listed: HashMap::new(), training: false, held_out: None, others: false, left_out: 0 }
    }

    /// The same, with a list of files and their parts as CelebA has it: a name and 0 (training), 1 or 2 in each line.
    pub(crate) fn with_list(mut self, text: &str) -> Self {
        let part = |number: &str| match number {
            "0" => Some(Part::Train),
            "1" => Some(Part::Validation),
            "2" => Some(Part::Test),
            _ => None,
        };
        self.listed = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split([' ', ',', '\t']).filter(|word| !word.is_empty());
                let (name, number) = (words.next()?, words.next()?);
                Some((name.to_owned(), part(number)?))
            })
            .collect();
        self
    }

    /// Whether an image is wanted: any for training, or all outside test folders; for test those of the first part held
    /// out.
    pub(crate) fn takes(&mut self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let part = self.listed.get(name).copied().or_else(|| Part::of_top_folders(path));
        match part {
            Some(Part::Train) => self.training = true,
            Some(Part::Test | Part::Validation) => self.held_out = self.held_out.or(part),
            None => {}
        }
        let takes = match self.request.options.split {
            Split::Train => true,
            Split::TrainAlone => !matches!(part, Some(Part::Test | Part::Validation)),
            // A list has both; test comes before validation.
            Split::Test if !self.listed.is_empty() => part == Some(Part::Test),
            Split::Test => part.is_some() && part == self.held_out,
        };
        self.others |= part.is_none() || part != self.held_out;
        self.left_out += u64::from(!takes);
        takes
    }

    /// Whether records of a known part are wanted.
    pub(crate) fn takes_records(&mut self, part: Part) -> bool {
        let takes = match self.request.options.split {
            Split::Train | Split::TrainAlone => part == Part::Train,
            Split::Test => part == Part::Test,
        };
        match part {
            Part::Test => self.held_out = Some(part),
            Part::Train | Part::Validation => self.others = true,
        }
        takes
    }

    /// What to say of the choice.
    ///
    /// # Errors
    /// `Kind::NoSplit` — nothing was of the part asked for
    pub(crate) fn note(&self) -> Result<Option<String>, Error> {
        match (self.request.options.split, self.held_out) {
            (Split::Test, held_out) if held_out.is_none() || !self.others => {
                Err(Error::no_split(self.request.path, self.request.options.split))
            }
            (Split::Test, Some(_)) if self.left_out > 0 => {
                Ok(Some(format!("{} files outside the test folder left out", self.left_out)))
            }
            (Split::TrainAlone, Some(_)) if self.left_out > 0 => {
                Ok(Some(format!("{} files in test folders left out", self.left_out)))
            }
            (Split::Train, Some(_)) if self.training => {
                Ok(Some("folders of training and of test images are read together".into()))
            }
            _ => Ok(None),
        }
    }
}

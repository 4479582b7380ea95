//! Training and test parts, told apart by the names of files and folders.

use std::fmt;

/// A part of a data set that its makers keep apart from the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// The training part of formats that name it, else everything.
    #[default]
    Train,
    /// As `Train`, without the folders of test and validation images that `Train` reads too.
    TrainAlone,
    /// The test part or, where there is none, the validation part, of a source that holds something else too.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Train | Self::TrainAlone => "train",
            Self::Test => "test",
        })
    }
}

/// What a name says of the part it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Test,
    Validation,
}

impl Part {
    /// The part that a whole word stands for.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "test" | "testing" | "t10k" => Some(Self::Test),
            "val" | "valid" | "validation" => Some(Self::Validation),
            _ => None,
        }
    }

    /// The part that a word of a path stands for: of its file's name, else of its nearest folder's.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let words = |name: &'_ str| name.split(|c: char| !c.is_alphanumeric()).find_map(Self::of_word);
        path.rsplit('/').find_map(words)
    }

    /// The part of the top folder of a path, or of the one below it.
    pub(crate) fn of_top_folders(path: &str) -> Option<Self> {
        let mut folders = path.split('/').filter(|&name| name != ".").peekable();
        (0..2).find_map(|_| {
            let folder = folders.next()?;
            folders.peek().and(Self::of_word(folder))
        })
    }
}

/// The items of the part asked for.
///
/// Training falls back on items of no part, then on the others, for a source may hold nothing else; test falls back on
/// validation only, and never on what training fell back on. Nothing comes back where there is no such part.
pub(crate) fn choose<T>(items: Vec<(Option<Part>, T)>, split: Split) -> Option<Vec<T>> {
    let held_out = [Some(Part::Test), Some(Part::Validation)];
    let is_there = |&part: &Option<Part>| items.iter().any(|&(of, _)| of == part);
    let training = [Some(Part::Train), None].into_iter().chain(held_out).find(is_there);
    let part = match split {
        Split::Train | Split::TrainAlone => training,
        Split::Test => held_out.into_iter().find(|part| is_there(part) && Some(*part) != training),
    }?;
    Some(items.into_iter().filter_map(|(of, item)| (of == part).then_some(item)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_part_by_whole_words() {
        let cases = [
            ("data/train-00000-of-00002.parquet", Some(Part::Train)),
            ("default/test/0000.parquet", Some(Part::Test)),
            ("test_sets/validation.parquet", Some(Part::Validation)),
            ("t10k-images-idx3-ubyte.gz", Some(Part::Test)),
            ("emnist-letters-train-images-idx3-ubyte", Some(Part::Train)),
            ("latest/contrast-trainer.parquet", None),
        ];
        for (name, part) in cases {
            assert_eq!(Part::of_path(name), part, "{name}");
        }
    }

    #[test]
    fn top_folders_tell_their_part_and_files_do_not() {
        let cases = [
            ("test/a.png", Some(Part::Test)),
            ("./set/val/cat/a.png", Some(Part::Validation)),
            ("set/cat/val/a.png", None),
            ("set/test", None),
            ("test", None),
        ];
        for (name, part) in cases {
            assert_eq!(Part::of_top_folders(name), part, "{name}");
        }
    }

    #[test]
    fn training_falls_back_and_test_does_not() {
        use Part::{Test, Train, Validation};
        let all = vec![(None, 0), (Some(Test), 1), (Some(Train), 2), (Some(Validation), 3), (Some(Train), 4)];
        assert_eq!(choose(all.clone(), Split::Train), Some(vec![2, 4]));
        assert_eq!(choose(all, Split::Test), Some(vec![1]));
        assert_eq!(choose(vec![(Some(Test), 1), (None, 0)], Split::Train), Some(vec![0]));
        assert_eq!(choose(vec![(Some(Validation), 3)], Split::Train), Some(vec![3]));
        assert_eq!(choose(vec![(Some(Validation), 3), (None, 0)], Split::Test), Some(vec![3]));
        assert_eq!(choose(vec![(Some(Validation), 3)], Split::Test), None);
        assert_eq!(choose(vec![(None, 0), (Some(Train), 2)], Split::Test), None);
    }
}

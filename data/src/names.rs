//! Names of rows, kept in eight bytes a row beside the text itself.

/// Names of the rows of a data set: the file of an image, or `file#index` of a record.
#[derive(Clone, Debug, Default)]
pub struct Names {
    runs: Vec<Run>,
    /// What follows the leading text in runs of named rows, all joined.
    text: String,
    /// End of each such name in `text`.
    ends: Vec<usize>,
    len: usize,
}

/// Rows whose names begin alike.
#[derive(Clone, Debug)]
struct Run {
    first: usize,
    /// Folder, or file of records.
    lead: String,
    /// Place of the first row's name among all ends; none where rows are numbered.
    named: Option<usize>,
}

impl Names {
    /// Number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Name of a row.
    ///
    /// # Arguments
    /// * `row` — from 0
    #[must_use]
    pub fn get(&self, row: usize) -> Option<String> {
        if row >= self.len {
            return None;
        }
        let run = self.runs.partition_point(|run| run.first <= row).checked_sub(1)?;
        let Run { first, lead, named } = self.runs.get(run)?;
        let index = row - first;
        let Some(named) = named else { return Some(format!("{lead}#{index}")) };
        let end = self.ends[named + index];
        let start = (named + index).checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(format!("{lead}{}", &self.text[start..end]))
    }

    /// Appends a name; names that share a folder with the one before store it once.
    pub(crate) fn push(&mut self, name: &str) {
        let (folder, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
        if self.runs.last().is_none_or(|run| run.named.is_none() || run.lead != folder) {
            self.runs.push(Run { first: self.len, lead: folder.to_owned(), named: Some(self.ends.len()) });
        }
        self.text.push_str(file);
        self.ends.push(self.text.len());
        self.len += 1;
    }

    /// Names `count` records of a file by their index in it.
    pub(crate) fn push_records(&mut self, file: &str, count: usize) {
        self.runs.push(Run { first: self.len, lead: file.to_owned(), named: None });
        self.len += count;
    }

    /// The same names, those that are no records with something before them.
    pub(crate) fn below(mut self, before: &str) -> Self {
        for run in self.runs.iter_mut().filter(|run| run.named.is_some()) {
            run.lead.insert_str(0, before);
        }
        self
    }

    /// Appends other names.
    pub(crate) fn append(&mut self, other: Self) {
        let (named, text) = (self.ends.len(), self.text.len());
        self.runs.extend(other.runs.into_iter().map(|run| Run {
            first: self.len + run.first,
            lead: run.lead,
            named: run.named.map(|place| named + place),
        }));
        self.ends.extend(other.ends.into_iter().map(|end| text + end));
        self.text.push_str(&other.text);
        self.len += other.len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_several_files_count_from_zero_in_each() {
        let mut names = Names::default();
        names.push_records("a.bin", 2);
        names.push_records("b.bin", 3);
        let all: Vec<_> = (0..6).map_while(|row| names.get(row)).collect();
        assert_eq!(all, ["a.bin#0", "a.bin#1", "b.bin#0", "b.bin#1", "b.bin#2"]);
    }

    #[test]
    fn names_survive_changes_of_folder() {
        let given = ["x.png", "a/x.png", "a/y.png", "a/b/z.png", "a/é.png", ""];
        let mut names = Names::default();
        given.iter().for_each(|name| names.push(name));
        let all: Vec<_> = (0..6).map_while(|row| names.get(row)).collect();
        assert_eq!(all, given);
    }

    #[test]
    fn joined_names_are_those_of_both() {
        let mut names = Names::default();
        ["a/x.png", "a/y.png"].iter().for_each(|name| names.push(name));
        let mut others = Names::default();
        others.push_records("b.bin", 2);
        others.push("z.png");
        names.append(others.below("two/"));
        names.push("two/last.png");
        let all: Vec<_> = (0..7).map_while(|row| names.get(row)).collect();
        assert_eq!(all, ["a/x.png", "a/y.png", "b.bin#0", "b.bin#1", "two/z.png", "two/last.png"]);
    }
}

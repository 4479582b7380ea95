//! Names of rows, kept in eight bytes a row beside the text itself.

/// Names of the rows of a data set: the file of an image, or `file#index` of a record.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// First row and leading text (folder, or file of records) of each run of rows that share it.
    runs: Vec<(usize, String)>,
    /// What follows the leading text, all names joined; empty where rows are numbered.
    text: String,
    /// End of each name in `text`.
    ends: Vec<usize>,
    len: usize,
}

impl Names {
    /// Number of names.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Name of a row.
    ///
    /// # Arguments
    /// row — from 0
    pub fn get(&self, row: usize) -> Option<String> {
        if row >= self.len {
            return None;
        }
        let run = self.runs.partition_point(|&(first, _)| first <= row).checked_sub(1)?;
        let (first, lead) = self.runs.get(run)?;
        let Some(&end) = self.ends.get(row) else {
            return Some(format!("{lead}#{}", row - first));
        };
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(format!("{lead}{}", &self.text[start..end]))
    }

    /// Appends a name; names that share a folder with the one before store it once.
    pub(crate) fn push(&mut self, name: &str) {
        debug_assert!(self.ends.len() == self.len, "records and named files do not mix");
        let (folder, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
        if self.runs.last().is_none_or(|(_, lead)| lead != folder) {
            self.runs.push((self.len, folder.to_owned()));
        }
        self.text.push_str(file);
        self.ends.push(self.text.len());
        self.len += 1;
    }

    /// Names `count` records of a file by their index in it.
    pub(crate) fn push_records(&mut self, file: &str, count: usize) {
        debug_assert!(self.ends.is_empty(), "records and named files do not mix");
        self.runs.push((self.len, file.to_owned()));
        self.len += count;
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
}

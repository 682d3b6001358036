//! Records that a rule hit, in a scratch file until it is known which rules count.
//!
//! Those that only a usual rate of hits speaks against are skipped then, and there may be hundreds of thousands of them: so they
//! are written as bytes and lengths, not as lines that would have to be read to be skipped.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
};

use tempfile::{NamedTempFile, TempPath};

/// Records that any rule hit, in the order of the push.
#[derive(Debug)]
pub(crate) struct Candidates {
    path: TempPath,
    /// Words of a record's mask of rules.
    words: usize,
    columns: usize,
}

/// The file while it is written: of each record the bytes of its text, its number and its mask; then the bytes of each cell, then
/// the text of all cells.
#[derive(Debug)]
pub(super) struct Scratch {
    file: BufWriter<File>,
    written: Candidates,
    lengths: Vec<u8>,
    text: String,
}

impl Scratch {
    pub(super) fn new(words: usize, columns: usize) -> io::Result<Self> {
        let (file, path) = NamedTempFile::new()?.into_parts();
        let (file, written) = (BufWriter::new(file), Candidates { path, words, columns });
        Ok(Self { file, written, lengths: Vec::new(), text: String::new() })
    }

    /// Adds a cell to the record that is added next.
    pub(super) fn add_cell(&mut self, text: &str) {
        self.lengths.extend((text.len() as u64).to_le_bytes());
        self.text.push_str(text);
    }

    pub(super) fn add(&mut self, record: u64, mask: &[u64]) -> io::Result<()> {
        for number in [self.text.len() as u64, record].iter().chain(mask) {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.write_all(&self.lengths)?;
        self.file.write_all(self.text.as_bytes())?;
        self.lengths.clear();
        self.text.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Candidates> {
        self.file.flush()?;
        Ok(self.written)
    }
}

impl Candidates {
    /// Hands over each record that one of the rules which count has hit: its number, the places of those rules, its cells.
    pub(crate) fn each(
        &self,
        counts: &[bool],
        mut take: impl FnMut(u64, &[usize], Vec<&str>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut file = BufReader::new(File::open(&self.path)?);
        let (mut guilty, mut lengths, mut text) = (Vec::new(), vec![0; self.columns * 8], Vec::new());
        while !file.fill_buf()?.is_empty() {
            let (bytes, record) = (number(&mut file)?, number(&mut file)?);
            guilty.clear();
            for word in 0..self.words {
                let mask = number(&mut file)?;
                guilty.extend(places(word, mask).filter(|at| counts[*at]));
            }
            if guilty.is_empty() {
                file.seek_relative(i64::try_from(lengths.len() as u64 + bytes).map_err(io::Error::other)?)?;
            } else {
                file.read_exact(&mut lengths)?;
                text.clear();
                file.by_ref().take(bytes).read_to_end(&mut text)?;
                take(record, &guilty, cells(&lengths, str::from_utf8(&text).map_err(io::Error::other)?)?)?;
            }
        }
        Ok(())
    }
}

/// The rules that a word of a mask stands for.
fn places(word: usize, mask: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| word * 64 + bit)
}

/// The cells of a record, from their lengths and their text.
fn cells<'a>(mut lengths: &[u8], mut text: &'a str) -> io::Result<Vec<&'a str>> {
    let mut cells = Vec::with_capacity(lengths.len() / 8);
    while !lengths.is_empty() {
        let length = usize::try_from(number(&mut lengths)?).map_err(io::Error::other)?;
        let (cell, rest) = text.split_at_checked(length).ok_or(io::ErrorKind::InvalidData)?;
        cells.push(cell);
        text = rest;
    }
    Ok(cells)
}

fn number(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_count_come_back_as_they_were_and_the_others_not_at_all() {
        let cells = ["", "Ærø", "a,\"b\"\n"];
        let mut scratch = Scratch::new(2, cells.len()).unwrap();
        for (record, mask) in [(3, [1, 1]), (5, [2, 0]), (8, [4, 0])] {
            for cell in cells {
                scratch.add_cell(cell);
            }
            scratch.add(record, &mask).unwrap();
        }
        let mut counts = vec![false; 65];
        (counts[0], counts[2], counts[64]) = (true, true, true);
        let mut found = Vec::new();
        let each = scratch.finish().unwrap().each(&counts, |record, guilty, texts| {
            assert_eq!(texts, cells);
            found.push((record, guilty.to_vec()));
            Ok(())
        });
        each.unwrap();
        assert_eq!(found, [(3, vec![0, 64]), (8, vec![2])]);
    }
}

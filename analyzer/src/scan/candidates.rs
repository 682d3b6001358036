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
}

/// The file while it is written: of each record the bytes that follow its mask, its number and its mask; then the bytes of each
/// cell, led by their number.
#[derive(Debug)]
pub(super) struct Scratch {
    path: TempPath,
    words: usize,
    file: BufWriter<File>,
    cells: Vec<u8>,
}

impl Scratch {
    pub(super) fn new(words: usize) -> io::Result<Self> {
        let (file, path) = NamedTempFile::new()?.into_parts();
        Ok(Self { path, words, file: BufWriter::new(file), cells: Vec::new() })
    }

    /// Adds a cell to the record that is added next.
    pub(super) fn add_cell(&mut self, text: &str) {
        self.cells.extend((text.len() as u64).to_le_bytes());
        self.cells.extend(text.as_bytes());
    }

    pub(super) fn add(&mut self, record: u64, mask: &[u64]) -> io::Result<()> {
        for number in [self.cells.len() as u64, record].iter().chain(mask) {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.write_all(&self.cells)?;
        self.cells.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Candidates> {
        self.file.flush()?;
        Ok(Candidates { path: self.path, words: self.words })
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
        let (mut guilty, mut cells) = (Vec::new(), Vec::new());
        while !file.fill_buf()?.is_empty() {
            let (length, record) = (number(&mut file)?, number(&mut file)?);
            guilty.clear();
            for word in 0..self.words {
                let mask = number(&mut file)?;
                guilty.extend(places(word, mask).filter(|at| counts[*at]));
            }
            if guilty.is_empty() {
                file.seek_relative(i64::try_from(length).map_err(io::Error::other)?)?;
            } else {
                cells.clear();
                file.by_ref().take(length).read_to_end(&mut cells)?;
                take(record, &guilty, texts(&cells)?)?;
            }
        }
        Ok(())
    }
}

/// The rules that a word of a mask stands for.
fn places(word: usize, mask: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| word * 64 + bit)
}

fn texts(mut cells: &[u8]) -> io::Result<Vec<&str>> {
    let mut texts = Vec::new();
    while !cells.is_empty() {
        let length = usize::try_from(number(&mut cells)?).map_err(io::Error::other)?;
        let (text, rest) = cells.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        texts.push(str::from_utf8(text).map_err(io::Error::other)?);
        cells = rest;
    }
    Ok(texts)
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
        let mut scratch = Scratch::new(2).unwrap();
        let cells = ["", "Ærø", "a,\"b\"\n"];
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

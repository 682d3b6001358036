//! How deep a Parquet file nests its columns, told from its footer before Polars reads it: Polars goes down one call for each
//! level, and a small file with enough of them would end the process, not the reading.
//!
//! The footer is a struct in Thrift's compact protocol. Its second field is the schema: the nodes of a tree, each before its
//! children, and of each node the fifth field is how many it has.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use super::{Format, Unreadable};

/// Deeper than anything that people make.
const DEEPEST: usize = 64;

/// Refuses a file whose footer is none, or whose columns are nested too deep.
pub(super) fn require_shallow(path: &Path) -> Result<(), Unreadable> {
    let footer = footer(path)?;
    let depth = footer.and_then(|footer| Thrift(&footer).depth());
    match depth {
        Some(depth) if depth > DEEPEST => Err(Unreadable::Columns(format!("they are nested over {DEEPEST} deep"))),
        Some(_) => Ok(()),
        None => {
            let reason = "its footer, which comes last, is cut off or damaged".to_owned();
            Err(Unreadable::Broken { format: Format::Parquet.name(), reason })
        }
    }
}

/// What stands before the last eight bytes, which are its length and the magic word.
fn footer(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let Some(end) = file.metadata()?.len().checked_sub(8) else { return Ok(None) };
    file.seek(SeekFrom::Start(end))?;
    let mut last = [0; 8];
    file.read_exact(&mut last)?;
    let [length @ .., b'P', b'A', b'R', b'1'] = last else { return Ok(None) };
    let Some(start) = end.checked_sub(u32::from_le_bytes(length).into()) else { return Ok(None) };
    file.seek(SeekFrom::Start(start))?;
    let mut footer = Vec::new();
    file.take(end - start).read_to_end(&mut footer)?;
    Ok(Some(footer))
}

/// Bytes in the compact protocol that are still to be read. Whatever reads them gives none where they end too early.
struct Thrift<'a>(&'a [u8]);

/// Numbers of types in the compact protocol that are asked for.
mod kind {
    pub(super) const STOP: u8 = 0;
    pub(super) const I32: u8 = 5;
    pub(super) const LIST: u8 = 9;
    pub(super) const STRUCT: u8 = 12;
}

impl Thrift<'_> {
    /// How deep the schema of this footer is.
    fn depth(mut self) -> Option<usize> {
        const SCHEMA: i64 = 2;
        let mut deepest = 0;
        self.each_field(|bytes, id, kind| match (id, kind) {
            (SCHEMA, kind::LIST) => {
                deepest = deepest.max(bytes.depth_of_schema()?);
                Some(())
            }
            _ => bytes.skip(kind, 0),
        })?;
        Some(deepest)
    }

    fn depth_of_schema(&mut self) -> Option<usize> {
        const CHILDREN: i64 = 5;
        // How many nodes are still to come on each level.
        let (mut open, mut deepest) = (Vec::new(), 0);
        let (count, kind) = self.list()?;
        for _ in 0..count {
            let mut children = 0;
            if kind != kind::STRUCT {
                return None;
            }
            self.each_field(|bytes, id, kind| match (id, kind) {
                (CHILDREN, kind::I32) => {
                    children = bytes.zigzag()?;
                    Some(())
                }
                _ => bytes.skip(kind, 0),
            })?;
            while open.pop_if(|left| *left == 0).is_some() {}
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if children > 0 {
                open.push(children);
            }
            deepest = deepest.max(open.len());
        }
        Some(deepest)
    }

    /// Hands over the number and the type of each field of a struct; what is handed them reads the field.
    fn each_field(&mut self, mut read: impl FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut id: i64 = 0;
        loop {
            let head = self.byte()?;
            let (step, kind) = (head >> 4, head & 15);
            if kind == kind::STOP {
                return Some(());
            }
            id = if step == 0 { self.zigzag()? } else { id.checked_add(step.into())? };
            read(self, id, kind)?;
        }
    }

    /// Goes past a value that lies so deep in others.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            // A truth is in its type.
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.bytes(8),
            8 => {
                let length = self.varint()?;
                self.bytes(length)
            }
            9 | 10 => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth))
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 15, depth)
                })
            }
            12 => self.each_field(|bytes, _, kind| bytes.skip(kind, depth + 1)),
            13 => self.bytes(16),
            _ => None,
        }
    }

    /// In a list a truth is a byte.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        if matches!(kind, 1 | 2) { self.byte().map(drop) } else { self.skip(kind, depth + 1) }
    }

    /// How many elements there are, and their type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { (head >> 4).into() };
        Some((count, head & 15))
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, length: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(length).ok()?..)?;
        Some(())
    }
}

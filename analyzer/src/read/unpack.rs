//! gzip and zstd, unpacked to a scratch file on disk rather than in memory, and never beyond a limit.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};

use super::{Limits, Unreadable};

/// Where the plain bytes are.
pub(super) struct Unpacked {
    pub(super) path: PathBuf,
    pub(super) scratch: Option<TempPath>,
}

pub(super) fn unpack(path: &Path, limits: Limits) -> Result<Unpacked, Unreadable> {
    let mut magic = [0; 4];
    let length = read_up_to(&mut File::open(path)?, &mut magic)?;
    let file = BufReader::new(File::open(path)?);
    let plain: Box<dyn Read> = match &magic[..length] {
        [] => return Err(Unreadable::Empty),
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::with_buffer(file)?),
        _ => return Ok(Unpacked { path: path.to_owned(), scratch: None }),
    };
    let mut scratch = NamedTempFile::new()?;
    copy_within(plain, scratch.as_file_mut(), limits)?;
    let scratch = scratch.into_temp_path();
    Ok(Unpacked { path: scratch.to_path_buf(), scratch: Some(scratch) })
}

fn copy_within(plain: impl Read, scratch: &mut File, limits: Limits) -> Result<(), Unreadable> {
    let mut plain = plain.take(limits.unpacked_bytes + 1);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut written = 0;
    loop {
        // A failed read here is damaged data; a failed write is our disk.
        let length = plain.read(&mut chunk).map_err(|error| Unreadable::Damaged(error.to_string()))?;
        if length == 0 {
            return Ok(());
        }
        written += length as u64;
        if written > limits.unpacked_bytes {
            return Err(Unreadable::TooLarge(limits.unpacked_bytes));
        }
        scratch.write_all(&chunk[..length])?;
    }
}

const CHUNK_BYTES: usize = 1 << 20;

/// The number of line feeds in a text. Polars would say only that some text is invalid; a person wants to know where.
pub(super) fn require_utf8(path: &Path) -> Result<usize, Unreadable> {
    let mut file = File::open(path)?;
    let (mut chunk, mut kept, mut offset, mut lines) = (vec![0; CHUNK_BYTES], 0, 0, 0);
    loop {
        let read = read_up_to(&mut file, &mut chunk[kept..])?;
        let filled = kept + read;
        let valid = match std::str::from_utf8(&chunk[..filled]) {
            Ok(_) => filled,
            // A character cut by the end of the chunk, unless it is the end of the file.
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Err(error) => return Err(Unreadable::NotUtf8 { offset: offset + error.valid_up_to() as u64 }),
        };
        if read == 0 {
            return Ok(lines);
        }
        lines += memchr::memchr_iter(b'\n', &chunk[..valid]).count();
        chunk.copy_within(valid..filled, 0);
        kept = filled - valid;
        offset += valid as u64;
    }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            length => filled += length,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file.as_file_mut(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
        file
    }

    #[test]
    fn b42_a_gzip_bomb_is_stopped_at_the_limit() {
        let bomb = packed(&vec![b'0'; 4 << 20]);
        let limits = Limits { unpacked_bytes: 3 << 20 };
        assert!(matches!(unpack(bomb.path(), limits), Err(Unreadable::TooLarge(_))));
        assert!(unpack(bomb.path(), Limits { unpacked_bytes: 4 << 20 }).is_ok());
    }

    #[test]
    fn a_character_across_two_chunks_is_whole_and_one_cut_by_the_end_is_not() {
        let mut text = vec![b'a'; CHUNK_BYTES - 1];
        text.extend("é".bytes());
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&text).unwrap();
        assert!(require_utf8(file.path()).is_ok());
        file.as_file().set_len(text.len() as u64 - 1).unwrap();
        let cut = require_utf8(file.path());
        assert!(matches!(cut, Err(Unreadable::NotUtf8 { offset }) if offset == CHUNK_BYTES as u64 - 1), "{cut:?}");
    }
}

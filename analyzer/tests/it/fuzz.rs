//! The fuzzer's corpus, and changes of it, without a fuzzer: b42 for files that nobody thought of.
//!
//! `PROPTEST_CASES=100000 cargo test --workspace --test it mutated` goes on for as long as one likes; what it finds goes into
//! the corpus.

use std::path::PathBuf;

use proptest::{collection::vec, prelude::*, sample::Index};

#[path = "../../fuzz/judge.rs"]
mod judge;

use judge::judge;

/// Cells and bytes that mean something to a reader of files.
const WORDS: [&[u8]; 14] = [
    b"\"",
    b",",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"{",
    b"}",
    b"\x1f\x8b\x08",
    b"PAR1",
    b"\xef\xbb\xbf",
    b"1e308",
    b"9999-12-31",
    b"\xc3\x83",
];

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/judge");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn b42_every_file_of_the_corpus_ends_in_a_verdict() {
    let files = corpus();
    assert!(files.len() > 40);
    for (path, bytes) in files {
        let analysis = judge(&bytes);
        let named = analysis.report.findings.iter().all(|finding| !finding.reason.is_empty());
        assert!(named, "{}: {:?}", path.display(), analysis.report.findings);
    }
}

/// One change of a file.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Drop(Index, usize),
    Repeat(Index, usize, usize),
    Insert(Index, usize),
    /// The end of another file in the place of its own.
    Graft(Index, usize, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 1..=255_u8).prop_map(|(at, bits)| Change::Flip(at, bits)),
        at().prop_map(Change::Cut),
        (at(), 1..64_usize).prop_map(|(at, length)| Change::Drop(at, length)),
        (at(), 1..64_usize, 1..200_usize).prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        (at(), 0..WORDS.len()).prop_map(|(at, word)| Change::Insert(at, word)),
        (at(), 0..1_000_usize, at()).prop_map(|(at, file, from)| Change::Graft(at, file, from)),
    ]
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>, files: &[(PathBuf, Vec<u8>)]) {
        let place = |at: &Index, length: usize| if length == 0 { 0 } else { at.index(length) };
        let length = bytes.len();
        match self {
            Self::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(place(at, length)) {
                    *byte ^= bits;
                }
            }
            Self::Cut(at) => bytes.truncate(place(at, length)),
            Self::Drop(at, many) => {
                let from = place(at, length);
                bytes.drain(from..length.min(from + many));
            }
            Self::Repeat(at, many, times) => {
                let from = place(at, length);
                let piece = bytes[from..length.min(from + many)].repeat(*times);
                bytes.splice(from..from, piece);
            }
            Self::Insert(at, word) => {
                let from = place(at, length);
                bytes.splice(from..from, WORDS[*word].iter().copied());
            }
            Self::Graft(at, file, from) => {
                let other = &files[file % files.len()].1;
                bytes.truncate(place(at, length));
                bytes.extend(&other[place(from, other.len())..]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Each case reads and judges its file three times.
        cases: ProptestConfig::default().cases / 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn b42_a_mutated_file_of_the_corpus_ends_in_a_verdict(file in 0..1_000_usize, changes in vec(change(), 1..6)) {
        let files = corpus();
        let mut bytes = files[file % files.len()].1.clone();
        for change in &changes {
            change.make(&mut bytes, &files);
        }
        judge(&bytes);
    }
}

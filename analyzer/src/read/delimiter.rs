//! Which character separates the fields of a CSV.

/// In order of preference where two explain the file equally well.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines looked at.
const LINES: usize = 64;

/// The delimiter under which the first lines have the same number of fields, and the most of them; `,` for a single column.
pub(crate) fn sniff(start: &[u8]) -> u8 {
    let fit = |delimiter: u8| {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(start);
        let widths: Vec<usize> =
            reader.byte_records().take(LINES).map_while(Result::ok).map(|record| record.len()).collect();
        // The last line may be cut off in the middle.
        let whole = &widths[..widths.len().saturating_sub(usize::from(widths.len() > 2))];
        let header = whole.first().copied().unwrap_or(0);
        let alike = whole.iter().filter(|width| **width == header).count();
        if header < 2 { (0, 0) } else { (alike * 100 / whole.len(), header) }
    };
    let best = CANDIDATES.into_iter().rev().max_by_key(|delimiter| fit(*delimiter));
    best.filter(|delimiter| fit(*delimiter).1 > 1).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_makes_records_alike() {
        let check =
            |text: &str, expected: u8| assert_eq!(char::from(sniff(text.as_bytes())), char::from(expected), "{text:?}");
        check("a,b\n1,2\n3,4\n", b',');
        check("a;b\n1,5;2,5\n3,5;4,5\n", b';');
        check("a\tb\n1\t2\n", b'\t');
        check("a|b\n\"x,y\"|2\n", b'|');
        check("name\nJane\n", b',');
        check("id,text\n1,\"a;b;c\"\n2,\"d;e;f\"\n", b',');
        check("", b',');
    }
}

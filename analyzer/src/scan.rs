//! The one scan of a push: its records come in order, in batches; profile, hits and flagged records come out together.
//!
//! Every record is held against every rule; one bit mask per record says which it broke. Columns of a typed file are judged as
//! the numbers they are. Where there are many records the profile is of a sample: of so many in a row one, chosen by a hash.
//! Memory holds one batch, the sketches, and the bounded set of hashes that finds duplicates; records that a rule hit go to a
//! scratch file at once.

mod alike;
mod batch;
mod candidates;
mod cells;
mod formed;
mod hashed;
mod nested;
mod pairs;
mod plain;
mod repeats;
mod tally;
mod watch;
mod written;

pub(crate) use candidates::Candidates;
#[cfg(test)]
use polars::prelude::*;
pub(crate) use tally::Scanned;
use tally::Tally;

use crate::{
    declared::Declared,
    read::{Opened, Unreadable},
    rules::Rule,
};

/// Scans the push with these rules; of declared personal columns no value is kept.
pub(crate) fn scan(opened: &Opened, rules: &[Rule], declared: &Declared) -> Result<Scanned, Unreadable> {
    let mut tally = Tally::new(opened, rules, declared)?;
    opened.progress.reset();
    opened.progress.set_length(opened.records as u64);
    opened.each_batch(|frame| {
        tally.add(frame, opened)?;
        opened.progress.inc(frame.height() as u64);
        Ok::<_, Unreadable>(())
    })?;
    tally.finish()
}

/// Each record and rule that it breaks, for the oracle.
#[cfg(test)]
pub(crate) fn hits(frame: &DataFrame, rules: &[Rule]) -> Vec<(usize, usize)> {
    tally::hits(frame, rules)
}

/// The text of each cell of a column, for the oracle.
#[cfg(test)]
pub(crate) fn texts(series: &Series) -> Vec<Option<String>> {
    let cells = cells::Cells::of(&series.clone().into_column()).expect("a column of a file");
    (0..series.len()).map(|row| cells.text(row, &mut String::new()).map(ToOwned::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, path::Path};

    use super::*;
    use crate::{
        profile::{ColumnProfile, Table},
        read::{Limits, open},
        value,
    };

    /// Records that repeat after so many, in every column at another pace.
    fn profiled(level: Option<u8>) -> (u8, Table) {
        let mut text = "id,group,amount,note\n".to_owned();
        for record in 0..140_000_u64 {
            let amount = value::spread_bits(record) % 10_000;
            let note = if record % 10 == 3 { "" } else { "paid" };
            writeln!(text, "{record},G{},{amount},{note}", record % 40).unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut opened = open(file.path(), Path::new("push.csv"), Limits::default()).unwrap();
        opened.level = level.unwrap_or(opened.level);
        (opened.level, scan(&opened, &[], &Declared::default()).unwrap().table)
    }

    #[test]
    fn the_profile_of_a_sample_says_what_that_of_all_records_says() {
        let (level, sampled) = profiled(None);
        let (_, whole) = profiled(Some(0));
        assert!(level > 0);
        for (name, of_all) in &whole.columns {
            let of_some = &sampled.columns[name];
            let per_mille = |column: &ColumnProfile| column.nulls * 1_000 / column.records();
            assert!(per_mille(of_some).abs_diff(per_mille(of_all)) < 5, "{name}");
            assert!((of_some.repeated() - of_all.repeated()).abs() < 0.02, "{name}");
            assert_eq!(of_some.longest, of_all.longest, "{name}");
        }
        let groups = |table: &Table| {
            table.columns["group"].values.as_ref().map(|values| values.keys().cloned().collect::<Vec<_>>())
        };
        assert_eq!(groups(&sampled), groups(&whole));
        assert_eq!(sampled.records, whole.records, "records delivered again are looked for among all of them");
    }
}

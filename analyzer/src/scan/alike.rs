//! Equal cells of one batch, so that each text is looked at once: what a text is does not depend on where it stands.

use super::{
    cells::{Cells, NO_VALUE},
    hashed::ByHash,
};
use crate::{profile::ColumnProfile, value};

/// Cells after which it shows whether many are alike; where they are not, to look for equal ones costs more than it saves.
const TRIED: usize = 4096;

/// Adds the cells of these rows to a profile.
pub(super) fn add(column: &mut ColumnProfile, cells: &Cells, hashes: &[u64], rows: &[usize]) {
    let mut alike: ByHash<(usize, u64)> = ByHash::default();
    let (mut text, mut pattern) = (String::new(), String::new());
    let mut add = |row: usize, count: u64| {
        if let Some(text) = cells.text(row, &mut text) {
            column.add_many(text, value::hash(text), count, &mut pattern);
        }
    };
    let (mut is_worth_it, mut looked_at, mut nulls) = (true, 0, 0);
    for row in rows {
        let hash = hashes[*row];
        if hash == NO_VALUE {
            nulls += 1;
        } else if is_worth_it {
            alike.entry(hash).or_insert((*row, 0)).1 += 1;
            looked_at += 1;
            is_worth_it = looked_at != TRIED || alike.len() * 2 <= TRIED;
        } else {
            add(*row, 1);
        }
    }
    for (row, count) in alike.into_values() {
        add(row, count);
    }
    column.nulls += nulls;
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn one_by_one(cells: &[Option<String>]) -> ColumnProfile {
        let (mut column, mut buffer) = (ColumnProfile::default(), String::new());
        for cell in cells {
            column.add(cell.as_deref().map(|text| (text, value::hash(text))), &mut buffer);
        }
        column
    }

    fn together(series: Series) -> ColumnProfile {
        let (mut column, mut hashes) = (ColumnProfile::default(), Vec::new());
        let cells = Cells::of(&series.into_column()).unwrap();
        cells.hash_into(&mut hashes);
        add(&mut column, &cells, &hashes, &(0..hashes.len()).collect::<Vec<_>>());
        column
    }

    #[test]
    fn many_alike_and_none_alike_profile_as_one_by_one_whether_numbers_or_text() {
        let of = |number: u32| (!number.is_multiple_of(7)).then(|| f64::from(number) + 0.5);
        let all = 0..u32::try_from(3 * TRIED).unwrap();
        let few: Vec<_> = all.clone().map(|place| of(place % 50)).collect();
        let many: Vec<_> = all.map(of).collect();
        for numbers in [few, many] {
            let texts: Vec<_> = numbers.iter().map(|number| number.map(|number| number.to_string())).collect();
            let expected = one_by_one(&texts);
            assert_eq!(together(Series::new("c".into(), texts)), expected);
            assert_eq!(together(Series::new("c".into(), numbers)), expected);
        }
    }
}

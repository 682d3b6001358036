//! Equal cells of one batch, so that each text is looked at once: what a text is does not depend on where it stands.

use polars::prelude::*;

use super::hashed::ByHash;
use crate::{profile::ColumnProfile, value};

/// Cells after which it shows whether many are alike; where they are not, to look for equal ones costs more than it saves.
const TRIED: usize = 4096;

/// Adds a batch's cells to a profile and tells each cell's hash in turn, none where it has no value.
pub(super) fn add(
    column: &mut ColumnProfile,
    cells: &StringChunked,
    buffer: &mut String,
    mut tell: impl FnMut(Option<u64>),
) {
    let mut alike: ByHash<(&str, u64)> = ByHash::default();
    let mut is_worth_it = true;
    let mut nulls = 0;
    for (place, cell) in cells.iter().enumerate() {
        let cell = cell.filter(|text| !text.is_empty()).map(|text| (text, value::hash(text)));
        tell(cell.map(|(_, hash)| hash));
        let Some((text, hash)) = cell else {
            nulls += 1;
            continue;
        };
        if is_worth_it {
            alike.entry(hash).or_insert((text, 0)).1 += 1;
            is_worth_it = place != TRIED || alike.len() * 2 <= TRIED;
        } else {
            column.add_many(text, hash, 1, buffer);
        }
    }
    column.nulls += nulls;
    for (hash, (text, count)) in alike {
        column.add_many(text, hash, count, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_by_one(cells: &[Option<String>]) -> ColumnProfile {
        let (mut column, mut buffer) = (ColumnProfile::default(), String::new());
        for cell in cells {
            column.add(cell.as_deref().map(|text| (text, value::hash(text))), &mut buffer);
        }
        column
    }

    #[test]
    fn many_alike_and_none_alike_profile_as_one_by_one() {
        let of = |number: usize| (!number.is_multiple_of(7)).then(|| format!("{number}.5"));
        let few: Vec<_> = (0..3 * TRIED).map(|place| of(place % 50)).collect();
        let many: Vec<_> = (0..3 * TRIED).map(of).collect();
        for cells in [few, many] {
            let (mut column, mut hashes) = (ColumnProfile::default(), Vec::new());
            let chunked: StringChunked = cells.iter().map(Option::as_deref).collect();
            add(&mut column, &chunked, &mut String::new(), |hash| hashes.push(hash));
            assert_eq!(column, one_by_one(&cells));
            assert_eq!(hashes, cells.iter().map(|cell| cell.as_deref().map(value::hash)).collect::<Vec<_>>());
        }
    }
}

//! Pairs of columns whose forms do not go together, told by the column that they share.
//!
//! One column that is empty where it never was breaks with each column beside it: ten findings of one cause, in a message that
//! has room for three.

use std::collections::BTreeMap;

use holdpoint_review::{Finding, Share};

use crate::rules::Check;

/// Columns named in one sentence.
const NAMED: usize = 2;

/// A pair that records broke.
pub(super) struct Broken<'a> {
    pub(super) columns: [&'a str; 2],
    pub(super) share: Share,
    /// Whether the records are named one by one.
    pub(super) hard: bool,
    /// Whether it is about a cell being empty.
    pub(super) of_nulls: bool,
}

/// One finding for each column that explains most of the pairs that are left.
pub(super) fn told(mut broken: Vec<Broken>) -> Vec<Finding> {
    let mut found = Vec::new();
    while let Some(guilty) = most_frequent(&broken) {
        let (own, rest): (Vec<_>, Vec<_>) = broken.into_iter().partition(|pair| pair.columns.contains(&guilty));
        broken = rest;
        found.push(finding(guilty, &own));
    }
    found
}

/// Of columns that are in as many pairs, the first by name.
fn most_frequent<'a>(broken: &[Broken<'a>]) -> Option<&'a str> {
    let mut pairs = BTreeMap::<&str, usize>::new();
    for column in broken.iter().flat_map(|pair| pair.columns) {
        *pairs.entry(column).or_default() += 1;
    }
    pairs.into_iter().rev().max_by_key(|(_, count)| *count).map(|(column, _)| column)
}

fn finding(guilty: &str, own: &[Broken]) -> Finding {
    let share = own.iter().map(|pair| pair.share).fold(Share::NONE, Share::max);
    let mut others: Vec<&str> = own.iter().flat_map(|pair| pair.columns).filter(|column| *column != guilty).collect();
    others.sort_unstable();
    others.dedup();
    let how = if own.iter().any(|pair| pair.of_nulls) { "empty or filled" } else { "written" };
    let suggest = if others.len() == 1 { "suggests" } else { "suggest" };
    let others = listed(&others);
    Finding {
        check: Check::Together.name().to_owned(),
        columns: vec![guilty.to_owned()],
        hard: own.iter().any(|pair| pair.hard),
        share,
        reason: format!(
            "{guilty}: {how} otherwise than {others} {suggest}, in {share} of the records; before, hardly ever"
        ),
        examples: Vec::new(),
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(columns: &[&str]) -> String {
    match columns {
        [first] => (*first).to_owned(),
        [first, second] => format!("{first} and {second}"),
        _ => format!("{} and {} more", columns[..NAMED].join(", "), columns.len() - NAMED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_share_a_column_are_one_finding() {
        let pair = |columns, count, of_nulls| Broken { columns, share: Share::new(count, 100), hard: true, of_nulls };
        let broken = vec![
            pair(["arr_delay", "tailnum"], 13, true),
            pair(["arr_time", "tailnum"], 14, true),
            pair(["tailnum", "dest"], 12, true),
            pair(["carrier", "origin"], 3, false),
        ];
        let found = told(broken);
        let reasons: Vec<_> = found.iter().map(|finding| finding.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "tailnum: empty or filled otherwise than arr_delay, arr_time and 1 more suggest, in 14.0 % of the records; \
                 before, hardly ever",
                "carrier: written otherwise than origin suggests, in 3.0 % of the records; before, hardly ever",
            ]
        );
        assert_eq!(found[0].share, Share::new(14, 100));
    }
}

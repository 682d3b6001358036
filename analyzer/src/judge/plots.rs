//! Each guilty column beside what it usually looks like. Of a personal one there is none: pushes from before it was declared so
//! may have left their values.

use holdpoint_review::{ColumnPlot, Finding, PlotBin};

use crate::{declared::Declared, history::History, mass, profile::Table};

/// Columns plotted: more than a reviewer looks at.
const MOST: usize = 6;

pub(super) fn of(findings: &[Finding], history: &History, table: &Table, declared: &Declared) -> Vec<ColumnPlot> {
    let mut names: Vec<&String> = Vec::new();
    for name in findings.iter().flat_map(|finding| &finding.columns) {
        if !names.contains(&name) && !declared.is_personal(name) {
            names.push(name);
        }
    }
    names.into_iter().filter_map(|name| plot(name, history, table)).take(MOST).collect()
}

fn plot(name: &str, history: &History, table: &Table) -> Option<ColumnPlot> {
    let (merged, now) = (history.merged.columns.get(name)?, table.columns.get(name)?);
    let past: Vec<_> = history.histories(name).collect();
    let bins = mass::bins(*history.roles.get(name)?, merged, &past, now).into_iter().next()?;
    let (before, shares) = (bins.shares(merged), bins.shares(now));
    let bin = |at: usize| PlotBin { label: bins.label(at), before: before[at], now: shares[at] };
    Some(ColumnPlot { column: name.to_owned(), bins: (0..bins.len()).map(bin).collect() })
}

//! Some of the anomalous records, the guilty columns first, each with its reasons across the whole width.

use maud::{Markup, html};

use super::counted;
use crate::{PageData, Report, SampleRecord, words};

/// Records on the page; the download has them all.
const RECORD_LIMIT: usize = 20;

/// Columns on the page: as many guilty ones, then others while there is room.
const COLUMN_LIMIT: usize = 12;

/// Characters of one value.
const VALUE: usize = 80;

/// Reasons of one record, and characters of each.
const REASON_LIMIT: usize = 8;
const REASON: usize = 200;

/// Some of the anomalous records; `all` says where the others are.
pub fn records(report: &Report, page: &PageData, all: &Markup) -> Markup {
    if report.anomalous == 0 {
        return html! {};
    }
    let records: Vec<_> = page.sample.iter().take(RECORD_LIMIT).collect();
    html! {
        section.card aria-labelledby="records" {
            h2 #records {
                @if !records.is_empty() { (records.len()) " of " }
                (counted(report.anomalous, "anomalous record"))
            }
            @if !records.is_empty() { (table(page, &records)) }
            p { (all) }
        }
    }
}

fn table(page: &PageData, records: &[&SampleRecord]) -> Markup {
    let columns = columns(page, records);
    html! {
            div.scroll role="region" aria-labelledby="records" tabindex="0" {
                table.records {
                    thead {
                        tr {
                            th scope="col" { "record" }
                            @for column in &columns {
                                th scope="col" { span.cell { (words::visible(&page.columns[*column], VALUE)) } }
                            }
                        }
                    }
                    @for record in records { (rows(record, &columns)) }
                }
            }
            @if columns.len() < page.columns.len() {
                p.soft { "And " (counted((page.columns.len() - columns.len()) as u64, "other column")) "." }
            }
    }
}

fn rows(record: &SampleRecord, columns: &[usize]) -> Markup {
    html! {
        tbody {
            tr {
                th scope="row" { (words::grouped(record.record)) }
                @for column in columns { (cell(record, *column)) }
            }
            tr.why { td colspan=(columns.len() + 1) { div { (why(&record.reasons)) } } }
        }
    }
}

/// `air_time: outside the learned range; dep_time, arr_time: does not go with another column`. Each column once, and those
/// with the same reasons together: what is said to be wrong is often the same for many.
fn why(reasons: &[String]) -> String {
    let mut columns: Vec<(&str, Vec<&str>)> = Vec::new();
    for reason in reasons {
        let (column, what) = reason.split_once(": ").unwrap_or(("", reason));
        match columns.iter_mut().find(|(known, _)| *known == column) {
            Some((_, whats)) => whats.push(what),
            None => columns.push((column, vec![what])),
        }
    }
    let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for (column, whats) in columns {
        match groups.iter_mut().find(|(_, known)| *known == whats) {
            Some((same, _)) => same.push(column),
            None => groups.push((vec![column], whats)),
        }
    }
    let groups =
        groups.iter().take(REASON_LIMIT).map(|(columns, whats)| match (columns.join(", "), whats.join(", ")) {
            (columns, what) if columns.is_empty() => words::visible(&what, REASON),
            (columns, what) => words::visible(&format!("{columns}: {what}"), REASON),
        });
    groups.collect::<Vec<_>>().join("; ")
}

fn cell(record: &SampleRecord, column: usize) -> Markup {
    let value = record.values.get(column).and_then(Option::as_ref);
    let text = html! {
        @match value {
            Some(value) if value.trim().is_empty() => i.soft { "blank" },
            Some(value) => (words::visible(value, VALUE)),
            None => i.soft { "none" },
        }
    };
    html! {
        @if record.guilty.contains(&column) {
            td { span.cell { mark { (text) } } }
        } @else {
            td { span.cell { (text) } }
        }
    }
}

/// Which columns are shown: the guilty ones first, each group in the push's order.
fn columns(page: &PageData, records: &[&SampleRecord]) -> Vec<usize> {
    let is_guilty = |column: &usize| records.iter().any(|record| record.guilty.contains(column));
    let (mut guilty, others): (Vec<_>, Vec<_>) = (0..page.columns.len()).partition(is_guilty);
    guilty.extend(others);
    guilty.truncate(COLUMN_LIMIT);
    guilty
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_each_column_once_and_those_with_the_same_reasons_together() {
        let why = |reasons: &[&str]| why(&reasons.iter().map(|&reason| reason.to_owned()).collect::<Vec<_>>());
        assert_eq!(why(&["a: too long", "b: odd", "c: odd", "a: new"]), "a: too long, new; b, c: odd");
        assert_eq!(why(&["ship_date lies before order_date"]), "ship_date lies before order_date");
    }

    #[test]
    fn guilty_columns_come_first_and_no_place_outside_the_record_is_read() {
        let record = |guilty: &[usize]| SampleRecord {
            record: 0,
            values: vec![None; 2],
            guilty: guilty.to_vec(),
            reasons: vec![],
        };
        let page = PageData {
            columns: vec!["c".into(); 30],
            sample: vec![record(&[7, 99]), record(&[3])],
            ..PageData::default()
        };
        let records: Vec<_> = page.sample.iter().collect();
        assert_eq!(columns(&page, &records), [3, 7, 0, 1, 2, 4, 5, 6, 8, 9, 10, 11]);
        assert!(cell(&page.sample[0], 29).into_string().contains("none"));
    }
}

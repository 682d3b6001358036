//! Each rule against a naive version that looks at one cell after the other, over generated columns.

mod declared;

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;
use proptest::prelude::*;

use super::{Quantity, Rule, Test};
use crate::{
    history::History,
    profile::{ColumnProfile, Profile, Table, short_hash},
    value::{DateOrder, hash},
};

type Cells = Vec<Option<String>>;

fn cells() -> impl Strategy<Value = Cells> {
    let cell = prop_oneof![
        4 => "[ab]",
        4 => "-?[0-9]{1,2}",
        2 => "[0-9]{1,2}\\.[0-9]{1,3}",
        2 => "20[12][0-9]-0[1-9]-1[0-9]",
        1 => "(N/A|null|9999|-999|none|1970-01-01)",
        1 => "(é|Ã©|naïve|[A-Z][0-9]{1,12})",
        1 => "(N/A {0,10}|ab-[0-9]{8,12}|[a-c]{9,12})",
        1 => "[ =a-z0-9,\"]{0,6}",
    ];
    prop::collection::vec(prop::option::weighted(0.9, cell), 1..60)
}

fn profile(cells: &Cells) -> ColumnProfile {
    let (mut column, mut buffer) = (ColumnProfile::default(), String::new());
    for cell in cells {
        let cell = cell.as_deref().filter(|text| !text.is_empty());
        column.add(cell.map(|text| (text, hash(text))), &mut buffer);
    }
    column
}

fn push(cells: &Cells, at: i64) -> Profile {
    let mut table = Table::default();
    table.columns.insert("c".to_owned(), profile(cells));
    Profile {
        version: 1,
        push: holdpoint_review::PushId::of("b", "k", &at.to_string()),
        delivered_at: jiff::Timestamp::from_second(at).unwrap(),
        content: holdpoint_review::PushHash::of_blake3([0; 32]),
        records: cells.len() as u64,
        rate: None,
        columns: vec!["c".to_owned()],
        table,
    }
}

/// What a person would do with the test and one cell.
fn is_guilty(rule: &Test, cell: Option<&str>) -> bool {
    let Some(text) = cell.filter(|text| !text.is_empty()) else { return matches!(rule, Test::Null) };
    let as_quantity = |quantity: Quantity| match quantity {
        Quantity::Number => text.trim().parse::<f64>().ok().filter(|n| n.is_finite()),
        Quantity::Moment(DateOrder::YearFirst) => text.trim().parse::<jiff::civil::Date>().ok().map(|date| {
            let days = (date - jiff::civil::date(1970, 1, 1)).get_days();
            f64::from(days) * 86_400.0
        }),
        Quantity::Moment(_) => None,
    };
    match rule {
        Test::Null => false,
        Test::Sentinel(seen) => {
            let known = ["n/a", "null", "none", "9999", "-999", "1970-01-01", "na", "-", "nan"];
            let lower = text.trim().to_lowercase();
            known.contains(&lower.as_str()) && !seen.contains(&lower)
        }
        Test::NotA(quantity) => as_quantity(*quantity).is_none(),
        Test::Decimals(most) => {
            let fraction = text.split('.').nth(1).unwrap_or("").len();
            as_quantity(Quantity::Number).is_some() && i32::try_from(fraction).unwrap() > *most
        }
        Test::Outside(quantity, low, high) => as_quantity(*quantity).is_some_and(|value| value < *low || value > *high),
        Test::Value(known) | Test::Batch(known) => known.iter().all(|value| value != text),
        Test::Misspelt(known, common) => {
            let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
            let sorted = |text: &str| {
                let mut characters: Vec<char> = text.chars().collect();
                characters.sort_unstable();
                characters
            };
            // One edit apart and of one length: of the same characters where two were swapped, of others where one is another;
            // and of as many letters, where that is one for a letter.
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            let is_name = |common: &str| {
                let (left, right) = (sorted(common), sorted(text));
                let is_other = left.len() == right.len() && left != right && letters(common) == letters(text);
                let is_of_letters = common.chars().zip(text.chars()).all(|(a, b)| a == b || a.is_alphabetic());
                left.len() < 7 && is_other && is_of_letters
            };
            let is_slip = |common: &String| {
                crate::value::is_one_edit(common, text) && digits(common) != digits(text) && !is_name(common)
            };
            !known.contains(text) && common.iter().any(is_slip)
        }
        Test::Hash(known) => !known.contains(hash(text)),
        Test::Pattern(known) => !known.contains(&naive_pattern(text)),
        Test::Shape(known) => !known.contains(&crate::value::shape(text)),
        Test::Longer(most) => text.chars().count() > *most as usize,
        Test::NonAscii => text.chars().any(|c| c as u32 > 127),
        Test::Mojibake => text.contains("Ã©"),
        Test::Unlike(_) => text.chars().any(|c| !"ab".contains(c)),
        _ => unreachable!("carried out by the scan, or a test of two columns"),
    }
}

fn naive_pattern(text: &str) -> String {
    let classes: Vec<char> = text
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            c if c.is_whitespace() => ' ',
            c if c.is_alphabetic() && c.is_uppercase() => 'A',
            c if c.is_alphabetic() => 'a',
            c if c.is_ascii() => c,
            _ => 'é',
        })
        .collect();
    let runs = classes.chunk_by(|a, b| a == b && ['A', 'a', '9', ' ', 'é'].contains(a));
    runs.map(|run| run[0]).collect()
}

/// Which cells each rule hits, as the scan tells; nothing for rules on records that came before.
fn hits(rules: &[Rule], columns: &[(&str, &Cells)]) -> Vec<Vec<bool>> {
    let height = columns[0].1.len();
    let series = columns.iter().map(|(name, cells)| Series::new((*name).into(), *cells).into_column());
    let frame = DataFrame::new(height, series.collect()).unwrap();
    let mut hits = vec![vec![false; height]; rules.len()];
    for (row, at) in crate::scan::hits(&frame, rules) {
        hits[at][row] = true;
    }
    let is_of_repeats = |test: &Test| test.other().is_none() && !test.is_of_one_cell();
    for (hits, _) in hits.iter_mut().zip(rules).filter(|(_, rule)| is_of_repeats(&rule.test)) {
        hits.clear();
    }
    hits
}

/// Numbers and moments as a typed file has them, and the same cells as a CSV has them.
fn typed() -> impl Strategy<Value = (Series, Cells)> {
    let text = |series: Series| {
        let texts = crate::scan::texts(&series);
        (series, texts)
    };
    let whole = prop_oneof![-20..20_i64, Just(9999), Just(-999), Just(99_999), Just(-99_999), any::<i64>()];
    let real = prop_oneof![
        (-2000..2000_i32).prop_map(|cents| f64::from(cents) / 100.0),
        (-20..20_i32).prop_map(f64::from),
        prop::sample::select(vec![
            9999.0,
            -999.0,
            99_999.0,
            1e-7,
            1e16,
            9.95e15,
            -0.0,
            0.1 + 0.2,
            f64::NAN,
            f64::INFINITY
        ]),
        any::<f64>(),
    ];
    let moment = prop_oneof![
        0..2_000_000_000_000_000_i64,
        Just(0),
        Just(-2_208_988_800_000_000),
        Just(32_503_593_600_000_000),
        Just(253_402_214_400_000_000)
    ];
    let some = |cell| prop::collection::vec(prop::option::weighted(0.9, cell), 1..60);
    prop_oneof![
        some(whole.boxed()).prop_map(move |cells| text(Series::new("c".into(), cells))),
        prop::collection::vec(prop::option::weighted(0.9, real), 1..60)
            .prop_map(move |cells| text(Series::new("c".into(), cells))),
        some(moment.boxed()).prop_map(move |cells| {
            let moments = DataType::Datetime(TimeUnit::Microseconds, None);
            text(Series::new("c".into(), cells).cast(&moments).unwrap())
        }),
    ]
}

proptest! {
    #[test]
    fn a_typed_column_is_judged_as_its_text_is((series, texts) in typed(), low in -50.0..0.0f64, high in 0.0..90.0f64, seen in 1..3_i32) {
        let patterns = |patterns: &[&str]| Test::Pattern(Arc::new(patterns.iter().map(ToString::to_string).collect()));
        let sentinel = || Test::Sentinel(Arc::new(["9999".to_owned()].into()));
        let year = 86_400.0 * 365.0;
        let columns = [
            vec![Test::Null, sentinel(), Test::NotA(Quantity::Number), Test::Outside(Quantity::Number, low, high), patterns(&["9", "9.9"])],
            vec![sentinel(), Test::Decimals(seen), Test::Shape(Arc::new([10].into())), patterns(&["-9", "-9.9"])],
            vec![Test::NotA(Quantity::Moment(DateOrder::YearFirst)), sentinel(), patterns(&["9-9-9 9:9:9.9"])],
            vec![Test::Outside(Quantity::Moment(DateOrder::YearFirst), 20.0 * year, 40.0 * year), Test::NonAscii],
            vec![Test::Value(Arc::new(texts.iter().flatten().take(3).cloned().collect())), Test::Longer(4)],
        ];
        for tests in columns {
            let rule = |test| Rule { check: super::Check::Null, column: "c".to_owned(), test, before: String::new(), expected: 0.0 };
            let rules: Vec<Rule> = tests.into_iter().map(rule).collect();
            let frame = DataFrame::new(texts.len(), vec![series.clone().into_column()]).unwrap();
            let mut typed = vec![vec![false; texts.len()]; rules.len()];
            for (row, at) in crate::scan::hits(&frame, &rules) {
                typed[at][row] = true;
            }
            prop_assert_eq!(typed, hits(&rules, &[("c", &texts)]), "{:?}: {:?}", rules, texts);
        }
    }
}

/// Each rule against a person, and replay against each rule.
fn check(rules: &[Rule], now: &Cells) {
    for (rule, guilty) in rules.iter().zip(hits(rules, &[("c", now)])).filter(|(_, guilty)| !guilty.is_empty()) {
        let naive: Vec<bool> = now.iter().map(|cell| is_guilty(&rule.test, cell.as_deref())).collect();
        assert_eq!(guilty, naive, "{rule:?} on {now:?}");
        // What is declared is not replayed.
        if !matches!(rule.test, Test::Unlike(_)) {
            check_replay(rule, &guilty, now);
        }
    }
}

/// Whether a profile knows the count exactly.
fn is_exact(test: &Test) -> bool {
    !matches!(test, Test::Outside(..) | Test::Longer(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_learned_rule_hits_what_a_person_would(pasts in prop::collection::vec(cells(), 1..4), now in cells()) {
        let history = History::of(pasts.iter().zip(0..).map(|(cells, at)| push(cells, at)).collect(), None);
        check(&super::learn(&history), &now);
    }

    #[test]
    fn every_test_hits_what_a_person_would(now in cells(), low in -50.0..0.0f64, high in 0.0..90.0f64, known in cells()) {
        let known: BTreeSet<String> = known.into_iter().flatten().collect();
        let day = 86_400.0 * 365.0;
        let tests = [
            Test::Null,
            Test::Sentinel(Arc::new(["null".to_owned()].into())),
            Test::NotA(Quantity::Number),
            Test::NotA(Quantity::Moment(DateOrder::YearFirst)),
            Test::Decimals(1),
            Test::Outside(Quantity::Number, low, high),
            Test::Outside(Quantity::Moment(DateOrder::YearFirst), 42.0 * day, 50.0 * day),
            Test::Pattern(Arc::new(known.iter().map(|text| naive_pattern(text)).collect())),
            Test::Misspelt(Arc::default(), Arc::new(known.clone())),
            Test::Value(Arc::new(known)),
            Test::Shape(Arc::new([0, 3, 10].into())),
            Test::Longer(3),
            Test::NonAscii,
            Test::Mojibake,
            Test::Unlike(regex::Regex::new("^(?:[ab]*)$").unwrap()),
        ];
        let rule = |test| Rule { check: super::Check::Null, column: "c".to_owned(), test, before: String::new(), expected: 0.0 };
        check(&tests.map(rule), &now);
    }
}

/// What a person would do with a test of two columns.
fn is_pair_guilty(test: &Test, cell: Option<&str>, other: Option<&str>) -> bool {
    let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let (cell, other) = (filled(cell), filled(other));
    match (test, &cell, &other) {
        (Test::Together(_, missing), cell, other) => {
            let form = |text: &Option<String>| text.as_deref().map_or(255, crate::value::shape);
            missing.iter().any(|forms| *forms == u16::from(form(cell)) * 256 + u16::from(form(other)))
        }
        (Test::Against(_, known), cell, Some(other)) => {
            let value = cell.as_deref().map_or(0, short_hash);
            known.iter().any(|(key, known)| *key == short_hash(other) && *known != value)
        }
        (Test::Above(..), Some(cell), Some(other)) => {
            let number = |text: &str| text.trim().parse::<f64>().ok();
            number(cell).zip(number(other)).is_some_and(|(cell, other)| cell > other)
        }
        (Test::NotIn(_), Some(cell), Some(other)) => !other.contains(cell.as_str()),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_test_of_two_columns_hits_what_a_person_would(
        rows in prop::collection::vec((prop::option::weighted(0.9, "[ab]|-?[0-9]{1,2}"), prop::option::weighted(0.9, "[ab]{1,2}|-?[0-9]{1,3}")), 1..60),
    ) {
        let (cells, others): (Cells, Cells) = rows.into_iter().unzip();
        let known = others.iter().flatten().zip(cells.iter().map(|cell| cell.as_deref().map_or(0, short_hash)));
        let known: BTreeMap<u32, u32> = known.map(|(key, value)| (short_hash(key), value)).collect();
        let other = || "d".to_owned();
        let tests = [
            Test::Above(other(), Quantity::Number, Quantity::Number),
            Test::NotIn(other()),
            Test::Together(other(), Arc::new([255 << 8 | 255, 10 << 8 | 9, 9 << 8 | 255].into())),
            Test::Against(other(), Arc::new(known)),
        ];
        let rules = tests.map(|test| Rule { check: super::Check::Order, column: "c".to_owned(), test, before: String::new(), expected: 0.0 });
        for (rule, hits) in rules.iter().zip(hits(&rules, &[("c", &cells), ("d", &others)])) {
            let naive = cells.iter().zip(&others).map(|(cell, other)| is_pair_guilty(&rule.test, cell.as_deref(), other.as_deref()));
            prop_assert_eq!(hits, naive.collect::<Vec<_>>(), "{:?}", rule);
        }
    }
}

/// What replay counts on the profile is what the expression hits in the records.
#[expect(clippy::cast_precision_loss, reason = "sixty records")]
fn check_replay(rule: &Rule, guilty: &[bool], now: &Cells) {
    let mut table = Table::default();
    table.columns.insert("c".to_owned(), profile(now));
    let replayed = rule.rate_in(&table);
    let rate = guilty.iter().filter(|hit| **hit).count() as f64 / now.len() as f64;
    if is_exact(&rule.test) {
        assert!((replayed - rate).abs() < 1e-9, "{rule:?}: replayed {replayed}, hit {rate}");
    } else {
        assert!(rate > 0.0 || replayed == 0.0 || matches!(rule.test, Test::Outside(..)), "{rule:?}");
    }
}

//! What an owner declares, and what needs memory of the records before, through a whole scan of a file.

use proptest::prelude::*;

use crate::{
    declared::Declared,
    read::{self, Limits},
    rules::{Check, Rule, Test},
    scan::scan,
};

const COLUMNS: [&str; 4] = ["id", "a", "b", "c"];

const RULES: &str = "
key = [\"id\", \"b\"]
[column.id]
required = true
unique = true
[column.a]
type = \"number\"
range = [-20, 40]
not_above = \"c\"
[column.b]
set = [\"a\", \"ab\", \"b\"]
regex = \"[ab]*\"
[column.c]
type = \"integer\"
";

type Record = [String; 4];

fn records() -> impl Strategy<Value = Vec<Record>> {
    let record = ("[a-e]?", "(-?[0-9]{1,2}(\\.[0-9])?|x|)", "[abc]{0,2}", "([0-9]{1,2}|[0-9]\\.[05]|y|)");
    prop::collection::vec(record.prop_map(|(id, a, b, c)| [id, a, b, c]), 1..60)
}

/// Which records each rule hits, as the scan's scratch file says.
fn hits(rules: &[Rule], records: &[Record], declared: &Declared) -> Vec<Vec<bool>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = csv::Writer::from_path(file.path()).unwrap();
    writer.write_record(COLUMNS).unwrap();
    for record in records {
        writer.write_record(record).unwrap();
    }
    writer.flush().unwrap();
    let opened = read::open(file.path(), "push.csv".as_ref(), Limits::default()).unwrap();
    let scanned = scan(&opened, rules, declared).unwrap();
    assert_eq!(scanned.records, records.len() as u64);
    let mut hits = vec![vec![false; records.len()]; rules.len()];
    let each = scanned.candidates.each(&vec![true; rules.len()], |record, guilty, cells| {
        let record = usize::try_from(record).unwrap();
        assert_eq!(cells, records[record], "the record's own cells");
        for at in guilty {
            hits[*at][record] = true;
        }
        Ok(())
    });
    each.unwrap();
    for (hits, counted) in hits.iter().zip(&scanned.hits) {
        assert_eq!(hits.iter().filter(|hit| **hit).count() as u64, counted.records);
    }
    hits
}

/// What a person would do with one word of the file of rules.
fn is_guilty(check: Check, column: &str, records: &[Record], at: usize) -> bool {
    let [id, a, b, c] = &records[at];
    let number = |text: &str| text.parse::<f64>().ok();
    let came_before =
        |key: fn(&Record) -> [&str; 2]| records[..at].iter().any(|before| key(before) == key(&records[at]));
    match (check, column) {
        (Check::Null, "id") => id.is_empty(),
        (Check::DuplicateKey, "id") => !id.is_empty() && came_before(|record| [&record[0], ""]),
        (Check::DuplicateKey, "") => !(id.is_empty() && b.is_empty()) && came_before(|record| [&record[0], &record[2]]),
        (Check::Type, "a") => !a.is_empty() && number(a).is_none(),
        (Check::Range, "a") => number(a).is_some_and(|a| !(-20.0..=40.0).contains(&a)),
        (Check::Order, "a") => number(a).zip(number(c)).is_some_and(|(a, c)| a > c),
        (Check::Category, "b") => !["", "a", "ab", "b"].contains(&b.as_str()),
        (Check::Pattern, "b") => b.contains('c'),
        (Check::Type, "c") => !c.is_empty() && number(c).is_none(),
        (Check::Decimals, "c") => c.contains('.'),
        _ => unreachable!("not declared"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_declared_word_hits_what_a_person_would(records in records()) {
        let declared = Declared::parse(RULES).unwrap();
        let rules: Vec<Rule> = declared.rules().into_iter().map(|weighed| weighed.rule).collect();
        prop_assert_eq!(rules.len(), 10);
        for (rule, hits) in rules.iter().zip(hits(&rules, &records, &declared)) {
            let naive: Vec<bool> =
                (0..records.len()).map(|at| is_guilty(rule.check, &rule.column, &records, at)).collect();
            prop_assert_eq!(hits, naive, "{:?} on {:?}", rule, records);
        }
    }

    #[test]
    fn a_record_that_came_before_is_found_and_the_first_is_not_guilty(records in records()) {
        let test = Test::RepeatedRecord;
        let rule = Rule { check: Check::DuplicateRecord, column: String::new(), test, before: String::new(), expected: 0.0 };
        let naive: Vec<bool> = (0..records.len()).map(|at| records[..at].contains(&records[at])).collect();
        prop_assert_eq!(hits(&[rule], &records, &Declared::default()), [naive]);
    }
}

//! What an owner declares is wrong whatever was accepted before.

use holdpoint_analyzer::{Analysis, Declared, Settings};

use crate::{Customer, acme, checks, flagged, orders};

/// Judges a push of a customer without history by these rules.
fn judge(rules: &str, push: &str) -> Analysis {
    let customer = Customer::new();
    let declared = Declared::read(&customer.file("rules.toml", rules.as_bytes())).unwrap();
    let settings = Settings { hold_first: false, declared, ..Settings::default() };
    customer.deliver_under(&settings, "push.csv", push.as_bytes())
}

#[test]
fn each_declared_word_names_the_records_that_break_it() {
    let push = "id,day,paid,currency,amount\n1,2026-03-02,2026-03-01,EUR,5\n1,2026-03-01,2026-03-04,eur,x\n2,2026-03-01,,EUR,70.5\n";
    let check = |rules: &str, expected: &str, records: u64| {
        let analysis = judge(rules, push);
        assert_eq!((checks(&analysis), analysis.report.anomalous), (vec![expected], records), "{rules}");
        assert!(analysis.report.findings[0].reason.contains("declared"), "{}", analysis.report.findings[0].reason);
    };
    check("[column.paid]\nrequired = true", "null where never null", 1);
    check("[column.id]\nunique = true", "duplicate key", 1);
    check("key = [\"id\", \"currency\"]\n[column.amount]\nrange = [0, 60]", "outside the learned range", 1);
    check("key = [\"day\", \"id\"]\n[column.currency]\nregex = \"[A-Z]{3}\"", "character pattern never seen", 1);
    check("[column.currency]\nset = [\"EUR\"]", "category never seen", 1);
    check("[column.amount]\ntype = \"number\"", "type broken", 1);
    check(
        "[column.amount]\ntype = \"text\"\n[column.id]\ntype = \"integer\"\nrange = [2, 9]",
        "outside the learned range",
        2,
    );
    check(
        "[column.day]\ntype = \"date\"\nnot_after = \"paid\"\n[column.paid]\ntype = \"date\"",
        "learned order broken",
        1,
    );
    check("key = [\"id\"]", "duplicate key", 1);
}

#[test]
fn declared_columns_are_held_against_those_that_came() {
    let analysis = judge("columns = [\"id\", \"day\"]", "id,currency\n1,EUR\n");
    assert_eq!(checks(&analysis), ["column never seen", "column missing"]);
    assert!(analysis.report.needs_review);
}

#[test]
fn a_list_is_read_from_beside_the_rules() {
    let customer = Customer::new();
    customer.file("currencies.txt", b"EUR\nUSD\n");
    let rules = customer.file("rules.toml", b"[column.currency]\nlist = \"currencies.txt\"\n");
    let settings = Settings { hold_first: false, declared: Declared::read(&rules).unwrap(), ..Settings::default() };
    let analysis = customer.deliver_under(&settings, "push.csv", b"id,currency\n1,EUR\n2,GBP\n");
    assert_eq!(analysis.report.anomalous, 1);
    std::fs::remove_file(customer.folder.path().join("currencies.txt")).unwrap();
    assert!(Declared::read(&rules).unwrap_err().to_string().contains("currencies.txt"));
}

#[test]
fn a_personal_value_is_in_no_report_and_no_profile() {
    let customer = acme();
    let rules = customer.file("rules.toml", b"[column.currency]\npersonal = true\nset = [\"EUR\", \"USD\", \"GBP\"]\n");
    let settings = Settings { declared: Declared::read(&rules).unwrap(), ..Settings::default() };
    let push = orders(6, 100).replace("EUR", "secret-7");
    let analysis = customer.deliver_under(&settings, "push.csv", push.as_bytes());
    assert!(analysis.report.anomalous >= 33, "{:?}", checks(&analysis));
    let report = serde_json::to_string(&analysis.report).unwrap();
    let page = serde_json::to_string(&analysis.page).unwrap();
    let profile = serde_json::to_string(&analysis.profile).unwrap();
    for text in [report, page, profile, flagged(&analysis)] {
        assert!(!text.contains("secret-7"), "{text}");
    }
}

#[test]
fn a_personal_value_in_the_place_of_another_is_masked_there() {
    let day = |day: usize| orders(day, 100).replace("EUR", "secret-7");
    let customer = Customer::with_history((0..6).map(day));
    let swapped = day(6).lines().enumerate().fold(String::new(), |mut text, (at, line)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if at % 10 == 1 {
            cells.swap(2, 3);
        }
        text += &cells.join(",");
        text + "\n"
    });
    let rules = customer.file("rules.toml", b"[column.currency]\npersonal = true\n");
    let settings = Settings { declared: Declared::read(&rules).unwrap(), ..Settings::default() };
    let analysis = customer.deliver_under(&settings, "push.csv", swapped.as_bytes());
    assert!(checks(&analysis).contains(&"swapped columns"), "{:?}", checks(&analysis));
    let page = serde_json::to_string(&analysis.page).unwrap();
    let report = serde_json::to_string(&analysis.report).unwrap();
    for text in [report, page, flagged(&analysis)] {
        assert!(!text.contains("secret-7"), "{text}");
    }
}

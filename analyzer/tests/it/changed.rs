//! What an accepted change teaches: who approved a push once is not asked again for what it had.

use std::fmt::Write;

use crate::Customer;

/// A push of a hundred records: an identifier, and what a record's place among all says of the columns `left` and `right`.
fn pairs(push: usize, cells: impl Fn(usize) -> [String; 2]) -> String {
    let mut text = "id,left,right\n".to_owned();
    for record in push * 100..push * 100 + 100 {
        let [left, right] = cells(record);
        let _ = writeln!(text, "{record},{left},{right}");
    }
    text
}

fn held_for(customer: &Customer, push: &str) -> Vec<String> {
    let report = customer.deliver("push.csv", push.as_bytes()).report;
    report.findings.into_iter().filter(|_| report.needs_review).map(|finding| finding.reason).collect()
}

#[test]
fn columns_that_are_both_filled_from_now_on_go_together() {
    // Either the one or the other, as a rule the left one.
    let apart = |record: usize| match record % 20 {
        0 => [String::new(), (record % 7).to_string()],
        at if at % 2 == 1 => [(record % 9).to_string(), String::new()],
        _ => [String::new(), String::new()],
    };
    let both = |record: usize| [(record % 9).to_string(), (record % 7).to_string()];
    let before = || (0..16).map(|push| pairs(push, apart));
    let next = pairs(20, both);
    let findings = held_for(&Customer::with_history(before()), &next);
    assert!(findings.iter().any(|reason| reason.contains("otherwise than right suggests")), "{findings:?}");
    let customer = Customer::with_history(before().chain((16..20).map(|push| pairs(push, both))));
    assert_eq!(held_for(&customer, &next), Vec::<String>::new());
}

#[test]
fn what_few_records_have_is_held_against_others_that_have_it() {
    // Where the right one is given it is nought, and so is the left one: that the one is part of the other is no news.
    let cells = |record: usize| {
        if record.is_multiple_of(40) { [0, 0].map(|n| n.to_string()) } else { [record.to_string(), String::new()] }
    };
    let customer = Customer::with_history((0..20).map(|push| pairs(push, cells)));
    let push = pairs(20, |record| [record.to_string(), (record % 9).to_string()]);
    let findings = held_for(&customer, &push);
    assert!(!findings.iter().any(|reason| reason.contains("no longer part")), "{findings:?}");
}

#[test]
fn what_a_value_decided_until_some_pushes_ago_it_decides_no_more() {
    let decided = |record: usize| [format!("key {}", record % 5), format!("value {}", record % 5)];
    let free = |record: usize| [format!("key {}", record % 5), format!("value {}", record / 5 % 5)];
    let before = || (0..12).map(|push| pairs(push, decided));
    let next = pairs(20, free);
    let findings = held_for(&Customer::with_history(before()), &next);
    assert!(findings.iter().any(|reason| reason.contains("learned dependency broken")), "{findings:?}");
    let customer = Customer::with_history(before().chain((12..20).map(|push| pairs(push, free))));
    assert_eq!(held_for(&customer, &next), Vec::<String>::new());
}

#[test]
fn of_more_values_more_repeat_another() {
    // Some thirty words, in four records of a hundred at first and in all at last.
    let filled = |push: usize, of: usize, over: usize| {
        let word = move |at: usize, record: usize| if at < over { 100 } else { record * record % 61 + 100 };
        let cell = move |at: usize, record: usize| (at < of).then(|| format!("word {}", word(at, record)));
        pairs(push, move |record| [String::new(), cell(record % 100, record).unwrap_or_default()])
    };
    let before = (0..12).map(|push| filled(push, 4, 0)).chain((12..14).map(|push| filled(push, 50, 0)));
    let customer = Customer::with_history(before);
    let repeat = |push: &str| held_for(&customer, push).into_iter().find(|reason| reason.contains("repeat another"));
    assert_eq!(repeat(&filled(20, 100, 0)), None);
    let written_over = repeat(&filled(20, 100, 95));
    assert!(written_over.is_some_and(|reason| reason.contains("of right repeat another")));
}

//! Verdicts, edges by name.

use std::fmt::Write;

use holdpoint_analyzer::{Declared, Profile, Settings};
use holdpoint_review::Share;

use crate::{Customer, acme, checks, flagged, orders};

/// The seventh day of orders with a currency never seen in so many of its records.
fn with_strange_currency(records: usize) -> String {
    orders(6, 100).replacen("EUR", "XXX", records)
}

#[test]
fn a_push_like_the_others_passes() {
    let analysis = acme().deliver("push.csv", orders(6, 100).as_bytes());
    assert!(!analysis.report.needs_review, "{:?}", analysis.report.findings);
    assert_eq!(analysis.report.rate(), Share::new(0, 100));
    assert_eq!(analysis.report.baseline.members.len(), 6);
}

#[test]
fn exactly_six_per_cent_passes_and_one_record_above_is_held() {
    let six = acme().deliver("push.csv", with_strange_currency(6).as_bytes());
    assert_eq!((six.report.anomalous, six.report.needs_review), (6, false), "{:?}", six.report.findings);
    let seven = acme().deliver("push.csv", with_strange_currency(7).as_bytes());
    assert_eq!((seven.report.anomalous, seven.report.needs_review), (7, true));
    assert_eq!(seven.report.row_rate, Share::new(7, 100));
}

#[test]
fn a_record_with_several_findings_counts_once() {
    let push = orders(6, 100).replacen("EUR,10.50", "XXX,-10.505", 1);
    let analysis = acme().deliver("push.csv", push.as_bytes());
    assert_eq!(analysis.report.anomalous, 1);
    assert!(analysis.report.findings.len() >= 3, "{:?}", checks(&analysis));
}

#[test]
fn no_records_are_held() {
    let analysis = acme().deliver("push.csv", b"id,day,currency,amount\n");
    assert!(analysis.report.needs_review);
    assert_eq!((checks(&analysis), analysis.report.rate()), (vec!["no records"], Share::WHOLE));
}

#[test]
fn a_column_of_nulls_names_every_record() {
    let push = ["EUR", "USD", "GBP"].iter().fold(orders(6, 100), |push, currency| push.replace(currency, ""));
    let analysis = acme().deliver("push.csv", push.as_bytes());
    assert_eq!((analysis.report.anomalous, checks(&analysis)[0]), (100, "null where never null"));
    assert!(analysis.report.findings[0].reason.contains("none in 6 pushes"), "{}", analysis.report.findings[0].reason);
}

#[test]
fn an_unknown_and_a_missing_column_are_held_as_a_whole() {
    let analysis = acme().deliver("push.csv", orders(6, 100).replacen("amount", "amount_v2", 1).as_bytes());
    assert_eq!(checks(&analysis)[..2], ["column missing", "column never seen"]);
    assert!(analysis.report.findings[0].reason.ends_with("perhaps renamed: amount_v2"));
    assert_eq!((analysis.report.batch_mass, analysis.report.needs_review), (Share::WHOLE, true));
}

#[test]
fn a_renamed_column_is_told_by_its_letters_and_one_without_a_name_as_such() {
    let reasons = |header: &str| {
        let push = orders(6, 100).replacen("id,day,currency,amount", header, 1);
        let findings = acme().deliver("push.csv", push.as_bytes()).report.findings;
        findings.into_iter().map(|finding| finding.reason).collect::<Vec<_>>()
    };
    let told = reasons("ID, Day ,currency,amount");
    assert!(told.contains(&"ID was never in a push before; perhaps renamed: id".to_owned()), "{told:?}");
    assert!(told.contains(&"\" Day \" was never in a push before; perhaps renamed: day".to_owned()), "{told:?}");
    let told = reasons("id,,currency,amount");
    assert!(told[1].ends_with("perhaps renamed: a column without a name"), "{told:?}");
}

#[test]
fn the_same_bytes_again_are_held() {
    let analysis = acme().deliver("push.csv", orders(5, 100).as_bytes());
    assert_eq!((checks(&analysis)[0], analysis.report.needs_review), ("already delivered", true));
}

#[test]
fn a_day_of_the_past_is_behind_what_was_accepted() {
    let analysis = acme().deliver("push.csv", orders(6, 100).replace("2026-03-07", "2026-03-02").as_bytes());
    assert_eq!((analysis.report.anomalous, checks(&analysis)[0]), (100, "behind what was accepted"));
}

#[test]
fn a_unit_mix_up_is_outside_the_learned_range() {
    let push = orders(6, 100).replace(".50\n", "00.50\n");
    let analysis = acme().deliver("push.csv", push.as_bytes());
    assert!(checks(&analysis).contains(&"outside the learned range"), "{:?}", checks(&analysis));
    assert!(analysis.report.needs_review);
    assert!(!analysis.page.plots.is_empty() && !analysis.page.sample.is_empty());
}

#[test]
fn repeated_records_are_found_but_not_the_first_of_them() {
    let day = orders(6, 100);
    let again: String = day.split_inclusive('\n').skip(1).take(20).collect();
    let analysis = acme().deliver("push.csv", (day + &again).as_bytes());
    assert_eq!(analysis.report.anomalous, 20);
    let records: Vec<u64> = analysis.page.sample.iter().map(|record| record.record).collect();
    assert_eq!(records[0], 100);
}

#[test]
fn records_with_a_comma_too_many_are_told_as_shifted_and_columns_in_the_wrong_order_as_swapped() {
    let change = |at: usize, line: &str, change: &dyn Fn(&[&str]) -> String| {
        if at % 10 == 3 { change(&line.split(',').collect::<Vec<_>>()) } else { line.to_owned() }
    };
    let told = |of: &dyn Fn(&[&str]) -> String| {
        let day = orders(6, 100);
        let lines: Vec<String> = day.lines().enumerate().map(|(at, line)| change(at, line, of)).collect();
        acme().deliver("push.csv", lines.join("\n").as_bytes())
    };
    let shifted = told(&|cells| format!(",{},{},{}", cells[0], cells[1], cells[2]));
    let swapped = told(&|cells| format!("{},{},{},{}", cells[0], cells[1], cells[3], cells[2]));
    for (analysis, check) in [(shifted, "shifted row"), (swapped, "swapped columns")] {
        assert_eq!((analysis.report.anomalous, checks(&analysis)[0]), (10, check), "{:?}", analysis.report.findings);
        assert_eq!(analysis.report.findings[0].share, Share::new(10, 100));
        assert!(flagged(&analysis).contains(&format!(",{check}; ")), "{}", flagged(&analysis));
        assert_eq!(analysis.page.sample[0].reasons[0], check);
    }
}

#[test]
fn half_of_the_records_missing_is_held() {
    let analysis = acme().deliver("push.csv", orders(6, 40).as_bytes());
    assert!(checks(&analysis).contains(&"records missing"), "{:?}", checks(&analysis));
    assert!(analysis.report.needs_review);
}

#[test]
fn a_first_push_is_held_by_default_and_judged_within_itself_otherwise() {
    let first = Customer::new().deliver("push.csv", orders(0, 100).as_bytes());
    assert_eq!((first.report.needs_review, checks(&first)), (true, vec!["first push"]));
    let settings = Settings { hold_first: false, ..Settings::default() };
    let within = Customer::new().deliver_under(&settings, "push.csv", orders(0, 100).as_bytes());
    assert!(!within.report.needs_review, "{:?}", within.report.findings);
}

#[test]
fn few_records_can_be_ignored_but_not_an_empty_push() {
    let settings = Settings { min_anomalous: 8, ..Settings::default() };
    assert!(!acme().deliver_under(&settings, "push.csv", with_strange_currency(7).as_bytes()).report.needs_review);
    assert!(acme().deliver_under(&settings, "push.csv", with_strange_currency(8).as_bytes()).report.needs_review);
    assert!(acme().deliver_under(&settings, "push.csv", b"id,day,currency,amount\n").report.needs_review);
}

#[test]
fn b43_same_bytes_and_baseline_make_the_same_report_byte_for_byte() {
    let judge = || {
        let analysis = acme().deliver("push.csv", with_strange_currency(20).as_bytes());
        (
            serde_json::to_string(&analysis.report).unwrap(),
            serde_json::to_string(&analysis.page).unwrap(),
            flagged(&analysis),
        )
    };
    assert_eq!(judge(), judge());
}

#[test]
fn a_profile_survives_json() {
    let analysis = acme().deliver("push.csv", orders(6, 100).as_bytes());
    let profile = analysis.profile.unwrap();
    let json = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), profile);
    assert!(json.len() < 20_000, "{} bytes", json.len());
}

#[test]
fn flagged_records_carry_reasons_and_are_safe_in_a_spreadsheet() {
    let push = orders(6, 100).replacen("EUR,10.50", "\"=cmd|' /C calc'!A0\",10.50", 1);
    let analysis = acme().deliver("push.csv", push.as_bytes());
    let text = flagged(&analysis);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("record,reasons,columns,id,day,currency,amount"));
    let line = lines.next().unwrap();
    assert!(line.starts_with("0,currency: "), "{line}");
    assert!(line.contains(",'=cmd|' /C calc'!A0,"), "{line}");
}

#[test]
fn a_push_is_compared_with_earlier_ones_only() {
    let mut customer = acme();
    let file = customer.file("late.csv", orders(9, 100).as_bytes());
    customer.accepted.push(holdpoint_analyzer::profile(&file, &crate::push(&file, 99), &Declared::default()).unwrap());
    let push = customer.file("push.csv", orders(6, 100).as_bytes());
    let push_of = crate::push(&push, 6);
    let baseline = holdpoint_analyzer::Baseline::learn(customer.accepted, push_of.delivered_at);
    assert_eq!(baseline.summary().members.len(), 6);
}

/// More records than are profiled one by one, a twentieth of them without an amount where `is_dirty` says so.
fn many(is_dirty: impl Fn(usize) -> bool) -> String {
    let mut text = "id,day,currency,amount\n".to_owned();
    for record in 0..200_000 {
        let amount = if is_dirty(record) { String::new() } else { format!("{}.50", record % 97) };
        let _ = writeln!(text, "{record},2024-01-{:02},{},{amount}", record / 10_000 + 1, ["EUR", "USD"][record % 2]);
    }
    text
}

#[test]
fn a_large_first_push_is_judged_by_all_of_it_wherever_its_dirt_lies() {
    let anywhere = many(|record| record % 100 == 7);
    let where_no_glimpse_falls = many(|record| (20_000..22_000).contains(&record));
    for (name, text) in [("anywhere.csv", anywhere), ("somewhere.csv", where_no_glimpse_falls)] {
        let report = Customer::new().deliver(name, text.as_bytes()).report;
        assert_eq!((report.records, report.anomalous), (200_000, 2_000), "{name}: {:?}", report.findings);
    }
}

#[test]
fn a_limit_below_what_accepted_pushes_reach_is_warned_of() {
    // Every third day an order without a currency, which is rare enough not to be normal and too usual to be wrong.
    let day = |day: usize| orders(day, 400).replacen("EUR", if day.is_multiple_of(3) { "" } else { "EUR" }, 1);
    let customer = Customer::with_history((0..12).map(day));
    let judged = |threshold: &str| {
        let settings = Settings { threshold: threshold.parse().unwrap(), ..Settings::default() };
        customer.deliver_under(&settings, "push.csv", orders(12, 400).as_bytes()).report
    };
    let report = judged("6%");
    let replayed: Vec<_> = report.baseline.members.iter().map(|member| member.replayed.is_some()).collect();
    assert_eq!(replayed, [[false; 6], [true; 6]].concat(), "the later half was replayed");
    assert!(report.baseline.expected.is_some() && !report.is_limit_too_low(), "{:?}", report.baseline.expected);
    assert_eq!(judged("0%").is_limit_too_low(), report.baseline.expected.unwrap().count > 0);
}

#[test]
fn many_records_of_few_kinds_pass_when_they_come_again() {
    let text = |day: usize| {
        let mut text = "shop,city,product,price,day\n".to_owned();
        for record in 0..200_000 {
            let (shop, product) = (record * 7 % 5, record * 13 % 8);
            let _ = writeln!(text, "S{shop},City {},P{product},{}.25,2026-03-{:02}", shop % 3, product * 3, day + 1);
        }
        text
    };
    let customer = Customer::with_history([text(0)]);
    let analysis = customer.deliver("push.csv", text(1).as_bytes());
    assert_eq!((analysis.report.records, analysis.report.anomalous), (200_000, 0), "{:?}", analysis.report.findings);
    assert!(!analysis.report.needs_review, "{:?}", analysis.report.findings);
}

#[test]
fn nines_within_what_was_seen_are_a_number_however_many_there_are() {
    let payments = |day: usize| {
        (0..100).fold("id,cents\n".to_owned(), |mut text, record| {
            let _ =
                writeln!(text, "{},{}", day * 10_000 + record, (record * 7_919 + day * 31) % 100 * 500_000 + record);
            text
        })
    };
    let push = payments(6).replacen(",500", ",9999999\n1,500", 1);
    let analysis = Customer::with_history((0..6).map(payments)).deliver("push.csv", push.as_bytes());
    assert!(!checks(&analysis).contains(&"sentinel never seen"), "{:?}", checks(&analysis));
}

#[test]
fn what_is_expected_counts_a_day_that_was_far_ahead_and_accepted_all_the_same() {
    let far = (0..10).map(|day| orders(day, 100)).chain([orders(10, 100).replace("2026-03", "2027-09")]);
    let customer = Customer::with_history(far);
    let analysis = customer.deliver("push.csv", orders(11, 100).as_bytes());
    assert!(checks(&analysis).contains(&"behind what was accepted"), "{:?}", checks(&analysis));
    assert_eq!(analysis.report.baseline.expected.map(Share::as_f64), Some(1.0));
}

/// The posts of a week: every second one is liked by nobody, the others by as many as no other.
fn posts(week: usize, likes: impl Fn(usize) -> usize) -> String {
    let post = |at: usize| format!("{},{}\n", week * 40 + at, likes(at));
    format!("id,likes\n{}", (0..40).map(post).collect::<String>())
}

#[test]
fn noughts_in_the_place_of_all_other_numbers_are_a_shift_however_many_there_were() {
    let likes = |week: usize| move |at: usize| if at.is_multiple_of(2) { 0 } else { 1 + (at * 53 + week * 29) % 997 };
    let customer = Customer::with_history((0..12).map(|week| posts(week, likes(week))));
    assert!(!customer.deliver("push.csv", posts(12, likes(12)).as_bytes()).report.needs_review);
    let nobody = customer.deliver("push.csv", posts(12, |_| 0).as_bytes());
    assert!(checks(&nobody).contains(&"distribution shifted"), "{:?}", nobody.report.findings);
}

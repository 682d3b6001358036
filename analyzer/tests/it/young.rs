//! What few accepted pushes teach, and what they cannot: a customer's first weeks must not be a row of false alarms.

use std::fmt::Write;

use holdpoint_review::Finding;
use jiff::{ToSpan, civil::date};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Customer, orders};

/// A day of orders of one batch, which has a number.
fn batch(day: usize) -> String {
    orders(day, 100).replace(",2026", &format!(",{},2026", 417 + day)).replace("id,", "id,batch,")
}

/// A push of a hundred records with a column of its own.
fn with_column(push: usize, name: &str, cell: impl Fn(usize) -> String) -> String {
    let mut text = format!("id,{name}\n");
    for record in 0..100 {
        let _ = writeln!(text, "{},{}", push * 1000 + record, cell(record));
    }
    text
}

#[test]
fn the_second_push_is_not_held_because_another_day_has_come() {
    let customer = Customer::with_history([batch(0)]);
    let report = customer.deliver("push.csv", batch(1).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
    let report = customer.deliver("push.csv", batch(1).replace(",EUR,", ",,").as_bytes()).report;
    assert!(report.needs_review, "what does not change from day to day is held against it");
}

#[test]
fn a_second_push_of_several_batches_is_held_against_its_own() {
    let customer = Customer::with_history([batch(0)]);
    let report = customer.deliver("push.csv", batch(1).replacen(",418,", ",481,", 20).as_bytes()).report;
    assert_eq!((report.anomalous, report.findings[0].check.as_str()), (20, "category never seen"));
}

#[test]
fn a_measure_that_rose_twice_is_no_counter() {
    let level =
        |push: usize, base: usize| with_column(push, "level", |record| format!("{}.{}", base + record % 9, record % 7));
    let customer = Customer::with_history([(0, 100), (1, 112), (2, 124)].map(|(push, base)| level(push, base)));
    let report = customer.deliver("push.csv", level(3, 108).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
}

#[test]
fn a_year_that_several_pushes_share_may_end() {
    let year = |push: usize| with_column(push, "year", |_| (2020 + push / 2).to_string());
    let customer = Customer::with_history((0..6).map(year));
    assert!(!customer.deliver("push.csv", year(6).as_bytes()).report.needs_review);
    let report = customer.deliver("push.csv", year(0).as_bytes()).report;
    let is_behind = |finding: &Finding| finding.check == "behind what was accepted" && finding.columns == ["year"];
    assert!(report.findings.iter().any(is_behind), "{:?}", report.findings);
}

#[test]
fn a_month_and_a_year_may_end() {
    // The days of December 2025, in columns of their own, then the first of January.
    let of = |day: usize, [year, month, in_month]: [usize; 3]| {
        orders(day, 100)
            .replace(",2026-", &format!(",{year},{month},{in_month},2026-"))
            .replace("id,", "id,year,orderMonth,day,")
    };
    let customer = Customer::with_history((0..20).map(|day| of(day, [2025, 12, day + 12])));
    let january = of(20, [2026, 1, 1]);
    let report = customer.deliver("push.csv", january.as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
    let none = january.replacen(",1,1,2026-", ",13,1,2026-", 7);
    let report = customer.deliver("push.csv", none.as_bytes()).report;
    assert_eq!((report.anomalous, report.findings[0].check.as_str()), (7, "outside the learned range"));
    let written = |text: String| text.replace(",12,", ",12.0,").replace(",1,1,", ",1.0,1,");
    let customer = Customer::with_history((0..20).map(|day| written(of(day, [2025, 12, day + 12]))));
    let report = customer.deliver("push.csv", written(january.clone()).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
    let another = written(january).replacen(",1.0,1,2026-", ",12.0,31,2026-", 7);
    let report = customer.deliver("push.csv", another.as_bytes()).report;
    assert_eq!((report.anomalous, report.findings[0].check.as_str()), (7, "category never seen"));
}

#[test]
fn a_flag_that_was_raised_once_may_be_lowered() {
    let weekend = |push: usize| with_column(push, "weekend", |_| usize::from(push % 7 > 4).to_string());
    let customer = Customer::with_history((0..7).map(weekend));
    let report = customer.deliver("push.csv", weekend(7).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
}

#[test]
fn a_first_push_without_discounts_forbids_none() {
    let discount =
        |push: usize, most: usize| with_column(push, "discount", |record| usize::from(record < most).to_string());
    let customer = Customer::with_history([discount(0, 0)]);
    let report = customer.deliver("push.csv", discount(1, 8).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
}

#[test]
fn where_each_push_had_names_of_its_own_new_ones_are_no_error() {
    let shops = |push: usize, own: usize| {
        with_column(push, "shop", |record| match record % 10 {
            0 => format!("Shop {}", own + record / 50),
            shop => format!("Store {shop}"),
        })
    };
    let customer = Customer::with_history((0..4).map(|push| shops(push, push * 2 + 100)));
    let report = customer.deliver("push.csv", shops(4, 900).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
    let strict = Customer::with_history((0..4).map(|push| shops(push, 100)));
    assert!(strict.deliver("push.csv", shops(4, 900).as_bytes()).report.needs_review);
}

#[test]
fn how_a_text_is_written_is_known_from_few_records() {
    // Each is built in a way of its own; one comes twice, or the column would be an identifier.
    let seen = |push: usize, record: usize| {
        let marks = format!("{:07b}", record.max(1)).replace('0', "-").replace('1', "/");
        format!("Left {marks} at {push}")
    };
    let notes = |push: usize| with_column(push, "note", |record| seen(push, record));
    let customer = Customer::with_history((0..3).map(notes));
    assert!(!customer.deliver("push.csv", notes(3).as_bytes()).report.needs_review);
    let check = |spoil: fn(String) -> String, told: &str| {
        let spoilt = with_column(3, "note", |record| match record {
            ..7 => spoil(seen(3, record)),
            _ => seen(3, record),
        });
        let report = customer.deliver("push.csv", spoilt.as_bytes()).report;
        assert_eq!(report.anomalous, 7, "{told}");
        assert!(report.findings.iter().any(|finding| finding.hard && finding.check == told), "{:?}", report.findings);
    };
    check(|text| text.to_uppercase(), "letter case never seen");
    check(|text| text.replace("ft", "Ã©ft"), "broken encoding");
}

#[test]
fn a_month_by_name_may_end() {
    let of = |day: usize, month: &str| {
        orders(day, 100).replace(",2026-", &format!(",{month},2026-")).replace("id,", "id,season,")
    };
    for [may, june] in [["May", "Jun"], ["May", "June"], ["MAY", "JUNE"], ["Mon", "Tue"], ["q1", "q2"]] {
        let customer = Customer::with_history((0..20).map(|day| of(day, may)));
        let next = of(20, june);
        let report = customer.deliver("push.csv", next.as_bytes()).report;
        assert!(!report.needs_review, "{june}: {:?}", report.findings);
        let none = next.replacen(&format!(",{june},"), ",Juno,", 7);
        let report = customer.deliver("push.csv", none.as_bytes()).report;
        assert_eq!((report.anomalous, report.findings[0].check.as_str()), (7, "category never seen"), "{june}");
    }
}

#[test]
fn a_number_that_is_whole_by_chance_is_written_well() {
    let of = |push: usize, date: &str| with_column(push, "date", |_| date.to_owned());
    let months = ["2013.66666666667", "2013.75", "2013.83333333333", "2013.91666666667"];
    let customer = Customer::with_history(months.iter().enumerate().map(|(push, date)| of(push, date)));
    let report = customer.deliver("push.csv", of(4, "2014").as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
    let report = customer.deliver("push.csv", of(4, "Jan 2014").as_bytes()).report;
    assert!(report.needs_review);

    let prices = |push: usize| with_column(push, "price", |record| format!("{}.{}0", record % 9, record % 2 * 5));
    let customer = Customer::with_history((0..4).map(prices));
    let short = prices(4).replacen(".50", "", 7);
    let report = customer.deliver("push.csv", short.as_bytes()).report;
    assert_eq!((report.anomalous, report.findings[0].check.as_str()), (7, "character pattern never seen"));
}

/// A number below `below`, of each push, column and record another.
fn drawn(at: [usize; 3], below: u64) -> u64 {
    xxh3_64(format!("{at:?}").as_bytes()) % below
}

#[test]
fn of_many_columns_some_reach_further_than_ever() {
    // Most amounts are small and a few are large, as they are.
    let amounts = |push: usize, factor: u64| {
        let mut text = (0..40).map(|column| format!("amount_{column}")).collect::<Vec<_>>().join(",");
        for record in 0..60 {
            text.push('\n');
            let amount = |column: usize| 100_000 / (1 + drawn([push, column, record], 1000));
            let of_first = amount(0) * if record % 5 == 0 { factor } else { 1 };
            let rest = (1..40).map(|column| format!(",{}.5", amount(column)));
            let _ = write!(text, "{of_first}.5{}", rest.collect::<String>());
        }
        text
    };
    for known in [2, 3, 5] {
        let customer = Customer::with_history((0..known).map(|push| amounts(push, 1)));
        for push in 5..8 {
            let report = customer.deliver("push.csv", amounts(push, 1).as_bytes()).report;
            assert!(!report.needs_review, "{known} known: {:?}", report.findings);
        }
        let report = customer.deliver("push.csv", amounts(5, 10_000).as_bytes()).report;
        assert!(report.needs_review, "{known} known: {:?}", report.findings);
    }
}

#[test]
fn codes_that_happened_not_to_repeat_are_no_key() {
    let tells = |push_of: &dyn Fn(usize) -> String| {
        let customer = Customer::with_history((0..3).map(push_of));
        let push = push_of(3);
        let (_, first) = push.lines().nth(1).unwrap().split_once(',').unwrap();
        let report = customer.deliver("push.csv", format!("{push}9999,{first}\n").as_bytes()).report;
        report.findings.iter().any(|finding| finding.check == "duplicate key")
    };
    // Of so many codes no push has one twice, but eight came in two pushes.
    let some = |push: usize| with_column(push, "code", |record| format!("C{}", drawn([push, 0, record], 8_400)));
    assert!(!tells(&some));
    assert!(
        tells(&|push| with_column(push, "code", |record| format!("C{}", (record + push) % 100))),
        "all in each push"
    );
    assert!(tells(&|push| with_column(push, "code", |record| format!("C{}", record + push * 100))), "new in each push");
}

#[test]
fn dates_that_move_on_with_the_pushes_may_pass_a_gap() {
    // Shipped on one of the ten days up to the push.
    let shipped = |push: usize, later: i64| {
        with_column(push, "shipped", |record| {
            let day = date(2026, 3, 1) + i64::try_from(push + record % 10).unwrap().days() + later.years();
            day.to_string()
        })
    };
    let customer = Customer::with_history((0..12).map(|push| shipped(push, 0)));
    let report = customer.deliver("push.csv", shipped(18, 0).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
    for (later, told) in [(5, "far ahead of what was accepted"), (-5, "behind what was accepted")] {
        let report = customer.deliver("push.csv", shipped(12, later).as_bytes()).report;
        assert_eq!((report.anomalous, report.findings[0].check.as_str()), (100, told));
    }
}

#[test]
fn dates_that_stay_where_they_are_do_not_move_on() {
    let born = |push: usize, later: i64| {
        with_column(push, "born", |record| {
            let weeks = i64::try_from(drawn([push, 0, record], 1_000)).unwrap().weeks();
            (date(1950, 1, 1) + weeks + later.years()).to_string()
        })
    };
    let customer = Customer::with_history((0..12).map(|push| born(push, 0)));
    for push in 12..16 {
        assert!(!customer.deliver("push.csv", born(push, 0).as_bytes()).report.needs_review);
    }
    let findings = customer.deliver("push.csv", born(12, 40).as_bytes()).report.findings;
    assert!(findings.iter().any(|finding| finding.check == "distribution shifted"), "{findings:?}");
}

#[test]
fn a_number_that_several_lines_share_may_count_on() {
    let ordered = |push: usize, by: usize| {
        with_column(push, "order", move |line| ((7_000 + push * 60 + line / 2) * by).to_string())
    };
    for known in [1, 2, 3, 6] {
        let customer = Customer::with_history((0..known).map(|push| ordered(push, 1)));
        let report = customer.deliver("push.csv", ordered(known, 1).as_bytes()).report;
        assert!(!report.needs_review, "{known} known: {:?}", report.findings);
        let report = customer.deliver("push.csv", ordered(known, 100).as_bytes()).report;
        assert!(report.anomalous == 100, "{known} known: {:?}", report.findings);
    }
    // What did not go on from the first push to the second is a measure.
    let level = |push: usize, base: usize| with_column(push, "level", |line| (base + line / 2).to_string());
    let customer = Customer::with_history([level(0, 7_000), level(1, 7_001)]);
    let report = customer.deliver("push.csv", level(2, 7_500).as_bytes()).report;
    assert_eq!((report.anomalous, report.findings[0].check.as_str()), (100, "outside the learned range"));
}

#[test]
fn who_had_a_large_order_in_the_first_push_need_not_have_one_in_the_second() {
    // Twelve orders of four lines and others of one, of four hundred customers.
    let customers = |push: usize| {
        let order = |line: usize| if line < 48 { line / 4 } else { line };
        with_column(push, "customer", |line| format!("C{}", 1_000 + drawn([push, 0, order(line)], 400)))
    };
    let customer = Customer::with_history([customers(0)]);
    let report = customer.deliver("push.csv", customers(1).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
}

#[test]
fn what_an_hour_decides_on_the_first_day_it_does_not_on_the_second() {
    let departures = |day: usize| {
        with_column(day, "hour,at", |record| format!("{},2026-03-{:02}T{:02}:00:00", record % 9, day + 1, record % 9))
    };
    let customer = Customer::with_history([departures(0)]);
    let report = customer.deliver("push.csv", departures(1).as_bytes()).report;
    assert!(!report.needs_review, "{:?}", report.findings);
}

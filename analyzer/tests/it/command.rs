//! The binary's `check`: what it prints and how it exits.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::{Customer, acme, orders};

fn check(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdpoint-analyzer"))
        .arg("check")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder with a history, a clean push and a spoiled one.
fn delivered() -> Customer {
    let customer = acme();
    std::fs::create_dir(customer.folder.path().join("history")).unwrap();
    for day in 0..6 {
        customer.file(&format!("history/{day}.csv"), orders(day, 100).as_bytes());
    }
    customer.file("clean.csv", orders(6, 100).as_bytes());
    customer.file("spoiled.csv", orders(6, 100).replace("EUR", "¢").as_bytes());
    customer
}

#[test]
fn exit_codes_tell_clean_from_held_from_failed() {
    let customer = delivered();
    let folder = customer.folder.path();
    let code = |arguments: &[&str]| check(folder, arguments).status.code();
    assert_eq!(code(&["--history-dir", "history", "clean.csv"]), Some(0));
    assert_eq!(code(&["--history-dir", "history", "clean.csv", "spoiled.csv"]), Some(1));
    assert_eq!(code(&["--history-dir", "history", "--threshold", "50%", "spoiled.csv"]), Some(0));
    assert_eq!(code(&["--history-dir", "nowhere", "clean.csv"]), Some(2));
    assert_eq!(code(&["--rules", "x.toml", "clean.csv"]), Some(2));
    assert_eq!(code(&["--threshold", "lots", "clean.csv"]), Some(2));
    assert_eq!(code(&[]), Some(2));
}

#[test]
fn an_error_is_one_line_that_names_the_file() {
    let customer = delivered();
    let folder = customer.folder.path();
    std::fs::create_dir_all(folder.join("pages/clean.html")).unwrap();
    let names = |arguments: &[&str], file: &str| {
        let error = String::from_utf8(check(folder, arguments).stderr).unwrap();
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.starts_with(&format!("holdpoint-analyzer: {file}: ")), "{error}");
    };
    names(&["--history-dir", "history", "gone.csv"], "gone.csv");
    names(&["--history-dir", "history", "--report", "pages", "clean.csv"], "pages/clean.html");
}

#[test]
fn json_is_one_object_per_push_in_order() {
    let customer = delivered();
    let output =
        check(customer.folder.path(), &["--history-dir", "history", "--format", "json", "spoiled.csv", "clean.csv"]);
    let [spoiled, clean] = &lines(&output)[..] else { panic!("two lines") };
    assert_eq!(
        (&spoiled["push"], &spoiled["verdict"], &spoiled["anomalous"]),
        (&"spoiled.csv".into(), &"review".into(), &34.into())
    );
    assert_eq!((&clean["verdict"], &clean["rate"], &clean["threshold"]), (&"pass".into(), &0.0.into(), &0.06.into()));
    assert_eq!(spoiled["findings"][0]["columns"], Value::from(vec!["currency"]));
    for key in ["records", "row_rate", "batch_mass"] {
        assert!(spoiled[key].is_number(), "{key}");
    }
}

#[test]
fn text_says_the_verdict_first_and_the_gravest_finding_next() {
    let customer = delivered();
    let output = check(customer.folder.path(), &["--history-dir", "history", "spoiled.csv"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("REVIEW  spoiled.csv  34.0 % anomalous, limit 6 %"), "{first}");
    assert!(lines.next().unwrap().contains("34.0 %  currency: "), "{text}");
}

#[test]
fn flagged_records_go_to_a_file_named_after_the_push() {
    let customer = delivered();
    check(customer.folder.path(), &["--history-dir", "history", "--flagged", "out/deep", "spoiled.csv"]);
    let flagged = std::fs::read_to_string(customer.folder.path().join("out/deep/spoiled.csv")).unwrap();
    assert_eq!(flagged.lines().count(), 35);
    assert!(flagged.lines().nth(1).unwrap().starts_with("0,currency: "), "{flagged}");
}

#[test]
fn history_files_may_be_named_one_by_one() {
    let customer = delivered();
    let output = check(
        customer.folder.path(),
        &["--history", "history/0.csv", "--history", "history/1.csv", "--format", "json", "spoiled.csv"],
    );
    assert_eq!(lines(&output)[0]["verdict"], "review");
}

#[test]
fn the_report_is_a_page_that_needs_no_other_file_and_shows_a_name_as_text() {
    let customer = delivered();
    customer.file("<script>spoiled.csv", orders(6, 100).replace("EUR", "¢").as_bytes());
    check(customer.folder.path(), &["--history-dir", "history", "--report", "pages", "<script>spoiled.csv"]);
    let page = std::fs::read_to_string(customer.folder.path().join("pages/<script>spoiled.html")).unwrap();
    for part in
        ["A person must look", "34.0 %", "The limit is 6 %", "currency", "<mark>¢", "judged by 6 accepted pushes"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
    for outside in ["<script", "src=", "http:", "https:", "url("] {
        assert!(!page.contains(outside), "{outside} in {page}");
    }
}

#[test]
fn flagged_records_are_written_over_those_of_last_time_but_never_over_a_push() {
    let customer = delivered();
    let folder = customer.folder.path();
    for _ in 0..2 {
        let output = check(folder, &["--history-dir", "history", "--flagged", "out", "spoiled.csv"]);
        assert_eq!(output.status.code(), Some(1));
    }
    for (into, push) in [(".", "spoiled.csv"), ("out", "out/spoiled.csv")] {
        let before = std::fs::read(folder.join(push)).unwrap();
        let output = check(folder, &["--history-dir", "history", "--flagged", into, push]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{told}");
        assert!(told.contains("spoiled.csv: is there already"), "{told}");
        assert_eq!(std::fs::read(folder.join(push)).unwrap(), before);
    }
}

#[test]
fn a_push_that_is_not_there_does_not_keep_the_others_from_being_judged() {
    let customer = delivered();
    let output =
        check(customer.folder.path(), &["--history-dir", "history", "--format", "json", "nope.csv", "clean.csv"]);
    assert_eq!(lines(&output)[0]["push"], "clean.csv");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.lines().count()), (Some(2), 1), "{told}");
    assert!(told.contains("nope.csv: No such file"), "{told}");
}

#[test]
fn pushes_of_one_name_are_refused_where_one_would_overwrite_what_is_written_about_another() {
    let customer = delivered();
    let output = check(customer.folder.path(), &["--flagged", "out", "clean.csv", "history/../clean.csv"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{told}");
    assert!(told.contains("called clean") && !customer.folder.path().join("out").exists(), "{told}");
}

#[test]
fn what_a_program_left_beside_the_history_is_no_push_and_names_do_not_move_the_cursor() {
    let customer = delivered();
    customer.file("history/_SUCCESS", b"");
    customer.file("\u{1b}[2Jspoiled\n.csv", &std::fs::read(customer.folder.path().join("spoiled.csv")).unwrap());
    let output = check(customer.folder.path(), &["--history-dir", "history", "\u{1b}[2Jspoiled\n.csv"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("REVIEW   [2Jspoiled .csv  34.0 % anomalous") && !text.contains('\u{1b}'), "{text}");
}

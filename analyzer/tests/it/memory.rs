//! Machines that are smaller than a push: b44, one larger than the memory that there is; and a disk that fills up on the way.

use std::{
    io::{BufWriter, Write},
    process::Command,
};

use crate::Customer;

/// What the process may have of memory that it can write to. The file that it reads is not counted: the system can drop
/// pages of it at any time.
const LIMIT_KB: usize = 112_000;
const LARGER: usize = 2;

/// Runs `check` on two files of these many bytes under a limit, the first one being its history; whether it came to a verdict.
#[cfg(target_os = "linux")]
fn is_judged(push_bytes: usize, limit_kb: usize) -> bool {
    let customer = Customer::new();
    let line = format!("2026-03-01,{}\n", "x".repeat(1_000));
    for (name, bytes) in [("history.csv", 500 * line.len()), ("push.csv", push_bytes)] {
        let mut file = BufWriter::new(std::fs::File::create(customer.folder.path().join(name)).unwrap());
        file.write_all(b"day,note\n").unwrap();
        for _ in 0..bytes / line.len() {
            file.write_all(line.as_bytes()).unwrap();
        }
        file.flush().unwrap();
    }
    let check = "exec \"$0\" check --history history.csv --format json push.csv";
    let output = Command::new("bash")
        .args(["-c", &format!("ulimit -d {limit_kb} && {check}"), env!("CARGO_BIN_EXE_holdpoint-analyzer")])
        .current_dir(customer.folder.path())
        // One batch in hand for each, so that the figure does not depend on the machine.
        .env("POLARS_MAX_THREADS", "1")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).contains("\"verdict\"")
}

#[cfg(target_os = "linux")]
#[test]
fn b44_a_push_larger_than_memory_is_analyzed() {
    assert!(is_judged(LARGER * LIMIT_KB * 1_024, LIMIT_KB));
    assert!(!is_judged(LIMIT_KB * 1_024 / 4, LIMIT_KB / 16), "the limit does limit");
}

/// A bound on the size of a file that it writes stands for a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_not_said_to_be_the_customers_fault() {
    let customer = Customer::new();
    let all_new = crate::orders(6, 20_000).replace("EUR", "XYZ").replace("USD", "XYZ").replace("GBP", "XYZ");
    customer.file("history.csv", crate::orders(0, 200).as_bytes());
    customer.file("push.csv", all_new.as_bytes());
    let check = "trap '' XFSZ; ulimit -f 256; exec \"$0\" check --history history.csv --format json push.csv";
    let output = Command::new("bash")
        .args(["-c", check, env!("CARGO_BIN_EXE_holdpoint-analyzer")])
        .current_dir(customer.folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("File too large") && output.stdout.is_empty(), "{output:?}");
}

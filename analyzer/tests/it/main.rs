//! The analyzer from outside: files in, reports and exit codes out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod changed;
mod command;
mod declared;
mod documented;
mod fuzz;
mod hostile;
mod judgement;
mod memory;
mod stopping;
mod young;

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use holdpoint_analyzer::{Analysis, Baseline, Declared, Profile, Push, Settings, analyze, profile};
use holdpoint_review::ObjectVersion;
use jiff::Timestamp;
use tempfile::TempDir;

/// A customer with a folder of files.
struct Customer {
    folder: TempDir,
    accepted: Vec<Profile>,
}

impl Customer {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), accepted: Vec::new() }
    }

    /// A customer of whom these files were accepted.
    fn with_history(files: impl IntoIterator<Item = String>) -> Self {
        let mut customer = Self::new();
        for text in files {
            let at = customer.accepted.len();
            let file = customer.file(&format!("{at:04}.csv"), text.as_bytes());
            customer.accepted.push(profile(&file, &push(&file, at), &Declared::default()).unwrap());
        }
        customer
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn deliver(&self, name: &str, bytes: &[u8]) -> Analysis {
        self.deliver_under(&Settings::default(), name, bytes)
    }

    fn deliver_under(&self, settings: &Settings, name: &str, bytes: &[u8]) -> Analysis {
        let file = self.file(name, bytes);
        let push = push(&file, self.accepted.len());
        analyze(&file, &push, &Baseline::learn(self.accepted.clone(), push.delivered_at), settings).unwrap()
    }
}

fn push(file: &Path, at: usize) -> Push {
    Push {
        source: ObjectVersion {
            bucket: "bucket".to_owned(),
            key: file.file_name().unwrap().to_string_lossy().into_owned(),
            version_id: at.to_string(),
        },
        dataset: "orders".to_owned(),
        customer: "acme".to_owned(),
        delivered_at: Timestamp::from_second(i64::try_from(at).unwrap() * 86_400).unwrap(),
        tags: BTreeMap::new(),
    }
}

/// A day of orders: an identifier, a day, a category and an amount.
fn orders(day: usize, records: usize) -> String {
    let mut text = "id,day,currency,amount\n".to_owned();
    for record in 0..records {
        let currency = ["EUR", "USD", "GBP"][record % 3];
        let _ =
            writeln!(text, "{},2026-03-{:02},{currency},{}.50", day * 10_000 + record, day + 1, 10 + (record * 7) % 90);
    }
    text
}

/// Six accepted days of a hundred orders.
fn acme() -> Customer {
    Customer::with_history((0..6).map(|day| orders(day, 100)))
}

/// The checks that a push failed, the gravest first.
fn checks(analysis: &Analysis) -> Vec<&str> {
    analysis.report.findings.iter().map(|finding| finding.check.as_str()).collect()
}

fn flagged(analysis: &Analysis) -> String {
    std::fs::read_to_string(&analysis.flagged).unwrap()
}

//! From a file to a judgement: one number in one unit, a reason for each record, and what a page shows of it.
//!
//! `R = max(row_rate, batch_mass)`; a person must look when it is strictly above the threshold. The same bytes under the same
//! baseline give the same report, byte for byte: nothing here knows the time or draws a number.

mod findings;
mod measure;
mod plots;
mod together;

use std::{collections::BTreeMap, io, path::Path};

use findings::Found;
use holdpoint_review::{Finding, ObjectVersion, PageData, PushHash, REPORT_VERSION, Report, Share, Threshold};
use indicatif::ProgressBar;
use jiff::Timestamp;
use tempfile::TempPath;

use crate::{
    baseline::{Baseline, Weighed},
    declared::Declared,
    flagged,
    profile::{PROFILE_VERSION, Profile, Table},
    read::{self, Limits, Opened, Unreadable},
    rules::{Check, Rule},
    scan::{Scanned, scan},
};

/// What the service knows of a push without reading it.
#[derive(Debug, Clone)]
pub struct Push {
    /// The object version.
    pub source: ObjectVersion,
    /// From the key.
    pub dataset: String,
    /// From the key.
    pub customer: String,
    /// When S3 stored it.
    pub delivered_at: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// How an owner wants pushes to be judged.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The rate above which a person must look.
    pub threshold: Threshold,
    /// Fewer anomalous records than this are let through, whatever their share; an empty or broken push never is.
    pub min_anomalous: u64,
    /// Whether excess mass is reported but does not hold a push.
    pub row_rate_alone: bool,
    /// Whether a push with no accepted one before it is held.
    pub hold_first: bool,
    /// What is wrong whatever was accepted before.
    pub declared: Declared,
    /// Told how far the scan is; says nothing about the push.
    pub progress: ProgressBar,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threshold: Threshold::SIX_PERCENT,
            min_anomalous: 1,
            row_rate_alone: false,
            hold_first: true,
            declared: Declared::default(),
            progress: ProgressBar::hidden(),
        }
    }
}

/// All that one analysis brings forth.
#[derive(Debug)]
pub struct Analysis {
    /// The judgement.
    pub report: Report,
    /// What a page shows beside it.
    pub page: PageData,
    /// What the push looked like; none where it could not be read.
    pub profile: Option<Profile>,
    /// The flagged records as CSV; the file goes when this is dropped.
    pub flagged: TempPath,
}

/// Judges a push. `file` is a local copy of its bytes; the format is told by them, and held against the key's extension.
///
/// Blocks for as long as the file is read: call it off the async threads. A push that cannot be read is no error but a report
/// that needs review and says why.
///
/// # Errors
///
/// Only where this machine is at fault: the file is gone, the disk for scratch files is full. Trying again may help.
pub fn analyze(file: &Path, push: &Push, baseline: &Baseline, settings: &Settings) -> io::Result<Analysis> {
    let judge = Judge { push, baseline, settings, content: read::push_hash(file)? };
    judge.judge(file).or_else(|unreadable| match unreadable {
        Unreadable::Io(error) => Err(error),
        unreadable => judge.hold_unread(&unreadable),
    })
}

/// Holds a push that could not be analyzed in any attempt, for this reason, as one that is all anomalous.
///
/// # Errors
///
/// Only where this machine is at fault, as for [`analyze`].
pub fn hold_unanalyzed(file: &Path, push: &Push, reason: &str, settings: &Settings) -> io::Result<Analysis> {
    let content = read::push_hash(file)?;
    Judge { push, baseline: &Baseline::default(), settings, content }.hold(Check::Unreadable, reason.to_owned())
}

struct Judge<'a> {
    push: &'a Push,
    baseline: &'a Baseline,
    settings: &'a Settings,
    content: PushHash,
}

impl Judge<'_> {
    fn judge(&self, file: &Path) -> Result<Analysis, Unreadable> {
        let mut opened = read::open(file, Path::new(&self.push.source.key), Limits::default())?;
        opened.progress = self.settings.progress.clone();
        let (weighed, scanned) = self.measure(&opened)?;
        let rules: Vec<Rule> = weighed.iter().map(|weighed| weighed.rule.clone()).collect();
        let declared = &self.settings.declared;
        let names: Vec<bool> = (0..rules.len()).map(|at| findings::names_records(&weighed[at], &scanned, at)).collect();
        let flagged = flagged::write(&scanned.candidates, &opened.columns, &rules, &names, declared)?;
        let mut found = self.findings(&opened, &weighed, &scanned, &names);
        findings::mask(&mut found, &flagged.misplaced, &opened.columns, declared);
        found.extend(findings::of_misplaced(&flagged.misplaced, &opened.columns, scanned.records));
        let report = self.report(scanned.records, flagged.records, found);
        let page = PageData {
            version: REPORT_VERSION,
            plots: plots::of(&report.findings, &self.baseline.history, &scanned.table, declared),
            columns: opened.columns.clone(),
            sample: flagged.sample,
        };
        let profile = self.profile(&report, opened.columns.clone(), scanned.table);
        Ok(Analysis { report, page, profile: Some(profile), flagged: flagged.csv })
    }

    fn findings(&self, opened: &Opened, weighed: &[Weighed], scanned: &Scanned, names: &[bool]) -> Vec<Found> {
        if scanned.records == 0 {
            return vec![Found::whole(Check::Empty, Vec::new(), "the push holds a header and no record".to_owned())];
        }
        let mut found = findings::of_rules(weighed, scanned, names);
        found.extend(findings::of_declared(&self.settings.declared, &opened.columns));
        if !self.baseline.is_empty() {
            found.extend(findings::of_columns(&self.baseline.history, &opened.columns));
            found.extend(findings::of_content(&self.baseline.history, &self.content));
            found.extend(findings::of_mass(self.baseline, &scanned.table, scanned.records, self.push.delivered_at));
        }
        found
    }

    fn hold_unread(&self, unreadable: &Unreadable) -> io::Result<Analysis> {
        let check = if matches!(unreadable, Unreadable::Empty) { Check::Empty } else { Check::Unreadable };
        self.hold(check, unreadable.to_string())
    }

    fn hold(&self, check: Check, reason: String) -> io::Result<Analysis> {
        let report = self.report(0, 0, vec![Found::whole(check, Vec::new(), reason)]);
        let flagged = flagged::nothing(&[]).map_err(io::Error::other)?;
        let page = PageData { version: REPORT_VERSION, ..PageData::default() };
        Ok(Analysis { report, page, profile: None, flagged })
    }

    fn report(&self, records: u64, anomalous: u64, mut found: Vec<Found>) -> Report {
        found.sort_by(|a, b| b.breaks.cmp(&a.breaks).then_with(|| b.order(a)));
        let breaks = found.iter().any(|found| found.breaks);
        let row_rate = Share::new(anomalous, records);
        let soft = found.iter().filter(|found| found.breaks || !found.finding.hard);
        let batch_mass = soft.map(|found| found.finding.share).fold(Share::NONE, Share::max);
        // What is held anyway needs no such reason, and what was never compared has no say in it.
        let is_first = self.baseline.is_empty() && self.settings.hold_first && !breaks;
        Report {
            version: REPORT_VERSION,
            push: self.push.source.push_id(),
            source: self.push.source.clone(),
            dataset: self.push.dataset.clone(),
            customer: self.push.customer.clone(),
            delivered_at: self.push.delivered_at,
            tags: self.push.tags.clone(),
            content: self.content.clone(),
            records,
            anomalous,
            row_rate,
            batch_mass,
            threshold: self.settings.threshold,
            needs_review: breaks || is_first || self.is_exceeded(row_rate, batch_mass),
            findings: is_first.then(first_push).into_iter().chain(found.into_iter().map(|f| f.finding)).collect(),
            baseline: self.baseline.summary(),
        }
    }

    fn is_exceeded(&self, row_rate: Share, batch_mass: Share) -> bool {
        let threshold = self.settings.threshold;
        let by_rows = row_rate.count >= self.settings.min_anomalous && threshold.is_exceeded_by(row_rate);
        by_rows || (!self.settings.row_rate_alone && threshold.is_exceeded_by(batch_mass))
    }

    fn profile(&self, report: &Report, columns: Vec<String>, table: Table) -> Profile {
        Profile {
            version: PROFILE_VERSION,
            push: report.push.clone(),
            delivered_at: self.push.delivered_at,
            content: self.content.clone(),
            records: report.records,
            rate: Some(report.rate()),
            columns,
            table,
        }
    }
}

fn first_push() -> Finding {
    Finding {
        check: "first push".to_owned(),
        columns: Vec::new(),
        hard: false,
        share: Share::NONE,
        reason: "no push of this customer was accepted before: there is nothing to judge it against".to_owned(),
        examples: Vec::new(),
    }
}

/// The profile of a file that is trusted as it is, for a history that was never judged.
///
/// # Errors
///
/// The file cannot be read; the text says why.
pub fn profile(file: &Path, push: &Push, declared: &Declared) -> Result<Profile, Unreadable> {
    let content = read::push_hash(file)?;
    let opened = read::open(file, Path::new(&push.source.key), Limits::default())?;
    let scanned = scan(&opened, &[], declared)?;
    Ok(Profile {
        version: PROFILE_VERSION,
        push: push.source.push_id(),
        delivered_at: push.delivered_at,
        content,
        records: scanned.records,
        rate: None,
        columns: opened.columns.clone(),
        table: scanned.table,
    })
}

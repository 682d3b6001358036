//! The `check` command: files in, judgements out, no service needed.

mod output;
mod page;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, ValueEnum};
use holdpoint_review::{ObjectVersion, Threshold};
use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;

use crate::{
    Analysis, Baseline, Declared, NotDeclared, Profile, Push, Settings, Unreadable, analyze, flagged, history::MEMBERS,
    profile,
};

/// What `check` is asked.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// An accepted push; may be given again, in order of delivery
    #[arg(long, value_name = "FILE")]
    history: Vec<PathBuf>,
    /// A folder of accepted pushes, in order of file name; files whose name begins with `.` or `_` are none
    #[arg(long, value_name = "DIR")]
    history_dir: Option<PathBuf>,
    /// Declared rules, in TOML: they add to what is learned
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The share of anomalous records above which a person must look
    #[arg(long, default_value = "6%")]
    threshold: Threshold,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the flagged records of each push to `DIR/<push>.csv`
    #[arg(long, value_name = "DIR")]
    flagged: Option<PathBuf>,
    /// Write a page about each push to `DIR/<push>.html`
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The pushes to judge, each on its own
    #[arg(required = true, value_name = "PUSH")]
    pushes: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Why nothing was judged.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{}: {why}", file.display())]
    History { file: PathBuf, why: Unreadable },
    #[error("{}: {why}", file.display())]
    File { file: PathBuf, why: io::Error },
    #[error(
        "several pushes are called {name}, and one would overwrite what is written about another: check them one by one"
    )]
    SameName { name: String },
    #[error("{}: is there already and is no file of flagged records, so it is not written over: name another folder", file.display())]
    Others { file: PathBuf },
    #[error(transparent)]
    Rules(#[from] NotDeclared),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Judges the pushes and prints what was found: 0 nothing to review, 1 something, 2 an error in one line on stderr.
pub fn check(arguments: &CheckArguments, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
    run(arguments, out, err).unwrap_or_else(|refused| {
        complain(&refused, err);
        ExitCode::from(2)
    })
}

fn complain(refused: &Refused, err: &mut impl Write) {
    // Nobody is left to tell if stderr is gone.
    let _ = writeln!(err, "holdpoint-analyzer: {}", output::printable(&refused.to_string()));
}

/// A push that cannot be opened does not keep the others from being judged.
fn run(arguments: &CheckArguments, out: &mut impl Write, err: &mut impl Write) -> Result<ExitCode, Refused> {
    if arguments.flagged.is_some() || arguments.report.is_some() {
        require_names_of_their_own(&arguments.pushes)?;
    }
    let declared = arguments.rules.as_deref().map(Declared::read).transpose()?.unwrap_or_default();
    let files = history_files(arguments)?;
    if let Some(folder) = &arguments.flagged {
        require_nothing_of_others(folder, &arguments.pushes, &files)?;
    }
    let baseline = Baseline::learn(accepted(&files, &declared)?, delivery(files.len()));
    // A first push is held on principle only where somebody would accept it afterwards.
    let mut settings = Settings { threshold: arguments.threshold, hold_first: false, declared, ..Settings::default() };
    for folder in [&arguments.flagged, &arguments.report].into_iter().flatten() {
        std::fs::create_dir_all(folder).map_err(|why| Refused::File { file: folder.clone(), why })?;
    }
    let (mut needs_review, mut has_failed) = (false, false);
    for file in &arguments.pushes {
        settings.progress = bar(&file.to_string_lossy(), "records");
        let analysis = analyze(file, &push_of(file, files.len()), &baseline, &settings);
        settings.progress.finish_and_clear();
        match analysis {
            Ok(analysis) => {
                needs_review |= analysis.report.needs_review;
                tell(arguments, file, &analysis, out)?;
            }
            Err(why) => {
                has_failed = true;
                complain(&Refused::File { file: file.clone(), why }, err);
            }
        }
    }
    Ok(if has_failed { ExitCode::from(2) } else { ExitCode::from(u8::from(needs_review)) })
}

/// What is written about a push bears its name.
fn require_names_of_their_own(pushes: &[PathBuf]) -> Result<(), Refused> {
    let mut names = BTreeSet::new();
    match pushes.iter().filter_map(|push| push.file_stem()).find(|name| !names.insert(*name)) {
        Some(name) => Err(Refused::SameName { name: name.to_string_lossy().into_owned() }),
        None => Ok(()),
    }
}

/// A push may lie where the flagged records of one would.
fn require_nothing_of_others(folder: &Path, pushes: &[PathBuf], history: &[PathBuf]) -> Result<(), Refused> {
    let real = |file: &PathBuf| file.canonicalize().ok();
    let inputs: BTreeSet<PathBuf> = pushes.iter().chain(history).filter_map(real).collect();
    for file in pushes.iter().map(|push| beside(folder, push, "csv")) {
        let failed = |why| Refused::File { file: file.clone(), why };
        if !flagged::may_be_written(&file).map_err(failed)? || real(&file).is_some_and(|file| inputs.contains(&file)) {
            return Err(Refused::Others { file });
        }
    }
    Ok(())
}

/// A file named after the push.
fn beside(folder: &Path, push: &Path, extension: &str) -> PathBuf {
    folder.join(Path::new(push.file_stem().unwrap_or_default()).with_added_extension(extension))
}

fn tell(arguments: &CheckArguments, file: &Path, analysis: &Analysis, out: &mut impl Write) -> Result<(), Refused> {
    match arguments.format {
        Format::Json => writeln!(out, "{}", output::json(file, &analysis.report)),
        Format::Text => write!(out, "{}", output::text(file, &analysis.report)),
    }?;
    out.flush()?;
    if let Some(folder) = &arguments.flagged {
        let records = beside(folder, file, "csv");
        std::fs::copy(&analysis.flagged, &records).map_err(|why| Refused::File { file: records, why })?;
    }
    if let Some(folder) = &arguments.report {
        let page = beside(folder, file, "html");
        std::fs::write(&page, page::page(file, analysis)).map_err(|why| Refused::File { file: page, why })?;
    }
    Ok(())
}

fn history_files(arguments: &CheckArguments) -> Result<Vec<PathBuf>, Refused> {
    let mut files = arguments.history.clone();
    if let Some(folder) = &arguments.history_dir {
        let failed = |why| Refused::File { file: folder.clone(), why };
        let entries = std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let is_aside =
            |name: &OsStr| name.as_encoded_bytes().starts_with(b".") || name.as_encoded_bytes().starts_with(b"_");
        let entries = entries.into_iter().filter(|entry| !is_aside(&entry.file_name()));
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        files.extend(found);
    }
    Ok(files)
}

/// The last of the files that teach something, as many as make a baseline.
fn accepted(files: &[PathBuf], declared: &Declared) -> Result<Vec<Profile>, Refused> {
    let progress = bar("accepted pushes", "files");
    progress.set_length(files.len().min(MEMBERS) as u64);
    let profile = |(at, file): (usize, &PathBuf)| {
        profile(file, &push_of(file, at), declared).map_err(|why| match why {
            Unreadable::Io(why) => Refused::File { file: file.clone(), why },
            why => Refused::History { file: file.clone(), why },
        })
    };
    let taught = |profile: &Result<Profile, Refused>| profile.as_ref().map_or(true, |profile| profile.records > 0);
    let last = files.iter().enumerate().rev().map(profile).filter(taught).take(MEMBERS);
    let profiles = last.inspect(|_| progress.inc(1)).collect();
    progress.finish_and_clear();
    profiles
}

/// How far something is, for a person at a terminal; shows nothing where standard error is none.
fn bar(name: &str, noun: &str) -> ProgressBar {
    let line = format!("{{prefix:!28}}  {{bar:24}} {{percent:>3}} %  {{human_pos}} {noun}{{left}}");
    let left = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        if state.pos() > 0 {
            // Nobody is told less by a bar that cannot be drawn.
            let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
        }
    };
    let style = ProgressStyle::with_template(&line).expect("the template is ours").progress_chars("█░");
    let bar = ProgressBar::no_length().with_style(style.with_key("left", left)).with_prefix(output::printable(name));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A file as if it were an object: its place in the order of files stands for the time of its delivery.
fn push_of(file: &Path, at: usize) -> Push {
    let key = file.to_string_lossy().into_owned();
    let source = ObjectVersion { bucket: "local".to_owned(), key, version_id: at.to_string() };
    Push {
        source,
        dataset: "local".to_owned(),
        customer: "local".to_owned(),
        delivered_at: delivery(at),
        tags: BTreeMap::new(),
    }
}

fn delivery(at: usize) -> Timestamp {
    let seconds = i64::try_from(at).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

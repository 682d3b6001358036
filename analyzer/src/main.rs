//! The binary: `check` judges files; without a subcommand it will be the service.

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use holdpoint_analyzer::{CheckArguments, check};

/// Measures how much of a push is anomalous.
#[derive(Debug, Parser)]
#[command(name = "holdpoint-analyzer", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge files by the accepted ones before them
    Check(CheckArguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check(arguments) => check(&arguments, &mut io::stdout().lock(), &mut io::stderr().lock()),
    }
}

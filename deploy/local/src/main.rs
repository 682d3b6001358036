//! The binary: without arguments the whole product on this machine; `aws` only the stand-in.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use holdpoint_local::{
    aws::Aws,
    demo::{Decide, Story, tell},
};
use holdpoint_platform::{LogFormat, Stop, init_telemetry};

/// Holdpoint on this machine, with nothing but memory behind it: a month of sample pushes, a clean one, a spoiled one.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Your own files (CSV, NDJSON, Parquet): the last is judged, those before it are its history
    files: Vec<PathBuf>,
    /// Play the reviewer; ends with 0 when the execution ended as decided
    #[arg(long)]
    decide: Option<Decide>,
    /// Which log lines to show on stderr, like `info` or `holdpoint_worker=debug`
    #[arg(long, default_value = "error")]
    log: String,
}

#[derive(Subcommand)]
enum Command {
    /// Only the stand-in for S3, SQS and Step Functions
    Aws {
        /// A loopback address
        #[arg(long, default_value = "127.0.0.1:4566")]
        listen: SocketAddr,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    init_telemetry(&arguments.log, LogFormat::Text);
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdpoint-local: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let stop = Stop::on_signals()?;
    if let Some(Command::Aws { listen }) = arguments.command {
        anyhow::ensure!(
            listen.ip().is_loopback(),
            "{listen} is no loopback address: whoever reaches the stand-in owns it"
        );
        let aws = Aws::start(listen).await?;
        eprintln!("the stand-in for S3, SQS and Step Functions is ready at {}", aws.endpoint());
        stop.requested().await;
        aws.stop().await;
        return Ok(());
    }
    let story = if arguments.files.is_empty() { Story::of_samples()? } else { Story::of_files(arguments.files)? };
    tell(story, arguments.decide, stop).await
}

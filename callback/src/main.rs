//! The binary: the service, or what an operator asks for.

use std::io;

use anyhow::Context;
use clap::{Parser, Subcommand};
use holdpoint_callback::{Config, Operation, doctor, operate, run};
use holdpoint_platform::{Clients, LogFormat, Settings, Stop, init_telemetry};

/// Shows reviewers the evidence and takes their decisions. Without a subcommand: the service, set up by environment variables
#[derive(Debug, Parser)]
#[command(name = "holdpoint-callback", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything that the settings name; exit 0 when all is well
    Doctor,
    #[command(flatten)]
    Operation(Operation),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let command = Arguments::parse().command;
    let config = Settings::of_process(Config::read)?;
    if let Some(command) = command {
        init_telemetry("warn", LogFormat::Text);
        let (clients, mut out) = (Clients::from_environment().await, io::stdout().lock());
        match command {
            Command::Operation(operation) => operate(operation, config, clients, &mut out).await?,
            Command::Doctor => anyhow::ensure!(doctor(&config, &clients, &mut out).await?, "not all is well"),
        }
        return Ok(());
    }
    init_telemetry(&config.common.log, config.common.log_format);
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let clients = Clients::from_environment().await;
    run(config, clients, stop).await.context("holdpoint-callback cannot go on")
}

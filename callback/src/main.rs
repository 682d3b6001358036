//! The binary: the service, or what an operator asks for.

use std::io;

use anyhow::Context;
use clap::{Parser, Subcommand};
use holdpoint_callback::{Config, Operation, doctor, operate, run};
use holdpoint_platform::{Clients, LogFormat, Settings, Stop, health, init_telemetry};

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
    /// Ask the service on this machine whether it answers; exit 0 when it does
    Health,
    #[command(flatten)]
    Operation(Operation),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let command = Arguments::parse().command;
    let config = Settings::of_process(Config::read)?;
    if let Some(command) = command {
        init_telemetry("warn", LogFormat::Text);
        return answer(command, config).await;
    }
    init_telemetry(&config.common.log, config.common.log_format);
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let clients = Clients::from_environment().await;
    run(config, clients, stop).await.context("holdpoint-callback cannot go on")
}

async fn answer(command: Command, config: Config) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match command {
        Command::Health => health::ask(Some(config.listen)).await?,
        Command::Doctor => {
            let well = doctor(&config, &Clients::from_environment().await, &mut out).await?;
            anyhow::ensure!(well, "not all is well");
        }
        Command::Operation(operation) => {
            operate(operation, config, Clients::from_environment().await, &mut out).await?;
        }
    }
    Ok(())
}

//! The worker's binary: the service, or `doctor`, or `health`.

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use holdpoint_platform::{Clients, LogFormat, Settings, Stop, health, init_telemetry};
use holdpoint_worker::{Config, doctor, run};

/// Opens reviews, sends notices, lets the clock tick. Without a subcommand: the service, set up by environment variables
#[derive(Debug, Parser)]
#[command(name = "holdpoint-worker", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything that the settings name; exit 0 when all is well
    Doctor,
    /// Ask the service on this machine whether it is well; exit 0 when it is
    Health,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let worked = match Arguments::parse().command {
        Some(Command::Doctor) => examine().await,
        Some(Command::Health) => ask().await.map(|()| true),
        None => work().await.map(|()| true),
    };
    match worked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("holdpoint-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn examine() -> anyhow::Result<bool> {
    let config = Settings::of_process(Config::read)?;
    init_telemetry("error", LogFormat::Text);
    let clients = Clients::from_environment().await;
    Ok(doctor(&config, &clients, &mut io::stdout().lock()).await?)
}

async fn ask() -> anyhow::Result<()> {
    let config = Settings::of_process(Config::read)?;
    Ok(health::ask(config.common.metrics_listen).await?)
}

async fn work() -> anyhow::Result<()> {
    let config = Settings::of_process(Config::read)?;
    init_telemetry(&config.common.log, config.common.log_format);
    let stop = Stop::on_signals()?;
    let clients = Clients::from_environment().await;
    Ok(run(config, clients, stop).await?)
}

//! The binary: the service, or what an operator asks for.

use std::io;

use anyhow::Context;
use clap::Parser;
use holdpoint_callback::{Config, Operation, operate, run};
use holdpoint_platform::{Clients, LogFormat, Settings, Stop, init_telemetry};

/// Shows reviewers the evidence and takes their decisions. Without a subcommand: the service, set up by environment variables
#[derive(Debug, Parser)]
#[command(name = "holdpoint-callback", version)]
struct Arguments {
    #[command(subcommand)]
    operation: Option<Operation>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let operation = Arguments::parse().operation;
    let config = Settings::of_process(Config::read)?;
    if let Some(operation) = operation {
        init_telemetry("warn", LogFormat::Text);
        let clients = Clients::from_environment().await;
        return Ok(operate(operation, config, clients, &mut io::stdout().lock()).await?);
    }
    init_telemetry(&config.common.log, config.common.log_format);
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let clients = Clients::from_environment().await;
    run(config, clients, stop).await.context("holdpoint-callback cannot go on")
}

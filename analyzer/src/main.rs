//! The binary: the service, or `check`, which judges files, or `learn`, which takes trusted data as history, or what operators
//! ask for: `forget`, `doctor`, `health`.

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use holdpoint_analyzer::{CheckArguments, Config, Trusted, check, doctor, forget, learn, run};
use holdpoint_platform::{Clients, LogFormat, Settings, Stop, health, init_telemetry};

/// Measures how much of a push is anomalous. Without a subcommand: the service, set up by environment variables
#[derive(Debug, Parser)]
#[command(name = "holdpoint-analyzer", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge files by the accepted ones before them
    Check(CheckArguments),
    /// Take trusted files as accepted pushes
    Learn {
        /// Prefix of their keys in the bucket, like trusted/orders/acme/
        #[arg(required_unless_present = "folder")]
        prefix: Option<String>,
        /// A folder of this machine in their place
        #[arg(long, value_name = "DIR", conflicts_with = "prefix")]
        folder: Option<PathBuf>,
        /// Dataset that they belong to
        #[arg(long)]
        dataset: String,
        /// Customer that they belong to; without it, the column in `HOLDPOINT_CUSTOMER_COLUMN` says so
        #[arg(long)]
        customer: Option<String>,
    },
    /// Try everything that the settings name; exit 0 when all is well
    Doctor,
    /// Ask the service on this machine whether it is well; exit 0 when it is
    Health,
    /// Delete baselines, parts and reports of a customer, in all their versions
    Forget {
        /// Dataset that the customer delivers
        #[arg(long)]
        dataset: String,
        /// The customer, as reports name them
        #[arg(long)]
        customer: String,
    },
}

fn main() -> ExitCode {
    let service = match Arguments::parse().command {
        Some(Command::Check(arguments)) => {
            // Not locked for as long as it runs: who shows how far it is writes to stderr too.
            return check(&arguments, &mut io::stdout().lock(), &mut io::stderr());
        }
        command => serve(command),
    };
    match service {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdpoint-analyzer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(command: Option<Command>) -> anyhow::Result<()> {
    let config = Settings::of_process(Config::read)?;
    if let Some(Command::Doctor) = command {
        init_telemetry("error", LogFormat::Text);
        let well = doctor(&config, &Clients::from_environment().await, &mut io::stdout().lock()).await?;
        anyhow::ensure!(well, "not all is well");
        return Ok(());
    }
    if let Some(Command::Health) = command {
        return Ok(health::ask(config.metrics_listen).await?);
    }
    init_telemetry(&config.log, config.log_format);
    let stop = Stop::on_signals()?;
    let clients = Clients::from_environment().await;
    match command {
        Some(Command::Learn { prefix, folder, dataset, customer }) => {
            let trusted = folder.map_or_else(|| Trusted::Prefix(prefix.unwrap_or_default()), Trusted::Folder);
            learn(&config, &clients, &trusted, &dataset, customer.as_deref()).await?;
        }
        Some(Command::Forget { dataset, customer }) => {
            forget(&config, &clients, &dataset, &customer).await?;
        }
        Some(Command::Check(_) | Command::Doctor | Command::Health) | None => run(config, clients, stop).await?,
    }
    Ok(())
}

//! The binary: the service, or `check`, which judges files, or `learn`, which takes trusted data as history.

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use holdpoint_analyzer::{CheckArguments, Config, check, learn, run};
use holdpoint_platform::{Clients, Settings, Stop, init_telemetry};

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
    /// Take every object under a prefix of the bucket as an accepted push of one customer
    Learn {
        /// Prefix of the keys, like trusted/orders/acme/
        prefix: String,
        /// Dataset that they belong to
        #[arg(long)]
        dataset: String,
        /// Customer that they belong to
        #[arg(long)]
        customer: String,
    },
}

fn main() -> ExitCode {
    let service = match Arguments::parse().command {
        Some(Command::Check(arguments)) => {
            return check(&arguments, &mut io::stdout().lock(), &mut io::stderr().lock());
        }
        Some(Command::Learn { prefix, dataset, customer }) => serve(Some((prefix, dataset, customer))),
        None => serve(None),
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
async fn serve(learned: Option<(String, String, String)>) -> anyhow::Result<()> {
    let config = Config::read(&Settings::environment)?;
    init_telemetry(&config.log, config.log_format);
    let stop = Stop::on_signals()?;
    let clients = Clients::from_environment().await;
    match learned {
        Some((prefix, dataset, customer)) => drop(learn(&config, &clients, &prefix, &dataset, &customer).await?),
        None => run(config, clients, stop).await?,
    }
    Ok(())
}

//! The worker's binary: settings, telemetry, clients, run, exit code.

use std::process::ExitCode;

use holdpoint_platform::{Clients, Settings, Stop, init_telemetry};
use holdpoint_worker::{Config, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match work().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdpoint-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn work() -> anyhow::Result<()> {
    let config = Settings::of_process(Config::read)?;
    init_telemetry(&config.common.log, config.common.log_format);
    let stop = Stop::on_signals()?;
    let clients = Clients::from_environment().await;
    Ok(run(config, clients, stop).await?)
}

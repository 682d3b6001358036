//! The binary.

use anyhow::Context;
use holdpoint_callback::{Config, run};
use holdpoint_platform::{Clients, Settings, Stop, init_telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Settings::of_process(Config::read)?;
    init_telemetry(&config.common.log, config.common.log_format);
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let clients = Clients::from_environment().await;
    run(config, clients, stop).await.context("holdpoint-callback cannot go on")
}

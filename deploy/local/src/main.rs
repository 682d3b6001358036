//! The binary: `holdpoint-local aws --listen 127.0.0.1:4566` starts the stand-in alone.

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use holdpoint_local::aws::Aws;
use tracing::info;

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A stand-in for S3, SQS and Step Functions, in memory, for trying out and for tests
    Aws {
        /// A loopback address
        #[arg(long, default_value = "127.0.0.1:4566")]
        listen: SocketAddr,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { command: Command::Aws { listen } } = Arguments::parse();
    tracing_subscriber::fmt().init();
    anyhow::ensure!(listen.ip().is_loopback(), "{listen} is no loopback address: whoever reaches the stand-in owns it");
    let aws = Aws::start(listen).await?;
    info!(endpoint = aws.endpoint(), "the stand-in for S3, SQS and Step Functions is ready");
    tokio::signal::ctrl_c().await?;
    aws.stop().await;
    Ok(())
}

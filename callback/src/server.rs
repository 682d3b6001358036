//! The server: its start and its end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use holdpoint_platform::{Clients, Health, Stop, metrics::MetricsServer};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{app::App, config::Config, routes};

/// Longest wait for requests in flight after the stop: a client that never finishes its request must not hold it up.
const GRACE: Duration = Duration::from_mins(1);

/// Why the callback cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}, the value of HOLDPOINT_LISTEN")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The place for metrics cannot be listened on.
    #[error("cannot listen on the value of HOLDPOINT_METRICS_LISTEN")]
    Metrics(#[source] io::Error),
    /// Connections can be accepted no more.
    #[error("cannot serve")]
    Serve(#[source] io::Error),
}

/// A callback that listens, and serves once it is run.
pub struct Bound {
    /// Where it listens: the real port where port 0 was asked for.
    pub addr: SocketAddr,
    listener: TcpListener,
    router: Router,
    metrics: MetricsServer,
    begun: TaskTracker,
}

/// Listens, without serving yet.
///
/// # Errors
/// [`Fatal::Listen`], [`Fatal::Metrics`].
pub async fn bind(config: Config, clients: Clients) -> Result<Bound, Fatal> {
    let failed = |source| Fatal::Listen { addr: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let metrics = MetricsServer::bind(config.common.metrics_listen).await.map_err(Fatal::Metrics)?;
    let app = App::new(config, clients);
    let begun = app.begun.clone();
    Ok(Bound { addr, listener, router: routes::router(Arc::new(app)), metrics, begun })
}

/// Serves until asked to stop.
///
/// # Errors
/// [`Fatal`].
pub async fn run(config: Config, clients: Clients, stop: Stop) -> Result<(), Fatal> {
    bind(config, clients).await?.run(stop).await
}

impl Bound {
    /// Serves until asked to stop; then takes no new connection and finishes the requests in flight.
    ///
    /// # Errors
    /// [`Fatal::Serve`].
    pub async fn run(self, stop: Stop) -> Result<(), Fatal> {
        info!(http.addr = %self.addr, "the callback listens");
        let asked = stop.clone();
        let serving = axum::serve(self.listener, self.router)
            .with_graceful_shutdown(async move { asked.requested().await })
            .into_future();
        let too_late = async {
            stop.requested().await;
            tokio::time::sleep(GRACE).await;
        };
        let measuring = async {
            self.metrics.run(&stop, &Health::default(), std::future::ready).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = measuring => unreachable!("it waits for ever"),
            served = serving => served.map_err(Fatal::Serve)?,
            () = too_late => warn!("some requests did not finish in time and were dropped"),
        }
        self.begun.close();
        if tokio::time::timeout(GRACE, self.begun.wait()).await.is_err() {
            warn!("some decisions were not carried to their end; the clock finishes them");
        }
        info!("the callback has stopped");
        Ok(())
    }
}

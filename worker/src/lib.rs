//! Takes tasks from Step Functions, opens a review for each, sends the notices, and lets the clock tick.
//!
//! Three loops that share nothing but the ledger: pollers ([`poll`]) open reviews, the clock ([`clock`]) keeps open ones
//! alive and finishes what a crash left half done, the sender ([`notices`]) tells people. None keeps a review in memory;
//! a second worker beside this one changes nothing but the speed.

mod clock;
mod config;
mod doctor;
#[cfg(test)]
mod doubles;
mod gauges;
mod notices;
mod open;
mod poll;
mod routes;

use std::sync::Arc;

use holdpoint_platform::{Clients, Health, Reviews, Stop, metrics::MetricsServer};
use tracing::info;

pub use self::{config::Config, doctor::doctor, notices::NOTICE_RECEIVES, routes::RoutesError};
use self::{
    notices::Sender,
    open::Opener,
    routes::{RouteBook, reach::Reach},
};

/// Why the worker cannot go on: one line for the operator, who must act.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The activity cannot be polled, and asking again would not help.
    #[error("states:GetActivityTask on {activity}: {problem}")]
    Activity {
        /// Its ARN.
        activity: String,
        /// What AWS says.
        problem: String,
    },
    /// The routes cannot be used.
    #[error("the routes {routes}")]
    Routes {
        /// Where they are.
        routes: String,
        /// What is wrong with them.
        #[source]
        source: RoutesError,
    },
    /// The place for metrics cannot be listened on.
    #[error("cannot listen on the value of HOLDPOINT_METRICS_LISTEN")]
    Metrics(#[source] std::io::Error),
    /// No client for Slack could be made: the system's certificates cannot be read.
    #[error("no HTTPS client")]
    Https(#[source] reqwest::Error),
}

/// Works until asked to stop, then finishes what is in hand: at most one poll of 65 s.
///
/// # Errors
/// [`Fatal`]: end the process with a code other than 0.
pub async fn run(config: Config, clients: Clients, stop: Stop) -> Result<(), Fatal> {
    let reviews = Reviews::new(&config.common, &clients);
    let book = RouteBook::open(config.routes.clone(), clients.clone(), Reach::of(&config)).await;
    let book = book.map_err(|source| Fatal::Routes { routes: config.routes.to_string(), source })?;
    let sender = Sender::new(&config, reviews.clone()).map_err(Fatal::Https)?;
    let opener = Arc::new(Opener { reviews: reviews.clone(), routes: book });
    let metrics = MetricsServer::bind(config.common.metrics_listen).await.map_err(Fatal::Metrics)?;
    info!(activity = config.activity_arn, environment = config.common.environment, "worker started");

    // Its own stop, so that a poller that cannot go on ends this service and no other in the same process.
    let own = Stop::new();
    let mut health = Health::default();
    let pulses = (health.expect("polling for reviews"), health.expect("the clock"), health.expect("the notices queue"));
    let work = async {
        let polling = async {
            let polled = poll::run(&config, &clients, &opener, &own, pulses.0).await;
            own.request();
            polled
        };
        let ledger = reviews.ledger.clone();
        let measuring = metrics.run(&own, &health, |registry| gauges::open_by_age(&ledger, registry));
        let ticking = Box::pin(clock::run(reviews, &own, pulses.1));
        let sending = Box::pin(notices::run(sender, &own, pulses.2));
        tokio::join!(polling, ticking, sending, Box::pin(measuring)).0
    };
    let passed_on = async {
        stop.requested().await;
        own.request();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = work => ended.inspect(|()| info!("worker stopped")),
        () = passed_on => unreachable!("it waits for ever after passing the stop on"),
    }
}

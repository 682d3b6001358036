//! Stopping: the first SIGTERM (or Ctrl-C) asks everyone to finish what is in hand; the second ends the process at once.
//!
//! Loops look at [`Stop`] between items. Nothing in flight is dropped: a `GetActivityTask` hands a token out once.

use tokio_util::sync::CancellationToken;
use tracing::info;

/// Whether, and when, to stop taking new work.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// A stop that somebody requests by hand: for tests and for several services in one process.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop that the process's signals request.
    ///
    /// # Errors
    /// The runtime cannot listen for signals.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::default();
        let mut signals = Signals::listen()?;
        let requested = stop.clone();
        // Ends with the process, which is why nobody awaits it.
        tokio::spawn(async move {
            signals.next().await;
            info!("asked to stop: finishing what is in hand; once more ends at once");
            requested.request();
            signals.next().await;
            std::process::exit(130);
        });
        Ok(stop)
    }

    /// Asks everyone who holds this stop to finish.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Whether to take no more work.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the stop is requested. Loses nothing when dropped.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Waits so long, or until the stop is requested.
    pub async fn pause(&self, so_long: std::time::Duration) {
        tokio::select! {
            () = tokio::time::sleep(so_long) => {}
            () = self.requested() => {}
        }
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

//! One service on a thread and a runtime of its own.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use holdpoint_local::local::Local;
use holdpoint_platform::{Clients, Stop};
use tokio::sync::oneshot;

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Judges pushes.
    Analyzer,
    /// Opens and closes reviews, sends notices.
    Worker,
    /// Takes decisions.
    Callback,
}

impl Service {
    /// The access key of its requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyzer => "analyzer",
            Self::Worker => "worker",
            Self::Callback => "callback",
        }
    }
}

/// Everything that the services of a world log, at debug level.
#[derive(Debug, Clone, Default)]
pub struct Log(
    /// Guards the text while one line is added.
    Arc<Mutex<Vec<u8>>>,
);

impl Log {
    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A service that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) service: Service,
    stop: Stop,
    kill: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(
        service: Service,
        local: &Local,
        overrides: &BTreeMap<String, String>,
        log: Option<Log>,
    ) -> Self {
        let mut environment = local.environment();
        environment.extend(overrides.clone());
        let clients = local.clients(service.name());
        let (stop, (kill, killed)) = (Stop::new(), oneshot::channel());
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let lines = log.map(|log| {
                tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG).with_writer(move || log.clone())
            });
            let _logged = lines.map(|lines| tracing::subscriber::set_default(lines.finish()));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a thread can have a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = run(service, &environment, clients, until) => {}
                    _ = killed => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { service, stop, kill, thread }
    }

    /// Drops everything that it had in hand, at once.
    pub(crate) fn kill(self) {
        let _ = self.kill.send(());
        self.thread.join().expect("the service did not panic");
    }

    /// Asks it to stop, and waits until it has; off the thread that serves the stand-in, which it may still need.
    pub(crate) async fn stop(self) {
        self.stop.request();
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await.expect("joining does not panic");
        ended.expect("the service did not panic");
    }
}

async fn run(service: Service, environment: &BTreeMap<String, String>, clients: Clients, stop: Stop) {
    let lookup = |name: &str| environment.get(name).cloned();
    let settings = "the world's settings fit";
    match service {
        Service::Analyzer => {
            let config = holdpoint_analyzer::Config::read(&lookup).expect(settings);
            holdpoint_analyzer::run(config, clients, stop).await.expect("the analyzer runs");
        }
        Service::Worker => {
            let config = holdpoint_worker::Config::read(&lookup).expect(settings);
            holdpoint_worker::run(config, clients, stop).await.expect("the worker runs");
        }
        Service::Callback => {
            let config = holdpoint_callback::Config::read(&lookup).expect(settings);
            holdpoint_callback::run(config, clients, stop).await.expect("the callback runs");
        }
    }
}

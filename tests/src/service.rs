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
use tracing::{Dispatch, dispatcher::set_default};

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

/// Everything that the services of a world log, at debug level, on whichever of their threads.
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

    /// The lines that hold this.
    pub fn lines_with(&self, text: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    fn subscriber(&self) -> Dispatch {
        let log = self.clone();
        let lines = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
        Dispatch::new(lines.with_writer(move || log.clone()).finish())
    }
}

/// Runs something on a thread and a runtime of its own, as a service runs. All its threads log to `log`, those too on which
/// it waits for what blocks; a subscriber of the whole process would mix the worlds.
pub fn on_own_thread<F: Future<Output = ()>>(
    log: Option<&Log>,
    work: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<()> {
    let subscriber = log.map(Log::subscriber);
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        if let Some(subscriber) = subscriber.clone() {
            // For as long as the thread lives.
            runtime.on_thread_start(move || std::mem::forget(set_default(&subscriber)));
        }
        let runtime = runtime.enable_all().build().expect("a thread can have a runtime");
        let _logged = subscriber.as_ref().map(set_default);
        runtime.block_on(work());
        runtime.shutdown_background();
    })
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
        log: Option<&Log>,
    ) -> Self {
        let mut environment = local.environment();
        environment.extend(overrides.clone());
        let clients = local.clients(service.name());
        let (stop, (kill, killed)) = (Stop::new(), oneshot::channel());
        let until = stop.clone();
        let thread = on_own_thread(log, move || async move {
            tokio::select! {
                () = run(service, &environment, clients, until) => {}
                _ = killed => {}
            }
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

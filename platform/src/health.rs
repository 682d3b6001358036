//! Whether a service is well: `GET /healthz` beside its metrics, and the subcommand `health`, which asks there.
//!
//! A program asks itself because its image holds no other. A service is well when each of its loops has succeeded once and
//! still turns. The first tells a deployment whether this version can work here at all. Afterwards a loop that fails and
//! tries again is well: while AWS is down a new process would do no better than this one, and alarms tell people.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::Instant,
};

/// A loop that does not turn for so long hangs. Twice the slowest: with a tick of 300 s a message in hand is renewed as often.
const STALLED: Duration = Duration::from_mins(10);
/// An answer takes milliseconds, unless somebody else is asking for metrics.
const PATIENCE: Duration = Duration::from_secs(8);
/// Bytes of an answer that are read; ours are a line.
const ANSWER_BYTES: u64 = 4096;

/// The loops of a service.
#[derive(Debug, Default)]
pub struct Health(Vec<(&'static str, watch::Receiver<Beat>)>);

/// How a loop says that it turns. Clones are one loop, of which it is enough that one turns.
#[derive(Debug, Clone)]
pub struct Pulse(watch::Sender<Beat>);

#[derive(Debug, Clone, Copy)]
struct Beat {
    has_worked: bool,
    at: Instant,
}

/// Why a service is not known to be well.
#[derive(Debug, thiserror::Error)]
pub enum Unwell {
    /// It listens nowhere.
    #[error("HOLDPOINT_METRICS_LISTEN is not set, so there is nobody to ask")]
    Nobody,
    /// It does not answer.
    #[error("no answer from {0}")]
    Silent(SocketAddr, #[source] io::Error),
    /// It says so itself.
    #[error("{0}")]
    Says(String),
}

impl Health {
    /// Expects a loop of this name from now on.
    pub fn expect(&mut self, name: &'static str) -> Pulse {
        let pulse = Pulse::default();
        self.0.push((name, pulse.0.subscribe()));
        pulse
    }

    /// What is wrong; none where all is well.
    pub(crate) fn problem(&self) -> Option<String> {
        let problems = self.0.iter().filter_map(|(name, beat)| {
            let Beat { has_worked, at } = *beat.borrow();
            match (has_worked, at.elapsed()) {
                (false, _) => Some(format!("{name} did not succeed yet")),
                (true, idle) if idle > STALLED => Some(format!("{name} stands still for {} s", idle.as_secs())),
                (true, _) => None,
            }
        });
        let problems: Vec<_> = problems.collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }
}

impl Default for Pulse {
    /// Of a loop that nobody watches.
    fn default() -> Self {
        Self(watch::Sender::new(Beat { has_worked: false, at: Instant::now() }))
    }
}

impl Pulse {
    /// The loop did what it is for.
    pub fn worked(&self) {
        self.0.send_replace(Beat { has_worked: true, at: Instant::now() });
    }

    /// The loop came round, and failed, or is busy.
    pub fn turned(&self) {
        self.0.send_modify(|beat| beat.at = Instant::now());
    }
}

/// Asks the service that listens there whether it is well.
///
/// # Errors
/// [`Unwell`].
pub async fn ask(listens: Option<SocketAddr>) -> Result<(), Unwell> {
    let mut addr = listens.ok_or(Unwell::Nobody)?;
    if addr.ip().is_unspecified() {
        addr.set_ip(if addr.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) });
    }
    let answer = tokio::time::timeout(PATIENCE, get(addr)).await.unwrap_or_else(|late| Err(late.into()));
    let answer = answer.map_err(|error| Unwell::Silent(addr, error))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        Ok(())
    } else {
        Err(Unwell::Says(format!("{status}: {}", body.trim())))
    }
}

async fn get(addr: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: holdpoint\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stop, metrics::MetricsServer};

    #[tokio::test(start_paused = true)]
    async fn a_service_is_well_once_each_loop_has_succeeded_and_for_as_long_as_each_turns() {
        let mut health = Health::default();
        let (polls, clock) = (health.expect("polls"), health.expect("clock"));
        polls.worked();
        clock.turned();
        assert_eq!(health.problem().as_deref(), Some("clock did not succeed yet"));
        clock.worked();
        assert_eq!(health.problem(), None);
        tokio::time::advance(Duration::from_mins(9)).await;
        clock.turned(); // an outage: it fails, and tries again
        tokio::time::advance(Duration::from_mins(9)).await;
        assert_eq!(health.problem().as_deref(), Some("polls stands still for 1080 s"));
        polls.turned();
        assert_eq!(health.problem(), None);
    }

    #[tokio::test]
    async fn whoever_asks_gets_the_same_answer_as_the_service_gives() {
        let mut health = Health::default();
        let polls = health.expect("polls");
        let server = MetricsServer::bind(Some((Ipv4Addr::LOCALHOST, 0).into())).await.unwrap();
        let (addr, stop) = (server.addr(), Stop::new());
        let asking = async {
            let answer = ask(addr).await.unwrap_err().to_string();
            assert_eq!(answer, "HTTP/1.1 503 Service Unavailable: polls did not succeed yet");
            polls.worked();
            ask(addr).await.unwrap();
            stop.request();
        };
        tokio::join!(server.run(&stop, &health, std::future::ready), asking);
        assert!(matches!(ask(addr).await, Err(Unwell::Silent(..))));
        assert!(matches!(ask(None).await, Err(Unwell::Nobody)));
    }
}

//! `GET /metrics` and `GET /healthz` on an address of its own, which no load balancer leads to.
//!
//! By hand: a worker has no web server otherwise, and this one answers whatever else is asked with the metrics too.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tracing::{debug, info};

use super::{Registry, registry, render};
use crate::{Health, Stop};

/// Whoever asks has so long to do so, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a request that are read; a scraper's has a few hundred.
const REQUEST_BYTES: usize = 8 * 1024;

/// A place where metrics and health are asked for; nowhere, where none is set.
#[derive(Debug)]
pub struct MetricsServer(Option<TcpListener>);

impl MetricsServer {
    /// Listens.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(addr: Option<SocketAddr>) -> io::Result<Self> {
        let Some(addr) = addr else { return Ok(Self(None)) };
        let listener = TcpListener::bind(addr).await?;
        info!(metrics.addr = %listener.local_addr()?, "metrics are served");
        Ok(Self(Some(listener)))
    }

    /// Where it listens: the real port where port 0 was asked for.
    #[cfg(test)]
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.0.as_ref()?.local_addr().ok()
    }

    /// Answers until asked to stop, one at a time; `more` adds what has to be looked up when somebody asks for metrics.
    pub async fn run<F: Future<Output = Registry>>(self, stop: &Stop, health: &Health, more: impl Fn(Registry) -> F) {
        let Some(listener) = self.0 else { return };
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.requested() => return,
            };
            let Ok((stream, _)) = accepted else { continue };
            let answered = tokio::time::timeout(PATIENCE, answer(stream, health, &more)).await;
            if !matches!(answered, Ok(Ok(()))) {
                debug!("somebody asked and did not take the answer");
            }
        }
    }
}

async fn answer<F: Future<Output = Registry>>(
    mut stream: TcpStream,
    health: &Health,
    more: &impl Fn(Registry) -> F,
) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > REQUEST_BYTES || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, kind, body) = if request.starts_with(b"GET /healthz ") {
        let plain = "text/plain; charset=utf-8";
        match health.problem() {
            None => ("200 OK", plain, "ok\n".to_owned()),
            Some(problem) => ("503 Service Unavailable", plain, format!("{problem}\n")),
        }
    } else {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ("200 OK", kind, render(&more(registry()).await))
    };
    let size = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

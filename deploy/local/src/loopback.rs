//! How connections are taken, and what both catchers listen with: a loopback port that can be down and up again.
//!
//! Down, the port stays taken and every connection is cut at once, the open ones included. A port that were given back could
//! be somebody else's when it is needed again.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

/// A listening port. Dropped, it and its connections are closed.
#[derive(Debug)]
pub(crate) struct Loopback {
    addr: SocketAddr,
    line: Arc<Mutex<Line>>,
    _accepting: AbortOnDropHandle<()>,
}

/// Guarded so that no connection slips in between "down" and the cutting of those that are open.
#[derive(Debug, Default)]
struct Line {
    is_down: bool,
    connections: JoinSet<()>,
}

impl Loopback {
    /// Serves each connection by `serve`. Port 0 takes any that is free.
    ///
    /// # Errors
    /// When the address is not on loopback or cannot be listened on.
    pub(crate) async fn listen<S, F>(addr: SocketAddr, serve: S) -> io::Result<Self>
    where
        S: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        if !addr.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{addr} is no loopback address")));
        }
        let listener = TcpListener::bind(addr).await?;
        let (addr, line) = (listener.local_addr()?, Arc::<Mutex<Line>>::default());
        let taken = line.clone();
        let accepting = async move {
            let take = |stream| {
                let mut line = lock(&taken);
                while line.connections.try_join_next().is_some() {}
                if !line.is_down {
                    line.connections.spawn(serve(stream));
                }
            };
            match accept(listener, take).await {}
        };
        Ok(Self { addr, line, _accepting: AbortOnDropHandle::new(tokio::spawn(accepting)) })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Cuts every connection, and each new one, until [`Self::up`].
    pub(crate) fn down(&self) {
        let mut line = lock(&self.line);
        line.is_down = true;
        line.connections.abort_all();
    }

    pub(crate) fn up(&self) {
        lock(&self.line).is_down = false;
    }
}

/// Takes connections for ever.
pub(crate) async fn accept(listener: TcpListener, take: impl Fn(TcpStream)) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it a small reply can wait 40 ms for the client's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                take(stream);
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await; // out of file descriptors: let some be closed
            }
        }
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

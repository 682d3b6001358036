//! A stand-in for S3, SQS and Step Functions, and for what its states publish: one endpoint on loopback, AWS's wire protocols, everything in memory.
//!
//! For one process on one machine, for trying out and for tests; production is AWS. It exists because no emulator runs Step
//! Functions activities as AWS does, and because a test must be able to lose a reply, throttle, or cut the k-th request
//! ([`Faults`]). Its clients are the real SDKs, so what is tested is what ships.
//!
//! S3 and SQS are our own as well. The crates that exist (`winterbaume-s3`, `winterbaume-sqs`) lack object events, checksums,
//! presigned URLs that expire, and a FIFO group that blocks, and hide the state that these need: a wrapper would be larger
//! than two small services.
//!
//! Deliberately absent: regions, accounts, persistence, and every operation that the product does not call. There are no users
//! and roles either, but whoever has some can guard the requests with them ([`Aws::guard`]).

mod error;
mod faults;
mod integrations;
mod permission;
mod reply;
mod s3;
mod server;
mod sfn;
mod sns;
mod sqs;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::error::ServiceError;
pub use self::faults::{Fault, Faults, Request, Verdict};
pub(crate) use self::integrations::Integrations;
pub use self::permission::Permission;
use self::server::Services;
pub use self::sqs::Depth;

/// The secret of every access key. A request signed in its headers is believed unseen; a presigned URL must be signed with it.
pub const SECRET_KEY: &str = "test";

/// The region in every ARN, whatever region a client thinks it talks to.
pub const REGION: &str = "us-east-1";

/// The account in every ARN.
pub const ACCOUNT: &str = "000000000000";

/// A running stand-in. Dropped, it stops on its own; [`Aws::stop`] waits until it has.
#[derive(Debug)]
pub struct Aws {
    endpoint: String,
    services: Arc<Services>,
    server: JoinHandle<()>,
    stop: DropGuard,
}

impl Aws {
    /// Listens; when this returns, requests are served. Port 0 takes any that is free.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(addr: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let services = Arc::new(Services::new(&endpoint));
        let stop = CancellationToken::new();
        let server = tokio::spawn(server::run(listener, services.clone(), stop.clone()));
        Ok(Self { endpoint, services, server, stop: stop.drop_guard() })
    }

    /// What a client takes as its endpoint URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What happens to requests on their way.
    pub fn faults(&self) -> &Faults {
        &self.services.faults
    }

    /// From now on every request is denied for which `is_allowed` is false, by its access key and what it needs; the key of a
    /// state machine's own calls is `states`. The first guard stays.
    pub fn guard(&self, is_allowed: impl Fn(&str, &Permission) -> bool + Send + Sync + 'static) {
        self.services.guard.set(is_allowed);
    }

    /// How many messages a queue holds; `None` when it is not there.
    pub fn queue_depth(&self, queue: &str) -> Option<Depth> {
        self.services.sqs.depth(queue)
    }

    /// What state machines published to topics, oldest first: the parameters of each call.
    pub fn published(&self) -> Vec<serde_json::Value> {
        self.services.sns.published()
    }

    /// The next message that this standard queue hands out is handed out once more, as SQS may do with any message; false
    /// when the queue is not there.
    pub fn deliver_next_twice(&self, queue: &str) -> bool {
        self.services.sqs.deliver_next_twice(queue)
    }

    /// Every message that was received and not deleted comes again now, in every queue, as when its visibility timeout is over.
    pub fn let_visibility_pass(&self) {
        self.services.sqs.end_visibility();
    }

    /// Every task that a worker took and did not answer times out now, as when its heartbeat was missed.
    pub fn let_heartbeats_pass(&self) {
        self.services.step_functions.time_tasks_out();
    }

    /// Takes no more connections, gives requests in flight half a second, and cuts the long polls that still wait then.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.server.await; // a panic of the server has been reported by its own thread
    }
}

/// The ARN that an execution of this name has, or would have.
pub fn execution_arn(state_machine: &str, name: &str) -> String {
    format!("{}:{name}", state_machine.replacen(":stateMachine:", ":execution:", 1))
}

/// A version 4 UUID (RFC 9562), in which AWS names messages, uploads and requests.
fn uuid() -> String {
    let digits = format!("{:032x}", fastrand::u128(..));
    let variant = fastrand::choice(['8', '9', 'a', 'b']).expect("there are four");
    format!("{}-{}-4{}-{variant}{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

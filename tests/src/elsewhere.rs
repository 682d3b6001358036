//! The same scenarios against another S3, SQS and Step Functions than the stand-in: an emulator, or a real account.
//!
//! With `AWS_ENDPOINT_URL` set, each world creates what it needs there under a prefix of its own, and deletes it at its end.
//! A real account is not at one endpoint: it is asked for by `HOLDPOINT_E2E_MACHINE_ROLE`, the role that its state machines
//! get, which nobody sets by accident; region and credentials are the SDK's own variables.
//! An emulator gets a definition without the count of redrives: neither `MiniStack` 1.5.33 nor `LocalEmu` 1.3.2 has one.
//! What only the stand-in can do, a scenario [`needs!`](crate::needs), and is skipped elsewhere.

use std::io::{Write, stderr};

use holdpoint_local::{
    deployment::{Deployment, Times},
    local::Local,
};
use holdpoint_platform::Clients;

use crate::service::on_own_thread;

#[expect(clippy::disallowed_methods, reason = "where tests run is no setting of a service")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn machine_role() -> Option<String> {
    variable("HOLDPOINT_E2E_MACHINE_ROLE")
}

pub(crate) fn is_asked_for() -> bool {
    machine_role().is_some() || variable("AWS_ENDPOINT_URL").is_some()
}

pub(crate) async fn start(times: Times, routes: &str) -> anyhow::Result<Local> {
    if is_asked_for() {
        Local::start_elsewhere(Clients::from_environment().await, machine_role(), times, routes).await
    } else {
        Local::start(times, routes).await
    }
}

/// Deletes what a world created elsewhere. What fails is said and left: the scenario is over.
pub(crate) fn delete(deployment: &Deployment) {
    if !is_asked_for() {
        return;
    }
    let deployment = deployment.clone();
    // With connections of its own: those of the world belong to a runtime that may be ending.
    let deleting = on_own_thread(None, move || async move {
        if let Err(error) = deployment.delete(&Clients::from_environment().await).await {
            let _ = writeln!(stderr(), "left in bucket {} and beside it: {error:#}", deployment.bucket);
        }
    });
    let _ = deleting.join();
}

/// Whether the scenario on this thread cannot be told here, which is then said. Written past the harness, which keeps what a
/// test that succeeds prints to itself.
pub fn lacks(powers: &[&str]) -> bool {
    let lacks = is_asked_for();
    if lacks {
        let thread = std::thread::current();
        let scenario = thread.name().unwrap_or_default();
        let _ = writeln!(stderr(), "skipped {scenario}: only the stand-in has {}", powers.join(", "));
    }
    lacks
}

/// Ends a scenario elsewhere than on the stand-in, which alone has these powers.
#[macro_export]
macro_rules! needs {
    ($($power:literal),+) => {
        if $crate::lacks(&[$($power),+]) {
            return;
        }
    };
}

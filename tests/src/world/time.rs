//! How time passes in a world: at once, not by waiting.
//!
//! No service keeps a review in memory, so that a review is as old as the ledger says: to let a day pass is to write that
//! all of it happened a day earlier. What the stand-in measures itself, it lets pass when it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_sdk_sqs::types::QueueAttributeName;
use holdpoint_local::aws::Verdict;
use holdpoint_platform::{Ledger, WriteError};
use holdpoint_review::{ReviewId, Round};
use jiff::SignedDuration;

use super::World;
use crate::ended::eventually;

impl World {
    /// Lets every message that somebody received and did not delete come again, as time does.
    pub fn let_time_pass(&self) {
        self.local.aws().let_visibility_pass();
    }

    /// Makes the first round of a review so much older. Links and tokens stay as young as they are.
    pub async fn age(&self, review: &ReviewId, by: SignedDuration) {
        let ledger = Ledger::new(self.clients.s3.clone(), &self.local.deployment.bucket);
        loop {
            let stored = ledger.read(review, 1).await.expect("the ledger answers").expect("the round is open");
            match ledger.replace(&stored, older(stored.round.clone(), by)).await {
                Ok(_) => return,
                Err(WriteError::Refused) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// Waits until the one review has ticked, and what the tick queued is sent. Takes the place of an observer of the
    /// requests to AWS.
    pub async fn ticked(&self) {
        // The end of the first tick says nothing: it may have begun before.
        const TICKS: usize = 2;
        let ends = Arc::new(AtomicUsize::new(0));
        let counted = ends.clone();
        self.local.aws().faults().on_request(move |request| {
            if request.action == "AmazonSQS.ChangeMessageVisibility" && request.resource == "clock" {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Serve
        });
        eventually("the review ticks", || async { (ends.load(Ordering::Relaxed) >= TICKS).then_some(()) }).await;
        eventually("the notices are sent", || async { self.is_drained("notices.fifo").await.then_some(()) }).await;
    }

    /// Whether a queue holds no message, not even one that somebody has in hand.
    pub async fn is_drained(&self, queue: &str) -> bool {
        let url = self.local.deployment.queue_url(&self.clients, queue).await.expect("there is such a queue");
        let get = self.clients.sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
        let attributes = get.send().await.expect("SQS answers").attributes.unwrap_or_default();
        let counts = attributes.iter().filter(|(name, _)| name.as_str().starts_with("ApproximateNumberOfMessages"));
        counts.fold(true, |none, (_, count)| none && count == "0")
    }
}

fn older(mut round: Round, by: SignedDuration) -> Round {
    round.deadline -= by;
    for entry in &mut round.events {
        entry.at -= by;
    }
    round
}

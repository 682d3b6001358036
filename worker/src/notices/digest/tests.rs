use holdpoint_review::{Input, ReviewRequest};
use serde_json::Value;

use super::*;
use crate::doubles::{Aws, ROUTES, Slack, after, config, input, rejected, round_of};

struct World {
    aws: Aws,
    slack: Slack,
    sender: Sender,
}

impl World {
    async fn new() -> Self {
        let (aws, slack) = (Aws::start().await, Slack::start().await);
        let sender = sender(&aws, &slack);
        Self { aws, slack, sender }
    }

    /// Open, in the index, and not told to anybody yet.
    async fn open(&self, key: &str) -> Round {
        let mut input = input();
        input.request = ReviewRequest { key: key.into(), ..input.request };
        let round = round_of(&input, ROUTES, "token-1", now());
        self.aws.store(&round);
        self.aws.reviews().ledger.enter_index(&round).await.unwrap();
        round
    }

    async fn close(&self, round: &Round) -> Round {
        let closed = rejected(&self.aws.stored(round).unwrap(), "half of it is missing");
        self.aws.store(&closed);
        self.aws.reviews().ledger.leave_index(&closed).await.unwrap();
        closed
    }

    async fn tell(&self, round: &Round, purpose: Purpose) -> Result<(), Undelivered> {
        let says = if purpose == Purpose::Outcome { round.outcome() } else { None };
        let notice = Notice { review_id: round.review_id.clone(), round: 1, channel: c1(), purpose, says };
        self.sender.deliver(&notice, 1).await
    }

    /// Digests that were queued.
    async fn queued(&self) -> Vec<Notice> {
        let bodies = self.aws.bodies("SendMessage").await;
        let notices =
            bodies.iter().filter_map(|body| serde_json::from_str::<Notice>(body["MessageBody"].as_str()?).ok());
        notices.filter(|notice| matches!(notice.purpose, Purpose::Digest(_))).collect()
    }

    fn titles(&self) -> Vec<String> {
        let text = |message: &Value| message["text"].as_str().unwrap().to_owned();
        self.slack.messages("C1").iter().map(text).collect()
    }
}

/// One message a minute before it is a burst.
fn sender(aws: &Aws, slack: &Slack) -> Sender {
    let url = slack.url();
    let settings =
        [("HOLDPOINT_SLACK_BOT_TOKEN", "xoxb-1"), ("HOLDPOINT_SLACK_API_URL", &*url), ("HOLDPOINT_BURST", "1")];
    Sender::new(&config(&settings), aws.reviews()).unwrap()
}

fn c1() -> Channel {
    Channel::Slack("C1".into())
}

#[test]
fn b39_a_digest_is_sent_when_its_minute_is_over_on_every_clock() {
    let after = |millis: i64| until_sent(Purpose::Digest(10), Timestamp::from_millisecond(600_000 + millis).unwrap());
    assert_eq!(after(0), Duration::from_secs(65));
    assert_eq!(after(59_500), Duration::from_millis(5_500));
    assert_eq!([after(65_000), after(9_000_000)], [Duration::ZERO; 2]);
}

#[tokio::test]
async fn b39_a_digest_does_not_go_out_before_all_that_is_left_to_it_is_there() {
    let world = World::new().await;
    let [first, second, third] = [world.open("a").await, world.open("b").await, world.open("c").await];
    for round in [&first, &second, &third] {
        world.tell(round, Purpose::Request).await.unwrap();
    }
    let digests = world.queued().await;
    let purpose = digests[0].purpose;
    let same = digests.iter().filter(|digest| digest.purpose == purpose).count();
    assert_eq!(same, 1, "once a minute: {digests:?}");
    assert!(matches!(world.tell(&second, purpose).await, Err(Undelivered::Limited(wait)) if !wait.is_zero()));
    assert_eq!(world.titles().len(), 1, "only the first one's own message");
}

#[tokio::test]
async fn b39_when_reviews_end_that_stood_in_digests_only_another_digest_says_how_many_are_left() {
    let world = World::new().await;
    let [single, second, third] = [world.open("a").await, world.open("b").await, world.open("c").await];
    for round in [&single, &second, &third] {
        world.tell(round, Purpose::Request).await.unwrap();
    }
    let asked = world.queued().await.len();
    world.tell(&second, Purpose::Digest(7)).await.unwrap();
    assert_eq!(world.titles().last().unwrap(), "3 reviews wait for a decision");

    let closed = world.close(&single).await;
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert_eq!(world.queued().await.len(), asked, "its own message says how it ended");
    // Another worker, which knows of no digest.
    let world = World { sender: sender(&world.aws, &world.slack), ..world };
    for round in [&second, &third] {
        let closed = world.close(round).await;
        world.tell(&closed, Purpose::Outcome).await.unwrap();
        assert_eq!(world.aws.stored(&closed).unwrap().said(&c1()), closed.outcome());
    }
    assert!(world.queued().await.len() > asked);
    assert_eq!(world.titles().len(), 3, "no message for each end: the question, its reply, the digest");
    world.tell(&third, Purpose::Digest(8)).await.unwrap();
    assert_eq!(world.titles().last().unwrap(), "No review waits for a decision any more");
}

#[tokio::test]
async fn b39_what_was_closed_before_anybody_was_asked_is_in_no_digest() {
    let world = World::new().await;
    let closed = world.close(&world.open("a").await).await;
    let closed = after(&closed, Input::Notified { channel: c1(), purpose: Purpose::Request, receipt: None });
    world.aws.store(&closed);
    world.tell(&closed, Purpose::Outcome).await.unwrap();
    assert_eq!(world.queued().await, []);
}

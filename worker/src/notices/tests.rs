use holdpoint_review::{ActivityInput, Channel, ContentHash, Evidence, Round};
use mail_parser::MessageParser;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::*;
use crate::doubles::{Aws, ROUTES, Slack, Smtp, aws_reply as reply, config, input, rejected, round_of, until};

struct World {
    aws: Aws,
    slack: Slack,
    smtp: Smtp,
    round: Round,
}

impl World {
    /// A round is open; the queue's next receives bring its request to each of these channels, one at a time.
    async fn with_requests_to(channels: impl IntoIterator<Item = Channel>) -> Self {
        let (aws, slack, smtp) = (Aws::start().await, Slack::start().await, Smtp::start());
        let round = round_of(&with_evidence(), ROUTES, "token-1", now());
        aws.store(&round);
        let asked = channels.into_iter().map(|channel| reply(&message(&round, channel)));
        aws.script("ReceiveMessage", asked);
        Self { aws, slack, smtp, round }
    }

    fn sender(&self) -> Sender {
        let (slack, smtp) = (self.slack.url(), self.smtp.url());
        let settings = [
            ("HOLDPOINT_SLACK_BOT_TOKEN", "xoxb-1"),
            ("HOLDPOINT_SLACK_API_URL", &*slack),
            ("HOLDPOINT_SMTP_URL", &*smtp),
        ];
        Sender::new(&config(&settings), self.aws.reviews()).unwrap()
    }

    fn send(&self) -> tokio::task::JoinHandle<()> {
        let sender = self.sender();
        tokio::spawn(async move { run(sender, &Stop::new(), Pulse::default()).await })
    }

    fn is_told(&self, channel: &Channel) -> bool {
        self.aws.stored(&self.round).unwrap().receipt(channel, Purpose::Request).is_some()
    }
}

fn with_evidence() -> ActivityInput {
    let mut input = input();
    input.request.evidence = Some(Evidence {
        bucket: "evidence-bucket".into(),
        report: "reports/p/report.json".into(),
        report_hash: ContentHash::of(b"report"),
        page: "reports/p/page.json".into(),
        flagged: "reports/p/flagged.csv".into(),
        delivered_at: None,
    });
    input
}

/// The reply that brings one message. Its receipt handle is the channel's id.
fn message(round: &Round, channel: Channel) -> Value {
    let id = channel.id();
    let notice =
        Notice { review_id: round.review_id.clone(), round: 1, channel, purpose: Purpose::Request, says: None };
    json!({ "Messages": [{
        "MessageId": id,
        "ReceiptHandle": id,
        "Body": serde_json::to_string(&notice).unwrap(),
        "Attributes": { "SentTimestamp": "1795338900000", "ApproximateReceiveCount": "1" },
    }] })
}

fn slack(name: impl Into<String>) -> Channel {
    Channel::Slack(name.into())
}

fn mail() -> Channel {
    Channel::Mail("dana@example.com".to_owned())
}

#[tokio::test]
async fn b31_a_rate_limit_makes_its_channel_wait_and_no_other() {
    let world = World::with_requests_to([slack("C1"), slack("C2"), mail()]).await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "7");
    world.slack.answer_always("C1", limited);
    let sending = world.send();
    until("the other channel and the mail are served", || world.is_told(&slack("C2")) && world.is_told(&mail())).await;
    until("the limited one's message is back in the queue", || world.aws.count("ChangeMessageVisibility") == 1).await;
    sending.abort();
    let waits = &world.aws.bodies("ChangeMessageVisibility").await[0];
    assert_eq!(waits["ReceiptHandle"], *slack("C1").id());
    assert_eq!(waits["VisibilityTimeout"], 7, "it waits there as long as Slack said, and keeps nobody busy");
    assert!(!world.is_told(&slack("C1")) && world.slack.live("C2") == 1);
}

#[tokio::test]
async fn b32_mail_goes_out_at_once_while_many_slack_channels_hang() {
    let hanging: Vec<_> = (0..60).map(|place| format!("H{place}")).collect();
    let channels = hanging.iter().map(slack).chain([mail(), slack("C2")]);
    let world = World::with_requests_to(channels).await;
    for name in &hanging {
        world.slack.answer_always(name, ResponseTemplate::new(200).set_delay(Duration::from_mins(10)));
    }
    let sending = world.send();
    until("the mail and the channel that answers are served", || world.is_told(&mail()) && world.is_told(&slack("C2")))
        .await;
    sending.abort();
    assert_eq!((world.smtp.taken().len(), world.slack.live("C2")), (1, 1));
}

#[tokio::test]
async fn b29_no_message_holds_an_address_but_our_link() {
    let world = World::with_requests_to([]).await;
    let sender = world.sender();
    for purpose in [Purpose::Request, Purpose::Reminder(0), Purpose::Outcome] {
        if purpose == Purpose::Outcome {
            world.aws.store(&rejected(&world.aws.stored(&world.round).unwrap(), "half of it is missing"));
        }
        for channel in [slack("C1"), mail()] {
            let says = None;
            let notice = Notice { review_id: world.round.review_id.clone(), round: 1, channel, purpose, says };
            sender.deliver(&notice, 1).await.unwrap();
        }
    }
    let posted = world.slack.messages("C1").into_iter().map(|message| message.to_string());
    let mails = world.smtp.taken().into_iter().map(|mail| {
        let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
        format!("{}\n{}", mail.body_text(0).unwrap(), mail.body_html(0).unwrap())
    });
    let messages: Vec<_> = posted.chain(mails).collect();
    assert_eq!(messages.len(), 6);
    for message in &messages {
        let addresses = message.match_indices("http").map(|(at, _)| &message[at..]);
        assert!(addresses.into_iter().all(|rest| rest.starts_with("https://review.example.com/r/")), "{message}");
        for part in ["X-Amz", "evidence-bucket", "reports/p", "flagged"] {
            assert!(!message.contains(part), "{part} in {message}");
        }
    }
}

#[test]
fn b31_after_a_rate_limit_the_channel_waits_as_long_as_it_was_told_to() {
    let limited = Undelivered::Limited(Duration::from_secs(7));
    assert_eq!(after_failure(&limited, 1), After::Again(Duration::from_secs(7)));
}

#[tokio::test]
async fn b40_the_ledger_says_why_a_notice_went_to_the_dead_letter_queue() {
    let world = World::with_requests_to([]).await;
    world.slack.answer_always("C1", crate::doubles::not_ok("is_archived"));
    let mut dead = message(&world.round, slack("C1"));
    dead["Messages"][0]["Attributes"]["ApproximateReceiveCount"] = NOTICE_RECEIVES.to_string().into();
    world.aws.script("ReceiveMessage", [reply(&dead)]);
    let sending = world.send();
    let reason = || {
        let round = world.aws.stored(&world.round).unwrap();
        round.events.into_iter().find_map(|entry| match entry.event {
            holdpoint_review::Event::Undelivered { channel, reason, .. } => Some((channel, reason)),
            _ => None,
        })
    };
    until("the reason is in the ledger", || reason().is_some()).await;
    sending.abort();
    assert_eq!(reason(), Some((slack("C1"), "it was refused: is_archived".to_owned())));
}

#[test]
fn b40_tries_are_spread_over_an_hour_before_the_dead_letter_queue_gets_it() {
    let failed = || Undelivered::Failed("down".into());
    let mut waited = Duration::ZERO;
    for receives in 1..NOTICE_RECEIVES {
        let After::Again(pause) = after_failure(&failed(), receives) else { panic!("too early") };
        assert!((1..=300).contains(&pause.as_secs()), "{pause:?}");
        waited += pause;
    }
    assert!(waited > Duration::from_mins(55), "{waited:?}");
    assert_eq!(after_failure(&failed(), NOTICE_RECEIVES), After::Leave);
}

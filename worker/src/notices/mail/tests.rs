use holdpoint_platform::now;
use holdpoint_review::{Input, Purpose};
use mail_parser::MessageParser;

use crate::{
    doubles::{Aws, ROUTES, Smtp, after, config, input, receipts, rejected, round_of},
    notices::{Sender, Undelivered},
};
use holdpoint_review::{Channel, Notice, Round};

fn sender(aws: &Aws, smtp: &str) -> Sender {
    Sender::new(&config(&[("HOLDPOINT_SMTP_URL", smtp)]), aws.reviews()).unwrap()
}

fn open_round(aws: &Aws) -> Round {
    let round = round_of(&input(), ROUTES, "token-1", now());
    aws.store(&round);
    round
}

fn notice(round: &Round, to: &str, purpose: Purpose) -> Notice {
    let says = if purpose == Purpose::Outcome { round.outcome() } else { None };
    Notice { review_id: round.review_id.clone(), round: 1, channel: Channel::Mail(to.to_owned()), purpose, says }
}

fn header(mail: &str, name: &str) -> String {
    let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
    mail.header_raw(name).map(|value| value.trim().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_link_that_was_asked_for_is_mailed_while_the_review_is_open_and_noted_nowhere() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    let asked_for = notice(&round, "dana@example.com", Purpose::Link(7));
    sender.deliver(&asked_for, 1).await.unwrap();
    let [mail] = &smtp.taken()[..] else { panic!("one mail") };
    assert!(mail.contains("You asked for your own link."), "{mail}");
    assert_eq!(aws.stored(&round).unwrap(), round);
    aws.store(&rejected(&round, "no"));
    sender.deliver(&asked_for, 1).await.unwrap();
    assert_eq!(smtp.taken().len(), 1, "nothing is asked any more");
}

#[tokio::test]
async fn b36_a_mail_that_is_put_off_comes_again_under_the_same_id() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    let ask = notice(&round, "dana@example.com", Purpose::Request);
    // Sent, but the receipt could not be written: the same mail once more.
    aws.let_writes_fail(true);
    assert!(matches!(sender.deliver(&ask, 1).await, Err(Undelivered::Failed(_))));
    aws.let_writes_fail(false);
    smtp.refuse_once("dana@example.com", "451 later");
    assert!(matches!(sender.deliver(&ask, 1).await, Err(Undelivered::Failed(_))));
    sender.deliver(&ask, 1).await.unwrap();
    let ids: Vec<_> = smtp.taken().iter().map(|mail| header(mail, "Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(receipts(&aws.stored(&round).unwrap()), [Some(ids[0].clone())]);
    sender.deliver(&ask, 1).await.unwrap();
    assert_eq!(smtp.taken().len(), 2, "told is told");
}

#[tokio::test]
async fn b36_a_mail_that_is_put_off_after_it_was_heard_is_the_same_mail_the_next_time() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    let ask = notice(&round, "dana@example.com", Purpose::Request);
    for (tries, reply) in [(1, "451 later"), (2, "452 full"), (3, "421 closing")] {
        smtp.refuse_after_data(reply);
        assert!(matches!(sender.deliver(&ask, 1).await, Err(Undelivered::Failed(_))), "{reply}");
        assert_eq!((smtp.untaken().len(), smtp.taken().len()), (tries, 0));
        assert!(receipts(&aws.stored(&round).unwrap()).is_empty(), "{reply}: nothing is recorded that did not go out");
    }
    sender.deliver(&ask, 1).await.unwrap();
    let id = header(&smtp.taken()[0], "Message-ID");
    assert!(smtp.untaken().iter().all(|mail| header(mail, "Message-ID") == id), "{id}");
    assert_eq!(receipts(&aws.stored(&round).unwrap()), [Some(id)]);
}

#[tokio::test]
async fn b36_a_mail_refused_for_good_after_it_was_heard_is_not_sent_again() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    smtp.refuse_after_data("554 not this one");
    for _ in 0..2 {
        sender.deliver(&notice(&round, "dana@example.com", Purpose::Request), 1).await.unwrap();
    }
    sender.deliver(&notice(&round, "lee@example.com", Purpose::Request), 1).await.unwrap();
    assert_eq!((smtp.untaken().len(), smtp.taken().len()), (1, 1));
    assert!(receipts(&aws.stored(&round).unwrap())[0].is_none());
}

#[tokio::test]
async fn b36_an_address_refused_for_good_is_recorded_and_the_next_one_gets_its_mail() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    smtp.refuse_once("dana@example.com", "550 no such user dana@example.com");
    sender.deliver(&notice(&round, "dana@example.com", Purpose::Request), 1).await.unwrap();
    sender.deliver(&notice(&round, "lee@example.com", Purpose::Request), 1).await.unwrap();
    let receipts = receipts(&aws.stored(&round).unwrap());
    assert!(receipts[0].is_none() && receipts[1].is_some(), "{receipts:?}");
    assert_eq!(smtp.taken().len(), 1);
}

#[tokio::test]
async fn b36_wrong_credentials_are_no_fault_of_the_address() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    smtp.refuse_once("dana@example.com", "535 authentication failed");
    let sent = sender.deliver(&notice(&round, "dana@example.com", Purpose::Request), 1).await;
    assert!(matches!(sent, Err(Undelivered::Failed(_))));
    assert!(receipts(&aws.stored(&round).unwrap()).is_empty());
}

#[tokio::test]
async fn b36_where_tls_is_required_and_refused_nothing_goes_out_in_plaintext() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let round = open_round(&aws);
    for url in [format!("{}?tls=required", smtp.url()), smtp.url().replace("smtp://", "smtps://")] {
        let sent = sender(&aws, &url).deliver(&notice(&round, "dana@example.com", Purpose::Request), 1).await;
        assert!(matches!(sent, Err(Undelivered::Failed(_))), "{url}");
        assert!(smtp.taken().is_empty() && receipts(&aws.stored(&round).unwrap()).is_empty(), "{url}");
        let lines = smtp.lines();
        assert!(lines.iter().all(|line| !line.starts_with("MAIL") && !line.contains("dana")), "{lines:?}");
    }
}

#[tokio::test]
async fn b38_every_end_answers_in_the_mail_thread_and_tells_whom_the_route_names() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    sender.deliver(&notice(&round, "dana@example.com", Purpose::Request), 1).await.unwrap();
    let closed = rejected(&aws.stored(&round).unwrap(), "half of it is missing");
    aws.store(&closed);
    for to in ["dana@example.com", "contact@acme.example"] {
        sender.deliver(&notice(&closed, to, Purpose::Outcome), 1).await.unwrap();
    }
    let taken = smtp.taken();
    assert_eq!(header(&taken[1], "In-Reply-To"), header(&taken[0], "Message-ID"));
    assert_eq!(header(&taken[2], "In-Reply-To"), "", "who is only told was asked nothing");
    assert!(header(&taken[1], "To").contains("dana@example.com"));
    let stored = aws.stored(&closed).unwrap();
    for to in ["dana@example.com", "contact@acme.example"] {
        assert_eq!(stored.said(&Channel::Mail(to.to_owned())), closed.outcome());
    }
}

#[tokio::test]
async fn who_was_never_asked_is_told_no_outcome_but_the_round_ends() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let sender = sender(&aws, &smtp.url());
    let lee = Channel::Mail("lee@example.com".to_owned());
    let closed = rejected(&open_round(&aws), "no");
    let unasked = Input::Notified { channel: lee.clone(), purpose: Purpose::Request, receipt: None };
    let closed = after(&closed, unasked);
    aws.store(&closed);
    sender.deliver(&notice(&closed, "lee@example.com", Purpose::Outcome), 1).await.unwrap();
    assert!(smtp.taken().is_empty());
    assert_eq!(aws.stored(&closed).unwrap().said(&lee), closed.outcome());
}

#[tokio::test]
async fn b38_who_was_left_to_a_digest_and_reminded_singly_hears_how_it_ended() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    let lee = Channel::Mail("lee@example.com".to_owned());
    aws.store(&after(&round, Input::Notified { channel: lee.clone(), purpose: Purpose::Request, receipt: None }));
    sender.deliver(&notice(&round, "lee@example.com", Purpose::Reminder(0)), 1).await.unwrap();
    let closed = rejected(&aws.stored(&round).unwrap(), "no");
    aws.store(&closed);
    sender.deliver(&notice(&closed, "lee@example.com", Purpose::Outcome), 1).await.unwrap();
    assert_eq!(smtp.taken().len(), 2, "reminded once, told once");
    assert_eq!(aws.stored(&closed).unwrap().said(&lee), closed.outcome());
}

#[tokio::test]
async fn a_mail_that_may_have_gone_out_before_the_round_was_closed_hears_how_it_ended() {
    let (aws, smtp) = (Aws::start().await, Smtp::start());
    let (round, sender) = (open_round(&aws), sender(&aws, &smtp.url()));
    let ask = notice(&round, "dana@example.com", Purpose::Request);
    aws.let_writes_fail(true);
    assert!(matches!(sender.deliver(&ask, 1).await, Err(Undelivered::Failed(_))));
    aws.let_writes_fail(false);
    let closed = rejected(&round, "no");
    aws.store(&closed);
    sender.deliver(&ask, 2).await.unwrap();
    sender.deliver(&notice(&closed, "dana@example.com", Purpose::Outcome), 1).await.unwrap();
    let taken = smtp.taken();
    assert_eq!(taken.len(), 2, "asked once, told once");
    assert_eq!(header(&taken[1], "In-Reply-To"), header(&taken[0], "Message-ID"));
}

use holdpoint_review::{Channel, Purpose, RequestFinding, Round, Share, Verdict, Who, vote};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    doubles::{at, config, rejected, round},
    notices::links::Links,
};

/// Slack takes more; this is what DESIGN.md allows us.
const BLOCKS_LIMIT_BYTES: usize = 12_000;

fn channel_link(round: &Round) -> SealedLink {
    Links::new(&config(&[])).for_channel(round, &Channel::Slack("C1".to_owned()))
}

fn ask(round: &Round) -> SlackMessage {
    asking(&Asking::of(round, Purpose::Request, "test"), &channel_link(round), true)
}

fn end(round: &Round) -> SlackMessage {
    ended(&Ended::of(round, "test").unwrap(), round, &channel_link(round))
}

/// What a reader sees, one element to a line.
fn seen(message: &SlackMessage) -> String {
    let mut lines = Vec::new();
    for block in message.blocks.as_array().unwrap() {
        if let Some(text) = block["text"]["text"].as_str() {
            // A sealed link differs each time.
            let unlinked = |(before, link): (&str, &str)| format!("{before}…|{}", link.split_once('|').unwrap().1);
            lines.push(text.split_once("https://").map_or_else(|| text.to_owned(), unlinked));
        }
        for button in block["elements"].as_array().into_iter().flatten() {
            lines.push(format!("[{}]", button["text"]["text"].as_str().unwrap()));
        }
    }
    lines.join("\n\n")
}

#[test]
fn a_channel_is_asked_like_this() {
    insta::assert_snapshot!(seen(&ask(&round())), @r"
    *acme delivered orders, and it does not look like theirs*
    acme · orders · test
    41.3 % of 12,480 records are anomalous. The limit is 6 %. Accepted pushes had 0.2 % to 1.1 %.

    • 38.9 %: amount is 100 times what it was
    • 38.9 %: currency has a value never seen: “¢”
    • 2.4 %: ship_date lies before order_date
    • One more on the page.

    *Approve:* It is loaded as it is.
    *Reject:* Nothing is loaded.
    If nobody decides until 23 Nov 2026, 09:14 UTC, it expires and goes no further.

    [Approve]

    [Reject]

    [Look at the evidence]
    ");
}

#[test]
fn a_channel_sees_the_end_like_this() {
    insta::assert_snapshot!(seen(&end(&rejected(&round(), "half of it is missing"))), @r"
    *acme delivered orders, and it does not look like theirs*
    acme · orders · test

    *Rejected by dana, 22 Nov 2026, 09:15 UTC.*
    Reason: half of it is missing

    <…|See the review>
    ");
}

#[test]
fn buttons_carry_the_channels_link_and_approving_asks_twice() {
    let message = ask(&round());
    let elements = message.blocks.as_array().unwrap().last().unwrap()["elements"].clone();
    let keys = config(&[]).common.link_keys;
    for (place, action) in ["approve", "reject"].iter().enumerate() {
        assert_eq!(elements[place]["action_id"], *action);
        let value = elements[place]["value"].as_str().unwrap();
        assert!(keys.unseal(value).is_some() && value.len() <= 2_000);
    }
    assert!(elements[0]["confirm"].is_object());
    assert!(elements[2]["url"].as_str().unwrap().starts_with("https://review.example.com/r/"));
}

#[test]
fn b37_no_mention_and_no_link_comes_out_of_data() {
    let mut hostile = round();
    hostile.request.title = "<!channel> <@U1> <http://evil|Approve> a&b\r\n*x*\u{202e}".to_owned();
    hostile.request.findings[0].text = "<!here> <#C2>".to_owned();
    hostile.request.if_approved = "<http://evil|ok>".to_owned();
    let closed = rejected(&hostile, "<!everyone> <@U2>");
    for blocks in [ask(&hostile).blocks.to_string(), end(&closed).blocks.to_string()] {
        for part in ["<!", "<@", "<#", "<http://", "\u{202e}"] {
            assert!(!blocks.contains(part), "{part} in {blocks}");
        }
        assert!(blocks.contains("&lt;!"), "{blocks}");
        assert_eq!(blocks.matches("\"mrkdwn\"").count(), blocks.matches("\"verbatim\":true").count());
    }
}

#[test]
fn who_decided_in_slack_is_named_by_a_mention_that_slack_vouched_for() {
    let who = Who::SlackUser { user: "U1".to_owned(), channel: "C1".to_owned() };
    let voted = vote(&round(), &who, Verdict::Reject, Some("says <@U1>".to_owned()), at(60)).unwrap();
    let blocks = end(&voted.write.unwrap()).blocks.to_string();
    assert!(blocks.contains("Rejected by <@U1>"), "{blocks}");
    assert!(blocks.contains("says &lt;@U1&gt;"), "a reason mentions nobody: {blocks}");
}

fn text() -> impl Strategy<Value = String> {
    let hostile = prop_oneof![any::<char>(), Just('&'), Just('"'), Just('\\'), Just('<'), Just('𝕏')];
    (vec(hostile, 0..30), 0..60usize).prop_map(|(chars, times)| String::from_iter(chars).repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn b35_no_report_makes_a_message_too_large(
        texts in vec(text(), 6),
        findings in vec((text(), any::<u64>(), any::<u64>()), 0..8),
        purpose in prop_oneof![Just(Purpose::Request), Just(Purpose::Reminder(3)), Just(Purpose::Escalation)],
        quorum in 1u32..5,
    ) {
        let mut round = round();
        let request = &mut round.request;
        let fields = [&mut request.title, &mut request.dataset, &mut request.customer, &mut request.if_approved, &mut request.if_rejected];
        for (field, text) in fields.into_iter().zip(&texts) {
            field.clone_from(text);
        }
        request.findings = findings.into_iter().map(|(text, count, of)| RequestFinding { text, share: Share::new(count, of) }).collect();
        round.route.quorum = quorum;
        let asked = asking(&Asking::of(&round, purpose, &texts[5]), &channel_link(&round), true);
        let closed = rejected(&round, &texts[5]);
        for message in [&asked, &end(&closed)] {
            prop_assert!(message.blocks.to_string().len() <= BLOCKS_LIMIT_BYTES);
            for block in message.blocks.as_array().unwrap() {
                let section = block["text"]["text"].as_str().unwrap_or_default();
                prop_assert!(section.chars().count() <= 3_000);
            }
        }
        prop_assert!(!reminder(&Asking::of(&round, purpose, &texts[5])).is_empty());
    }
}

#[test]
fn b35_no_digest_makes_a_message_too_large() {
    let long = |count: usize| vec!["<&>".repeat(1_000); count];
    let (title, about, newest) = ("<".repeat(5_000), "&".repeat(5_000), &round());
    let full = Digest { title, about, causes: long(5), largest: long(10), call: "See and decide them", newest };
    let message = digest(&full, "https://review.example.com/r/x/reviews", Some("You hear of it here."));
    assert!(message.blocks.to_string().len() <= BLOCKS_LIMIT_BYTES, "{}", message.blocks.to_string().len());
    for block in message.blocks.as_array().unwrap() {
        assert!(block["text"]["text"].as_str().unwrap_or_default().len() <= 3_000);
    }
}

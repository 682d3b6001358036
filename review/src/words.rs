//! The sentences that every surface shares — page, mail, Slack — so that none of them says it differently.
//!
//! Plain text; each surface escapes it in its own way. Values from outside pass through [`visible`] first.

use jiff::{Timestamp, tz::TimeZone};

use crate::{AtDeadline, Closing, Measure, NotAllowed, Refusal, Report, Round, Verdict, Way};

/// Said in private where nothing is known to be stored.
pub const NOT_RECORDED: &str =
    "Not recorded, try again. Should it have been stored after all, a second try changes nothing.";

/// Text as a person should see it: no control, bidirectional or zero-width character, no line break, at most `longest`
/// characters.
pub fn visible(text: &str, longest: usize) -> String {
    let shown = text.chars().filter_map(|c| match c {
        c if c.is_control() => Some(' '),
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{61c}'
        | '\u{180e}' => None,
        '\u{2028}' | '\u{2029}' => Some(' '),
        c => Some(c),
    });
    let mut shown: Vec<char> = shown.take(longest.saturating_add(1)).collect();
    if shown.len() > longest {
        shown.truncate(longest.saturating_sub(1));
        shown.push('…');
    }
    shown.into_iter().collect()
}

/// `12,480`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `22 Nov 2026, 09:14 UTC`.
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// `22 Nov 2026`.
pub fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y").to_string()
}

/// `41.3 % of 12,480 records are anomalous. The limit is 6 %. Accepted pushes had 0.2 % to 1.1 %.`
pub fn measure(measure: &Measure) -> String {
    if measure.records == 0 {
        return format!("No record can be read. {}", limits(measure));
    }
    format!("{} of {} records are anomalous. {}", measure.rate, grouped(measure.records), limits(measure))
}

/// `The limit is 6 %. Accepted pushes had 0.2 % to 1.1 %.`
pub fn limits(measure: &Measure) -> String {
    let limit = format!("The limit is {}.", measure.threshold);
    match &measure.usual {
        Some((low, high)) if low == high => format!("{limit} Accepted pushes had {low}."),
        Some((low, high)) => format!("{limit} Accepted pushes had {low} to {high}."),
        None => limit,
    }
}

/// A limit below what pushes that are fine may reach.
pub fn limit_warning(report: &Report) -> Option<String> {
    let expected = report.baseline.expected.filter(|_| report.is_limit_too_low())?;
    Some(format!(
        "The limit of {} is below what accepted pushes reach by the same rules, {expected}: it will hold pushes that are fine.",
        report.threshold
    ))
}

/// `If nobody decides until 22 Nov 2026, 09:14 UTC, it expires and goes no further.`
pub fn if_nobody(round: &Round) -> String {
    let then = match round.route.at_deadline {
        AtDeadline::Expire => "it expires and goes no further",
        AtDeadline::ApproveUnseen => "it goes on unseen, as the route says",
    };
    format!("If nobody decides until {}, {then}.", moment(round.deadline))
}

/// That a newer version of the same is there while this one is still open; none where there is none.
pub fn replaced(round: &Round) -> Option<&'static str> {
    let newer = round.replaced_by().filter(|_| round.is_open());
    newer.map(|_| "Replaced by a newer version, which is judged by itself. A decision here still counts for this one.")
}

/// Whether a decision has reached the workflow; none where there is nothing to deliver, or the outcome says it all.
pub fn delivery(round: &Round) -> Option<&'static str> {
    round.decision()?;
    match round.resolved() {
        None => Some("Recorded, being delivered to the workflow."),
        Some(true) => Some("The workflow has heard it."),
        Some(false) => None,
    }
}

/// How long there is still to decide: `59 minutes left`. It reads the same in every time zone.
pub fn left(deadline: Timestamp, now: Timestamp) -> String {
    let minutes = deadline.duration_since(now).as_mins();
    let (number, unit) = match minutes {
        ..1 => return "less than a minute left".to_owned(),
        1..120 => (minutes, "minute"),
        120..2_880 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{number} {unit}{} left", if number == 1 { "" } else { "s" })
}

/// Why a vote was not taken, said to who cast it.
pub fn refusal(refusal: &Refusal, round: &Round) -> String {
    match refusal {
        Refusal::NotAllowed(NotAllowed::NotAReviewer) => {
            "Only the reviewers named for this dataset may decide, each by a personal link or their own Slack account."
                .to_owned()
        }
        Refusal::NotAllowed(NotAllowed::AnotherWorkspace) => {
            "Only members of our own Slack workspace may decide.".to_owned()
        }
        Refusal::NotAllowed(NotAllowed::Submitter) => "Whoever submitted the data may not decide on it.".to_owned(),
        Refusal::Closed(_) => {
            outcome(round).unwrap_or_else(|| format!("Expired: the deadline passed, {}.", moment(round.deadline)))
        }
        Refusal::Voted(Verdict::Approve) => "You have approved it already, and a vote is final.".to_owned(),
        Refusal::Voted(Verdict::Reject) => "You have rejected it already, and a vote is final.".to_owned(),
    }
}

/// Text with Slack's mentions (`<@U1>`) spelled out, for surfaces that know none: `Slack user U1`.
pub fn without_mentions(text: &str) -> String {
    let mut parts = text.split("<@");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| match part.split_once('>') {
        Some((user, rest)) if !user.is_empty() && user.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!("{out}Slack user {user}{rest}")
        }
        _ => format!("{out}<@{part}"),
    })
}

/// Text as Slack shows it literally, in at most so many bytes: escaped first, then cut, so that no entity is.
pub fn slack_text(text: &str, longest_bytes: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let mut buffer = [0; 4];
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            c => &*c.encode_utf8(&mut buffer),
        };
        if out.len() + escaped.len() + '…'.len_utf8() > longest_bytes {
            out.push('…');
            break;
        }
        out.push_str(escaped);
    }
    out
}

/// How a closed round ended: `Approved by dana, 22 Nov 2026, 09:14 UTC.` None while it is open.
pub fn outcome(round: &Round) -> Option<String> {
    let (closing, at) = round.closing()?;
    let outcome = round.outcome()?;
    let by = round.votes().last().map_or_else(String::new, |(voter, ..)| {
        let how = if voter.way == Some(Way::Command) { ", by an operator's command" } else { "" };
        format!(" by {}{how}", visible(&voter.name, 80))
    });
    let what = match closing {
        Closing::Approved => format!("Approved{by}"),
        Closing::Rejected => format!("Rejected{by}"),
        Closing::Expired => "Expired: nobody decided in time, so it was not let through".to_owned(),
        Closing::ApprovedUnseen => "Let through unseen: nobody decided in time, and the route says to go on".to_owned(),
        Closing::Withdrawn => "Withdrawn: the workflow ended or stopped asking before anybody decided".to_owned(),
        Closing::Replaced => {
            "Replaced by a newer version, which is judged by itself; this one goes no further".to_owned()
        }
    };
    let applied = if outcome.not_applied { " Not applied: the workflow had already ended." } else { "" };
    Some(format!("{what}, {}.{applied}", moment(at)))
}

/// Why it was decided so: the deciding vote's reason.
pub fn reason(round: &Round) -> Option<String> {
    let (closing, _) = round.closing()?;
    let decided = matches!(closing, Closing::Approved | Closing::Rejected);
    let (_, _, reason) = round.votes().last().filter(|_| decided)?;
    reason.map(|reason| visible(reason, 2_000))
}

/// `1 of 2 approvals: dana.` None where one is enough.
pub fn progress(round: &Round) -> Option<String> {
    if round.route.quorum < 2 {
        return None;
    }
    let approved = round.votes().filter(|(_, verdict, _)| *verdict == Verdict::Approve);
    let names: Vec<_> = approved.map(|(voter, ..)| visible(&voter.name, 80)).collect();
    let by = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    Some(format!("{} of {} approvals{by}.", names.len(), round.route.quorum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Share, Threshold};

    #[test]
    fn hostile_text_is_shown_as_text_on_one_line() {
        assert_eq!(visible("a\u{202e}b\u{200b}c\r\nBcc: x", 80), "abc  Bcc: x");
        assert_eq!(visible("abcdef", 4), "abc…");
        assert_eq!(visible("abcd", 4), "abcd");
    }

    #[test]
    fn a_measure_reads_as_a_sentence() {
        let measured = Measure {
            records: 12_480,
            rate: Share::new(5154, 12_480),
            threshold: Threshold::SIX_PERCENT,
            usual: Some((Share::new(2, 1000), Share::new(11, 1000))),
        };
        assert_eq!(
            measure(&measured),
            "41.3 % of 12,480 records are anomalous. The limit is 6 %. Accepted pushes had 0.2 % to 1.1 %."
        );
        let unreadable = Measure { records: 0, rate: Share::WHOLE, usual: None, ..measured };
        assert_eq!(measure(&unreadable), "No record can be read. The limit is 6 %.");
    }

    #[test]
    fn what_is_left_is_never_said_to_be_more_than_it_is() {
        let left = |seconds: i64| left(Timestamp::from_second(seconds).unwrap(), Timestamp::UNIX_EPOCH);
        assert_eq!([left(-5), left(59)], ["less than a minute left"; 2]);
        assert_eq!([left(60), left(119), left(7_199)], ["1 minute left", "1 minute left", "119 minutes left"]);
        assert_eq!([left(7_200), left(86_399)], ["2 hours left", "23 hours left"]);
        assert_eq!([left(172_799), left(172_800), left(2_592_000)], ["47 hours left", "2 days left", "30 days left"]);
    }

    #[test]
    fn a_mention_is_spelled_out_and_nothing_else_is() {
        assert_eq!(
            without_mentions("Approved by <@U1>, then <@U2>."),
            "Approved by Slack user U1, then Slack user U2."
        );
        for text in ["", "<@", "<@>", "a <@ U1> b", "<!channel>", "<@U1"] {
            assert_eq!(without_mentions(text), text);
        }
    }

    #[test]
    fn b37_text_for_slack_holds_no_markup_and_no_half_entity() {
        assert_eq!(slack_text("<!channel> & <@U1>", 80), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        for (longest_bytes, shown) in [(10, "a&amp;b"), (9, "a&amp;…"), (8, "a…")] {
            assert_eq!(slack_text("a&b", longest_bytes), shown);
        }
    }

    #[test]
    fn moments_name_their_zone() {
        assert_eq!(moment(Timestamp::from_second(1_795_338_840).unwrap()), "22 Nov 2026, 09:14 UTC");
    }
}

//! The sentences that every surface shares — page, mail, Slack — so that none of them says it differently.
//!
//! Plain text; each surface escapes it in its own way. Values from outside pass through [`visible`] first.

use jiff::{Timestamp, tz::TimeZone};

use crate::{Closing, Measure, Round, Verdict};

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
    let mut shown: Vec<char> = shown.take(longest + 1).collect();
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

/// `41.3 % of 12,480 records are anomalous. The limit is 6 %. Accepted pushes had 0.2 % to 1.1 %.`
pub fn measure(measure: &Measure) -> String {
    let limit = format!("The limit is {}.", measure.threshold);
    let usual = match &measure.usual {
        Some((low, high)) if low == high => format!(" Accepted pushes had {low}."),
        Some((low, high)) => format!(" Accepted pushes had {low} to {high}."),
        None => String::new(),
    };
    format!("{} of {} records are anomalous. {limit}{usual}", measure.rate, grouped(measure.records))
}

/// How a closed round ended: `Approved by dana, 22 Nov 2026, 09:14 UTC.` None while it is open.
pub fn outcome(round: &Round) -> Option<String> {
    let (closing, at) = round.closing()?;
    let outcome = round.outcome()?;
    let by = round.votes().last().map_or_else(String::new, |(voter, ..)| format!(" by {}", visible(&voter.name, 80)));
    let what = match closing {
        Closing::Approved => format!("Approved{by}"),
        Closing::Rejected => format!("Rejected{by}"),
        Closing::Expired => "Expired: nobody decided in time, so it was not let through".to_owned(),
        Closing::ApprovedUnseen => "Let through unseen: nobody decided in time, and the route says to go on".to_owned(),
        Closing::Withdrawn => "Withdrawn: the workflow ended or stopped asking before anybody decided".to_owned(),
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
    }

    #[test]
    fn moments_name_their_zone() {
        assert_eq!(moment(Timestamp::from_second(1_795_338_840).unwrap()), "22 Nov 2026, 09:14 UTC");
    }
}

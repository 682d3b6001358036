//! Lengths of time that people write with a unit: `90s`, `5m`, `24h`, `30d`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A whole number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Seconds(pub u32);

/// The text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration; write a whole number with its unit, like 90s, 5m, 24h or 30d")]
pub struct NotADuration(String);

const UNITS: [(&str, u32); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl FromStr for Seconds {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let read = |(unit, factor): &(&str, u32)| {
            let number = text.trim().strip_suffix(unit)?;
            number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse::<u32>().ok()?.checked_mul(*factor))?
        };
        UNITS.iter().find_map(read).map(Self).ok_or_else(|| NotADuration(text.to_owned()))
    }
}

impl TryFrom<String> for Seconds {
    type Error = NotADuration;

    fn try_from(text: String) -> Result<Self, NotADuration> {
        text.parse()
    }
}

impl From<Seconds> for String {
    fn from(seconds: Seconds) -> Self {
        seconds.to_string()
    }
}

impl From<Seconds> for std::time::Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0.into())
    }
}

impl From<Seconds> for jiff::SignedDuration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0.into())
    }
}

impl fmt::Display for Seconds {
    /// In the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(&str, u32)| self.0 > 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = UNITS.iter().find(fits).unwrap_or(&("s", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_it_was_written() {
        for text in ["90s", "5m", "24h", "3d", "0s"] {
            let shown = text.parse::<Seconds>().unwrap().to_string();
            assert_eq!(shown.parse::<Seconds>(), text.parse::<Seconds>(), "{text} {shown}");
        }
        assert_eq!("5m".parse(), Ok(Seconds(300)));
        for text in ["", "5", "m", "-5m", "5 minutes", "1.5h", "99999999999s", "4000000000d"] {
            assert!(text.parse::<Seconds>().is_err(), "{text:?}");
        }
    }
}

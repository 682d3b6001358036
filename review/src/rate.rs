//! Shares of records and the limit they are held against, in whole numbers: exactly 6 % passes, one record more does not,
//! and no float decides which it was.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `count` of `of` records.
///
/// Nothing of nothing is a share of zero; who must judge an empty push says `Share::WHOLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// All of it: what an empty, unreadable or wrongly shaped push counts as.
    pub const WHOLE: Self = Self { count: 1, of: 1 };
    /// None of it.
    pub const NONE: Self = Self { count: 0, of: 1 };

    /// `count` of `of`.
    pub const fn new(count: u64, of: u64) -> Self {
        Self { count, of }
    }

    /// For charts and other places where the last digit decides nothing.
    #[expect(clippy::cast_precision_loss, reason = "shown, never compared")]
    pub fn as_f64(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.count as f64 / self.of as f64 }
    }

    /// The larger of two shares, by cross-multiplication; the first of equals.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        let left = u128::from(self.count) * u128::from(other.of.max(1));
        let right = u128::from(other.count) * u128::from(self.of.max(1));
        if right > left { other } else { self }
    }
}

impl fmt::Display for Share {
    /// In per cent with one digit; a share above zero never reads as `0.0 %`, nor one below all as `100 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, of) = (u128::from(self.count), u128::from(self.of.max(1)));
        if count == 0 || count >= of {
            return write!(f, "{} %", if count == 0 { 0 } else { 100 });
        }
        match (count * 2000 + of) / (of * 2) {
            0 => f.write_str("under 0.1 %"),
            1000.. => f.write_str("over 99.9 %"),
            tenths => write!(f, "{}.{} %", tenths / 10, tenths % 10),
        }
    }
}

/// The anomaly rate above which a person must look: a decimal fraction, exactly as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct Threshold {
    /// In units of 1 / 10^`SCALE`.
    units: u64,
}

const SCALE: u32 = 9;
const WHOLE: u64 = 10u64.pow(SCALE);

impl Threshold {
    /// The well-known one: 6 %.
    pub const SIX_PERCENT: Self = Self { units: WHOLE / 100 * 6 };

    /// Whether the share lies strictly above.
    pub fn is_exceeded_by(self, share: Share) -> bool {
        u128::from(share.count) * u128::from(WHOLE) > u128::from(share.of) * u128::from(self.units)
    }

    /// For JSON contracts that speak in floats; never compared.
    #[expect(clippy::cast_precision_loss, reason = "shown, never compared")]
    pub fn as_f64(self) -> f64 {
        self.units as f64 / WHOLE as f64
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self::SIX_PERCENT
    }
}

/// The text is no share between 0 and 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share of records; write it like 6% or 0.06, between 0 and 100%")]
pub struct NotAThreshold(String);

impl FromStr for Threshold {
    type Err = NotAThreshold;

    fn from_str(text: &str) -> Result<Self, NotAThreshold> {
        let refuse = || NotAThreshold(text.to_owned());
        let trimmed = text.trim();
        let (number, scale) = match trimmed.strip_suffix('%') {
            Some(percent) => (percent.trim_end(), SCALE - 2),
            None => (trimmed, SCALE),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty())
            || !digits(whole)
            || !digits(fraction)
            || fraction.len() > scale as usize
        {
            return Err(refuse());
        }
        let parse = |part: &str| if part.is_empty() { Ok(0) } else { part.parse::<u64>().map_err(|_| refuse()) };
        let missing = scale - u32::try_from(fraction.len()).map_err(|_| refuse())?;
        let units = parse(whole)?
            .checked_mul(10u64.pow(scale))
            .and_then(|w| Some(w + parse(fraction).ok()? * 10u64.pow(missing)))
            .filter(|units| *units <= WHOLE)
            .ok_or_else(refuse)?;
        Ok(Self { units })
    }
}

impl TryFrom<String> for Threshold {
    type Error = NotAThreshold;

    fn try_from(text: String) -> Result<Self, NotAThreshold> {
        text.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.to_string().replace(' ', "")
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.units / (WHOLE / 100), self.units % (WHOLE / 100));
        let fraction = format!("{rest:07}");
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { write!(f, "{whole} %") } else { write!(f, "{whole}.{fraction} %") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_threshold_passes_and_one_record_more_does_not() {
        let six = Threshold::SIX_PERCENT;
        assert!(!six.is_exceeded_by(Share::new(6, 100)));
        assert!(six.is_exceeded_by(Share::new(7, 100)));
        assert!(!six.is_exceeded_by(Share::new(600_000_000_000_000_000, 10_000_000_000_000_000_000)));
        assert!(six.is_exceeded_by(Share::new(600_000_000_000_000_001, 10_000_000_000_000_000_000)));
        assert!(!six.is_exceeded_by(Share::new(0, 0)));
        assert!(six.is_exceeded_by(Share::WHOLE));
    }

    #[test]
    fn a_threshold_reads_as_it_was_written() {
        let check =
            |text: &str, shown: &str| assert_eq!(text.parse::<Threshold>().unwrap().to_string(), shown, "{text}");
        check("6%", "6 %");
        check("6 %", "6 %");
        check("0.06", "6 %");
        check(".06", "6 %");
        check("0.0625", "6.25 %");
        check("12.5%", "12.5 %");
        check("1", "100 %");
        check("0", "0 %");
        for text in ["", "%", ".", "6", "-1%", "101%", "six", "1e-2", "0.06 of it", "99999999999999999999%"] {
            assert!(text.parse::<Threshold>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_threshold_survives_json() {
        let json = serde_json::to_string(&Threshold::SIX_PERCENT).unwrap();
        assert_eq!(json, r#""6%""#);
        assert_eq!(serde_json::from_str::<Threshold>(&json).unwrap(), Threshold::SIX_PERCENT);
    }

    #[test]
    fn a_share_never_reads_as_nothing_or_all_when_it_is_neither() {
        let check = |count, of, shown: &str| assert_eq!(Share::new(count, of).to_string(), shown);
        check(0, 0, "0 %");
        check(0, 10, "0 %");
        check(1, 1_000_000, "under 0.1 %");
        check(1, 2_000, "0.1 %");
        check(999_999, 1_000_000, "over 99.9 %");
        check(5154, 12480, "41.3 %");
        check(10, 10, "100 %");
    }

    #[test]
    fn the_larger_share_wins_without_rounding() {
        assert_eq!(Share::new(1, 3).max(Share::new(333, 1000)), Share::new(1, 3));
        assert_eq!(Share::new(0, 0).max(Share::new(1, 9)), Share::new(1, 9));
    }
}

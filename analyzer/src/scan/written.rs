//! A number in the way in which nearly all are written in text: read in one loop, and exactly.

/// A number as a text has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Written {
    pub(super) number: f64,
    /// Ten to the digits after the point.
    pub(super) scale: f64,
}

/// Digits that a whole number has at most to be exact as a float.
const DIGITS: usize = 15;

impl Written {
    /// A text of digits with at most one point among them, no nought before other digits, and a sign only below zero. None for
    /// every other text, number or not.
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits fit, and so does ten to that power")]
    pub(super) fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (is_negative, digits) = bytes.strip_prefix(b"-").map_or((false, bytes), |digits| (true, digits));
        let is_plain = digits.len() <= DIGITS + 1 && !matches!(digits, [] | [b'0', b'0'..=b'9', ..]);
        if !is_plain {
            return None;
        }
        let (mut all, mut point) = (0_u64, digits.len());
        for (at, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => all = all * 10 + u64::from(byte - b'0'),
                b'.' if point == digits.len() && 0 < at && at + 1 < digits.len() => point = at,
                _ => return None,
            }
        }
        let is_whole = point == digits.len();
        let is_exact = !is_whole || digits.len() <= DIGITS;
        if !is_exact || (is_negative && all == 0) {
            return None;
        }
        let scale = if is_whole { 1 } else { 10_u64.pow(u32::try_from(digits.len() - point - 1).ok()?) } as f64;
        // Both are exact, so this is the nearest number, as reading the text digit by digit would give.
        let number = all as f64 / scale;
        Some(Self { number: if is_negative { -number } else { number }, scale })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value;

    proptest! {
        #[test]
        fn what_is_read_is_the_number_that_the_text_is(text in "-?[0-9.]{0,18}") {
            if let Some(written) = Written::of(&text) {
                prop_assert_eq!(Some(written.number), value::number(&text));
                let digits = value::decimals(&text).max(0);
                prop_assert_eq!(written.scale.to_bits(), 10_f64.powi(digits).to_bits());
            }
        }

        #[test]
        fn numbers_as_they_are_mostly_written_are_read(text in "-?[1-9][0-9]{0,8}(\\.[0-9]{1,6})?") {
            prop_assert!(Written::of(&text).is_some());
        }
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_others() {
        for text in ["", "-", ".5", "5.", "1.2.3", "007", "-0", "+1", "1e3", " 1", "1234567890123456", "12a"] {
            assert_eq!(Written::of(text), None, "{text:?}");
        }
    }
}

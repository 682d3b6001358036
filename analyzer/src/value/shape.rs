//! The coarsest form of a text: how it begins and in which case it is written. It is all that can be said of free text.

const BEGINNINGS: [&str; 4] = ["capital", "small letter", "digit", "sign"];
const CASES: [&str; 5] = ["no letters", "all capitals", "mostly capitals", "mostly small letters", "all small letters"];

/// A small number for the shape of a text.
pub(crate) fn shape(text: &str) -> u8 {
    let (mut capitals, mut small) = (0_usize, 0_usize);
    if text.is_ascii() {
        capitals = text.bytes().filter(u8::is_ascii_uppercase).count();
        small = text.bytes().filter(u8::is_ascii_lowercase).count();
    } else {
        for c in text.chars().filter(|c| c.is_alphabetic()) {
            if c.is_uppercase() { capitals += 1 } else { small += 1 }
        }
    }
    let case = match (capitals, small) {
        (0, 0) => 0,
        (_, 0) => 1,
        (0, _) => 4,
        _ if capitals > small => 2,
        _ => 3,
    };
    let beginning = match text.chars().next() {
        Some(c) if c.is_uppercase() => 0,
        Some(c) if c.is_alphabetic() => 1,
        Some(c) if c.is_ascii_digit() => 2,
        _ => 3,
    };
    beginning * 5 + case
}

/// A shape in words: `capital first, all capitals`.
pub(crate) fn shape_in_words(shape: u8) -> String {
    let (beginning, case) = (usize::from(shape / 5) % 4, usize::from(shape % 5));
    format!("{} first, {}", BEGINNINGS[beginning], CASES[case])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_told_in_words() {
        let check = |text: &str, expected: &str| assert_eq!(shape_in_words(shape(text)), expected, "{text:?}");
        check("WHITE METAL LANTERN", "capital first, all capitals");
        check("WHITE METAL LANTErN", "capital first, mostly capitals");
        check("United Kingdom", "capital first, mostly small letters");
        check("uNITED kINGDOM", "small letter first, mostly capitals");
        check("http://x.org", "small letter first, all small letters");
        check("6 lamps", "digit first, all small letters");
        check("-12", "sign first, no letters");
        check("", "sign first, no letters");
    }
}

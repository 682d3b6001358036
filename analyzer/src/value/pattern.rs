//! Character-class patterns: `N14228` is `A9`, `2013-01-01` is `9-9-9`.
//!
//! Runs are collapsed, so a pattern says how a text is built and not how long it is; length has its own check.

/// A pattern longer than this is cut: it is free text, and no two of it are alike anyway.
const LONGEST: usize = 24;

/// Writes the pattern of a text into `out`, which is cleared first (a scan reuses one buffer).
pub(crate) fn pattern(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        collapse(text.bytes().map(|byte| char::from(ASCII[usize::from(byte)])), out);
    } else {
        collapse(text.chars().map(class_of), out);
    }
}

fn collapse(classes: impl Iterator<Item = char>, out: &mut String) {
    // No class is this character.
    const NONE: char = char::MAX;
    let mut last = NONE;
    for class in classes {
        if class == last {
            continue;
        }
        if out.len() >= LONGEST {
            out.push('…');
            return;
        }
        out.push(class);
        last = if is_run(class) { class } else { NONE };
    }
}

/// Whether an ASCII text has this pattern; `false` for other texts, and for a pattern that was cut.
pub(crate) fn has_pattern(text: &str, pattern: &[u8]) -> bool {
    // No class is this byte.
    const NONE: u8 = u8::MAX;
    let (mut rest, mut run) = (pattern.iter(), NONE);
    for byte in text.bytes() {
        let Some(class) = ASCII.get(usize::from(byte)) else { return false };
        if *class == run {
            continue;
        }
        if rest.next() != Some(class) {
            return false;
        }
        run = if is_run(char::from(*class)) { *class } else { NONE };
    }
    rest.as_slice().is_empty()
}

/// Whether many of a class in a row are as good as one.
fn is_run(class: char) -> bool {
    matches!(class, 'A' | 'a' | '9' | ' ' | 'é')
}

/// The classes of ASCII, looked up rather than worked out: most text is nothing else.
static ASCII: [u8; 128] = {
    let mut classes = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'A'..=b'Z' => b'A',
            b'a'..=b'z' => b'a',
            b'0'..=b'9' => b'9',
            b'\t'..=b'\r' | b' ' => b' ',
            _ => byte,
        };
        byte += 1;
    }
    classes
};

fn class_of(c: char) -> char {
    match c {
        c if c.is_ascii() => char::from(ASCII[c as usize]),
        c if c.is_whitespace() => ' ',
        c if c.is_uppercase() => 'A',
        c if c.is_alphabetic() => 'a',
        _ => 'é',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_has_its_own_pattern_and_no_other(text in "[aA1 .-]{0,30}", other in "[aA1 .-]{0,6}") {
            let (mut own, mut others) = (String::new(), String::new());
            pattern(&text, &mut own);
            pattern(&other, &mut others);
            let is_cut = own.ends_with('…');
            prop_assert_eq!(has_pattern(&text, own.as_bytes()), !is_cut);
            prop_assert_eq!(has_pattern(&text, others.as_bytes()), !is_cut && own == others);
        }
    }

    #[test]
    fn runs_of_a_class_collapse_and_punctuation_stays() {
        let check = |text: &str, expected: &str| {
            let mut out = "rest of the last one".to_owned();
            pattern(text, &mut out);
            assert_eq!(out, expected);
        };
        check("N14228", "A9");
        check("-4.0", "-9.9");
        check("2013-01-01T10:00:00Z", "9-9-9A9:9:9A");
        check("Straße  12", "Aa 9");
        check("", "");
        check("a1a1a1a1a1a1a1a1a1a1a1a1a1a1", "a9a9a9a9a9a9a9a9a9a9a9a9…");
    }
}

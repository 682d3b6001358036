//! Character-class patterns: `N14228` is `A9`, `2013-01-01` is `9-9-9`.
//!
//! Runs are collapsed, so a pattern says how a text is built and not how long it is; length has its own check.

/// A pattern longer than this is cut: it is free text, and no two of it are alike anyway.
const LONGEST: usize = 24;

/// Writes the pattern of a text into `out`, which is cleared first (a scan reuses one buffer).
pub(crate) fn pattern(text: &str, out: &mut String) {
    out.clear();
    let mut last = None;
    for c in text.chars() {
        let class = class_of(c);
        let run = matches!(class, 'A' | 'a' | '9' | ' ' | 'é') && last == Some(class);
        if run {
            continue;
        }
        if out.len() >= LONGEST {
            out.push('…');
            return;
        }
        out.push(class);
        last = Some(class);
    }
}

fn class_of(c: char) -> char {
    match c {
        'A'..='Z' => 'A',
        'a'..='z' => 'a',
        '0'..='9' => '9',
        c if c.is_whitespace() => ' ',
        c if c.is_ascii() => c,
        c if c.is_uppercase() => 'A',
        c if c.is_alphabetic() => 'a',
        _ => 'é',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

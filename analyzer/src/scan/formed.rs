//! Texts that no test can speak against, told by how they are built: part numbers, mail addresses.
//!
//! Where hardly two cells are equal none can be remembered, and to look at each in full costs most of a scan's time for texts.

use crate::{rules::Test, value};

/// With more patterns than this it is faster to look one up than to compare with each.
const PATTERNS: usize = 4;

/// How texts of a column that are plainly fine are built.
#[derive(Debug, Clone)]
pub(super) struct Formed<'a> {
    /// None where any will do.
    patterns: Option<Vec<&'a str>>,
    longest: usize,
}

impl<'a> Formed<'a> {
    /// What these tests leave plainly fine; none where one asks for more than the form.
    pub(super) fn of(tests: impl Iterator<Item = &'a Test>) -> Option<Self> {
        let mut formed = Self { patterns: None, longest: usize::MAX };
        for test in tests {
            match test {
                Test::Pattern(known) if known.len() <= PATTERNS && formed.patterns.is_none() => {
                    formed.patterns = Some(known.iter().map(String::as_str).collect());
                }
                Test::Longer(most) => formed.longest = formed.longest.min(*most as usize),
                Test::Null | Test::Sentinel(_) | Test::NonAscii | Test::Mojibake => {}
                _ => return None,
            }
        }
        Some(formed)
    }

    /// Whether a text is plainly fine; where it is not, it may be so all the same.
    pub(super) fn holds(&self, text: &str) -> bool {
        let is_built_so = match &self.patterns {
            None => text.is_ascii(),
            Some(patterns) => patterns.iter().any(|pattern| value::has_pattern(text, pattern.as_bytes())),
        };
        is_built_so && text.len() <= self.longest && value::is_plainly_no_sentinel(text)
    }
}

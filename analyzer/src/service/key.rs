//! Which dataset and customer a key belongs to, by a pattern like `incoming/{dataset}/{customer}/{file}`.

use std::str::FromStr;

/// A pattern of keys. Its segments are literal, `{dataset}`, `{customer}` or `*`; the last may be `{file}`, which takes the
/// rest of the key, slashes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPattern(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Dataset,
    Customer,
    Any,
    File,
}

/// The pattern cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no key pattern; write it like incoming/{{dataset}}/{{customer}}/{{file}}, with each of the three once"
)]
pub(crate) struct BadPattern(String);

impl KeyPattern {
    /// Dataset and customer of a key; none where it does not match.
    pub(crate) fn read<'k>(&self, key: &'k str) -> Option<(&'k str, &'k str)> {
        let (mut dataset, mut customer, mut rest) = (None, None, Some(key));
        for segment in &self.0 {
            let left = rest?;
            if *segment == Segment::File {
                return if left.is_empty() { None } else { Some((dataset?, customer?)) };
            }
            let (part, after) = left.split_once('/').map_or((left, None), |(part, after)| (part, Some(after)));
            rest = after;
            match segment {
                _ if part.is_empty() => return None,
                Segment::Literal(literal) if literal != part => return None,
                Segment::Dataset => dataset = Some(part),
                Segment::Customer => customer = Some(part),
                Segment::Literal(_) | Segment::Any | Segment::File => {}
            }
        }
        None
    }
}

impl FromStr for KeyPattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let segments: Vec<_> = text
            .split('/')
            .map(|part| match part {
                "{dataset}" => Segment::Dataset,
                "{customer}" => Segment::Customer,
                "{file}" => Segment::File,
                "*" => Segment::Any,
                literal => Segment::Literal(literal.to_owned()),
            })
            .collect();
        let once = |wanted: &Segment| segments.iter().filter(|segment| *segment == wanted).count() == 1;
        let literal_is_plain = |segment: &Segment| !matches!(segment, Segment::Literal(text) if text.is_empty() || text.contains(['{', '}', '*']));
        let usable = once(&Segment::Dataset)
            && once(&Segment::Customer)
            && once(&Segment::File)
            && segments.last() == Some(&Segment::File)
            && segments.iter().all(literal_is_plain);
        if usable { Ok(Self(segments)) } else { Err(BadPattern(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_by_its_pattern() {
        let check = |pattern: &str, key: &str, expected| {
            assert_eq!(pattern.parse::<KeyPattern>().unwrap().read(key), expected, "{pattern} {key}");
        };
        let usual = "incoming/{dataset}/{customer}/{file}";
        check(usual, "incoming/orders/acme/a.csv", Some(("orders", "acme")));
        check(usual, "incoming/orders/acme/2026/11/a.csv", Some(("orders", "acme")));
        check(usual, "incoming/orders/acme", None);
        check(usual, "incoming/orders/acme/", None);
        check(usual, "incoming//acme/a.csv", None);
        check(usual, "reports/orders/acme/a.csv", None);
        check("{customer}/in/*/{dataset}/{file}", "acme/in/eu/orders/a.csv", Some(("orders", "acme")));
    }

    #[test]
    fn a_bad_pattern_is_refused_with_a_good_one() {
        for text in [
            "",
            "incoming",
            "incoming/{dataset}/{file}",
            "a/{file}/{dataset}/{customer}",
            "in/{dataset}/{customer}/{flie}",
        ] {
            assert!(text.parse::<KeyPattern>().unwrap_err().to_string().contains("incoming/{dataset}"), "{text:?}");
        }
    }
}

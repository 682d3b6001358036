//! Whether two texts are one slip of a finger apart.

/// Whether one insertion, deletion, substitution or swap of neighbours makes one text of the other.
pub(crate) fn is_one_edit(left: &str, right: &str) -> bool {
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    if long.len() - short.len() > MOST_BYTES {
        return false;
    }
    let same = short.bytes().zip(long.bytes()).take_while(|(a, b)| a == b).count();
    let same = (0..=same).rev().find(|at| short.is_char_boundary(*at) && long.is_char_boundary(*at)).unwrap_or(0);
    let (short, long) = (&short[same..], &long[same..]);
    let (mut a, mut b) = (short.chars(), long.chars());
    let (Some(first), second) = (b.next(), a.next()) else { return false };
    let (after_a, after_b) = (a.as_str(), b.as_str());
    let swapped = || {
        let (mut a, mut b) = (a.clone(), b.clone());
        a.next() == Some(first) && b.next() == second && a.as_str() == b.as_str()
    };
    short == after_b || long == after_a && second.is_some() || (second.is_some() && (after_a == after_b || swapped()))
}

/// Bytes of one character.
const MOST_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Damerau's distance as it is in textbooks, up to one.
    fn naive(left: &str, right: &str) -> bool {
        let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
        let without = |text: &[char], at: usize| [&text[..at], &text[at + 1..]].concat();
        let substituted = a.len() == b.len() && a.iter().zip(&b).filter(|(a, b)| a != b).count() == 1;
        let swapped = (1..a.len()).any(|at| {
            let mut swapped = a.clone();
            swapped.swap(at - 1, at);
            swapped == b && a != b
        });
        let inserted = (0..b.len()).any(|at| without(&b, at) == a);
        let deleted = (0..a.len()).any(|at| without(&a, at) == b);
        substituted || swapped || inserted || deleted
    }

    proptest! {
        #[test]
        fn one_edit_is_what_a_textbook_says(left in "[abé]{0,5}", right in "[abé]{0,5}") {
            prop_assert_eq!(is_one_edit(&left, &right), naive(&left, &right), "{} {}", left, right);
        }
    }
}

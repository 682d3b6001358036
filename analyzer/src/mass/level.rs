//! The number of records that is to be expected of a customer who grows or shrinks: by the last pushes more than by the first.
//!
//! A mean of twenty pushes says little where each is about as large as the one before: what was half as much a quarter of a year
//! ago makes a tenth of a push look normal. Where the past itself is told better by a level that follows it (simple exponential
//! smoothing), so is the next push.

use super::{
    count,
    envelope::SOME,
    student::{ONE_IN_A_HUNDRED, further},
};

/// A quiet day is quieter than the last quiet day by a fifth.
pub(super) const QUIETER: f64 = 0.8;

/// Pushes that the first level is the mean of.
const FIRST: usize = 4;
/// How much of a miss the level follows. Which of them tells the past best is learned.
const WEIGHTS: [f64; 4] = [0.2, 0.3, 0.5, 0.7];
/// Of the squared misses of the mean, at most: less is luck of four weights.
const BETTER: f64 = 0.6;

/// The number of records that one push in a hundred is below, and less than the level by a fifth. The past is logarithms, oldest
/// first. None where their mean tells them about as well, or where few are known.
pub(super) fn low(past: &[f64]) -> Option<f64> {
    let (first, rest) = past.split_at_checked(FIRST).filter(|(_, rest)| rest.len() >= SOME)?;
    let followed = WEIGHTS.map(|weight| follow(mean(first), rest, weight));
    let (level, misses) = followed.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let of_means: f64 = (FIRST..past.len()).map(|at| (past[at] - mean(&past[..at])).powi(2)).sum();
    let pushes = number(rest);
    let reach = further(ONE_IN_A_HUNDRED, pushes, pushes - 1.0) * (misses / pushes).sqrt();
    (misses < BETTER * of_means).then_some((level - reach).exp().min(level.exp() * QUIETER))
}

/// The level after the last push, and the squares of what it missed each by.
fn follow(start: f64, pushes: &[f64], weight: f64) -> (f64, f64) {
    pushes.iter().fold((start, 0.0), |(level, misses), now| {
        let miss = now - level;
        (level + weight * miss, misses + miss * miss)
    })
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / number(numbers)
}

fn number(of: &[f64]) -> f64 {
    count(of.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_who_grew_may_not_send_as_little_as_at_first() {
        let grown = [20, 23, 19, 24, 27, 25, 31, 34, 33, 40, 44, 41, 52, 55, 60, 57].map(|n| f64::from(n).ln());
        let low = low(&grown).unwrap();
        assert!((30.0..50.0).contains(&low), "{low}");
    }

    #[test]
    fn where_pushes_only_vary_their_mean_is_as_good() {
        let varied = [20, 45, 30, 52, 23, 41, 28, 55, 37, 22, 48, 31, 26, 50, 34, 43].map(|n| f64::from(n).ln());
        assert_eq!(low(&varied), None);
        assert_eq!(low(&varied[..8]), None);
        assert_eq!(low(&[3.0; 20]), None);
    }
}

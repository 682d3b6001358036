//! What the past allows a share to be: how much pushes differ from each other, and what chance adds.
//!
//! Pushes differ by more than chance: a storm is in all flights of its day, an order in all of its lines. How much, is learned
//! from few pushes, so a bin's own variance is drawn towards that of all bins of its column, which tell it together
//! (an empirical Bayes estimate, as limma has it for genes: Smyth 2004, doi:10.2202/1544-6115.1027).

use std::f64::consts::FRAC_PI_2;

use super::student::{ONE_IN_FORTY, further};

/// Records below which chance needs more slack.
const FEW: f64 = 200.0;
/// Pushes below which little is known.
pub(super) const SOME: usize = 8;
/// What the other bins say of a bin's variance counts like so many pushes.
const PRIOR: f64 = 8.0;

/// What one more push may have of a share.
pub(super) struct Envelope {
    level: f64,
    /// How far above the level another push may lie, for being another.
    reach: f64,
    /// The greatest share that there was.
    pub(super) most: f64,
    /// How much less than eight pushes are known, from 0 to 1.
    unknown: f64,
}

/// A share over past pushes.
struct Past {
    pushes: f64,
    mean: f64,
    most: f64,
    /// Variance between the pushes; less than nothing where they differ less than chance would have it.
    between: f64,
}

impl Past {
    /// What so few records differ by chance is not counted as a difference between pushes: it is in the slack of the push that
    /// is judged.
    #[expect(clippy::cast_precision_loss, reason = "at most sixty pushes, and numbers of records that are divided by")]
    fn of(shares: impl Iterator<Item = (f64, u64)> + Clone) -> Self {
        let pushes = shares.clone().count() as f64;
        let mean = shares.clone().map(|(share, _)| share).sum::<f64>() / pushes.max(1.0);
        let variance = shares.clone().map(|(share, _)| (share - mean).powi(2)).sum::<f64>() / (pushes - 1.0).max(1.0);
        let most = shares.clone().map(|(share, _)| share).fold(0.0, f64::max);
        let chance = shares.map(|(_, of)| mean * (1.0 - mean) / of.max(1) as f64).sum::<f64>() / pushes.max(1.0);
        Self { pushes, mean, most, between: variance - chance }
    }

    fn unknown(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let some = SOME as f64;
        (1.0 - self.pushes / some).max(0.0)
    }

    /// The greatest variance that a share of this mean can have.
    fn widest(&self) -> f64 {
        self.mean * (1.0 - self.mean)
    }
}

impl Envelope {
    /// Of one share by itself.
    pub(super) fn of(past: &[(f64, u64)]) -> Self {
        let share = Past::of(past.iter().copied());
        let reach = further(ONE_IN_FORTY, share.pushes, share.pushes - 1.0) * share.between.max(0.0).sqrt();
        Self { level: share.mean, reach, most: share.most, unknown: share.unknown() }
    }

    /// Of the bins of a column, by the shares that each push had in them: as far as so many deviations, were they known exactly.
    pub(super) fn of_bins(past: &[(Vec<f64>, u64)], certain: f64) -> Vec<Self> {
        let bins = past.first().map_or(0, |(shares, _)| shares.len());
        let bins: Vec<Past> =
            (0..bins).map(|at| Past::of(past.iter().map(move |(shares, of)| (shares[at], *of)))).collect();
        let widest: f64 = bins.iter().map(Past::widest).sum();
        let between = bins.iter().map(|bin| bin.between).sum::<f64>().max(0.0);
        let common = if widest > 0.0 { between / widest } else { 0.0 };
        bins.iter().map(|bin| Self::of_bin(bin, common, certain)).collect()
    }

    /// `common` is the variance between pushes of the column's bins, as a share of the greatest that it can be.
    ///
    /// On the scale of angles, on which shares differ alike wherever they lie and none is above one (Anscombe 1948,
    /// doi:10.2307/2332343): a small share of few clumps has a longer tail than its deviation tells, a large one a shorter.
    fn of_bin(bin: &Past, common: f64, certain: f64) -> Self {
        let known = (bin.pushes - 1.0).max(0.0);
        let mix = |own: f64, common: f64| (known * own + PRIOR * common) / (known + PRIOR);
        let variance = mix(bin.between.max(0.0), common * bin.widest());
        let clumped = if bin.widest() > 0.0 { variance / bin.widest() } else { mix(0.0, common) };
        let deviations = further(certain, bin.pushes, known + PRIOR);
        let angle = bin.mean.sqrt().asin() + deviations * clumped.sqrt() / 2.0;
        let level = angle.min(FRAC_PI_2).sin().powi(2);
        Self { level, reach: 0.0, most: bin.most, unknown: bin.unknown() }
    }

    /// What of a share is above the envelope and beyond what chance makes of so many draws.
    pub(super) fn excess(&self, share: f64, draws: f64) -> f64 {
        let deviations = deviations(draws) * (1.0 + self.unknown);
        let chance = slack(self.level + self.reach, draws.max(1.0), deviations);
        // Both at once are rare. Three deviations for few records bear that; two for many have it within them.
        let apart = if draws < FEW { self.reach.hypot(chance) } else { self.reach + chance };
        (share - self.level - apart).max(0.0)
    }
}

/// How far one more number may lie off the mean of these.
pub(crate) fn reach(numbers: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most sixty")]
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
    further(ONE_IN_FORTY, count, count - 1.0) * (squares / (count - 1.0).max(1.0)).sqrt()
}

/// What chance adds to a share of so many records: Bernstein's bound, for a share of few records has a longer tail than its
/// deviation tells. Of a share over a half little can be added.
pub(crate) fn slack(share: f64, records: f64, deviations: f64) -> f64 {
    let share = share.max(0.25 / records);
    let variance = share * (2.0 - 2.0 * share).clamp(0.0, 1.0);
    deviations * (variance / records).sqrt() + deviations * deviations / (6.0 * records)
}

/// Deviations that are chance: more where records are few.
pub(crate) fn deviations(records: f64) -> f64 {
    if records < FEW { 3.0 } else { 2.0 }
}

/// How likely so many hits are where so many are to be expected, by Poisson.
pub(crate) fn at_least(hits: f64, expected: f64) -> f64 {
    let (mut fewer, mut term, mut at) = (0.0, (-expected).exp(), 0.0_f64);
    while at < hits {
        fewer += term;
        at += 1.0;
        term *= expected / at;
    }
    (1.0 - fewer).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::student::one_in_forty_of;
    use super::*;

    #[test]
    fn a_bin_is_allowed_what_the_other_bins_do() {
        let steady =
            |third: f64| vec![(vec![0.5, 0.5 - third, third], 10_000), (vec![0.5, 0.5 - third, third], 10_000)];
        let restless = vec![(vec![0.2, 0.78, 0.02], 10_000), (vec![0.7, 0.28, 0.02], 10_000)];
        let third = |past: &[(Vec<f64>, u64)]| Envelope::of_bins(past, ONE_IN_FORTY)[2].excess(0.15, 10_000.0);
        assert!(third(&steady(0.02)) > 0.1);
        assert!(third(&restless) < 0.01, "the column differs from push to push, so this bin may");
    }

    #[test]
    fn a_share_of_nearly_half_may_not_become_all() {
        let past: Vec<(Vec<f64>, u64)> =
            (0..20).map(|push| 0.28 + 0.018 * f64::from(push)).map(|share| (vec![share, 1.0 - share], 250)).collect();
        let twelve = &Envelope::of_bins(&past, one_in_forty_of(50))[0];
        assert!(twelve.excess(0.7, 250.0) <= 0.0);
        assert!(twelve.excess(1.0, 250.0) > 0.06, "a column that was overwritten with one of its values");
    }

    #[test]
    fn pushes_and_chance_are_not_both_at_their_worst() {
        let nulls = [0.02, 0.29, 0.0, 0.15, 0.08, 0.2, 0.05, 0.12, 0.1, 0.18].map(|share| (share, 50));
        let envelope = Envelope::of(&nulls);
        assert!(envelope.excess(0.3, 53.0) <= 0.0);
        assert!(envelope.excess(0.5, 53.0) > 0.06, "half of 53 records, where three in ten was the most");
    }
}

//! How far one more push may lie from those before, where few are known: Student's t.

/// What one push in forty lies above, in deviations, were these known exactly.
pub(super) const ONE_IN_FORTY: f64 = 1.96;
/// What one push in a hundred lies above.
pub(super) const ONE_IN_A_HUNDRED: f64 = 2.326;

/// What one push in forty lies above in any of so many shares, in deviations (Bonferroni's correction): the tail of the normal
/// distribution falls about as `exp(-z²/2)`.
pub(super) fn one_in_forty_of(shares: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number of shares")]
    let times = shares.max(1) as f64;
    (ONE_IN_FORTY * ONE_IN_FORTY + 2.0 * times.ln()).sqrt()
}

/// Deviations that one more push may lie off the mean of so many, where their variance has so many degrees of freedom.
pub(super) fn further(certain: f64, pushes: f64, freedom: f64) -> f64 {
    student(certain, freedom) * (1.0 + 1.0 / pushes.max(1.0)).sqrt()
}

/// Student's t from the deviations that the normal distribution has in its place, by the expansion of Cornish and Fisher, which
/// is good from two degrees of freedom on; for one it falls short by a quarter.
fn student(normal: f64, freedom: f64) -> f64 {
    let (step, square) = (1.0 / freedom.max(1.0), normal * normal);
    let first = (square + 1.0) / 4.0;
    let second = ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    let third = (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0;
    normal * (1.0 + step * (first + step * (second + step * third)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_of_many_shares_lies_above_one_of_them_as_rarely_as_one_of_a_single_share() {
        for (shares, table) in [(1, 1.960), (10, 2.807), (100, 3.481), (1_000, 4.056)] {
            let bound = one_in_forty_of(shares);
            assert!((table..table * 1.05).contains(&bound), "{shares}: {bound} for {table}");
        }
    }

    #[test]
    fn few_degrees_of_freedom_reach_as_far_as_the_tables_say() {
        let check = |certain, freedom, table: f64| {
            let reach = student(certain, freedom);
            assert!((reach - table).abs() < table * 0.08, "{freedom}: {reach} for {table}");
        };
        for (freedom, table) in [(2.0, 4.303), (3.0, 3.182), (10.0, 2.228), (30.0, 2.042)] {
            check(ONE_IN_FORTY, freedom, table);
        }
        for (freedom, table) in [(2.0, 6.965), (3.0, 4.541), (10.0, 2.764), (30.0, 2.457)] {
            check(ONE_IN_A_HUNDRED, freedom, table);
        }
    }
}

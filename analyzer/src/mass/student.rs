//! How far one more push may lie from those before, where few are known: Student's t.

/// What one push in forty lies above, in deviations, were these known exactly.
pub(super) const ONE_IN_FORTY: f64 = 1.96;
/// What one push in a hundred lies above.
pub(super) const ONE_IN_A_HUNDRED: f64 = 2.326;

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

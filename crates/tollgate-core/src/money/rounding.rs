//! The two ways in which Tollgate lets go of a fraction.

use super::Nanos;

/// `numerator / denominator` rounded to the nearest integer, halves away from zero.
///
/// The rule for fiat amounts (billing reference, section 3.1 rule 4). `denominator` must be positive.
#[must_use]
#[expect(clippy::integer_division, reason = "the remainder is taken into account")]
pub fn round_half_away(numerator: i128, denominator: i128) -> i128 {
    debug_assert!(denominator > 0, "a step is positive");
    let half = denominator / 2 + denominator % 2;
    let whole = numerator / denominator;
    let rest = numerator % denominator;
    if rest.abs() >= half && rest != 0 { whole + numerator.signum() } else { whole }
}

/// Splits `total` by `weights` into multiples of `step` whose sum is exactly `total`.
///
/// Largest remainder; ties go to the earlier part, so the result does not depend on anything but the
/// order given. Weights of zero receive nothing unless all are zero, in which case the first part
/// receives everything. A `total` that is no multiple of `step` leaves its residue with the first part.
#[must_use]
#[expect(clippy::integer_division, reason = "remainders are what is distributed")]
pub fn split(total: Nanos, weights: &[u64], step: Nanos) -> Vec<Nanos> {
    let Some(first) = weights.first() else { return Vec::new() };
    let _ = first;
    let step = i128::from(step.get().max(1));
    let total = i128::from(total.get());
    let (steps, residue) = (total / step, total % step);
    let sum: i128 = weights.iter().map(|&w| i128::from(w)).sum();
    if sum == 0 {
        let mut parts = vec![Nanos::ZERO; weights.len()];
        parts[0] = Nanos::try_from(total).unwrap_or(Nanos::MAX);
        return parts;
    }

    let exact: Vec<(i128, i128)> = weights
        .iter()
        .map(|&w| {
            let share = steps * i128::from(w);
            (share / sum, (share % sum).abs())
        })
        .collect();
    let given: i128 = exact.iter().map(|(whole, _)| whole).sum();
    let left = usize::try_from((steps - given).abs()).unwrap_or(0);
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by(|&a, &b| exact[b].1.cmp(&exact[a].1).then(a.cmp(&b)));

    let mut parts: Vec<i128> = exact.iter().map(|(whole, _)| whole * step).collect();
    for &index in by_remainder.iter().take(left) {
        parts[index] += steps.signum() * step;
    }
    parts[0] += residue;
    parts.into_iter().map(|part| Nanos::try_from(part).unwrap_or(Nanos::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CENT: Nanos = Nanos::new(10_000_000);

    fn parts(total: &str, weights: &[u64], step: Nanos) -> Vec<String> {
        split(total.parse().unwrap(), weights, step).into_iter().map(|p| p.to_string()).collect()
    }

    #[test]
    fn golden_vectors_v60_to_v64() {
        assert_eq!(parts("6.00", &[10, 5], CENT), ["4.00", "2.00"]);
        assert_eq!(parts("0.05", &[1, 1, 1], CENT), ["0.02", "0.02", "0.01"]);
        assert_eq!(parts("5", &[1, 1, 1], Nanos::units(1)), ["2.00", "2.00", "1.00"]);
        assert_eq!(parts("0.01", &[100, 1], CENT), ["0.01", "0.00"]);
        assert_eq!(parts("100", &[1, 2, 3], CENT), ["16.67", "33.33", "50.00"]);
        assert_eq!(parts("1.00", &[1, 2], CENT), ["0.33", "0.67"]);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(total in -1_000_000_000_000_i64..1_000_000_000_000, weights in prop::collection::vec(0_u64..1_000, 1..12)) {
            let parts = split(Nanos::new(total), &weights, CENT);
            prop_assert_eq!(parts.iter().map(|p| p.get()).sum::<i64>(), total);
        }

        #[test]
        fn rounding_is_symmetric_and_within_half(n in -1_000_000_i128..1_000_000, d in 1_i128..1_000) {
            let rounded = round_half_away(n, d);
            prop_assert_eq!(rounded, -round_half_away(-n, d));
            prop_assert!((rounded * d - n).abs() * 2 <= d);
        }
    }
}

//! Golden vectors V31 to V51 of the billing reference (tiers, packages) and their properties.
//!
//! Vectors with fractional quantities are rated in thousandths of a unit: bounds times 1,000, unit
//! prices divided by 1,000.

use proptest::prelude::*;

use super::*;
use crate::money::{Nanos, Rate};

/// `up_to unit flat` for each tier, `-` for no bound.
fn tiers(text: &str) -> Box<[Tier]> {
    text.split(',')
        .map(|tier| {
            let words: Vec<&str> = tier.split_whitespace().collect();
            Tier {
                up_to: words[0].parse().ok(),
                unit: words[1].parse().unwrap(),
                flat: words.get(2).map_or(Nanos::ZERO, |flat| flat.parse().unwrap()),
            }
        })
        .collect()
}

fn rated(model: &PriceModel, quantity: u64) -> String {
    total(model, quantity).unwrap().ceil_to_nanos().unwrap().to_string()
}

fn check(model: &PriceModel, vectors: &[(u64, &str)]) {
    for (quantity, expected) in vectors {
        assert_eq!(rated(model, *quantity), *expected, "{quantity} units of {model:?}");
    }
}

#[test]
fn v31_v32_graduated_with_flat_amounts() {
    let v31 = PriceModel::Graduated(tiers("5 0 100, 10 0 50, 15 5, - 1"));
    check(&v31, &[(22, "182.00")]);
    let v32 = PriceModel::Graduated(tiers("5 0 100, 10 0 50, 15 10, - 5"));
    check(&v32, &[(0, "100.00"), (3, "100.00"), (5, "100.00"), (7, "150.00"), (12, "170.00"), (22, "235.00")]);
    let in_thousandths = PriceModel::Graduated(tiers("5000 0 100, 10000 0 50, 15000 0.01, - 0.005"));
    check(&in_thousandths, &[(5_001, "150.00")]);
}

#[test]
fn v33_volume_may_fall_at_a_tier() {
    let v33 = PriceModel::Volume(tiers("5 0 100, 10 0 150, 15 10, - 5"));
    check(
        &v33,
        &[(0, "100.00"), (3, "100.00"), (5, "100.00"), (14, "140.00"), (15, "150.00"), (16, "80.00"), (100, "500.00")],
    );
}

#[test]
fn v36_graduated_unit_plus_flat() {
    let v36 = PriceModel::Graduated(tiers("10 10 2, 20 5 3, - 5 3"));
    check(&v36, &[(0, "2.00"), (1, "12.00"), (10, "102.00"), (11, "110.00"), (12, "115.00"), (21, "163.00")]);
}

#[test]
fn v37_v38_volume_guides() {
    let v37 = PriceModel::Volume(tiers("100 2 10, 200 1 0, - 0.5 50"));
    check(&v37, &[(0, "10.00"), (1, "12.00"), (100, "210.00"), (101, "101.00")]);
    let in_thousandths = PriceModel::Volume(tiers("100000 0.002 10, 200000 0.001 0, - 0.0005 50"));
    check(&in_thousandths, &[(100_500, "100.50")]);
    let v38 = PriceModel::Volume(tiers("10000 0.0010 10, 50000 0.0008 10, 100000 0.0006 10, - 0.0004 10"));
    check(&v38, &[(65_000, "49.00")]);
}

#[test]
fn v39_to_v42_and_v51_packages() {
    let package =
        |amount: &str, size, free_units| PriceModel::Package { amount: amount.parse().unwrap(), size, free_units };
    check(&package("5", 100, 100), &[(201, "10.00")]);
    check(&package("100", 10, 0), &[(121, "1300.00")]);
    check(&package("100", 10, 10), &[(121, "1200.00")]);
    check(&package("100", 10, 200), &[(121, "0.00")]);
    check(&package("1.25", 1_000_000, 0), &[(10, "1.25"), (1_000_000, "1.25"), (1_500_000, "2.50")]);
    check(&package("15", 10, 0), &[(10, "15.00")]);
    check(&package("1", 1_000, 0), &[(4_500, "5.00")]);
}

#[test]
fn v43_v44_v45_published_examples() {
    check(&PriceModel::Graduated(tiers("1000 0.01, 10000 0.008, - 0.005")), &[(15_000, "107.00")]);
    let steps = tiers("1000 0.10, 10000 0.05, - 0.01");
    check(&PriceModel::Graduated(steps.clone()), &[(15_000, "600.00")]);
    check(&PriceModel::Volume(steps), &[(15_000, "150.00")]);

    // Blocks of ten minutes and megabytes: all tiers, then top tier.
    let sum = |minutes: &PriceModel, data: &PriceModel| {
        let sum = total(minutes, 150).unwrap().plus(total(data, 2_048).unwrap()).unwrap();
        sum.ceil_to_nanos().unwrap().to_string()
    };
    let (minutes, data) = (tiers("100 1.00, - 0.50"), tiers("1024 0.5, - 0.1"));
    assert_eq!(sum(&PriceModel::Graduated(minutes.clone()), &PriceModel::Graduated(data.clone())), "739.40");
    assert_eq!(sum(&PriceModel::Volume(minutes), &PriceModel::Volume(data)), "279.80");
}

#[test]
fn a_total_that_does_not_fit_is_reported() {
    let package = PriceModel::Package { amount: Nanos::MAX, size: 1, free_units: 0 };
    assert_eq!(total(&package, u64::MAX).and_then(Picos::ceil_to_nanos), Err(Overflow));
}

#[test]
fn when_a_volume_price_falls_the_next_units_are_free_until_it_has_caught_up() {
    let model = PriceModel::Volume(tiers("15 10, - 5"));
    let mut progress = Progress::default();
    let mut charges = Vec::new();
    for _ in 0..34 {
        let charge = progress.charge(&model, 1).unwrap();
        progress = progress.after(1, charge).unwrap();
        charges.push(charge.get());
    }
    assert_eq!(progress.charged, total(&model, 34).unwrap());
    assert!(charges.iter().all(|&charge| charge >= 0), "a charge is never a credit");
    assert_eq!(charges[15], 0, "the 16th unit, after which the total is lower than before");
}

fn any_tiers() -> impl Strategy<Value = Box<[Tier]>> {
    let tier = (1_u64..1_000, 0_i64..2_000_000_000_000, 0_i64..5_000_000_000);
    prop::collection::vec(tier, 1..5).prop_map(|steps| {
        let mut top = 0;
        let last = steps.len() - 1;
        let tier = |(index, (width, unit, flat)): (usize, (u64, i64, i64))| {
            top += width;
            Tier { up_to: (index < last).then_some(top), unit: Rate::from_picos(unit), flat: Nanos::new(flat) }
        };
        steps.into_iter().enumerate().map(tier).collect()
    })
}

proptest! {
    #[test]
    fn graduated_totals_never_fall(tiers in any_tiers(), a in 0_u64..5_000, b in 0_u64..5_000) {
        let model = PriceModel::Graduated(tiers);
        prop_assert!(total(&model, a.min(b)).unwrap() <= total(&model, a.max(b)).unwrap());
    }

    /// Any split of use into requests costs the same as the whole.
    #[test]
    fn splitting_use_into_requests_changes_nothing(tiers in any_tiers(), parts in prop::collection::vec(0_u64..500, 1..20)) {
        let model = PriceModel::Graduated(tiers);
        let mut progress = Progress::default();
        for part in &parts {
            let charge = progress.charge(&model, *part).unwrap();
            progress = progress.after(*part, charge).unwrap();
        }
        prop_assert_eq!(progress.charged, total(&model, parts.iter().sum()).unwrap());
    }
}

//! Table 4 of the paper against the techniques.

use ncsn_theory::schedule::check::{Finding, Spacing, check, shortest_decimal};
use ncsn_theory::schedule::presets::{
    DATASETS, Dataset, Model, PUBLISHED_OVERLAP, PUBLISHED_SIGMA_MIN, Published,
};
use ncsn_theory::schedule::{Law, NoiseRange, Request, Rounding, Steps, targets_for_levels};

fn ncsnv2() -> impl Iterator<Item = (&'static Dataset, &'static Published)> {
    DATASETS.iter().filter_map(|dataset| Some((dataset, dataset.row(Model::NcsnV2)?)))
}

fn finding(name: &str, field: &str) -> Vec<Finding> {
    let dataset = Dataset::find(name).unwrap();
    let row = dataset.row(Model::NcsnV2).unwrap().schedule(dataset.dim()).unwrap();
    check(&row, Spacing::default(), None)
        .unwrap()
        .into_iter()
        .filter(|finding| finding.field() == field)
        .collect()
}

#[test]
fn overlap_0_567_with_floor_plus_one_reproduces_every_published_number_of_levels() {
    for (dataset, row) in ncsnv2() {
        let request = Request {
            dim: dataset.dim(),
            range: NoiseRange::new(row.sigma_max, PUBLISHED_SIGMA_MIN).unwrap(),
            overlap: PUBLISHED_OVERLAP,
            law: Law::Normal,
            rounding: Rounding::FloorPlusOne,
            steps: Steps::PerLevel(row.steps_per_level),
        };
        assert_eq!(request.derive().unwrap().schedule.num_levels(), row.num_levels, "{}", dataset.name);
    }
}

#[test]
fn the_shortest_overlap_that_explains_all_rows_at_once_is_0_567() {
    let (mut lo, mut hi) = (0.0_f64, 1.0_f64);
    for (dataset, row) in ncsnv2() {
        let range = NoiseRange::new(row.sigma_max, PUBLISHED_SIGMA_MIN).unwrap();
        let (least, greatest) =
            targets_for_levels(range, dataset.dim(), row.num_levels, Rounding::FloorPlusOne, Law::Normal)
                .unwrap();
        (lo, hi) = (lo.max(least.hi()), hi.min(greatest.lo()));
    }
    assert_eq!(shortest_decimal(lo, hi), Some(PUBLISHED_OVERLAP));
}

#[test]
fn published_epsilons_that_minimise_the_ratio_are_recognised() {
    // Source: shared notes on numerics, recomputed by theory/tests/oracles/schedule.py
    for (name, optimal) in [("cifar10", "6.1840e-6"), ("celeba", "3.3370e-6"), ("bedroom", "1.7675e-6")] {
        let [Finding::EpsilonAgrees { optimal: found, .. }] = finding(name, "epsilon")[..] else {
            panic!("{name}: {:?}", finding(name, "epsilon"));
        };
        assert_eq!(format!("{:.4e}", found.lo()), optimal);
        assert_eq!(format!("{:.4e}", found.hi()), optimal);
    }
}

#[test]
fn ffhq_epsilon_is_a_misprint_by_ten() {
    let [Finding::EpsilonMisprint { decimal_shift, optimal, .. }] = finding("ffhq", "epsilon")[..] else {
        panic!("{:?}", finding("ffhq", "epsilon"));
    };
    assert_eq!((decimal_shift, format!("{:.4e}", optimal.mid())), (1, "8.9322e-7".to_owned()));
}

#[test]
fn church_epsilon_is_not_the_minimiser_and_makes_the_variance_grow() {
    let [differs @ Finding::EpsilonDiffers { .. }, Finding::VarianceGrows { delta, zero_gain }] =
        finding("church", "epsilon")[..]
    else {
        panic!("{:?}", finding("church", "epsilon"));
    };
    assert!(differs.to_string().ends_with("2.3123e-6: ratio 1.0247 against 1.0224"), "{differs}");
    assert_eq!(
        (format!("{:.3}", delta.mid()), format!("{:.4}", zero_gain.mid())),
        ("0.049".into(), "0.0479".into())
    );
}

#[test]
fn mnist_preset_is_the_exact_diameter() {
    // Source: integer brute force over MNIST's 60,000 training images, squared diameter 18518557 in units of 1/255.
    let exact = (ncsn_theory::interval::Interval::integer(18_518_557).sqrt()) / 255.0;
    assert!(exact.contains(Dataset::find("mnist").unwrap().sigma_max));
}

#[test]
fn more_levels_than_any_overlap_asks_for_are_not_explained_by_one() {
    let range = NoiseRange::new(50.0, 0.01).unwrap();
    let schedule = ncsn_theory::schedule::Schedule::new(3072, range, 100_000, 5, 6.2e-6).unwrap();
    let findings = check(&schedule, Spacing::default(), None).unwrap();
    assert!(matches!(findings[0], Finding::LevelsTooMany { derived: 220, .. }), "{:?}", findings[0]);
}

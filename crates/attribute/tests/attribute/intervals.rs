//! Intervals: reproducible, and right about as often as they say.

use crate::data::{Row, paths};
use millstream_attribute::bootstrap::{Intervals, REPLICATES_MIN, affordable, intervals};
use millstream_attribute::random::Random;
use millstream_attribute::{Fitted, Journeys, Order, Paths, ReportModel, Settings, Worth};

/// A world of which each data set is a draw.
fn world() -> Vec<(&'static str, f64, f64)> {
    vec![
        ("search>email", 40.0, 160.0),
        ("social>search", 25.0, 175.0),
        ("email", 30.0, 70.0),
        ("social", 10.0, 190.0),
        ("social>email>search", 20.0, 80.0),
    ]
}

fn drawn(random: &mut Random) -> Vec<Row> {
    world()
        .iter()
        .map(|(path, conversions, nulls)| {
            let mut count = |mean| random.poisson(mean) as u64;
            ((*path).to_owned(), count(*conversions), count(*nulls), 0)
        })
        .collect()
}

fn computed(paths: &Paths, model: ReportModel, seed: u64) -> Intervals {
    let fitted = Fitted::new(paths, model, &Settings::default());
    intervals(paths, &[fitted], 200, seed).unwrap().remove(0)
}

#[test]
fn the_same_seed_gives_the_same_intervals() {
    let paths = paths(&drawn(&mut Random::new(1, 1)));
    let model = ReportModel::Markov(Order::Second);
    assert_eq!(computed(&paths, model, 7), computed(&paths, model, 7));
    assert_ne!(computed(&paths, model, 7), computed(&paths, model, 8));
}

#[test]
fn intervals_cover_the_truth_nineteen_times_of_twenty() {
    let truth: Vec<Row> = world()
        .iter()
        .map(|(path, conversions, nulls)| {
            ((*path).to_owned(), *conversions as u64, *nulls as u64, 0)
        })
        .collect();
    let truth = paths(&truth);
    for model in [ReportModel::Markov(Order::First), ReportModel::Shapley(Worth::Conversions)] {
        let fitted = Fitted::new(&truth, model, &Settings::default());
        let expected = fitted.attribution(&Journeys::of(&truth)).unwrap().shares;
        let (mut inside, mut all) = (0, 0);
        for round in 0..150 {
            let paths = paths(&drawn(&mut Random::new(99, round)));
            for (interval, share) in computed(&paths, model, round).shares.iter().zip(&expected) {
                assert!(interval.low <= interval.high);
                inside += u32::from((interval.low..=interval.high).contains(share));
                all += 1;
            }
        }
        let part = f64::from(inside) / f64::from(all);
        assert!((0.91..=0.98).contains(&part), "{model:?}: {part}");
    }
}

#[test]
fn what_costs_too_much_is_not_resampled_unasked() {
    let paths = paths(&drawn(&mut Random::new(1, 1)));
    assert_eq!(affordable(&paths, 1_000), Some(500));
    assert_eq!(affordable(&paths, u64::MAX / 4), None);
    let work = 2 * (2_000_000_000 / REPLICATES_MIN as u64 - 40 * paths.rows.len() as u64);
    assert_eq!(affordable(&paths, work), Some(REPLICATES_MIN));
    assert_eq!(affordable(&paths, work + 400), None);
}

//! The Markov model held against walks: a walker follows observed successors, drawn one by one.

use crate::data::{Row, channel, paths};
use millstream_attribute::random::Random;
use millstream_attribute::{Order, ReportModel, Settings, analyse};
use std::collections::BTreeMap;

/// The next touch, if any; how many journeys took it; 1 where they converted.
type Next<'a> = (Option<&'a str>, u64, u64);

fn shop() -> Vec<Row> {
    [
        ("search>email>search>direct", 30, 70),
        ("social>search>direct", 12, 88),
        ("social>social>email", 9, 140),
        ("email>direct", 25, 60),
        ("direct", 18, 230),
        ("search>social>search>social>email", 7, 21),
    ]
    .map(|(path, conversions, nulls)| (path.to_owned(), conversions, nulls, 0))
    .to_vec()
}

/// What can follow each touch: every journey's next touch, or its end.
#[test]
fn removal_effects_are_those_of_long_random_walks() {
    let data = shop();
    let paths = paths(&data);
    let mut follow: BTreeMap<&str, Vec<Next<'_>>> = BTreeMap::new();
    for (path, conversions, nulls, _) in &data {
        let touches: Vec<&str> = path.split('>').collect();
        let journeys = conversions + nulls;
        follow.entry("").or_default().push((Some(touches[0]), journeys, 0));
        for pair in touches.windows(2) {
            follow.entry(pair[0]).or_default().push((Some(pair[1]), journeys, 0));
        }
        let last = follow.entry(touches[touches.len() - 1]).or_default();
        last.push((None, *conversions, 1));
        last.push((None, *nulls, 0));
    }
    let found = analyse(&paths, ReportModel::Markov(Order::First), &Settings::default()).unwrap();
    let effects = found.earned.removal_effect.unwrap();
    let walks = 200_000_u32;
    let mut random = Random::new(11, 0);
    let mut without = vec![0_u32; paths.channels.len()];
    let mut converted = 0_u32;
    for _ in 0..walks {
        let (mut at, mut met) = ("", vec![false; paths.channels.len()]);
        let converts = loop {
            let choices = &follow[at];
            let all: u64 = choices.iter().map(|choice| choice.1).sum();
            let mut drawn = random.below(usize::try_from(all).unwrap()) as u64;
            let mut chosen = choices.iter();
            let choice = loop {
                let choice = chosen.next().unwrap();
                match drawn.checked_sub(choice.1) {
                    Some(left) => drawn = left,
                    None => break choice,
                }
            };
            let Some(next) = choice.0 else { break choice.2 == 1 };
            met[channel(&paths, next)] = true;
            at = next;
        };
        if converts {
            converted += 1;
            for (count, met) in without.iter_mut().zip(&met) {
                *count += u32::from(!met);
            }
        }
    }
    let all = f64::from(converted);
    for (effect, without) in effects.iter().zip(without) {
        let walked = 1.0 - f64::from(without) / all;
        let error = (walked * (1.0 - walked) / all).sqrt();
        assert!((effect - walked).abs() < 5.0 * error, "{effect} {walked} {error}");
    }
}

/// Thousands of states, paths of any length: the effects stay probabilities and conversions are kept.
#[test]
fn thousands_of_states_are_solved() {
    let mut random = Random::new(5, 0);
    let data: Vec<Row> = (0..6_000)
        .map(|_| {
            let length = 1 + random.below(12);
            let touches: Vec<String> = (0..length)
                .map(|_| {
                    let (one, two) = (random.below(24), random.below(24));
                    format!("channel {}", one.min(two))
                })
                .collect();
            (touches.join(">"), 1 + random.below(3) as u64, random.below(9) as u64, 100)
        })
        .collect();
    let paths = paths(&data);
    assert!(millstream_attribute::chain::Chain::new(&paths, Order::Third).len() > 5_000);
    for order in [Order::First, Order::Second, Order::Third] {
        let found = analyse(&paths, ReportModel::Markov(order), &Settings::default()).unwrap();
        let sum: f64 = found.earned.conversions.iter().sum();
        assert!((sum / paths.total.conversions as f64 - 1.0).abs() < 1e-12);
        let effects = found.earned.removal_effect.unwrap();
        assert!(effects.iter().all(|effect| (0.0..=1.0).contains(effect)));
    }
}

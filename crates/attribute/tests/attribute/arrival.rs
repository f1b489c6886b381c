//! Ranges of final counts, held against what came in the end.

use millstream_attribute::arrival::{Hour, LEARNT_MIN, LagCurve, UsualWorth, WORTH_DAYS_MIN};
use millstream_attribute::random::Random;
use millstream_event::Span;
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000;
const DAYS: i64 = 21;

/// One shop: how many conversions a day brings, and how long they take.
#[derive(Clone, Copy)]
struct Shop {
    a_day: f64,
    /// The share that arrives at once; the others take this many hours on average.
    at_once: f64,
    hours: f64,
    /// Hours of today that are over.
    now: f64,
}

/// Busy at night in no shop.
fn busy(hour: i64) -> f64 {
    1.0 + 0.9 * (((hour - 14) as f64) * std::f64::consts::TAU / 24.0).cos()
}

/// What is known of `DAYS` days and of today by now, how many of today have arrived, and how many
/// there will be.
fn drawn(shop: Shop, random: &mut Random) -> (Vec<Hour>, u64, u64) {
    let now = DAYS * 24 * HOUR + (shop.now * HOUR as f64) as i64;
    let (mut hours, mut arrived, mut happened) = (Vec::new(), 0, 0);
    for hour in 0..(now / HOUR + 1) {
        let mut lags: BTreeMap<Span, u64> = BTreeMap::new();
        let count = random.poisson(shop.a_day / 24.0 * busy(hour % 24)) as u64;
        for _ in 0..count {
            let time = hour * HOUR + (random.uniform() * HOUR as f64) as i64;
            let slow = -random.uniform().ln() * shop.hours * HOUR as f64;
            let lag = if random.uniform() < shop.at_once { 1_000_000 } else { slow as i64 };
            let today = hour >= DAYS * 24 && time <= now;
            happened += u64::from(today);
            if time + lag <= now {
                arrived += u64::from(today);
                // As the sums keep them: rounded up, sixteen steps to every doubling.
                let step = 1_i64 << (lag.max(16).ilog2() - 4);
                *lags.entry(Span((lag / step + 1) * step)).or_default() += 1;
            }
        }
        let (of_day, began) = ((hour % 24) as u8, Span(now - hour * HOUR));
        hours.push(Hour { of_day, began, lags: lags.into_iter().collect() });
    }
    (hours, arrived, happened)
}

/// Of so many simulated days, the share whose final count lies in the range foretold.
fn covered(shop: Shop, trials: u64) -> f64 {
    let inside = (0..trials).filter(|trial| {
        let (hours, arrived, happened) = drawn(shop, &mut Random::new(2_026, *trial));
        let curve = LagCurve::learn(&hours).unwrap();
        let began = Span((shop.now * HOUR as f64) as i64);
        let (low, high) = curve.arrived(began).range(arrived);
        low <= happened && happened <= high
    });
    inside.count() as f64 / trials as f64
}

/// Ranges of 95 % hold what they should in different shops.
fn holds(covered: impl Fn(Shop, u64) -> f64) {
    let shops = [
        Shop { a_day: 900.0, at_once: 0.5, hours: 3.0, now: 15.5 },
        Shop { a_day: 300.0, at_once: 0.0, hours: 8.0, now: 20.0 },
        Shop { a_day: 900.0, at_once: 0.8, hours: 24.0, now: 9.25 },
    ];
    for (number, shop) in shops.into_iter().enumerate() {
        let share = covered(shop, 300);
        assert!((0.93..=0.97).contains(&share), "shop {number}: {share}");
    }
}

#[test]
fn ranges_of_95_percent_hold_93_to_97_of_100_final_counts() {
    holds(covered);
}

/// What so many conversions are worth: many small orders, few large ones.
fn spent(count: u64, random: &mut Random) -> i128 {
    (0..count).map(|_| (700.0 - 4_500.0 * random.uniform().ln()) as i128).sum()
}

/// Of so many simulated days, the share whose final revenue lies in the range foretold.
fn worth_covered(shop: Shop, trials: u64) -> f64 {
    let inside = (0..trials).filter(|trial| {
        let random = &mut Random::new(2_027, *trial);
        let (hours, arrived, happened) = drawn(shop, random);
        let mut days: BTreeMap<i64, u64> = BTreeMap::new();
        for hour in hours.iter().filter(|hour| hour.began > Span::hours(48)) {
            let count: u64 = hour.lags.iter().map(|(_, count)| count).sum();
            *days.entry(hour.began.0 / (24 * HOUR)).or_default() += count;
        }
        let days: Vec<(u64, i128)> =
            days.into_values().map(|count| (count, spent(count, random))).collect();
        let usual = UsualWorth::learn(&days).unwrap();
        let amount = spent(arrived, random);
        let in_the_end = amount + spent(happened - arrived, random);
        let curve = LagCurve::learn(&hours).unwrap();
        let began = Span((shop.now * HOUR as f64) as i64);
        let (low, high) = curve.arrived(began).worth((arrived, amount), &usual);
        low <= in_the_end && in_the_end <= high
    });
    inside.count() as f64 / trials as f64
}

#[test]
fn ranges_of_95_percent_hold_93_to_97_of_100_final_revenues() {
    holds(worth_covered);
}

#[test]
fn what_a_conversion_is_worth_takes_enough_days_and_conversions() {
    let days = |count: usize, each: u64| vec![(each, i128::from(each) * 100); count];
    assert!(UsualWorth::learn(&days(WORTH_DAYS_MIN, LEARNT_MIN)).is_some());
    assert_eq!(UsualWorth::learn(&days(WORTH_DAYS_MIN - 1, LEARNT_MIN)), None);
    assert_eq!(UsualWorth::learn(&days(WORTH_DAYS_MIN, 1)), None);
    let usual = UsualWorth::learn(&days(WORTH_DAYS_MIN, LEARNT_MIN)).unwrap();
    let curve = LagCurve::learn(&quick(LEARNT_MIN)).unwrap();
    let arrived = curve.arrived(Span::hours(10));
    assert_eq!(arrived.worth((50_000, 7), &usual), (7, 7), "nothing is missing");
}

fn quick(count: u64) -> Vec<Hour> {
    let lags = vec![(Span::seconds(2), count)];
    vec![Hour { of_day: 3, began: Span::hours(30), lags }]
}

#[test]
fn nothing_is_missing_where_everything_is_quick() {
    let curve = LagCurve::learn(&quick(LEARNT_MIN)).unwrap();
    let arrived = curve.arrived(Span::hours(10));
    assert!(arrived.share > 0.999, "{arrived:?}");
    assert_eq!(arrived.range(50_000), (50_000, 50_000));
    assert_eq!(curve.settled(0.99), Span::seconds(2));
}

#[test]
fn too_little_tells_nothing() {
    assert_eq!(LagCurve::learn(&[]), None);
    assert_eq!(LagCurve::learn(&quick(LEARNT_MIN - 1)), None);
}

#[test]
fn what_only_old_hours_could_show_is_not_taken_for_rare() {
    // Half take a day. The young hours have shown only the quick half so far.
    let hour = |began: i64, slow: u64| Hour {
        of_day: 0,
        began: Span::hours(began),
        lags: [(Span::seconds(1), 100), (Span::hours(24), slow)]
            .into_iter()
            .filter(|lag| lag.1 > 0)
            .collect(),
    };
    let hours: Vec<Hour> =
        (1..60).map(|began| hour(began, if began > 24 { 100 } else { 0 })).collect();
    let curve = LagCurve::learn(&hours).unwrap();
    let share = curve.arrived(Span::hours(6)).share;
    assert!((0.5..0.65).contains(&share), "{share}");
}

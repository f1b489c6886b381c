//! How much will come: an hour-of-week profile learnt from counted hours, and the peak of a week to come.
//!
//! The mean of an hour of the week is that of its weeks, drawn towards the mean of its hour of the day as
//! if that were one more week. How much single hours differ from it is one overdispersion for all
//! (Pearson's statistic over its degrees of freedom, McCullagh and Nelder 1989). An hour to come is
//! log-normal with that variance and the one of the mean; the peak is the greatest of the
//! hours to come, as if they erred apart from each other. Growth is not part of it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use libm::{erf, exp, log, sqrt};

/// Hours of a week.
pub const WEEK: i64 = 168;
/// Fewest hours that a profile is learnt from: two weeks.
pub const HOURS_MIN: i64 = 2 * WEEK;
const DAY: i64 = 24;

/// A value with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    /// The mean; for a peak the value that it exceeds as often as not.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Expected {
    /// The same in other units.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }
}

/// What each hour of the week usually brings. Hours are counted from one instant that begins an hour
/// of the week.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    means: Vec<f64>,
    /// Times Poisson's variance.
    dispersion: f64,
    /// Hours behind each mean.
    behind: f64,
}

impl Profile {
    /// Learns from every hour of `hours`; an hour that is not counted brought nothing. Hours of
    /// `apart` are left out: what came in them was not usual. None from fewer than [`HOURS_MIN`].
    pub fn learn(
        counts: &BTreeMap<i64, u64>,
        hours: &RangeInclusive<i64>,
        apart: &BTreeSet<i64>,
    ) -> Option<Self> {
        let usual: Vec<(i64, f64)> = hours
            .clone()
            .filter(|hour| !apart.contains(hour))
            .map(|hour| (hour, counts.get(&hour).copied().unwrap_or(0) as f64))
            .collect();
        if i64::try_from(usual.len()).is_ok_and(|hours| hours < HOURS_MIN) {
            return None;
        }
        let of_day = averages(&usual, DAY);
        let mut sums: Vec<(f64, f64)> = (0..WEEK).map(|_| (0.0, 0.0)).collect();
        for (hour, count) in &usual {
            if let Some(sum) = sums.get_mut(slot(*hour, WEEK)) {
                (sum.0, sum.1) = (sum.0 + count, sum.1 + 1.0);
            }
        }
        let mean = |(at, (sum, weeks)): (usize, &(f64, f64))| {
            (sum + of_day.get(at % 24).copied().unwrap_or(0.0)) / (weeks + 1.0)
        };
        let means: Vec<f64> = sums.iter().enumerate().map(mean).collect();
        let off = usual.iter().map(|(hour, count)| {
            let mean = means.get(slot(*hour, WEEK)).copied().unwrap_or(0.0).max(1e-9);
            (count - mean) * (count - mean) / mean
        });
        let free = (usual.len() as f64 - WEEK as f64).max(1.0);
        let dispersion = (off.sum::<f64>() / free).max(1.0);
        let behind = usual.len() as f64 / WEEK as f64 + 1.0;
        Some(Self { means, dispersion, behind })
    }

    /// What an hour usually brings.
    pub fn mean(&self, hour: i64) -> f64 {
        self.means.get(slot(hour, WEEK)).copied().unwrap_or(0.0)
    }

    /// What an hour of the week brings on average.
    pub fn average(&self) -> f64 {
        self.means.iter().sum::<f64>() / WEEK as f64
    }

    /// The hour that usually brings most, of a week that begins with `from`.
    pub fn busiest(&self, from: i64) -> i64 {
        let week = from..from + WEEK;
        week.max_by(|a, b| self.mean(*a).total_cmp(&self.mean(*b))).unwrap_or(from)
    }

    /// What one hour will bring.
    pub fn hour(&self, hour: i64) -> Expected {
        let (mean, spread) = (self.mean(hour), self.spread(hour));
        let end = |z: f64| mean * exp(z * spread - spread * spread / 2.0);
        // Few are fewer now and then than a log-normal hour: down to none.
        let deviation = mean * sqrt(exp(spread * spread) - 1.0);
        let low = end(-1.96).min(mean - 1.96 * deviation).max(0.0);
        Expected { value: mean, low, high: end(1.96) }
    }

    /// What the busiest of the hours of a week that begins with `from` will bring.
    pub fn peak(&self, from: i64) -> Expected {
        let hours: Vec<(f64, f64)> = (from..from + WEEK)
            .map(|hour| (self.mean(hour), self.spread(hour)))
            .filter(|(mean, _)| *mean > 0.0)
            .collect();
        let highest =
            hours.iter().map(|(mean, spread)| mean * exp(8.0 * spread)).fold(0.0, f64::max);
        let end = |chance: f64| {
            let (mut low, mut high) = (0.0, highest);
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                if chance_at_most(&hours, middle) < chance { low = middle } else { high = middle }
            }
            high
        };
        Expected { value: end(0.5), low: end(0.025), high: end(0.975) }
    }

    /// Deviation of the logarithm of what an hour brings.
    fn spread(&self, hour: i64) -> f64 {
        let mean = self.mean(hour).max(1e-9);
        let variance = self.dispersion * mean * (1.0 + 1.0 / self.behind);
        sqrt(log(1.0 + variance / (mean * mean)))
    }
}

fn slot(hour: i64, of: i64) -> usize {
    usize::try_from(hour.rem_euclid(of)).unwrap_or(0)
}

/// The mean of each hour of the day.
fn averages(hours: &[(i64, f64)], of: i64) -> Vec<f64> {
    let mut sums: Vec<(f64, f64)> = (0..of).map(|_| (0.0, 0.0)).collect();
    for (hour, count) in hours {
        if let Some(sum) = sums.get_mut(slot(*hour, of)) {
            (sum.0, sum.1) = (sum.0 + count, sum.1 + 1.0);
        }
    }
    sums.iter().map(|(sum, hours)| sum / hours.max(1.0)).collect()
}

/// The chance that none of these hours brings more.
fn chance_at_most(hours: &[(f64, f64)], most: f64) -> f64 {
    if most <= 0.0 {
        return 0.0;
    }
    let one = |(mean, spread): &(f64, f64)| {
        let z = (log(most / mean) + spread * spread / 2.0) / spread.max(1e-9);
        0.5 * (1.0 + erf(z / core::f64::consts::SQRT_2))
    };
    hours.iter().map(one).product()
}

/// How many visits go on at once in an hour in which so many begin, when one takes so many hours on
/// average (Little's law); about that number they are spread as Poisson has it.
pub fn at_once(begun: Expected, hours_each: f64) -> Expected {
    let mean = begun.times(hours_each);
    Expected {
        value: mean.value,
        low: (mean.low - 1.96 * sqrt(mean.low)).max(0.0),
        high: mean.high + 1.96 * sqrt(mean.high),
    }
}

/// How many times the usual a launch brings in its first hours: all launches together; none where
/// nothing was usual then.
pub fn lift(counts: &BTreeMap<i64, u64>, usual: &Profile, launched: &BTreeSet<i64>) -> Option<f64> {
    let expected: f64 = launched.iter().map(|hour| usual.mean(*hour)).sum();
    let came: u64 = launched.iter().map(|hour| counts.get(hour).copied().unwrap_or(0)).sum();
    (expected > 0.0).then(|| came as f64 / expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform on (0, 1), from a seed (SplitMix64).
    struct Chance(u64);

    impl Chance {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            let radius = sqrt(-2.0 * log(self.uniform()));
            radius * libm::cos(core::f64::consts::TAU * self.uniform())
        }

        /// A count with `dispersion` times Poisson's variance.
        fn count(&mut self, mean: f64, dispersion: f64) -> u64 {
            let drawn = mean + sqrt(dispersion * mean) * self.normal();
            libm::round(drawn.max(0.0)) as u64
        }
    }

    /// Busy by day, less so at the weekend.
    fn usual(hour: i64, scale: f64) -> f64 {
        let of_day = hour.rem_euclid(24) as f64;
        let day = 1.0 + 0.8 * libm::cos((of_day - 14.0) * core::f64::consts::TAU / 24.0);
        let weekend = if hour.rem_euclid(WEEK) >= 120 { 0.6 } else { 1.0 };
        scale * day * weekend
    }

    fn week(chance: &mut Chance, hours: core::ops::Range<i64>, scale: f64) -> BTreeMap<i64, u64> {
        hours.map(|hour| (hour, chance.count(usual(hour, scale), 4.0))).collect()
    }

    #[test]
    fn intervals_of_95_percent_hold_about_95_of_100_hours_and_peaks() {
        for (weeks, scale) in [(4, 400.0), (8, 60.0)] {
            let (mut inside, mut hours, mut peaks) = (0.0, 0.0, 0.0);
            let trials = 200;
            for trial in 0..trials {
                let mut chance = Chance(trial + 1_000 * weeks);
                let now = i64::try_from(weeks).unwrap() * WEEK;
                let history = week(&mut chance, 0..now, scale);
                let profile = Profile::learn(&history, &(0..=now - 1), &BTreeSet::new()).unwrap();
                let future = week(&mut chance, now..now + WEEK, scale);
                for (hour, count) in &future {
                    let found = profile.hour(*hour);
                    let count = *count as f64;
                    inside += f64::from(u8::from(found.low <= count && count <= found.high));
                    hours += 1.0;
                }
                let most = future.values().copied().max().unwrap() as f64;
                let peak = profile.peak(now);
                assert!(peak.low < peak.value && peak.value < peak.high);
                peaks += f64::from(u8::from(peak.low <= most && most <= peak.high));
            }
            let (hours, peaks) = (inside / hours, peaks / trials as f64);
            assert!((0.92..=0.98).contains(&hours), "{weeks} weeks: {hours} of the hours");
            assert!((0.90..=0.99).contains(&peaks), "{weeks} weeks: {peaks} of the peaks");
        }
    }

    #[test]
    fn launches_are_no_part_of_the_profile_and_their_lift_is_told() {
        let mut chance = Chance(7);
        let mut history = week(&mut chance, 0..5 * WEEK, 100.0);
        let launched: BTreeSet<i64> = (3 * WEEK + 8..3 * WEEK + 32).collect();
        for hour in &launched {
            *history.entry(*hour).or_default() *= 3;
        }
        let hours = 0..=5 * WEEK - 1;
        let profile = Profile::learn(&history, &hours, &launched).unwrap();
        let with = Profile::learn(&history, &hours, &BTreeSet::new()).unwrap();
        assert!(profile.peak(5 * WEEK).high < with.peak(5 * WEEK).high);
        let lift = lift(&history, &profile, &launched).unwrap();
        assert!((2.6..3.4).contains(&lift), "{lift}");
    }

    #[test]
    fn two_weeks_are_enough_and_an_hour_less_is_not() {
        let none = BTreeSet::new();
        let learn = |hours: i64| Profile::learn(&BTreeMap::new(), &(0..=hours - 1), &none);
        assert!(learn(HOURS_MIN).is_some());
        assert_eq!(learn(HOURS_MIN - 1), None);
        let quiet = learn(HOURS_MIN).unwrap();
        assert_eq!(quiet.peak(0).high, 0.0);
        assert_eq!(quiet.hour(3).value, 0.0);
    }

    #[test]
    fn visits_at_once_follow_from_how_many_begin_and_how_long_they_take() {
        let begun = Expected { value: 3_600.0, low: 3_000.0, high: 4_200.0 };
        let found = at_once(begun, 0.05);
        assert!((found.value - 180.0).abs() < 1e-9);
        assert!(found.low < 150.0 && found.high > 210.0);
    }
}

//! What is measured of one destination, by the region of the visitor where that matters.

use crate::capture::histogram::{Histogram, HistogramSnapshot};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Regions told apart; further ones count together.
const REGIONS_MAX: usize = 64;
/// Minutes over which promises are looked at.
const MINUTES: u64 = 60;
/// Minutes of the short look.
const SHORT_MINUTES: u64 = 5;
/// Sizes told apart: powers of two.
const SIZES: usize = 28;

/// Quantiles of a time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// How many were measured.
    pub count: u64,
    /// Half of them were no longer.
    pub p50_us: Option<u64>,
    /// 95 of 100.
    pub p95_us: Option<u64>,
    /// 99 of 100.
    pub p99_us: Option<u64>,
}

impl Times {
    fn of(snapshot: &HistogramSnapshot) -> Self {
        Self {
            count: snapshot.count(),
            p50_us: snapshot.quantile_us(0.5),
            p95_us: snapshot.quantile_us(0.95),
            p99_us: snapshot.quantile_us(0.99),
        }
    }
}

/// One region's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegionFigures {
    /// Country of the visitor, `unknown`, or `other` for those past the bound.
    pub region: String,
    /// Events confirmed.
    pub delivered: u64,
    /// Events given up.
    pub dead: u64,
    /// From received to confirmed.
    pub delivery: Times,
}

/// How a promise stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Promise {
    /// Within this time.
    pub within_ms: u64,
    /// Share promised, in a hundred.
    pub percent: f64,
    /// Share kept over the last hour; none when nothing was due.
    pub kept_percent: Option<f64>,
    /// How many times faster than allowed the margin is used up, over five minutes.
    pub burn_rate_5m: f64,
    /// The same over an hour.
    pub burn_rate_1h: f64,
}

/// Everything measured since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// One request and its answer.
    pub attempt: Times,
    /// From received to confirmed.
    pub delivery: Times,
    /// The consent check of one event.
    pub consent: Times,
    /// The rules of one batch.
    pub rules: Times,
    /// Attempts without success by class.
    pub errors: BTreeMap<String, u64>,
    /// Bodies by size: (at most bytes, count).
    pub sizes: Vec<(u64, u64)>,
    /// By region.
    pub regions: Vec<RegionFigures>,
    /// The promise.
    pub sla: Promise,
}

#[derive(Default)]
struct Region {
    delivered: u64,
    dead: u64,
    delivery: Box<Histogram>,
}

#[derive(Default)]
struct Inner {
    errors: BTreeMap<String, u64>,
    sizes: [u64; SIZES],
    regions: BTreeMap<String, Region>,
    /// (minute, due, late), the latest last.
    minutes: VecDeque<(u64, u64, u64)>,
}

/// See the module.
#[derive(Default)]
pub struct Figures {
    attempt: Histogram,
    delivery: Histogram,
    consent: Histogram,
    rules: Histogram,
    inner: Mutex<Inner>,
}

impl Figures {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The consent of one event was checked.
    pub fn consent_checked(&self, took: Duration) {
        self.consent.record(took);
    }

    /// The rules of a batch were run.
    pub fn rules_run(&self, took: Duration) {
        self.rules.record(took);
    }

    /// A request was made.
    pub fn attempted(&self, took: Duration, bytes: usize) {
        self.attempt.record(took);
        let size = (usize::BITS - bytes.leading_zeros()) as usize;
        if let Some(count) = self.lock().sizes.get_mut(size.min(SIZES - 1)) {
            *count += 1;
        }
    }

    /// A request had no success.
    pub fn failed(&self, class: &str) {
        *self.lock().errors.entry(class.to_owned()).or_default() += 1;
    }

    /// An event was confirmed so long after it was received.
    pub fn delivered(&self, region: &str, took: Duration, (promised, now): (Duration, Duration)) {
        self.delivery.record(took);
        let mut inner = self.lock();
        let share = inner.region(region);
        share.delivered += 1;
        share.delivery.record(took);
        inner.due(now, took > promised);
    }

    /// An event was given up.
    pub fn gave_up(&self, region: &str, now: Duration) {
        let mut inner = self.lock();
        inner.region(region).dead += 1;
        inner.due(now, true);
    }

    /// Everything, for a promise of (time, share in a hundred).
    pub fn measured(&self, (within, percent): (Duration, f64), now: Duration) -> Measured {
        let inner = self.lock();
        let regions = inner.regions.iter().map(|(region, share)| RegionFigures {
            region: region.clone(),
            delivered: share.delivered,
            dead: share.dead,
            delivery: Times::of(&share.delivery.snapshot()),
        });
        let sizes = inner.sizes.iter().enumerate().filter(|(_, count)| **count > 0);
        let hour = inner.lately(now, MINUTES);
        let burn = |(due, late): (u64, u64)| {
            let margin = 1.0 - percent / 100.0;
            if due == 0 { 0.0 } else { late as f64 / due as f64 / margin }
        };
        Measured {
            attempt: Times::of(&self.attempt.snapshot()),
            delivery: Times::of(&self.delivery.snapshot()),
            consent: Times::of(&self.consent.snapshot()),
            rules: Times::of(&self.rules.snapshot()),
            errors: inner.errors.clone(),
            sizes: sizes.map(|(power, count)| ((1 << power) - 1, *count)).collect(),
            regions: regions.collect(),
            sla: Promise {
                within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
                percent,
                kept_percent: (hour.0 > 0)
                    .then(|| 100.0 * (hour.0 - hour.1) as f64 / hour.0 as f64),
                burn_rate_5m: burn(inner.lately(now, SHORT_MINUTES)),
                burn_rate_1h: burn(hour),
            },
        }
    }
}

impl Inner {
    fn region(&mut self, region: &str) -> &mut Region {
        let full = self.regions.len() >= REGIONS_MAX && !self.regions.contains_key(region);
        self.regions.entry(if full { "other" } else { region }.to_owned()).or_default()
    }

    fn due(&mut self, now: Duration, late: bool) {
        let minute = now.as_secs() / 60;
        if self.minutes.back().is_none_or(|(latest, ..)| *latest < minute) {
            self.minutes.push_back((minute, 0, 0));
        }
        while self.minutes.front().is_some_and(|(oldest, ..)| oldest + MINUTES <= minute) {
            self.minutes.pop_front();
        }
        if let Some((_, due, lates)) = self.minutes.back_mut() {
            *due += 1;
            *lates += u64::from(late);
        }
    }

    /// (due, late) over the last minutes.
    fn lately(&self, now: Duration, minutes: u64) -> (u64, u64) {
        let from = (now.as_secs() / 60 + 1).saturating_sub(minutes);
        let recent = self.minutes.iter().filter(|(minute, ..)| *minute >= from);
        recent.fold((0, 0), |(due, late), (_, more, lates)| (due + more, late + lates))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_bounded_and_promises_burn() {
        let figures = Figures::default();
        let second = Duration::from_secs(1);
        for number in 0..100 {
            figures.delivered(&format!("R{number}"), second, (second, second));
        }
        figures.gave_up("R0", second);
        let measured = figures.measured((second, 99.0), second);
        assert_eq!(measured.regions.len(), REGIONS_MAX + 1);
        assert_eq!(measured.regions.iter().map(|region| region.delivered).sum::<u64>(), 100);
        assert!(measured.sla.burn_rate_5m > 0.9 && measured.sla.burn_rate_5m < 1.0);
        let later = figures.measured((second, 99.0), Duration::from_secs(600));
        assert_eq!(later.sla.burn_rate_5m, 0.0);
        assert!(later.sla.kept_percent.is_some());
    }
}

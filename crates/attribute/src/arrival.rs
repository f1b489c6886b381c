//! How much of what happened has arrived by now, and how much there will be of it in the end.
//!
//! What happened long ago tells how long things take to arrive; what happened lately tells only of
//! those that were quick. [`LagCurve`] takes that into account: for each lag it looks at the hours
//! that are old enough to have shown it (the product-limit estimate for right-truncated times,
//! Lagakos, Barraj and De Gruttola 1988), with Greenwood's formula for how sure it is. Of a day so
//! far the curve and the usual course of days say which share has arrived; what is missing is then
//! negative binomial, whatever the rate of the day (Jeffreys' prior).

use crate::beta::incomplete_beta;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use millstream_event::Span;

/// Fewest conversions that a curve is made of.
pub const LEARNT_MIN: u64 = 100;
/// Parts that an hour is divided into where its conversions' ages differ.
const PARTS_OF_HOUR: i64 = 12;
/// Equally likely values of an uncertain share that a range averages over.
const SHARES: [f64; 9] = [-1.593, -0.967, -0.589, -0.282, 0.0, 0.282, 0.589, 0.967, 1.593];
const HOUR: Span = Span::hours(1);

/// Conversions that happened within one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Hour of the day.
    pub of_day: u8,
    /// How long ago it began.
    pub began: Span,
    /// Lags within which some arrived, and how many; shortest first.
    pub lags: Vec<(Span, u64)>,
}

impl Hour {
    fn count(&self) -> u64 {
        self.lags.iter().map(|(_, count)| count).sum()
    }
}

/// One lag of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    lag: Span,
    /// The share that takes no longer.
    share: f64,
    /// Variance of its logarithm.
    variance: f64,
}

/// Which share of conversions arrives within which time, and how they spread over a day.
#[derive(Clone, Debug, PartialEq)]
pub struct LagCurve {
    steps: Vec<Step>,
    /// Conversions by hour of the day, those counted that will arrive; with one more for each hour.
    course: [f64; 24],
}

/// The share of a day's conversions that has arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrived {
    /// Between 0 and 1.
    pub share: f64,
    /// Variance of its logarithm.
    variance: f64,
}

impl LagCurve {
    /// Learns from hours that are over; those that still go on are left out. None from fewer than
    /// [`LEARNT_MIN`] conversions.
    pub fn learn(hours: &[Hour]) -> Option<Self> {
        let mut over: Vec<&Hour> = hours.iter().filter(|hour| hour.began >= HOUR).collect();
        over.sort_by_key(|hour| hour.began);
        if over.iter().map(|hour| hour.count()).sum::<u64>() < LEARNT_MIN {
            return None;
        }
        let steps = steps(over.clone());
        let mut curve = Self { steps, course: [1.0; 24] };
        for hour in over {
            let arrived = curve.within(Span(hour.began.0 - HOUR.0 / 2)).share.max(0.05);
            if let Some(sum) = curve.course.get_mut(usize::from(hour.of_day)) {
                *sum += hour.count() as f64 / arrived;
            }
        }
        Some(curve)
    }

    /// The share that arrives within `age`. A lag stands for those up to a sixteenth shorter, as if
    /// they were spread evenly.
    fn within(&self, age: Span) -> Arrived {
        let after = self.steps.partition_point(|step| step.lag <= age);
        let start = Step { lag: Span(0), share: 0.0, variance: 0.0 };
        let below = after.checked_sub(1).and_then(|at| self.steps.get(at)).copied();
        let Some(next) = self.steps.get(after) else {
            return Arrived { share: 1.0, variance: 0.0 };
        };
        let from = below.unwrap_or(Step { variance: next.variance, ..start });
        let begins = from.lag.0.max(next.lag.0 - next.lag.0 / 16);
        let part = (age.0 - begins).max(0) as f64 / (next.lag.0 - begins).max(1) as f64;
        Arrived {
            share: from.share + part * (next.share - from.share),
            variance: from.variance + part * (next.variance - from.variance),
        }
    }

    /// The age at which `share` of all has arrived.
    pub fn settled(&self, share: f64) -> Span {
        self.steps.iter().find(|step| step.share >= share).map_or(Span(0), |step| step.lag)
    }

    /// The share that has arrived of what happened so far on a day that began so long ago.
    pub fn arrived(&self, began: Span) -> Arrived {
        let mut parts: Vec<(f64, Arrived)> = Vec::new();
        for (hour, weight) in (0_i64..).zip(self.course) {
            let step = Span(HOUR.0 / PARTS_OF_HOUR);
            for part in 0..PARTS_OF_HOUR {
                let age = Span(began.0 - hour * HOUR.0 - part * step.0 - step.0 / 2);
                if age.0 >= 0 {
                    parts.push((weight, self.within(age)));
                }
            }
        }
        let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let sum: f64 = parts.iter().map(|(weight, arrived)| weight * arrived.share).sum();
        if total <= 0.0 || sum <= 0.0 {
            return Arrived { share: 1.0, variance: 0.0 };
        }
        let share = sum / total;
        // Shares of different ages err together; the hours of the day err each for itself.
        let deviation = parts.iter().map(|(weight, arrived)| {
            weight * arrived.share * libm::sqrt(arrived.variance.max(0.0))
        });
        let deviation = deviation.sum::<f64>() / sum;
        let course = parts.iter().map(|(weight, arrived)| {
            let off = (arrived.share - share) / sum;
            off * off * weight * PARTS_OF_HOUR as f64
        });
        Arrived { share, variance: deviation * deviation + course.sum::<f64>() }
    }
}

/// The curve's steps. For each lag, longest first: of those that arrived within it, in hours old
/// enough to show it, the share that did not arrive sooner.
fn steps(mut youngest_first: Vec<&Hour>) -> Vec<Step> {
    let mut lags: BTreeMap<Span, u64> = BTreeMap::new();
    for hour in &youngest_first {
        lags.extend(hour.lags.iter().map(|(lag, _)| (*lag, 0)));
    }
    let (mut share, mut variance) = (1.0, 0.0);
    let mut steps = vec![];
    let edges: Vec<Span> = lags.keys().rev().copied().collect();
    for edge in edges {
        steps.push(Step { lag: edge, share, variance });
        while youngest_first.last().is_some_and(|hour| hour.began.0 - HOUR.0 >= edge.0) {
            let hour = youngest_first.pop();
            for (lag, count) in hour.into_iter().flat_map(|hour| &hour.lags) {
                *lags.entry(*lag).or_default() += count;
            }
        }
        let within: u64 = lags.range(..=edge).map(|(_, count)| count).sum();
        let last = lags.get(&edge).copied().unwrap_or(0);
        if last < within {
            let (last, within) = (last as f64, within as f64);
            share *= 1.0 - last / within;
            variance += last / (within * (within - last));
        }
    }
    steps.reverse();
    steps
}

impl Arrived {
    /// Ends of the 95 % range of the final count, when so many have arrived: so many and those to
    /// come.
    pub fn range(self, arrived: u64) -> (u64, u64) {
        let deviation = libm::sqrt(self.variance.max(0.0));
        let shares = SHARES.map(|z| (self.share * libm::exp(z * deviation)).clamp(1e-6, 1.0));
        let end = |chance: f64| arrived.saturating_add(quantile(arrived, shares, chance));
        (end(0.025), end(0.975))
    }
}

/// What a conversion is usually worth in one currency, learnt from the sums of single days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsualWorth {
    mean: f64,
    variance: f64,
    conversions: f64,
}

/// Fewest days that tell what a conversion is worth.
pub const WORTH_DAYS_MIN: usize = 7;

impl UsualWorth {
    /// Learns from days that are over: their conversions, and their sum in minor units. How much
    /// single conversions differ follows from how much the means of days do.
    pub fn learn(days: &[(u64, i128)]) -> Option<Self> {
        let days: Vec<(f64, f64)> = days
            .iter()
            .filter(|(conversions, _)| *conversions > 0)
            .map(|(conversions, amount)| (*conversions as f64, *amount as f64))
            .collect();
        let conversions: f64 = days.iter().map(|(conversions, _)| conversions).sum();
        if days.len() < WORTH_DAYS_MIN || conversions < LEARNT_MIN as f64 {
            return None;
        }
        let mean = days.iter().map(|(_, amount)| amount).sum::<f64>() / conversions;
        let squares = days.iter().map(|(conversions, amount)| {
            let off = amount / conversions - mean;
            conversions * off * off
        });
        let variance = squares.sum::<f64>() / (days.len() - 1) as f64;
        Some(Self { mean, variance, conversions })
    }
}

impl Arrived {
    /// Ends of the 95 % range of a sum in minor units, when so many conversions with so much have
    /// arrived: what has, and what those to come are worth. How many come and what each is worth err
    /// apart from each other.
    pub fn worth(self, (arrived, amount): (u64, i128), usual: &UsualWorth) -> (i128, i128) {
        let (low, high) = self.range(arrived);
        if high <= arrived {
            return (amount, amount);
        }
        let missing = |end: u64| end.saturating_sub(arrived) as f64;
        let expected = (arrived as f64 / self.share.max(1e-6) - arrived as f64)
            .clamp(missing(low), missing(high));
        let of_mean = expected * expected * usual.variance / usual.conversions;
        let of_values = 1.96 * libm::sqrt(expected * usual.variance + of_mean);
        let end = |count: f64| {
            let of_count = (count - expected) * usual.mean;
            libm::sqrt(of_count * of_count + of_values * of_values)
        };
        let most_likely = amount as f64 + expected * usual.mean;
        // Nothing that arrived goes away again, and nothing that comes costs.
        let low = (most_likely - end(missing(low))).max(amount as f64);
        (low as i128, libm::ceil(most_likely + end(missing(high))) as i128)
    }
}

/// The least number of those to come that is not exceeded with this chance.
fn quantile(arrived: u64, shares: [f64; SHARES.len()], chance: f64) -> u64 {
    let successes = arrived as f64 + 0.5;
    let at_most = |missing: u64| {
        let of = |share: f64| match share {
            1.0.. => 1.0,
            share => incomplete_beta(successes, missing as f64 + 1.0, share),
        };
        shares.into_iter().map(of).sum::<f64>() / SHARES.len() as f64
    };
    let mut above = 1_u64;
    while at_most(above) < chance && above < u64::MAX / 4 {
        above *= 2;
    }
    let mut below = 0;
    while below < above {
        let middle = below + (above - below) / 2;
        if at_most(middle) < chance {
            below = middle + 1;
        } else {
            above = middle;
        }
    }
    below
}

//! How much of the latest days' conversions has arrived, and what their count will be in the end.

use super::error::ReportError;
use super::figures::PARTS_PER_WHOLE;
use super::number;
use super::state::{StateFigures, count};
use millstream_attribute::Model;
use millstream_attribute::arrival::{Arrived, Hour, LagCurve, UsualWorth};
use millstream_event::{Currency, Money, Span, Timestamp};
use millstream_pipeline::lags::Lags;
use millstream_pipeline::query;
use millstream_pipeline::rollup::Metric;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// How far back arrivals are looked at.
const LEARNT_DAYS: i32 = 28;
/// A day is told of until this share of its conversions has arrived.
const DAY_SETTLED: f64 = 0.995;
/// Figures of a period are final once this share of those of its last instant has arrived.
const PERIOD_SETTLED: f64 = 0.99;
const DAY: i64 = 86_400_000_000;

/// What is known of arrivals at an instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Arrivals {
    /// Today, and each day before it of which more is to come; latest first.
    pub days: Vec<ArrivingDay>,
    /// How long conversions take until nearly all have arrived.
    #[serde(rename = "settled_after_s", serialize_with = "seconds")]
    pub settled_after: Span,
}

/// One day of which conversions still arrive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArrivingDay {
    /// The UTC day.
    #[serde(serialize_with = "date")]
    pub day: i32,
    /// Conversions that happened on it and have arrived: refunds, renewals and those of bots are none.
    pub conversions: u64,
    /// Their share in those that happened so far.
    pub arrived_share: f64,
    /// Ends of the 95 % range of how many of those that happened so far there will be.
    pub expected_low: u64,
    /// The upper end.
    pub expected_high: u64,
    /// What they are worth, by currency; none where too little tells what a conversion is worth.
    pub revenue: Vec<ArrivingRevenue>,
}

/// What one day's conversions are worth in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArrivingRevenue {
    /// The currency.
    pub currency: Currency,
    /// Minor units that have arrived.
    pub revenue_minor: i64,
    /// Ends of the 95 % range of what those that happened so far will be worth, before refunds to come.
    pub expected_low_minor: i64,
    /// The upper end.
    pub expected_high_minor: i64,
}

fn seconds<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(span.as_millis() / 1_000)
}

fn date<S: Serializer>(day: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Timestamp(i64::from(*day) * DAY).to_utc_date())
}

impl Arrivals {
    /// True when conversions that happened before the day after `last` may still come in numbers.
    pub fn awaits(&self, last: i32, as_of: Timestamp) -> bool {
        let end = Timestamp((i64::from(last) + 1) * DAY);
        as_of - end < self.settled_after
    }

    /// A sentence for people; none when today's conversions are all there.
    pub fn sentence(&self) -> Option<String> {
        let today = self.days.first()?;
        if today.expected_high == today.conversions {
            return None;
        }
        Some(
            format!(
                "{} of today's conversions so far have arrived: {} are counted, {} to {} are expected.",
                number::percent(today.arrived_share),
                number::grouped(today.conversions),
                number::grouped(today.expected_low),
                number::grouped(today.expected_high),
            ) + &today.worth(),
        )
    }
}

impl ArrivingDay {
    /// What the day's revenue will be, in a sentence; empty where that is not known.
    fn worth(&self) -> String {
        let amount = |minor, currency| number::money(Money { minor, currency });
        let range = |one: &ArrivingRevenue| {
            let (low, high) = (one.expected_low_minor, one.expected_high_minor);
            format!("{} to {}", amount(low, one.currency), amount(high, one.currency))
        };
        match self.revenue.as_slice() {
            [] => String::new(),
            all => {
                let ranges: Vec<String> = all.iter().map(range).collect();
                format!(" They will be worth {}.", ranges.join(" and "))
            }
        }
    }
}

/// Conversions of each day in any currency, and what they are worth in each.
type Worth = BTreeMap<i32, (u64, BTreeMap<Currency, i128>)>;

/// The worth of what happened on each of these days, as far as it has arrived.
fn worth(figures: &StateFigures<'_>, days: &RangeInclusive<i32>) -> Result<Worth, ReportError> {
    let mut parts: BTreeMap<i32, i64> = BTreeMap::new();
    let mut found = Worth::new();
    let credits = figures.sums.sums(Metric::Credits(Model::Last), false)?;
    credits.daily(days, &mut |day, dimensions, sum| {
        *parts.entry(day).or_default() += sum.count;
        let (_, amounts) = found.entry(day).or_default();
        if let Some(currency) = dimensions.currency {
            *amounts.entry(currency).or_default() += sum.amount;
        }
    });
    for (day, (conversions, _)) in &mut found {
        *conversions = count(parts.get(day).copied().unwrap_or(0)) / PARTS_PER_WHOLE;
    }
    Ok(found)
}

/// The ranges of a day's revenue, by what conversions of the days before `settled` were worth.
fn revenue(
    worth: &Worth,
    (day, settled): (i32, i32),
    (arrived, conversions): (Arrived, u64),
) -> Vec<ArrivingRevenue> {
    let known = worth.get(&day).map(|(_, amounts)| amounts);
    let mut currencies: BTreeSet<Currency> = known.into_iter().flatten().map(|(c, _)| *c).collect();
    currencies.extend(worth.range(..settled).flat_map(|(_, (_, amounts))| amounts.keys()));
    let range = |currency: Currency| {
        let days: Vec<(u64, i128)> = worth
            .range(..settled)
            .map(|(_, (all, amounts))| (*all, amounts.get(&currency).copied().unwrap_or(0)))
            .collect();
        let usual = UsualWorth::learn(&days)?;
        let amount = known.and_then(|amounts| amounts.get(&currency)).copied().unwrap_or(0);
        let (low, high) = arrived.worth((conversions, amount), &usual);
        let minor = |sum: i128| i64::try_from(sum).ok();
        Some(ArrivingRevenue {
            currency,
            revenue_minor: minor(amount)?,
            expected_low_minor: minor(low)?,
            expected_high_minor: minor(high)?,
        })
    };
    currencies.into_iter().filter_map(range).collect()
}

/// What the arrivals of the last weeks tell; none where they are too few to tell anything.
pub(super) fn read(
    figures: &StateFigures<'_>,
    as_of: Timestamp,
) -> Result<Option<Arrivals>, ReportError> {
    let today = as_of.utc_day();
    let days = today.saturating_sub(LEARNT_DAYS)..=today;
    let known = query::lags(figures.state, figures.generation, &days)?;
    Ok(told(&known, &worth(figures, &days)?, as_of))
}

fn told(known: &BTreeMap<i32, Lags>, worth: &Worth, as_of: Timestamp) -> Option<Arrivals> {
    let curve = LagCurve::learn(&hours(known, as_of))?;
    let settled_after = curve.settled(PERIOD_SETTLED);
    let today = as_of.utc_day();
    let (mut days, mut arriving) = (Vec::new(), Vec::new());
    for day in (today.saturating_sub(LEARNT_DAYS)..=today).rev() {
        let arrived = curve.arrived(as_of - Timestamp(i64::from(day) * DAY));
        if day < today && arrived.share >= DAY_SETTLED {
            break;
        }
        let lags = known.get(&day).into_iter().flat_map(Lags::hours);
        let conversions = lags.map(|(_, spread)| count(spread.count())).sum();
        let (expected_low, expected_high) = arrived.range(conversions);
        let arrived_share = (arrived.share * 10_000.0).round() / 10_000.0;
        arriving.push((arrived, conversions));
        let revenue = Vec::new();
        days.push(ArrivingDay {
            day,
            conversions,
            arrived_share,
            expected_low,
            expected_high,
            revenue,
        });
    }
    let settled = days.last().map_or(today, |last| last.day);
    for (day, arriving) in days.iter_mut().zip(arriving) {
        day.revenue = revenue(worth, (day.day, settled), arriving);
    }
    Some(Arrivals { days, settled_after })
}

fn hours(known: &BTreeMap<i32, Lags>, as_of: Timestamp) -> Vec<Hour> {
    let hour = |day: i32, of_day: u8, lags: Vec<(Span, u64)>| {
        let began = Timestamp(i64::from(day) * DAY) + Span::hours(i64::from(of_day));
        Hour { of_day, began: as_of - began, lags }
    };
    let of_day = |(day, lags): (&i32, &Lags)| -> Vec<Hour> {
        let told = lags.hours().map(|(of_day, spread)| {
            hour(*day, of_day, spread.steps().map(|(lag, number)| (lag, count(number))).collect())
        });
        told.collect()
    };
    known.iter().flat_map(of_day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three weeks of a conversion a minute, every fourth of them six hours late; read at 12:00.
    fn shop(as_of: Timestamp) -> BTreeMap<i32, Lags> {
        let mut known: BTreeMap<i32, Lags> = BTreeMap::new();
        let began = as_of.0 - 21 * DAY;
        for minute in 0..21 * 1_440 {
            let time = Timestamp(began + minute * 60_000_000);
            let lag = if minute % 4 == 0 { Span::hours(6) } else { Span::seconds(1) };
            if time + lag <= as_of {
                known.entry(time.utc_day()).or_default().add(time, lag, 1);
            }
        }
        known
    }

    /// Every conversion is worth 20.00, a little more or less from day to day; 631 of today's have arrived.
    fn earned(as_of: Timestamp) -> Worth {
        let today = as_of.utc_day();
        let amount = |day: i32, count: u64| i128::from(count) * i128::from(1_990 + 10 * (day % 3));
        let of = |day: i32, count: u64| {
            (day, (count, BTreeMap::from([(Currency::USD, amount(day, count))])))
        };
        (today - 20..today).map(|day| of(day, 1_440)).chain([of(today, 631)]).collect()
    }

    #[test]
    fn what_has_arrived_and_what_is_expected_is_told() {
        let as_of = Timestamp::parse_rfc3339("2026-11-22T12:00:00Z").unwrap();
        let told = told(&shop(as_of), &earned(as_of), as_of).unwrap();
        let [today] = told.days.as_slice() else { panic!("{told:?}") };
        // 720 happened; 89 of those of the last six hours are still to come.
        assert_eq!((today.day, today.conversions), (as_of.utc_day(), 631));
        assert!((0.86..0.89).contains(&today.arrived_share), "{today:?}");
        assert!(today.expected_low < 720 && 720 < today.expected_high, "{today:?}");
        assert!(today.expected_low > 690 && today.expected_high < 750, "{today:?}");
        let sentence = told.sentence().unwrap();
        assert!(
            sentence.starts_with("88 % of today's conversions so far have arrived: 631"),
            "{sentence}"
        );
        let [revenue] = today.revenue.as_slice() else { panic!("{today:?}") };
        assert!(revenue.expected_low_minor < 720 * 2_000, "{revenue:?}");
        assert!(revenue.expected_high_minor > 720 * 2_000, "{revenue:?}");
        assert!(revenue.expected_low_minor > 690 * 1_990, "{revenue:?}");
        assert!(revenue.expected_high_minor < 750 * 2_010, "{revenue:?}");
        assert!(sentence.contains(" They will be worth "), "{sentence}");
        let yesterday = as_of.utc_day() - 1;
        assert!(!told.awaits(yesterday, as_of));
        let morning = as_of - Span::hours(11);
        assert!(told.awaits(yesterday, morning));
    }

    #[test]
    fn nothing_is_told_of_too_few() {
        let as_of = Timestamp::parse_rfc3339("2026-11-22T12:00:00Z").unwrap();
        assert_eq!(told(&BTreeMap::new(), &Worth::new(), as_of), None);
    }
}

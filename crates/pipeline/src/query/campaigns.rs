//! What each channel, source, campaign or link brought: sums of sums, whatever the event count.

use super::ReadError;
use crate::rollup::{Dimensions, Metric};
use crate::sums::{MetricSums, Sum, SumsRead};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use millstream_attribute::Model;
use millstream_event::Currency;

/// By what to group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Channel.
    Channel,
    /// Source.
    Source,
    /// Campaign name.
    Campaign,
    /// Slug of our link.
    Link,
}

impl By {
    /// The group that these dimensions belong to.
    pub fn key(self, dimensions: &Dimensions) -> &str {
        let text = match self {
            Self::Channel => &dimensions.channel,
            Self::Source => &dimensions.source,
            Self::Campaign => &dimensions.campaign,
            Self::Link => &dimensions.link,
        };
        if text.is_empty() { "(none)" } else { text }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct CampaignQuery {
    /// Grouping.
    pub by: By,
    /// Model of the credit.
    pub model: Model,
    /// UTC days of touch, session, click and conversion.
    pub days: RangeInclusive<i32>,
    /// Count what bots did, too (they are never credited).
    pub bots: bool,
}

/// What one group brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignSum {
    /// The group.
    pub key: Box<str>,
    /// Clicks of ours.
    pub clicks: i64,
    /// Touches.
    pub touches: i64,
    /// Sessions that began with it.
    pub sessions: i64,
    /// Credited conversions, in parts per billion.
    pub conversions_ppb: i64,
    /// Credited value in minor units, by currency.
    pub revenue: BTreeMap<Currency, i128>,
}

/// The sums of every group, in the order of their keys.
///
/// # Errors
/// When the state cannot be read.
pub fn campaigns(
    state: &dyn SumsRead,
    query: &CampaignQuery,
) -> Result<Vec<CampaignSum>, ReadError> {
    let mut groups: BTreeMap<Box<str>, CampaignSum> = BTreeMap::new();
    for metric in [Metric::Clicks, Metric::Touches, Metric::Sessions, Metric::Credits(query.model)]
    {
        for sums in asked(state, query, metric)? {
            sums.over(&query.days, &mut |dimensions, sum| {
                let key = query.by.key(dimensions);
                let fresh = || CampaignSum { key: key.into(), ..CampaignSum::default() };
                let group = groups.entry(key.into()).or_insert_with(fresh);
                match metric {
                    Metric::Clicks => group.clicks += sum.count,
                    Metric::Touches => group.touches += sum.count,
                    Metric::Sessions => group.sessions += sum.count,
                    Metric::Credits(_) => {
                        group.conversions_ppb += sum.count;
                        if let Some(currency) = dimensions.currency {
                            *group.revenue.entry(currency).or_default() += sum.amount;
                        }
                    }
                    Metric::Goods(_) => {}
                }
            });
        }
    }
    Ok(groups.into_values().collect())
}

/// Credited value in minor units by group, UTC day of the conversion and currency.
pub type RevenueDays = BTreeMap<Box<str>, BTreeMap<(i32, Currency), i128>>;

/// The revenue of [`campaigns`] day by day, for whoever converts it.
///
/// # Errors
/// When the state cannot be read.
pub fn revenue_days(state: &dyn SumsRead, query: &CampaignQuery) -> Result<RevenueDays, ReadError> {
    let mut found = RevenueDays::new();
    for sums in asked(state, query, Metric::Credits(query.model))? {
        sums.daily(&query.days, &mut |day, dimensions, sum| {
            if let Some(currency) = dimensions.currency {
                let days = found.entry(query.by.key(dimensions).into()).or_default();
                *days.entry((day, currency)).or_default() += sum.amount;
            }
        });
    }
    Ok(found)
}

/// The goods behind the credit of [`campaigns`], by UTC day of the conversion, dimensions and product: see
/// [`Metric::Goods`].
///
/// # Errors
/// When the state cannot be read.
pub fn goods(
    state: &dyn SumsRead,
    query: &CampaignQuery,
    take: &mut dyn FnMut(i32, &Dimensions, Sum),
) -> Result<(), ReadError> {
    for sums in asked(state, query, Metric::Goods(query.model))? {
        sums.daily(&query.days, take);
    }
    Ok(())
}

/// How often each combination of dimensions was met by touch or click: within these days, and
/// ever. Without bots.
///
/// # Errors
/// When the state cannot be read.
pub fn weights(
    state: &dyn SumsRead,
    days: &RangeInclusive<i32>,
) -> Result<BTreeMap<Arc<Dimensions>, (i64, i64)>, ReadError> {
    let mut found: BTreeMap<Arc<Dimensions>, (i64, i64)> = BTreeMap::new();
    for metric in [Metric::Touches, Metric::Clicks] {
        let sums = state.sums(metric, false)?;
        sums.over(&(i32::MIN..=i32::MAX), &mut |dimensions, sum| {
            found.entry(Arc::clone(dimensions)).or_default().1 += sum.count;
        });
        sums.over(days, &mut |dimensions, sum| {
            found.entry(Arc::clone(dimensions)).or_default().0 += sum.count;
        });
    }
    Ok(found)
}

/// The sums of a metric that a query counts.
fn asked(
    state: &dyn SumsRead,
    query: &CampaignQuery,
    metric: Metric,
) -> Result<Vec<Arc<MetricSums>>, ReadError> {
    let whose = [false, true].into_iter().take(1 + usize::from(query.bots));
    whose.map(|bot| state.sums(metric, bot)).collect()
}

/// Sessions that began on one UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionDay {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Sessions, bots' excluded.
    pub sessions: i64,
    /// Sessions of bots.
    pub bot_sessions: i64,
}

/// Sessions by the day they began, in order.
///
/// # Errors
/// When the state cannot be read.
pub fn session_days(
    state: &dyn SumsRead,
    days: &RangeInclusive<i32>,
) -> Result<Vec<SessionDay>, ReadError> {
    let mut found: BTreeMap<i32, SessionDay> = BTreeMap::new();
    for bot in [false, true] {
        state.sums(Metric::Sessions, bot)?.daily(days, &mut |day, _, sum| {
            let entry = found.entry(day).or_insert(SessionDay { day, ..SessionDay::default() });
            if bot {
                entry.bot_sessions += sum.count;
            } else {
                entry.sessions += sum.count;
            }
        });
    }
    Ok(found.into_values().collect())
}

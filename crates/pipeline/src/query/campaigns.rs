//! What each channel, source, campaign or link brought: sums of sums, whatever the event count.

use super::{ReadError, StateRead};
use crate::key::Key;
use crate::rollup::{Cell, Dimensions, Metric, cell_day, cell_prefix};
use crate::value::{Stored, Value};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use millstream_attribute::Model;
use millstream_event::{Currency, Lane};

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
    pub fn key(self, dimensions: &Dimensions) -> Box<str> {
        let text = match self {
            Self::Channel => &dimensions.channel,
            Self::Source => &dimensions.source,
            Self::Campaign => &dimensions.campaign,
            Self::Link => &dimensions.link,
        };
        if text.is_empty() { Box::from("(none)") } else { text.clone() }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct CampaignQuery {
    /// Generation to read.
    pub generation: u16,
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
    state: &dyn StateRead,
    query: &CampaignQuery,
) -> Result<Vec<CampaignSum>, ReadError> {
    let mut sums: BTreeMap<Box<str>, CampaignSum> = BTreeMap::new();
    for metric in [Metric::Clicks, Metric::Touches, Metric::Sessions, Metric::Credits(query.model)]
    {
        cells(state, query, metric, &mut |_, cell| {
            let key = query.by.key(&cell.dimensions);
            let sum = sums
                .entry(key.clone())
                .or_insert_with(|| CampaignSum { key, ..CampaignSum::default() });
            match metric {
                Metric::Clicks => sum.clicks += cell.count,
                Metric::Touches => sum.touches += cell.count,
                Metric::Sessions => sum.sessions += cell.count,
                Metric::Credits(_) => {
                    sum.conversions_ppb += cell.count;
                    if let Some(currency) = cell.dimensions.currency {
                        *sum.revenue.entry(currency).or_default() += cell.amount;
                    }
                }
            }
        })?;
    }
    Ok(sums.into_values().collect())
}

/// Credited value in minor units by group, UTC day of the conversion and currency.
pub type RevenueDays = BTreeMap<Box<str>, BTreeMap<(i32, Currency), i128>>;

/// The revenue of [`campaigns`] day by day, for whoever converts it.
///
/// # Errors
/// When the state cannot be read.
pub fn revenue_days(
    state: &dyn StateRead,
    query: &CampaignQuery,
) -> Result<RevenueDays, ReadError> {
    let mut found = RevenueDays::new();
    cells(state, query, Metric::Credits(query.model), &mut |day, cell| {
        if let Some(currency) = cell.dimensions.currency {
            let days = found.entry(query.by.key(&cell.dimensions)).or_default();
            *days.entry((day, currency)).or_default() += cell.amount;
        }
    })?;
    Ok(found)
}

/// How often each combination of dimensions was met by touch or click: within the days asked for,
/// and ever.
///
/// # Errors
/// When the state cannot be read.
pub fn weights(
    state: &dyn StateRead,
    query: &CampaignQuery,
) -> Result<BTreeMap<Dimensions, (i64, i64)>, ReadError> {
    let ever = CampaignQuery { days: i32::MIN..=i32::MAX, bots: false, ..query.clone() };
    let mut found: BTreeMap<Dimensions, (i64, i64)> = BTreeMap::new();
    for metric in [Metric::Touches, Metric::Clicks] {
        cells(state, &ever, metric, &mut |day, cell| {
            let met = found.entry(cell.dimensions).or_default();
            met.0 += if query.days.contains(&day) { cell.count } else { 0 };
            met.1 += cell.count;
        })?;
    }
    Ok(found)
}

fn cells(
    state: &dyn StateRead,
    query: &CampaignQuery,
    metric: Metric,
    take: &mut dyn FnMut(i32, Cell),
) -> Result<(), ReadError> {
    for lane in Lane::all() {
        for bot in [false, true].into_iter().take(1 + usize::from(query.bots)) {
            state.scan(&cell_prefix(query.generation, lane, metric, bot), &mut |key, bytes| {
                let day = Key::from_bytes(key).map_or(0, |key| cell_day(&key));
                if day > *query.days.end() {
                    return Ok(false);
                }
                if day >= *query.days.start()
                    && let Some(cell) = Cell::take(Value::decode(bytes)?)
                {
                    take(day, cell);
                }
                Ok(true)
            })?;
        }
    }
    Ok(())
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
    state: &dyn StateRead,
    generation: u16,
    days: RangeInclusive<i32>,
) -> Result<Vec<SessionDay>, ReadError> {
    let mut found: BTreeMap<i32, SessionDay> = BTreeMap::new();
    for bots in [false, true] {
        let (by, model) = (By::Channel, Model::First);
        let query = CampaignQuery { generation, by, model, days: days.clone(), bots };
        cells(state, &query, Metric::Sessions, &mut |day, cell| {
            let entry = found.entry(day).or_insert(SessionDay { day, ..SessionDay::default() });
            if bots {
                entry.bot_sessions += cell.count;
            } else {
                entry.sessions += cell.count;
            }
        })?;
    }
    for entry in found.values_mut() {
        // The second pass counted everything.
        entry.bot_sessions -= entry.sessions;
    }
    Ok(found.into_values().collect())
}

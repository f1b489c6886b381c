//! What each group of a campaign report cost.
//!
//! A row of spend belongs to the groups that the touches and clicks of its campaign belong to. Where
//! those are several, it is divided in proportion to how often each was met in the days asked for,
//! or ever where it was not met in them, to the last minor unit.

use super::error::ReportError;
use super::exchange::Exchange;
use super::query::ReportQuery;
use super::state::{StateFigures, days, grouping};
use crate::ledger::UnmatchedName;
use millstream_attribute::rounding::apportion;
use millstream_event::ledger::{Placement, spelling};
use millstream_event::{Channel, Currency, Money};
use millstream_pipeline::query::{self, By};
use millstream_pipeline::rollup::Dimensions;
use millstream_pipeline::sums::SumsRead;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The group of spend that belongs to none that was measured.
pub const UNMATCHED: &str = "(unmatched spend)";
/// Most names that are told as close to an unmatched one.
const NEAREST_MAX: usize = 3;

/// Spend that nothing measured belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedSpend {
    /// What it was spent on, and the names close to that.
    pub name: UnmatchedName,
    /// How much, per currency.
    pub cost: Vec<Money>,
}

/// Spend by group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Costs {
    pub groups: BTreeMap<String, Vec<Money>>,
    pub unmatched: Vec<UnmatchedSpend>,
}

/// Dimensions, and how often they were met: in the days asked for, and ever.
type Weighed = (Arc<Dimensions>, (i64, i64));

/// How often each combination of dimensions was met, by the spelling of its campaign.
pub struct Met(BTreeMap<String, Vec<Weighed>>);

impl Met {
    /// Everything that was measured, with weights for these days.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn read(sums: &dyn SumsRead, days: &RangeInclusive<i32>) -> Result<Self, query::ReadError> {
        let mut met: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (dimensions, weight) in query::weights(sums, days)? {
            let campaign = spelling(&dimensions.campaign).into_owned();
            met.entry(campaign).or_default().push((dimensions, weight));
        }
        Ok(Self(met))
    }

    /// Whatever has every text that the placement names.
    fn matching(&self, on: &Placement) -> Vec<&Weighed> {
        let fits = |wanted: &str, found: &str| {
            wanted.is_empty() || wanted == found || spelling(wanted) == spelling(found)
        };
        let all = |(dimensions, _): &&Weighed| {
            fits(&on.channel, &dimensions.channel)
                && fits(&on.source, &dimensions.source)
                && fits(&on.medium, &dimensions.medium)
                && fits(&on.ad_group, &dimensions.ad_group)
        };
        if on.campaign.is_empty() {
            return self.0.values().flatten().filter(all).collect();
        }
        let campaign = spelling(&on.campaign);
        self.0.get(campaign.as_ref()).into_iter().flatten().filter(all).collect()
    }

    /// True when nothing that was measured belongs to the placement.
    pub fn misses(&self, on: &Placement) -> bool {
        self.matching(on).is_empty()
    }

    /// The placement's name with the measured ones that are close to it.
    pub fn unmatched(&self, on: &Placement) -> UnmatchedName {
        let name = on.title();
        if on.campaign.is_empty() {
            return UnmatchedName { name, nearest: Vec::new() };
        }
        let wanted = spelling(&on.campaign).to_lowercase();
        let far = 2.max(wanted.chars().count() / 3);
        let known = self.0.keys().filter(|known| !known.is_empty());
        let mut near: Vec<(usize, &String)> = known
            .map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &wanted), known))
            .filter(|(distance, _)| *distance <= far)
            .collect();
        near.sort();
        let nearest = near.into_iter().take(NEAREST_MAX).map(|(_, known)| known.clone());
        UnmatchedName { name, nearest: nearest.collect() }
    }
}

/// What each group cost in the days asked for.
pub(super) fn costs(
    figures: &StateFigures<'_>,
    question: &ReportQuery,
    exchange: Option<&Exchange>,
) -> Result<Costs, ReportError> {
    let mut spent: BTreeMap<Placement, BTreeMap<Currency, i64>> = BTreeMap::new();
    let (state, generation) = (figures.state, figures.generation);
    query::spend(state, generation, days(&question.range), &mut |row| {
        let cost = exchange.map_or(row.cost, |exchange| exchange.convert(row.day, row.cost));
        let sum = spent.entry(row.on).or_default().entry(cost.currency).or_default();
        *sum = sum.saturating_add(cost.minor);
        Ok(true)
    })?;
    let mut costs = Costs::default();
    if spent.is_empty() {
        return Ok(costs);
    }
    let by = grouping(question.by);
    let met = Met::read(figures.sums, &days(&question.range))?;
    for (on, amounts) in spent {
        let amounts = amounts.into_iter().map(|(currency, minor)| Money { minor, currency });
        let amounts: Vec<Money> = amounts.collect();
        let found = met.matching(&on);
        if found.is_empty() {
            costs.groups.entry(stranger(by, &on)).or_default().extend(&amounts);
            let name = met.unmatched(&on);
            costs.unmatched.push(UnmatchedSpend { name, cost: amounts });
            continue;
        }
        let (groups, weights) = weighed(by, &found);
        for amount in amounts {
            let parts = apportion(amount.minor, &weights);
            for (group, minor) in groups.iter().zip(parts).filter(|(_, minor)| *minor != 0) {
                let sums = costs.groups.entry(group.clone()).or_default();
                sums.push(Money { minor, currency: amount.currency });
            }
        }
    }
    costs.unmatched.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(costs)
}

/// The groups that these belong to, with how often each was met.
fn weighed(by: By, found: &[&Weighed]) -> (Vec<String>, Vec<u64>) {
    let within = found.iter().any(|(_, (within, _))| *within > 0);
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    for (dimensions, (asked, ever)) in found {
        let weight = u64::try_from(if within { *asked } else { *ever }).unwrap_or(0);
        *groups.entry(by.key(dimensions).into()).or_default() += weight;
    }
    groups.into_iter().unzip()
}

/// The group of spend on something that was never met.
fn stranger(by: By, on: &Placement) -> String {
    let named = match by {
        By::Channel if !on.channel.is_empty() => on.channel.to_string(),
        By::Channel if !on.source.is_empty() && !on.medium.is_empty() => {
            Channel::of(&on.source, &on.medium).as_str().to_owned()
        }
        By::Source => on.source.to_string(),
        By::Campaign => on.campaign.to_string(),
        By::Channel | By::Link => String::new(),
    };
    if named.is_empty() { UNMATCHED.to_owned() } else { named }
}

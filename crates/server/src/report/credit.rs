//! Credit that no sums are kept for: another window, another model, or probable links.

use super::error::ReportError;
use super::exchange::Exchange;
use super::query::{By, Links, ReportQuery};
use super::state::StateFigures;
use crate::linking::{Joined, Numbered};
use millstream_event::{Channel, Hash128, Money, Span};
use millstream_pipeline::query;
use millstream_pipeline::rows::CreditRow;
use std::collections::BTreeMap;

/// Credit of one group, computed for a window or a model that no rollup is kept for.
#[derive(Clone, Default)]
pub(super) struct Credit {
    pub conversions_ppb: u64,
    pub revenue: Vec<Money>,
    /// Ends of the 95 % interval of the conversions, where the model has one.
    pub range: Option<(f64, f64)>,
}

impl StateFigures<'_> {
    /// People whom probable links join, where these count.
    pub(super) fn joined(&self, links: Links) -> Result<Option<Joined>, ReportError> {
        match (links, &self.probable) {
            (Links::Certain, _) => Ok(None),
            (Links::Probable, Some(probable)) => self.joined_by(probable).map(Some),
            (Links::Probable, None) => Err(ReportError::NoProbableLinks),
        }
    }

    /// People whom these links join.
    pub(super) fn joined_by(&self, probable: &Numbered) -> Result<Joined, ReportError> {
        Ok(Joined::of(self.state, self.generation, &probable.1)?)
    }

    /// Credit of each group, conversion by conversion.
    pub(super) fn credit(
        &self,
        (question, joined): (&ReportQuery, Option<&Joined>),
        exchange: Option<&Exchange>,
    ) -> Result<BTreeMap<String, Credit>, ReportError> {
        let window = Span::days(i64::from(question.window.days()));
        let kin = |person| joined.and_then(|joined| joined.all(person));
        let model = question.model.as_str();
        let mut in_range: BTreeMap<Hash128, i32> = BTreeMap::new();
        if !question.range.is_whole() || exchange.is_some() {
            query::conversions(self.state, self.generation, &mut |conversion| {
                let day = conversion.time.utc_day();
                if question.range.contains(day) {
                    in_range.insert(conversion.conversion_id, day);
                }
                Ok(true)
            })?;
        }
        let mut credit: BTreeMap<String, Credit> = BTreeMap::new();
        query::credits_among(self.state, self.generation, (window, &kin), &mut |row| {
            let day = in_range.get(&row.conversion_id);
            let counts = question.range.is_whole() || day.is_some();
            if row.model == model && counts {
                let sum = credit.entry(group_of(question.by, &row)).or_default();
                sum.conversions_ppb += u64::from(row.weight_ppb);
                sum.revenue.extend(row.amount.map(|amount| match (exchange, day) {
                    (Some(exchange), Some(day)) => exchange.convert(*day, amount),
                    _ => amount,
                }));
            }
            Ok(true)
        })?;
        Ok(credit)
    }
}

pub(super) fn group_of(by: By, row: &CreditRow) -> String {
    let unattributed = row.touch_id.is_none();
    let key = match by {
        By::Channel => Some(row.channel.as_str()),
        By::Source | By::Campaign if unattributed => Some(Channel::UNATTRIBUTED),
        By::Source => Some(&*row.source),
        By::Campaign => row.campaign.name.as_deref(),
        By::Link => row.link_id.as_deref(),
    };
    key.filter(|key| !key.is_empty()).unwrap_or("(none)").to_owned()
}

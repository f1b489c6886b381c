//! Campaigns: who earned what, by channel, source, campaign or link.

use super::campaign_page::whole;
use super::error::ReportError;
use super::figures::{CampaignSum, Figures, PARTS_PER_WHOLE};
use super::goods::{GoodsSum, Uncosted};
use super::query::ReportQuery;
use super::spend::UnmatchedSpend;
use millstream_event::{Currency, Money};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One group in one currency. A group that earned in several currencies has one row for each; its
/// counts stand in the first of them, so that rows always sum to the totals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CampaignRow {
    /// The channel, source, campaign or link.
    pub key: String,
    /// Redirects followed.
    pub clicks: u64,
    /// Touches.
    pub touches: u64,
    /// Sessions that began with a touch of this group.
    pub sessions: u64,
    /// Credited conversions, in parts per billion.
    pub conversions_ppb: u64,
    /// Credited revenue in minor units of `currency`.
    pub revenue_minor: i64,
    /// The currency; none where there is neither revenue nor cost.
    pub currency: Option<Currency>,
    /// Known spend in minor units; none where no spend is known.
    pub cost_minor: Option<i64>,
    /// What goods cost and how much of the revenue that is known for; none where it is for none.
    pub goods: Option<GoodsSum>,
    /// Ends of the 95 % interval of the conversions, where the model has one.
    pub range: Option<(f64, f64)>,
}

impl CampaignRow {
    /// Cost per conversion in minor units, rounded half up; none without cost or conversions.
    pub fn cac_minor(&self) -> Option<i64> {
        let cost = i128::from(self.cost_minor?);
        let conversions = i128::from(self.conversions_ppb);
        if conversions == 0 {
            return None;
        }
        let whole = i128::from(PARTS_PER_WHOLE);
        i64::try_from((cost * whole * 2 + conversions).div_euclid(conversions * 2)).ok()
    }

    /// Revenue over cost; none without cost.
    pub fn roas(&self) -> Option<f64> {
        let cost = self.cost_minor.filter(|cost| *cost != 0)?;
        Some(self.revenue_minor as f64 / cost as f64)
    }

    /// Share of the revenue that was paid for goods of known cost; none without revenue.
    pub fn goods_known(&self) -> Option<f64> {
        let known = self.goods.map_or(0, |goods| goods.known_minor);
        (self.revenue_minor != 0).then(|| (known as f64 / self.revenue_minor as f64).min(1.0))
    }

    /// Revenue without what the goods cost that it is known for, and without spend. None where there is
    /// revenue of which nothing is known, and where there is neither revenue nor spend.
    pub fn margin_minor(&self) -> Option<i64> {
        let told = match self.revenue_minor {
            0 => self.goods.is_some() || self.cost_minor.is_some(),
            _ => self.goods.is_some(),
        };
        let goods = self.goods.map_or(0, |goods| goods.cost_minor);
        let left = self.revenue_minor.saturating_sub(goods);
        told.then(|| left.saturating_sub(self.cost_minor.unwrap_or(0)))
    }
}

/// Revenue in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub revenue_minor: i64,
}

/// Sums over all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CampaignTotals {
    /// Redirects followed.
    pub clicks: u64,
    /// Touches.
    pub touches: u64,
    /// Sessions.
    pub sessions: u64,
    /// Conversions.
    pub conversions: f64,
    /// Revenue, where there is at most one currency; else see `revenue`.
    pub revenue_minor: Option<i64>,
    /// The one currency.
    pub currency: Option<Currency>,
    /// Known spend, where there is one currency.
    pub cost_minor: Option<i64>,
    /// Spend per conversion, where there is one currency.
    pub cac_minor: Option<i64>,
    /// Revenue over spend, where there is one currency.
    pub roas: Option<f64>,
    /// What goods cost, where that is known of some and there is one currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods_minor: Option<i64>,
    /// The share of revenue for which it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods_known: Option<f64>,
    /// Revenue without the known cost of goods and without spend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_minor: Option<i64>,
    /// Revenue per currency.
    pub revenue: Vec<Amount>,
}

/// The campaign report.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignReport {
    /// What was asked.
    pub query: ReportQuery,
    /// Rows, greatest revenue first.
    pub rows: Vec<CampaignRow>,
    /// Sums.
    pub totals: CampaignTotals,
    /// Spend on what was never met; it stands in rows of its own.
    pub unmatched: Vec<UnmatchedSpend>,
    /// What was sold without a known cost, most of it first.
    pub uncosted: Vec<Uncosted>,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(figures: &dyn Figures, query: &ReportQuery) -> Result<CampaignReport, ReportError> {
    let found = figures.campaigns(query)?;
    let mut rows: Vec<CampaignRow> = found.sums.into_iter().flat_map(rows_of).collect();
    rows.sort_by(|a, b| {
        (b.revenue_minor, b.conversions_ppb, b.touches, b.clicks)
            .cmp(&(a.revenue_minor, a.conversions_ppb, a.touches, a.clicks))
            .then_with(|| (&a.key, a.currency).cmp(&(&b.key, b.currency)))
    });
    let totals = totals_of(&rows);
    let (unmatched, uncosted) = (found.unmatched, found.uncosted);
    Ok(CampaignReport { query: *query, rows, totals, unmatched, uncosted })
}

impl CampaignReport {
    /// The sums of all rows, where they are of one currency.
    pub fn whole(&self) -> CampaignRow {
        sum_of(&self.rows, self.totals.revenue.len() > 1)
    }
}

fn sums_by_currency(amounts: &[Money]) -> BTreeMap<Currency, i64> {
    let mut sums = BTreeMap::new();
    for amount in amounts {
        let sum: &mut i64 = sums.entry(amount.currency).or_default();
        *sum = sum.saturating_add(amount.minor);
    }
    sums
}

fn rows_of(sum: CampaignSum) -> Vec<CampaignRow> {
    let (revenue, cost) = (sums_by_currency(&sum.revenue), sums_by_currency(&sum.cost));
    let mut currencies: Vec<Option<Currency>> = revenue
        .keys()
        .chain(cost.keys())
        .copied()
        .chain(sum.goods.iter().map(|goods| goods.currency))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(Some)
        .collect();
    currencies.sort_by_key(|currency| {
        let earned = currency.and_then(|currency| revenue.get(&currency)).copied();
        (std::cmp::Reverse(earned), *currency)
    });
    if currencies.is_empty() {
        currencies.push(None);
    }
    let mut rows: Vec<CampaignRow> = currencies
        .into_iter()
        .map(|currency| CampaignRow {
            key: sum.key.clone(),
            currency,
            revenue_minor: currency.and_then(|c| revenue.get(&c)).copied().unwrap_or(0),
            cost_minor: currency.and_then(|c| cost.get(&c)).copied(),
            goods: sum.goods.iter().find(|goods| Some(goods.currency) == currency).copied(),
            ..CampaignRow::default()
        })
        .collect();
    if let Some(first) = rows.first_mut() {
        first.clicks = sum.clicks;
        first.touches = sum.touches;
        first.sessions = sum.sessions;
        first.conversions_ppb = sum.conversions_ppb;
        first.range = sum.range;
    }
    rows
}

fn totals_of(rows: &[CampaignRow]) -> CampaignTotals {
    let mut revenue: BTreeMap<Currency, i64> = BTreeMap::new();
    for row in rows {
        if let Some(currency) = row.currency {
            let sum = revenue.entry(currency).or_default();
            *sum = sum.saturating_add(row.revenue_minor);
        }
    }
    let more = revenue.len() > 1;
    let sum = sum_of(rows, more);
    CampaignTotals {
        clicks: sum.clicks,
        touches: sum.touches,
        sessions: sum.sessions,
        conversions: whole(sum.conversions_ppb),
        revenue_minor: (!more).then_some(sum.revenue_minor),
        currency: sum.currency,
        cost_minor: sum.cost_minor,
        cac_minor: sum.cac_minor(),
        roas: sum.roas(),
        goods_minor: sum.goods.map(|goods| goods.cost_minor),
        goods_known: sum.goods.and_then(|_| sum.goods_known()),
        margin_minor: sum.goods.and_then(|_| sum.margin_minor()),
        revenue: revenue
            .into_iter()
            .map(|(currency, revenue_minor)| Amount { currency, revenue_minor })
            .collect(),
    }
}

/// All rows as one; of `several` currencies the counts alone.
fn sum_of(rows: &[CampaignRow], several: bool) -> CampaignRow {
    let mut sum = CampaignRow::default();
    for row in rows {
        sum.clicks += row.clicks;
        sum.touches += row.touches;
        sum.sessions += row.sessions;
        sum.conversions_ppb += row.conversions_ppb;
        if several {
            continue;
        }
        sum.currency = sum.currency.or(row.currency);
        sum.revenue_minor = sum.revenue_minor.saturating_add(row.revenue_minor);
        if let Some(spent) = row.cost_minor {
            sum.cost_minor = Some(sum.cost_minor.unwrap_or(0).saturating_add(spent));
        }
        if let Some(goods) = row.goods {
            let before = sum.goods.unwrap_or(GoodsSum { cost_minor: 0, known_minor: 0, ..goods });
            sum.goods = Some(GoodsSum {
                cost_minor: before.cost_minor.saturating_add(goods.cost_minor),
                known_minor: before.known_minor.saturating_add(goods.known_minor),
                ..goods
            });
        }
    }
    sum
}

//! Figures read off the pipeline's state.

use super::credit::Credit;
use super::error::ReportError;
use super::exchange::Exchange;
use super::experiments::{self, ExperimentFigures};
use super::figures::{
    BudgetSum, CampaignFigures, CampaignSum, DeliveryCounts, Figures, OutcomeCounts, SessionDay,
    SessionTotals, Telling,
};
use super::forecast::ForecastFigures;
use super::query::{By, DateRange, Links, Model, ReportQuery};
use super::stitching::{self, StitchingFigures};
use super::{Arrivals, arrival, budgets, forecast, goods, journeys, spend};
use crate::consume::Parameters;
use crate::decide::Plan;
use crate::linking::Numbered;
use millstream_event::{Flags, Money, Span, Timestamp};
use millstream_pipeline::StateRead;
use millstream_pipeline::decided::{self, DecisionSums};
use millstream_pipeline::measured::{self, Measured};
use millstream_pipeline::query::{self, RevenueDays};
use millstream_pipeline::sums::SumsRead;
use millstream_stitch::SessionRules;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Figures of one generation of a state, and what was measured where the process runs.
pub struct StateFigures<'a> {
    /// The state.
    pub state: &'a dyn StateRead,
    /// Its sums.
    pub sums: &'a dyn SumsRead,
    /// Its generation.
    pub generation: u16,
    /// The spans it was folded with.
    pub spans: Spans,
    /// What capture and the consumer measured.
    pub delivery: DeliveryCounts,
    /// The probable links in force.
    pub probable: Option<Arc<Numbered>>,
    /// The experiments there are.
    pub plans: &'a [Plan],
    /// What the process measured beside decisions today and has not logged yet.
    pub unlogged: Vec<Measured>,
}

/// The spans that a state was folded with, and when they end a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans {
    /// When an event begins a session.
    pub sessions: SessionRules,
    /// Events received later than this after they happened are late.
    pub horizon: Span,
    /// The window that the rollups are kept for; others are computed on request.
    pub window: Span,
}

impl Spans {
    /// Those of a generation's rules.
    pub fn of(parameters: &Parameters) -> Self {
        let Parameters { horizon, window, .. } = *parameters;
        Self { sessions: parameters.sessions.clone(), horizon, window }
    }
}

impl Default for Spans {
    fn default() -> Self {
        Self::of(&Parameters::default())
    }
}

impl From<query::ReadError> for ReportError {
    fn from(error: query::ReadError) -> Self {
        Self::read(error)
    }
}

pub(super) const fn days(range: &DateRange) -> RangeInclusive<i32> {
    let from = match range.from {
        Some(day) => day,
        None => i32::MIN,
    };
    let to = match range.to {
        Some(day) => day,
        None => i32::MAX,
    };
    from..=to
}

/// Sums never fall below zero once every lane is folded; in between, a correction may be half seen.
pub(super) fn count(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

/// The model that credits conversion by conversion; the others read all journeys.
const fn rule_of(model: Model) -> Option<millstream_attribute::Model> {
    Some(match model {
        Model::First => millstream_attribute::Model::First,
        Model::Last => millstream_attribute::Model::Last,
        Model::LastNonDirect => millstream_attribute::Model::LastNonDirect,
        Model::Linear => millstream_attribute::Model::Linear,
        Model::Position => millstream_attribute::Model::Position,
        Model::TimeDecay => millstream_attribute::Model::TimeDecay,
        Model::Markov | Model::Shapley => return None,
    })
}

/// The grouping as the state's queries name it.
pub(super) const fn grouping(by: By) -> query::By {
    match by {
        By::Channel => query::By::Channel,
        By::Source => query::By::Source,
        By::Campaign => query::By::Campaign,
        By::Link => query::By::Link,
    }
}

impl Figures for StateFigures<'_> {
    fn at_once(&self, tell: Telling<'_>) -> Result<(), ReportError> {
        tell(self)
    }

    fn earlier(&self, _: Timestamp, _: Telling<'_>) -> Result<(), ReportError> {
        Err(ReportError::Earlier { why: "a state alone knows no log".to_owned() })
    }

    fn campaigns(&self, question: &ReportQuery) -> Result<CampaignFigures, ReportError> {
        let asked = asked_of(question);
        let exchange = self.exchange(question)?;
        let mut sums = query::campaigns(self.sums, &asked)?;
        if let Some(exchange) = &exchange {
            convert(&mut sums, &query::revenue_days(self.sums, &asked)?, exchange);
        }
        let joined = self.joined(question.links)?;
        let kept = self.keeps(question);
        let among = (question, joined.as_ref());
        let credit = match journeys::model_of(question) {
            Some(model) => Some(journeys::credit(self, (among, model), exchange.as_ref())?),
            None if kept && joined.is_none() => None,
            None => Some(self.credit(among, exchange.as_ref())?),
        };
        let costs = spend::costs(self, question, exchange.as_ref())?;
        let mut sums = merged(sums, credit, costs.groups);
        let goods = goods::read(self, among, exchange.as_ref(), &sums)?;
        for sum in &mut sums {
            sum.goods = goods.groups.get(&sum.key).cloned().unwrap_or_default();
        }
        let (unmatched, uncosted) = (costs.unmatched, goods.uncosted);
        Ok(CampaignFigures { sums, unmatched, uncosted })
    }

    fn forecast(&self, range: &DateRange) -> Result<ForecastFigures, ReportError> {
        forecast::read(self, range)
    }

    fn budgets(&self, question: &ReportQuery) -> Result<Vec<BudgetSum>, ReportError> {
        budgets::read(self, question)
    }

    fn session_totals(
        &self,
        range: &DateRange,
        links: Links,
    ) -> Result<SessionTotals, ReportError> {
        if !range.is_whole() {
            return self.totals_of(range);
        }
        let counts = query::counts(self.state, self.generation)?;
        let people = count(counts.people);
        let fewer = match (links, &self.probable) {
            (Links::Certain, _) => None,
            (Links::Probable, None) => Some(0),
            (Links::Probable, Some(probable)) => Some(self.joined_by(probable)?.fewer()),
        };
        Ok(SessionTotals {
            devices: count(counts.devices),
            sessions: count(counts.sessions - counts.bot_sessions),
            bot_sessions: count(counts.bot_sessions),
            events: count(counts.visible),
            people,
            people_with_probable_links: fewer.map(|fewer| people.saturating_sub(fewer)),
        })
    }

    fn session_days(&self, range: &DateRange) -> Result<Vec<SessionDay>, ReportError> {
        let rows = query::session_days(self.sums, &days(range))?;
        let rows = rows.into_iter().map(|row| SessionDay {
            day: row.day,
            sessions: count(row.sessions),
            bot_sessions: count(row.bot_sessions),
        });
        Ok(rows.filter(|row| row.sessions + row.bot_sessions > 0).collect())
    }

    fn stitching(&self, question: &ReportQuery) -> Result<StitchingFigures, ReportError> {
        stitching::read(self, (question.split, question.bots), &question.range)
    }

    fn decisions(&self, range: &DateRange) -> Result<Vec<DecisionSums>, ReportError> {
        let wanted = |day| range.contains(day);
        let sums = decided::decisions(self.state, self.generation, &wanted)?;
        Ok(sums.into_values().collect())
    }

    fn experiments(&self, range: &DateRange) -> Result<Vec<ExperimentFigures>, ReportError> {
        experiments::read(self, range)
    }

    fn measured(&self, range: &DateRange) -> Result<Vec<Measured>, ReportError> {
        let wanted = |day| range.contains(day);
        let mut all = measured::measured(self.state, self.generation, &wanted)?;
        for sums in self.unlogged.iter().filter(|sums| wanted(sums.day)) {
            let name = (sums.use_case.clone(), sums.candidate.clone());
            let known = all.entry(name);
            known.or_insert_with(|| Measured::of(&sums.use_case, &sums.candidate)).add(sums);
        }
        Ok(all.into_values().collect())
    }

    fn arrivals(&self, as_of: Timestamp) -> Result<Option<Arrivals>, ReportError> {
        arrival::read(self, as_of)
    }

    fn horizon(&self) -> Span {
        self.spans.horizon
    }

    fn outcomes(&self) -> Result<OutcomeCounts, ReportError> {
        let counts = query::counts(self.state, self.generation)?;
        Ok(OutcomeCounts {
            logged: count(counts.logged),
            visible: count(counts.visible),
            duplicate: count(counts.duplicate),
            conflicts: count(counts.conflicts),
            quarantined: count(counts.quarantined_total()),
            degraded: count(counts.degraded),
            restricted: count(counts.restricted),
            late: count(counts.late),
            bot: count(counts.bot),
            unconsented: count(counts.unconsented),
            shortened: count(counts.shortened),
            degraded_by_cause: Flags::CAUSES
                .iter()
                .zip(counts.degraded_by)
                .filter(|(_, number)| *number > 0)
                .map(|((_, cause), number)| ((*cause).to_owned(), count(number)))
                .collect(),
            quarantined_by_reason: counts
                .quarantined
                .iter()
                .map(|(reason, number)| (reason.as_str().to_owned(), count(*number)))
                .collect(),
        })
    }

    fn delivery(&self) -> DeliveryCounts {
        self.delivery.clone()
    }
}

/// What is asked of the sums.
pub(super) fn asked_of(question: &ReportQuery) -> query::CampaignQuery {
    query::CampaignQuery {
        by: grouping(question.by),
        // Clicks, touches and sessions are the same under every model.
        model: rule_of(question.model).unwrap_or(millstream_attribute::Model::Last),
        days: days(&question.range),
        bots: question.bots,
    }
}

impl StateFigures<'_> {
    /// True when sums are kept for the window asked for.
    pub(super) fn keeps(&self, question: &ReportQuery) -> bool {
        Span::days(i64::from(question.window.days())) == self.spans.window
    }

    /// Rates into the currency asked for, where one is.
    pub(super) fn exchange(&self, question: &ReportQuery) -> Result<Option<Exchange>, ReportError> {
        let rates = |currency| Exchange::new(self.state, self.generation, currency);
        Ok(question.currency.map(rates).transpose()?)
    }

    /// Totals of some days: events by the day they happened, the rest by the day a session began.
    fn totals_of(&self, range: &DateRange) -> Result<SessionTotals, ReportError> {
        let (days, mut events) = (days(range), 0);
        query::stitching(self.state, self.generation, &days, &mut |found| {
            if found.sums.origin.business.is_empty() {
                events += found.sums.events;
            }
        })?;
        let came = query::visitors(self.state, self.generation, &days)?;
        let began = self.session_days(range)?;
        Ok(SessionTotals {
            devices: count(came.devices),
            sessions: began.iter().map(|day| day.sessions).sum(),
            bot_sessions: began.iter().map(|day| day.bot_sessions).sum(),
            events: count(events),
            people: count(came.people),
            people_with_probable_links: None,
        })
    }
}

/// Replaces the revenue of each group by its days' amounts in one currency.
fn convert(sums: &mut [query::CampaignSum], days: &RevenueDays, exchange: &Exchange) {
    for sum in sums {
        let Some(days) = days.get(&sum.key) else { continue };
        sum.revenue.clear();
        for ((day, currency), minor) in days {
            let minor = saturated(*minor);
            let money = exchange.convert(*day, Money { minor, currency: *currency });
            *sum.revenue.entry(money.currency).or_default() += i128::from(money.minor);
        }
    }
}

fn saturated(minor: i128) -> i64 {
    i64::try_from(minor).unwrap_or(if minor < 0 { i64::MIN } else { i64::MAX })
}

fn merged(
    sums: Vec<query::CampaignSum>,
    credit: Option<BTreeMap<String, Credit>>,
    costs: BTreeMap<String, Vec<Money>>,
) -> Vec<CampaignSum> {
    let mut rows: BTreeMap<String, CampaignSum> = BTreeMap::new();
    for sum in sums {
        let revenue = sum
            .revenue
            .iter()
            .map(|(currency, minor)| Money { minor: saturated(*minor), currency: *currency });
        let row = CampaignSum {
            key: sum.key.to_string(),
            clicks: count(sum.clicks),
            touches: count(sum.touches),
            sessions: count(sum.sessions),
            conversions_ppb: count(sum.conversions_ppb),
            revenue: revenue.collect(),
            ..CampaignSum::default()
        };
        rows.insert(row.key.clone(), row);
    }
    if let Some(credit) = credit {
        for row in rows.values_mut() {
            row.conversions_ppb = 0;
            row.revenue.clear();
        }
        for (key, earned) in credit {
            let row = rows
                .entry(key.clone())
                .or_insert_with(|| CampaignSum { key, ..CampaignSum::default() });
            row.conversions_ppb = earned.conversions_ppb;
            row.revenue = earned.revenue;
            row.range = earned.range;
        }
    }
    for (key, cost) in costs {
        let fresh = || CampaignSum { key: key.clone(), ..CampaignSum::default() };
        rows.entry(key.clone()).or_insert_with(fresh).cost = cost;
    }
    rows.into_values().filter(|row| !is_empty(row)).collect()
}

/// True when corrections have taken everything back that a group ever had.
fn is_empty(row: &CampaignSum) -> bool {
    let unseen = row.clicks == 0 && row.touches == 0 && row.sessions == 0;
    unseen && row.conversions_ppb == 0 && row.cost.is_empty()
}

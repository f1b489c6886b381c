//! What reports are made of: sums that something else keeps up to date.

use super::arrival::Arrivals;
use super::error::ReportError;
use super::experiments::ExperimentFigures;
use super::forecast::ForecastFigures;
use super::goods::{GoodsSum, Uncosted};
use super::query::{DateRange, Links, ReportQuery};
use super::spend::UnmatchedSpend;
use super::stitching::StitchingFigures;
use millstream_event::ledger::Budget;
use millstream_event::{Money, Span, Timestamp};
use millstream_pipeline::decided::DecisionSums;
use millstream_pipeline::measured::Measured;

/// Parts per billion: the unit of fractional conversions.
pub const PARTS_PER_WHOLE: u64 = 1_000_000_000;

/// Tells something of figures that do not change meanwhile.
pub type Telling<'a> = &'a mut dyn FnMut(&dyn Figures) -> Result<(), ReportError>;

/// Where figures come from. Every method reads a consistent view and does not change it.
pub trait Figures {
    /// Tells of all figures as they are at one instant: they add up.
    ///
    /// # Errors
    /// When the state cannot be read, or what `tell` returned.
    fn at_once(&self, tell: Telling<'_>) -> Result<(), ReportError>;

    /// Tells of all figures as they were when everything received until `at` was counted. Costs what
    /// folding the log until then costs.
    ///
    /// # Errors
    /// When that state cannot be had, or what `tell` returned.
    fn earlier(&self, at: Timestamp, tell: Telling<'_>) -> Result<(), ReportError>;

    /// Sums per group, in any order.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn campaigns(&self, query: &ReportQuery) -> Result<CampaignFigures, ReportError>;

    /// What sessions of these days tell of the hours of the week. Costs what reading all of them costs.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn forecast(&self, range: &DateRange) -> Result<ForecastFigures, ReportError>;

    /// Every budget with what was spent and earned in its period, by first day.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn budgets(&self, query: &ReportQuery) -> Result<Vec<BudgetSum>, ReportError>;

    /// Totals of these days; with the people that these links make, where the days are all there are.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn session_totals(&self, days: &DateRange, links: Links) -> Result<SessionTotals, ReportError>;

    /// Sums per day of a session's first event, in order of days.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn session_days(&self, range: &DateRange) -> Result<Vec<SessionDay>, ReportError>;

    /// How events arrived and sessions resolved.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn stitching(&self, query: &ReportQuery) -> Result<StitchingFigures, ReportError>;

    /// Sums over decisions by use case, in order of names.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn decisions(&self, range: &DateRange) -> Result<Vec<DecisionSums>, ReportError>;

    /// What came of experiments, in order of use cases.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn experiments(&self, range: &DateRange) -> Result<Vec<ExperimentFigures>, ReportError>;

    /// What was measured beside decisions, in order of use cases.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn measured(&self, range: &DateRange) -> Result<Vec<Measured>, ReportError>;

    /// How much of the latest conversions has arrived by now; none where too few tell.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn arrivals(&self, as_of: Timestamp) -> Result<Option<Arrivals>, ReportError>;

    /// Events received later than this after they happened are late.
    fn horizon(&self) -> Span;

    /// What became of the records in the log.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn outcomes(&self) -> Result<OutcomeCounts, ReportError>;

    /// What capture and the consumer measured since they started; empty where nothing runs.
    fn delivery(&self) -> DeliveryCounts;
}

/// What a campaign report is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CampaignFigures {
    /// Sums per group, in any order.
    pub sums: Vec<CampaignSum>,
    /// Spend on what was never met, which stands in groups of its own.
    pub unmatched: Vec<UnmatchedSpend>,
    /// What was sold without a known cost, most of it first.
    pub uncosted: Vec<Uncosted>,
}

/// A budget with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetSum {
    /// The budget.
    pub budget: Budget,
    /// Spent in its period, in minor units of its currency.
    pub spent_minor: i64,
    /// The last day of its period for which spend of anything was imported.
    pub spend_until: Option<i32>,
    /// Spent or earned in other currencies, without a rate to the budget's.
    pub unconverted: bool,
    /// Credited conversions in its period, in parts per billion.
    pub conversions_ppb: u64,
    /// Credited revenue in its period, in minor units of its currency.
    pub revenue_minor: i64,
}

/// The sums of one group of a campaign report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CampaignSum {
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
    /// Credited revenue, one amount per currency.
    pub revenue: Vec<Money>,
    /// Known spend, one amount per currency.
    pub cost: Vec<Money>,
    /// Goods of known cost behind the credited revenue, one sum per currency.
    pub goods: Vec<GoodsSum>,
    /// Ends of the 95 % interval of the conversions, where the model has one.
    pub range: Option<(f64, f64)>,
}

/// Totals of the session report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SessionTotals {
    /// Devices with an event that forms sessions, bots included.
    pub devices: u64,
    /// Sessions without those of bots.
    pub sessions: u64,
    /// Sessions of bots.
    pub bot_sessions: u64,
    /// Visible events.
    pub events: u64,
    /// People.
    pub people: u64,
    /// People, should the probable links in force hold; only where these are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_with_probable_links: Option<u64>,
}

/// One day of the session report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionDay {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Sessions begun, without those of bots.
    pub sessions: u64,
    /// Sessions of bots begun.
    pub bot_sessions: u64,
}

/// What became of logged records: visible + duplicate + quarantined + in flight = logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// Records of events and quarantined things in the log, as far as they are folded.
    pub logged: u64,
    /// Events that count.
    pub visible: u64,
    /// Copies of events.
    pub duplicate: u64,
    /// Copies whose payload differs from the winner's.
    pub conflicts: u64,
    /// Things that broke the contract.
    pub quarantined: u64,
    /// Of the visible: kept without some enrichment.
    pub degraded: u64,
    /// Of the visible: consent removed fields.
    pub restricted: u64,
    /// Of the visible: received later than the horizon after they happened.
    pub late: u64,
    /// Of the visible: by bots.
    pub bot: u64,
    /// Counted without being stored, because consent forbids it.
    pub unconsented: u64,
    /// Conversions with more touches in their window than are credited.
    pub shortened: u64,
    /// Why events are degraded; an event may have several causes, and those logged by earlier versions
    /// have none.
    pub degraded_by_cause: Vec<(String, u64)>,
    /// The quarantined by reason.
    pub quarantined_by_reason: Vec<(String, u64)>,
}

/// The time from one hop to another, over everything measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopTiming {
    /// Its name, such as `received_to_durable`.
    pub hop: String,
    /// How many were measured.
    pub count: u64,
    /// Half of them took no longer, in microseconds.
    pub p50_us: u64,
    /// 95 % of them took no longer, in microseconds.
    pub p95_us: u64,
    /// 99 % of them took no longer, in microseconds.
    pub p99_us: u64,
}

/// What one endpoint of the public plane answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointTiming {
    /// The endpoint as documented, such as `/v1/batch`.
    pub endpoint: String,
    /// Requests answered.
    pub requests: u64,
    /// Time from request to answer: half took no longer, in microseconds; none where not measured.
    pub p50_us: Option<u64>,
    /// 95 % took no longer.
    pub p95_us: Option<u64>,
    /// 99 % took no longer.
    pub p99_us: Option<u64>,
}

/// What capture and the consumer measured since they started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Events acknowledged.
    pub accepted: u64,
    /// Of these: kept without some enrichment.
    pub degraded: u64,
    /// Of these: consent removed fields.
    pub restricted: u64,
    /// Things quarantined.
    pub quarantined: u64,
    /// Requests refused, by reason.
    pub refused: Vec<(String, u64)>,
    /// Events turned away by the degradation ladder.
    pub shed: u64,
    /// Redirects answered before their click was on disk.
    pub click_unlogged: u64,
    /// Redirects answered at the express counter.
    pub click_express: u64,
    /// Time per hop.
    pub hops: Vec<HopTiming>,
    /// Time per endpoint.
    pub endpoints: Vec<EndpointTiming>,
}

impl DeliveryCounts {
    /// Refused requests, whatever the reason.
    pub fn refused_total(&self) -> u64 {
        self.refused.iter().map(|(_, count)| count).sum()
    }
}

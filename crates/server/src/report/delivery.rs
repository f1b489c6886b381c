//! Delivery: how long each hop takes, what arrived, and what became of it.

use super::envelope::{Field, Row};
use super::figures::{DeliveryCounts, EndpointTiming, HopTiming, OutcomeCounts};
use super::number;
use super::page::{Grid, NOT_KNOWN, plain};
use serde::Serialize;
use std::collections::BTreeMap;

/// The delivery report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// What became of the records in the log.
    pub outcomes: OutcomeCounts,
    /// What was counted since the start of the process, and timings of the last five minutes.
    pub counts: DeliveryCounts,
}

/// Builds the report.
pub fn build(outcomes: &OutcomeCounts, counts: DeliveryCounts) -> DeliveryReport {
    DeliveryReport { outcomes: outcomes.clone(), counts }
}

/// Totals as machines read them.
#[derive(Serialize)]
pub struct DeliveryTotals<'a> {
    accepted: u64,
    logged: u64,
    visible: u64,
    in_flight: u64,
    duplicate: u64,
    conflicts: u64,
    degraded: u64,
    restricted: u64,
    late: u64,
    bot: u64,
    quarantined: u64,
    unconsented: u64,
    refused: u64,
    shed: u64,
    click_unlogged: u64,
    refusals: BTreeMap<&'a str, u64>,
    quarantine: BTreeMap<&'a str, u64>,
    degraded_by: BTreeMap<&'a str, u64>,
    endpoints: Vec<EndpointRow<'a>>,
}

#[derive(Serialize)]
struct EndpointRow<'a> {
    endpoint: &'a str,
    requests: u64,
    p50_us: Option<u64>,
    p95_us: Option<u64>,
    p99_us: Option<u64>,
}

impl DeliveryReport {
    /// Names of the columns.
    pub const COLUMNS: [&'static str; 5] = ["hop", "count", "p50_us", "p95_us", "p99_us"];

    /// Totals as machines read them.
    pub fn totals(&self) -> DeliveryTotals<'_> {
        let (outcomes, counts) = (&self.outcomes, &self.counts);
        let settled = outcomes.visible + outcomes.duplicate + outcomes.quarantined;
        DeliveryTotals {
            accepted: counts.accepted,
            logged: outcomes.logged,
            visible: outcomes.visible,
            in_flight: outcomes.logged.saturating_sub(settled),
            duplicate: outcomes.duplicate,
            conflicts: outcomes.conflicts,
            degraded: outcomes.degraded,
            restricted: outcomes.restricted,
            late: outcomes.late,
            bot: outcomes.bot,
            quarantined: outcomes.quarantined,
            unconsented: outcomes.unconsented,
            refused: counts.refused_total(),
            shed: counts.shed,
            click_unlogged: counts.click_unlogged,
            refusals: named(&counts.refused),
            quarantine: named(&outcomes.quarantined_by_reason),
            degraded_by: named(&outcomes.degraded_by_cause),
            endpoints: counts.endpoints.iter().map(EndpointRow::of).collect(),
        }
    }

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let fields = |row: &HopTiming| {
            [
                Field::Text(row.hop.clone()),
                Field::Count(row.count),
                Field::Count(row.p50_us),
                Field::Count(row.p95_us),
                Field::Count(row.p99_us),
            ]
        };
        let rows = self.counts.hops.iter();
        rows.map(|row| Row(Self::COLUMNS.into_iter().zip(fields(row)).collect())).collect()
    }

    /// What the figures mean, in a sentence.
    pub fn meaning(&self) -> String {
        let outcomes = &self.outcomes;
        let accounted = format!(
            "Of {} logged records {} are visible, {} are copies and {} are in quarantine.",
            number::grouped(outcomes.logged),
            number::grouped(outcomes.visible),
            number::grouped(outcomes.duplicate),
            number::grouped(outcomes.quarantined),
        );
        let timed = if self.counts.hops.is_empty() {
            "Timings are measured while an instance runs; none runs here."
        } else {
            "Timings are percentiles of the last five minutes, counts of requests are since the start."
        };
        format!("{accounted} {timed}")
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        let mut grids = vec![self.hop_grid(), self.outcome_grid()];
        if !self.counts.endpoints.is_empty() {
            grids.push(self.endpoint_grid());
        }
        if !self.counts.refused.is_empty() {
            grids.push(reasons("Refused requests", "Reason", &self.counts.refused));
        }
        if !self.outcomes.degraded_by_cause.is_empty() {
            grids.push(reasons("Degraded", "Cause", &self.outcomes.degraded_by_cause));
        }
        if !self.outcomes.quarantined_by_reason.is_empty() {
            grids.push(reasons("Quarantine", "Reason", &self.outcomes.quarantined_by_reason));
        }
        grids
    }

    fn hop_grid(&self) -> Grid {
        let mut grid = Grid::new(
            "Hops",
            &["From → to", "Measured", "p50", "p95", "p99"],
            "No hop has been measured yet.",
        );
        grid.rows = self
            .counts
            .hops
            .iter()
            .map(|row| {
                vec![
                    plain(&row.hop.replace("_to_", " → ").replace('_', " ")),
                    number::grouped(row.count),
                    number::micros(row.p50_us),
                    number::micros(row.p95_us),
                    number::micros(row.p99_us),
                ]
            })
            .collect();
        grid
    }

    fn outcome_grid(&self) -> Grid {
        let totals = self.totals();
        let mut grid = Grid::new("Outcomes", &["Outcome", "Events"], "");
        let lines = [
            ("visible", totals.visible),
            ("duplicate", totals.duplicate),
            ("quarantined", totals.quarantined),
            ("in flight", totals.in_flight),
            ("of which degraded", totals.degraded),
            ("of which restricted by consent", totals.restricted),
            ("of which late", totals.late),
            ("of which bot", totals.bot),
            ("refused requests", totals.refused),
            ("shed", totals.shed),
        ];
        grid.rows = lines
            .iter()
            .map(|(name, count)| vec![(*name).to_owned(), number::grouped(*count)])
            .collect();
        grid
    }

    fn endpoint_grid(&self) -> Grid {
        let mut grid = Grid::new("Endpoints", &["Endpoint", "Requests", "p50", "p95", "p99"], "");
        let time =
            |micros: Option<u64>| micros.map_or_else(|| NOT_KNOWN.to_owned(), number::micros);
        grid.rows = self
            .counts
            .endpoints
            .iter()
            .map(|row| {
                vec![
                    plain(&row.endpoint),
                    number::grouped(row.requests),
                    time(row.p50_us),
                    time(row.p95_us),
                    time(row.p99_us),
                ]
            })
            .collect();
        grid
    }
}

impl<'a> EndpointRow<'a> {
    fn of(row: &'a EndpointTiming) -> Self {
        Self {
            endpoint: &row.endpoint,
            requests: row.requests,
            p50_us: row.p50_us,
            p95_us: row.p95_us,
            p99_us: row.p99_us,
        }
    }
}

fn named(counts: &[(String, u64)]) -> BTreeMap<&str, u64> {
    counts.iter().map(|(name, count)| (name.as_str(), *count)).collect()
}

fn reasons(title: &str, column: &str, counts: &[(String, u64)]) -> Grid {
    let mut grid = Grid::new(title, &[column, "Count"], "");
    grid.rows =
        counts.iter().map(|(name, count)| vec![plain(name), number::grouped(*count)]).collect();
    grid
}

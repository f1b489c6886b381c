//! Figures of reports, read off the running instance's store and counters.

use super::engine::Engine;
use super::recent::{RecentTimings, Timings};
use crate::capture::{Counters, Endpoint};
use crate::decide::{Plan, plans};
use crate::report::state::StateFigures;
use crate::report::stitching::StitchingFigures;
use crate::report::{
    Arrivals, BudgetSum, CampaignFigures, DateRange, DeliveryCounts, EndpointTiming,
    ExperimentFigures, Figures, ForecastFigures, HopTiming, Links, OutcomeCounts, ReportError,
    ReportQuery, SessionDay, SessionTotals, Telling,
};
use millstream_event::{Span, Timestamp};
use millstream_pipeline::decided::DecisionSums;
use millstream_pipeline::measured::Measured;
use millstream_store::Reading;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Reads each answer from a snapshot of its own.
pub struct StoreFigures {
    engine: Arc<Engine>,
    counters: Option<Arc<Counters>>,
    recent: RecentTimings,
    plans: Vec<Plan>,
}

impl StoreFigures {
    /// Figures of an engine; `counters` where the public plane runs beside it.
    pub fn new(engine: Arc<Engine>, counters: Option<Arc<Counters>>) -> Self {
        let decide = &engine.config.decide;
        let plans = plans(&decide.use_cases, &decide.trials);
        Self { engine, counters, recent: RecentTimings::default(), plans }
    }

    /// What decisions measured today and is on its way to the log.
    fn unlogged(&self) -> Vec<Measured> {
        let day = (self.engine.clock)().utc_day();
        let unlogged = self.engine.deciding.service().map(|service| service.unlogged());
        let of_today = |measured| Measured { day, ..measured };
        unlogged.into_iter().flatten().map(of_today).collect()
    }

    fn read<T>(
        &self,
        answer: impl FnOnce(&StateFigures<'_>) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        self.read_beside(DeliveryCounts::default(), answer)
    }

    /// Of one instant of the state, beside what the process has counted.
    fn read_beside<T>(
        &self,
        delivery: DeliveryCounts,
        answer: impl FnOnce(&StateFigures<'_>) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        let view = self.engine.view().map_err(ReportError::read)?;
        let figures = StateFigures {
            state: &Reading(&*view.state),
            sums: &view.state,
            generation: view.generation(),
            spans: view.active.spans(),
            delivery,
            probable: self.engine.probable.in_force(),
            plans: &self.plans,
            unlogged: self.unlogged(),
        };
        answer(&figures)
    }
}

impl Figures for StoreFigures {
    fn at_once(&self, tell: Telling<'_>) -> Result<(), ReportError> {
        self.read_beside(self.delivery(), |figures| tell(figures))
    }

    fn earlier(&self, at: Timestamp, tell: Telling<'_>) -> Result<(), ReportError> {
        self.engine.pasts.tell(&self.engine, at, |figures| tell(figures))
    }

    fn campaigns(&self, query: &ReportQuery) -> Result<CampaignFigures, ReportError> {
        self.read(|figures| figures.campaigns(query))
    }

    fn forecast(&self, range: &DateRange) -> Result<ForecastFigures, ReportError> {
        self.read(|figures| figures.forecast(range))
    }

    fn budgets(&self, query: &ReportQuery) -> Result<Vec<BudgetSum>, ReportError> {
        self.read(|figures| figures.budgets(query))
    }

    fn session_totals(
        &self,
        range: &DateRange,
        links: Links,
    ) -> Result<SessionTotals, ReportError> {
        self.read(|figures| figures.session_totals(range, links))
    }

    fn decisions(&self, range: &DateRange) -> Result<Vec<DecisionSums>, ReportError> {
        self.read(|figures| figures.decisions(range))
    }

    fn experiments(&self, range: &DateRange) -> Result<Vec<ExperimentFigures>, ReportError> {
        self.read(|figures| figures.experiments(range))
    }

    fn measured(&self, range: &DateRange) -> Result<Vec<Measured>, ReportError> {
        self.read(|figures| figures.measured(range))
    }

    fn session_days(&self, range: &DateRange) -> Result<Vec<SessionDay>, ReportError> {
        self.read(|figures| figures.session_days(range))
    }

    fn stitching(&self, query: &ReportQuery) -> Result<StitchingFigures, ReportError> {
        self.read(|figures| figures.stitching(query))
    }

    fn arrivals(&self, as_of: Timestamp) -> Result<Option<Arrivals>, ReportError> {
        self.read(|figures| figures.arrivals(as_of))
    }

    fn horizon(&self) -> Span {
        self.engine.active().spans().horizon
    }

    fn outcomes(&self) -> Result<OutcomeCounts, ReportError> {
        self.read(|figures| figures.outcomes())
    }

    fn delivery(&self) -> DeliveryCounts {
        let mut delivery = self.counters.as_deref().map_or_else(DeliveryCounts::default, |it| {
            captured(it, &self.recent.read(it, Instant::now()))
        });
        let hops = self.engine.active().consumer.progress().hops;
        delivery.hops.extend(
            [
                ("received_to_folded", hops.received_to_folded),
                ("folded_to_visible", hops.folded_to_visible),
                ("received_to_visible", hops.received_to_visible),
            ]
            .into_iter()
            .filter(|(_, quantiles)| quantiles.count > 0)
            .map(|(hop, quantiles)| HopTiming {
                hop: hop.to_owned(),
                count: quantiles.count,
                p50_us: quantiles.p50_us,
                p95_us: quantiles.p95_us,
                p99_us: quantiles.p99_us,
            }),
        );
        delivery
    }
}

/// Counts since the start, timings of the last minutes.
fn captured(counters: &Counters, recent: &Timings) -> DeliveryCounts {
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let log_wait = &recent.log_wait;
    let mut hops = Vec::new();
    if log_wait.count() > 0 {
        let quantile = |quantile| log_wait.quantile_us(quantile).unwrap_or_default();
        hops.push(HopTiming {
            hop: "queued_to_durable".to_owned(),
            count: log_wait.count(),
            p50_us: quantile(0.5),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
        });
    }
    let endpoints = Endpoint::ALL.into_iter().zip(&recent.endpoints).map(|(endpoint, latency)| {
        EndpointTiming {
            endpoint: endpoint.as_str().to_owned(),
            requests: counters.latency(endpoint).count(),
            p50_us: latency.quantile_us(0.5),
            p95_us: latency.quantile_us(0.95),
            p99_us: latency.quantile_us(0.99),
        }
    });
    DeliveryCounts {
        accepted: load(&counters.accepted),
        degraded: 0,
        restricted: load(&counters.restricted),
        quarantined: load(&counters.quarantined),
        refused: counters
            .refused()
            .map(|(code, count)| (code.to_owned(), count))
            .filter(|(_, count)| *count > 0)
            .collect(),
        shed: 0,
        click_unlogged: load(&counters.click_unlogged),
        click_express: load(&counters.click_express),
        hops,
        endpoints: endpoints.filter(|row| row.requests > 0).collect(),
    }
}

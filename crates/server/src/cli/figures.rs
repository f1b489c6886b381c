//! Figures of reports, read off the running instance's store and counters.

use super::engine::Engine;
use crate::capture::{Counters, Endpoint};
use crate::report::state::StateFigures;
use crate::report::{
    CampaignSum, DateRange, DeliveryCounts, EndpointTiming, Figures, HopTiming, OutcomeCounts,
    ReportError, ReportQuery, SessionDay, SessionTotals,
};
use millstream_store::Reading;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Reads each answer from a snapshot of its own.
pub struct StoreFigures {
    engine: Arc<Engine>,
    counters: Option<Arc<Counters>>,
}

impl StoreFigures {
    /// Figures of an engine; `counters` where the public plane runs beside it.
    pub const fn new(engine: Arc<Engine>, counters: Option<Arc<Counters>>) -> Self {
        Self { engine, counters }
    }

    fn read<T>(
        &self,
        answer: impl FnOnce(&StateFigures<'_>) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        let snapshot = self.engine.instance.store.snapshot().map_err(ReportError::read)?;
        let figures = StateFigures {
            state: &Reading(&*snapshot),
            generation: self.engine.generation(),
            window: self.engine.config.pipeline.window,
            delivery: DeliveryCounts::default(),
        };
        answer(&figures)
    }
}

impl Figures for StoreFigures {
    fn campaigns(&self, query: &ReportQuery) -> Result<Vec<CampaignSum>, ReportError> {
        self.read(|figures| figures.campaigns(query))
    }

    fn session_totals(&self) -> Result<SessionTotals, ReportError> {
        self.read(|figures| figures.session_totals())
    }

    fn session_days(&self, range: &DateRange) -> Result<Vec<SessionDay>, ReportError> {
        self.read(|figures| figures.session_days(range))
    }

    fn outcomes(&self) -> Result<OutcomeCounts, ReportError> {
        self.read(|figures| figures.outcomes())
    }

    fn delivery(&self) -> DeliveryCounts {
        let mut delivery = self.counters.as_deref().map_or_else(DeliveryCounts::default, captured);
        let visible = self.engine.consumer.progress().visible;
        if visible.count > 0 {
            delivery.hops.push(HopTiming {
                hop: "received_to_visible".to_owned(),
                count: visible.count,
                p50_us: visible.p50_us,
                p95_us: visible.p95_us,
                p99_us: visible.p99_us,
            });
        }
        delivery
    }
}

fn captured(counters: &Counters) -> DeliveryCounts {
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let log_wait = counters.log_wait();
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
    let endpoints = Endpoint::ALL.into_iter().filter_map(|endpoint| {
        let latency = counters.latency(endpoint);
        (latency.count() > 0).then(|| EndpointTiming {
            endpoint: endpoint.as_str().to_owned(),
            requests: latency.count(),
            p50_us: latency.quantile_us(0.5),
            p95_us: latency.quantile_us(0.95),
            p99_us: latency.quantile_us(0.99),
        })
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
        hops,
        endpoints: endpoints.collect(),
    }
}

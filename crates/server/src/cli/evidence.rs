//! What stands behind a figure: state, log and registry of one engine.

use super::engine::Engine;
use crate::admin::Evidence;
use crate::audit::configuration::ConfigurationVersion;
use crate::audit::consent::ConsentReport;
use crate::audit::deliveries::{DeliveryVerdict, Verified, verify};
use crate::audit::{self, Chain, Sources, Subject};
use crate::instance::RemovalVerdict;
use crate::links::seal::Verifier;
use crate::report::{DateRange, ReportError};
use millstream_event::{Lane, Position, Quarantine, QuarantineReason, Timestamp};
use millstream_log::LanePositions;
use millstream_pipeline::query::{self, deliveries};
use millstream_store::Reading;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the fold may take to come to where the log stood.
const FOLDED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(20);

/// The files of one engine.
pub struct Files(pub Arc<Engine>);

impl Evidence for Files {
    fn chain(&self, subject: Subject, id: &str) -> Result<Option<Chain>, ReportError> {
        let engine = &self.0;
        let view = engine.view().map_err(ReportError::read)?;
        let sources = Sources {
            state: &Reading(&*view.state),
            sums: &view.state,
            log: &*engine.instance.log,
            registry: &engine.registry,
            generation: view.generation(),
            window: view.active.spans().window,
            probable: engine.probable.in_force(),
            receipt_key: &engine.instance.keys.cookie,
        };
        audit::audit(&sources, subject, id)
    }

    fn verify(&self) -> Result<Verified, ReportError> {
        let engine = &self.0;
        let view = engine.view().map_err(ReportError::read)?;
        let mut verifier = Verifier::default();
        query::logged_controls(&Reading(&*view.state), view.generation(), &mut |(
            place,
            stored,
        )| {
            // What the log no longer keeps is held against its neighbours alone.
            let logged = engine.instance.log.read_at(Lane::CONTROL, place).ok().flatten();
            verifier.take(place, &stored, logged.as_ref().map(|record| &*record.payload));
            Ok(true)
        })?;
        let standing = deliveries::lines(&Reading(&*view.state), view.generation())?;
        let told = match standing.as_slice() {
            // Nothing was ever forwarded: the log need not be read.
            [] => DeliveryVerdict::default(),
            standing => {
                let mut until = LanePositions::default();
                for lane in Lane::all() {
                    let head = view.state.head(view.generation(), lane);
                    until.set(lane, head.map_err(ReportError::read)?.next);
                }
                verify(&*engine.instance.log, &until, standing).map_err(ReportError::read)?
            }
        };
        Ok(Verified::new(verifier.finish(), told))
    }

    fn consent(&self, range: DateRange) -> Result<ConsentReport, ReportError> {
        let instance = &self.0.instance;
        ConsentReport::read(&*instance.log, &instance.keys.cookie, range).map_err(ReportError::read)
    }

    fn removed(&self) -> Result<RemovalVerdict, ReportError> {
        // What the lines tell is logged; after a start the state may have yet to fold it.
        let (engine, heads) = (&self.0, self.0.instance.log.heads());
        let until = Instant::now() + FOLDED_WITHIN;
        while !engine.active().consumer.progress().positions.covers(&heads)
            && Instant::now() < until
        {
            std::thread::sleep(PAUSE);
        }
        engine.instance.removed().map_err(ReportError::read)
    }

    fn configurations(&self) -> Result<Vec<ConfigurationVersion>, ReportError> {
        let view = self.0.view().map_err(ReportError::read)?;
        Ok(ConfigurationVersion::all(&Reading(&*view.state), view.generation())?)
    }

    fn quarantined(
        &self,
        reason: Option<QuarantineReason>,
        limit: usize,
    ) -> Result<Vec<Quarantine>, ReportError> {
        let engine = &self.0;
        let view = engine.view().map_err(ReportError::read)?;
        let mut places: Vec<(Timestamp, Lane, Position)> = Vec::new();
        query::quarantine(&Reading(&*view.state), view.generation(), &mut |(lane, _, entry)| {
            if reason.is_none_or(|wanted| wanted == entry.reason) {
                places.push((entry.received, lane, entry.position));
            }
            Ok(true)
        })?;
        places.sort_unstable_by(|a, b| b.cmp(a));
        let mut found = Vec::new();
        for (_, lane, position) in places.into_iter().take(limit) {
            let record = engine.instance.log.read_at(lane, position).map_err(ReportError::read)?;
            let read = record.and_then(|record| serde_json::from_slice(&record.payload).ok());
            found.extend(read);
        }
        Ok(found)
    }
}

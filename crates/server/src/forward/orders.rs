//! What is asked of running forwarding: how destinations stand, and changes of that.

use super::desk::Desk;
use super::figures::Measured;
use super::item::{Item, delivery_key};
use super::lookups::LookupStanding;
use super::standing::LineStanding;
use super::start::Forwarder;
use millstream_event::delivery::{Class, DeadLetter, ReplayRange, Standing, Totals};
use millstream_event::{Event, Timestamp, envelope};
use millstream_log::LogError;
use serde::Serialize;
use std::sync::Arc;

/// Dead letters sent again at once.
pub const RESEND_MAX: usize = 10_000;

/// How all destinations stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Standings {
    /// When this was asked.
    pub as_of: String,
    /// Each, by name.
    pub destinations: Vec<Shown>,
}

/// How one destination stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// The version of its file in force.
    pub version: String,
    /// What it is.
    pub about: String,
    /// Whether its file has it sent to.
    pub enabled: bool,
    /// `running`, `paused`, `draining` or `disabled`.
    pub standing: &'static str,
    /// `closed`, `open` or `half_open`.
    pub breaker: &'static str,
    /// How often that opened since the start.
    pub breaker_opened: u64,
    /// Requests under way.
    pub in_flight: usize,
    /// Age of the oldest event taken up that waits; none when none does.
    pub backlog_age_ms: Option<i64>,
    /// Each class of events.
    pub lines: Vec<LineShown>,
    /// Tables that its expressions ask.
    pub lookups: Vec<LookupStanding>,
    /// What was measured since the start.
    pub measured: Measured,
}

/// How one class of a destination's events stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineShown {
    /// The class.
    pub class: &'static str,
    /// Counts since the destination was first sent to.
    pub totals: Totals,
    /// Taken up, neither confirmed nor given up.
    pub pending: usize,
    /// Records of the log that were not looked at yet.
    pub behind_records: u64,
    /// Events that are kept by themselves of segments which the log no longer has, until this class of
    /// this or another destination was sent them.
    pub kept_events: u64,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such destination.
    #[error("there is no destination {0:?}; `millstream destinations list` names them")]
    Unknown(String),
    /// One is under way.
    #[error("{0} is sent a range again already; wait until that is done")]
    Busy(String),
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(String),
}

impl Forwarder {
    fn desk(&self, name: &str) -> Result<(usize, Arc<Desk>), OrderError> {
        let found = self.desks.find(name).filter(|(_, desk)| !desk.is_withdrawn());
        found.ok_or_else(|| OrderError::Unknown(name.to_owned()))
    }

    /// Every destination's standing and figures.
    pub fn standings(&self) -> Standings {
        let (at, now) = self.shop.now();
        let heads = self.parts.log.heads();
        let kept = |line: &LineStanding| match line.class {
            Class::Conversion => self.parts.log.kept_size(&line.floor).records,
            _ => 0,
        };
        let one = |desk: &Arc<Desk>| {
            let (standing, destination) = (desk.standing(), desk.destination());
            let line = |line: &LineStanding| LineShown {
                class: line.class.as_str(),
                totals: line.totals,
                pending: line.pending,
                behind_records: heads.records_since(&line.next),
                kept_events: kept(line),
            };
            let age = standing.oldest.map(|oldest| (at - oldest).as_millis().max(0));
            Shown {
                name: desk.name.clone(),
                version: destination.version.clone(),
                about: destination.about.clone(),
                enabled: destination.enabled,
                standing: standing.standing.as_str(),
                breaker: standing.breaker,
                breaker_opened: standing.opened,
                in_flight: standing.in_flight,
                backlog_age_ms: age,
                lines: standing.lines.iter().map(line).collect(),
                lookups: destination.lookups.standings(),
                measured: desk.figures.measured(destination.sla, now),
            }
        };
        let desks = self.desks.all();
        let there = desks.iter().filter(|desk| !desk.is_withdrawn());
        Standings { as_of: at.to_rfc3339(), destinations: there.map(one).collect() }
    }

    /// Sets whether a destination is sent to.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn set(&self, name: &str, standing: Standing) -> Result<(), OrderError> {
        let (_, desk) = self.desk(name)?;
        desk.set(standing, &self.parts.log.heads());
        Ok(())
    }

    /// Sends a destination what was received in a range of time, once more or for the first time.
    ///
    /// # Errors
    /// When there is none of that name, or a replay is under way.
    pub fn replay(&self, name: &str, from: Timestamp, to: Timestamp) -> Result<(), OrderError> {
        let (number, desk) = self.desk(name)?;
        let until = self.parts.log.heads().iter().map(|(_, position)| position.0).collect();
        let begins = self.parts.log.tails();
        if !desk.replay(ReplayRange { from, to, until }, begins.clone()) {
            return Err(OrderError::Busy(name.to_owned()));
        }
        self.begun.add(number, Class::Replay, begins);
        Ok(())
    }

    /// Removes what waits of events that fit, for good.
    pub fn forget(&self, fits: &dyn Fn(&Event) -> bool) {
        for desk in self.desks.all().iter() {
            desk.forget(&|item| fits(&item.event));
        }
    }

    /// Takes dead letters up again; returns how many.
    ///
    /// # Errors
    /// When there is no destination of that name, or the log cannot be read.
    pub fn resend(&self, name: &str, letters: &[DeadLetter]) -> Result<usize, OrderError> {
        let (_, desk) = self.desk(name)?;
        let mut items = Vec::new();
        for letter in letters.iter().take(RESEND_MAX) {
            let place = (letter.lane, letter.position);
            let record = match self.parts.log.read_at(place.0, place.1) {
                Ok(Some(record)) => record,
                // Retention does not wait for what was given up.
                Ok(None) | Err(LogError::Removed { .. }) => continue,
                Err(error) => return Err(OrderError::Log(error.to_string())),
            };
            // One that was erased meanwhile cannot be read, and is not sent.
            let Ok(event) = envelope::decode(record.header.contract_version, &record.payload)
            else {
                continue;
            };
            let class = match desk.destination().ordered {
                true => Class::Conversion,
                false => Class::of(event.kind, self.parts.conversions.read(&event).is_some()),
            };
            let key = delivery_key(&self.parts.secret, name, &event);
            items.push(Item { place, class, event: Arc::new(event), key });
        }
        let count = items.len();
        desk.revive(items);
        Ok(count)
    }
}

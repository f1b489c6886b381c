//! What the stitching report is made of.

use crate::linking::LinkDay;
use crate::report::error::ReportError;
use crate::report::query::{DateRange, Split};
use crate::report::state::{StateFigures, count, days};
use millstream_event::Timestamp;
use millstream_pipeline::query::{self, StitchingSums};
use millstream_pipeline::stitching::{Origin, WITHIN};
use millstream_pipeline::{Spread, StateRead};
use millstream_stitch::linkage::Standing;
use millstream_stitch::{Session, SessionRules};
use serde::Serialize;
use std::collections::BTreeMap;

/// How the events of one group arrived, and how soon its sessions could be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StitchingSum {
    /// Visible events.
    pub events: u64,
    /// Further copies of events.
    pub duplicates: u64,
    /// Of the events: received later than the horizon.
    pub late: u64,
    /// Of the events: the client's clock made no sense.
    pub clock: u64,
    /// Of the events: received after one of their session that happened later.
    pub out_of_order: u64,
    /// Sessions.
    pub sessions: u64,
    /// Of these: resolved within 5 s, 30 s and 5 min of the receipt of their last event.
    pub within: [u64; 3],
    /// Of these: still open, by what was received so far.
    pub open: u64,
    /// Of the open ones: resolved within 5 min.
    pub open_within: u64,
    /// Of these: the same visit was counted before under another device id.
    pub duplicate_sessions: u64,
    /// From event time to receipt.
    pub skew: Spread,
    /// From the receipt of a session's last event to its resolution.
    pub delay: Spread,
    /// How far clients' clocks stand from ours, in whole seconds, one a session that tells.
    pub clock_offset: Spread,
    /// The longest round trip that a session's events told, one a session that tells.
    pub round_trip: Spread,
    /// Of the sessions' events: numbered by their client.
    pub numbered: u64,
    /// Numbers between these that no event bears: lost, or still on their way.
    pub missing: u64,
}

/// What the identity graph holds, over all data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IdentityCounts {
    /// People.
    pub people: u64,
    /// Devices.
    pub devices: u64,
    /// Links told by events: logins, aliases, our own signed clicks.
    pub deterministic_links: u64,
    /// Copies of events that say something else than the one that counts.
    pub conflicting_copies: u64,
    /// Devices or users with more neighbours than their limit: they join nobody.
    pub hubs: u64,
    /// Events whose user id is a placeholder such as `guest`: it joins nobody.
    pub placeholders: u64,
}

/// The probable links in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbableFigures {
    /// Their version.
    pub version: u32,
    /// Pairs of devices linked.
    pub links: u64,
    /// Pairs that are possible.
    pub possible: u64,
    /// Devices by the day they were first seen.
    pub days: Vec<LinkDay>,
}

/// The figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StitchingFigures {
    /// Everything together.
    pub total: StitchingSum,
    /// By what was asked for.
    pub groups: BTreeMap<String, StitchingSum>,
    /// By UTC day.
    pub days: BTreeMap<i32, StitchingSum>,
    /// The identity graph.
    pub identity: IdentityCounts,
    /// The probable links in force, over all data.
    pub probable: Option<ProbableFigures>,
}

impl StitchingSum {
    fn add(&mut self, found: &StitchingSums) {
        let sums = &found.sums;
        self.events += count(sums.events);
        self.duplicates += count(sums.duplicates);
        self.late += count(sums.late);
        self.clock += count(sums.clock);
        self.out_of_order += count(sums.out_of_order);
        self.sessions += count(sums.sessions);
        for (sum, within) in self.within.iter_mut().zip(sums.within) {
            *sum += count(within);
        }
        self.skew.merge(&sums.skew);
        self.delay.merge(&sums.delay);
        self.clock_offset.merge(&sums.clock_offset);
        self.round_trip.merge(&sums.round_trip);
        self.numbered += count(sums.numbered);
        self.missing += count(sums.missing);
    }

    /// Sessions that no further event can join, by what was received so far.
    pub const fn ended(&self) -> u64 {
        self.sessions.saturating_sub(self.open)
    }

    /// The share of events that their client numbered and that never came; none where none is.
    pub fn loss(&self) -> Option<f64> {
        share(self.missing, self.numbered + self.missing)
    }

    /// The share of ended sessions resolved within five minutes; none where none has ended.
    pub fn success(&self) -> Option<f64> {
        share(self.within[2].saturating_sub(self.open_within), self.ended())
    }
}

/// `part` of `whole`; none of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

const NONE: &str = "(none)";

/// The group that an origin belongs to; none where it does not count for this split.
fn group(split: Split, origin: &Origin) -> Option<String> {
    let business = !origin.business.is_empty();
    let text = match split {
        Split::Event if business => return Some(origin.business.to_string()),
        _ if business => return None,
        Split::Event => return None,
        Split::Source => &origin.source,
        Split::Country => &origin.country,
        Split::Region => {
            let place = [&*origin.country, &*origin.region];
            let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
            return Some(if place.is_empty() { NONE.to_owned() } else { place.join(" ") });
        }
        Split::Device => &origin.device,
        Split::Browser => &origin.browser,
        Split::Connection => &origin.connection,
    };
    Some(if text.is_empty() { NONE.to_owned() } else { text.to_string() })
}

/// Reads them off a state. Costs a look at every sum of the days asked for, and a walk over the
/// people who have several devices or user ids.
///
/// # Errors
/// When the state cannot be read.
pub fn read(
    figures: &StateFigures<'_>,
    (split, bots): (Split, bool),
    range: &DateRange,
) -> Result<StitchingFigures, ReportError> {
    let mut found = StitchingFigures::default();
    let (state, generation) = (figures.state, figures.generation);
    query::stitching(state, generation, &days(range), &mut |sums| {
        if sums.bot && !bots {
            return;
        }
        if let Some(group) = group(split, &sums.sums.origin) {
            found.groups.entry(group).or_default().add(&sums);
        }
        if sums.sums.origin.business.is_empty() {
            found.days.entry(sums.day).or_default().add(&sums);
            found.total.add(&sums);
        }
    })?;
    duplicates(&mut found, (state, generation, &figures.spans.sessions), (split, range))?;
    let asked = (range, bots);
    open(&mut found, (state, generation, &figures.spans.sessions), (split, asked))?;
    found.identity = identity(state, generation)?;
    found.probable = figures.probable.as_deref().map(|(version, artefact)| ProbableFigures {
        version: *version,
        links: artefact.count(Standing::Link),
        possible: artefact.count(Standing::Possible),
        days: artefact.days.iter().filter(|day| range.contains(day.day)).copied().collect(),
    });
    Ok(found)
}

fn open(
    found: &mut StitchingFigures,
    (state, generation, rules): (&dyn StateRead, u16, &SessionRules),
    (split, (range, bots)): (Split, (&DateRange, bool)),
) -> Result<(), ReportError> {
    query::open_sessions(state, generation, rules, &mut |_, session| {
        let day = session.first.time.utc_day();
        if !range.contains(day) || (session.bot && !bots) {
            return;
        }
        let within = u64::from(session.resolution_delay() <= WITHIN[2]);
        let add = |sum: &mut StitchingSum| {
            sum.open += 1;
            sum.open_within += within;
        };
        add(&mut found.total);
        add(found.days.entry(day).or_default());
        let business = session.business.iter().map(|name| Origin::of_business(name));
        for origin in [Origin::of_session(session)].into_iter().chain(business) {
            if let Some(group) = group(split, &origin) {
                add(found.groups.entry(group).or_default());
            }
        }
    })?;
    Ok(())
}

fn duplicates(
    found: &mut StitchingFigures,
    (state, generation, rules): (&dyn StateRead, u16, &SessionRules),
    (split, range): (Split, &DateRange),
) -> Result<(), ReportError> {
    query::duplicate_sessions(state, generation, rules, &mut |session: &Session| {
        let day = Timestamp::utc_day(session.first.time);
        if !range.contains(day) {
            return;
        }
        found.total.duplicate_sessions += 1;
        found.days.entry(day).or_default().duplicate_sessions += 1;
        let business = session.business.iter().map(|name| Origin::of_business(name));
        for origin in [Origin::of_session(session)].into_iter().chain(business) {
            if let Some(group) = group(split, &origin) {
                found.groups.entry(group).or_default().duplicate_sessions += 1;
            }
        }
    })?;
    Ok(())
}

fn identity(state: &dyn StateRead, generation: u16) -> Result<IdentityCounts, ReportError> {
    let counts = query::counts(state, generation)?;
    Ok(IdentityCounts {
        people: count(counts.people),
        devices: count(counts.devices),
        deterministic_links: count(counts.links),
        conflicting_copies: count(counts.conflicts),
        hubs: count(counts.hubs),
        placeholders: count(counts.placeholders),
    })
}

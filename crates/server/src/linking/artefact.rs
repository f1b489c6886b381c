//! What one fit leaves: the cut it was made at, the model, the links.

use super::gather::Gathered;
use millstream_event::{EntityId, Lane};
use millstream_log::LanePositions;
use millstream_stitch::linkage::{Fit, ProbableLink, Standing, Thresholds, fit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where a fit stands in the history of the data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Generation of the state.
    pub generation: u16,
    /// The last event of a compared device happened then.
    pub last_event: Option<String>,
    /// Next position of each lane that holds records: everything before it was seen.
    pub positions: BTreeMap<u8, u64>,
}

impl Cut {
    /// True when everything before these positions was seen.
    pub(super) fn reaches(&self, positions: &LanePositions) -> bool {
        let seen = |lane: Lane| self.positions.get(&lane.number()).copied().unwrap_or(0);
        positions.iter().all(|(lane, next)| next.0 <= seen(lane))
    }
}

/// Which devices were compared, and why others were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCounts {
    /// Compared.
    pub compared: u64,
    /// Left out: an event of theirs does not allow it.
    pub without_consent: u64,
    /// Left out: bots.
    pub bots: u64,
    /// Left out: not among the most recently seen, as many as are compared at most.
    pub beyond_limit: u64,
}

/// Devices by the UTC day they were first seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDay {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Devices.
    pub devices: u64,
    /// Of these, known to be a user's.
    pub certain: u64,
    /// Of these, linked by probability.
    pub probable: u64,
}

/// A fit with what it was made of. Same state, same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artefact {
    /// Where in the history.
    pub cut: Cut,
    /// 95 % of events of the last week arrived within so many milliseconds of happening.
    pub skew_p95_ms: Option<i64>,
    /// Which devices.
    pub devices: DeviceCounts,
    /// By day, for telling whether matches move with latency.
    pub days: Vec<LinkDay>,
    /// Model and links.
    pub fit: Fit,
}

/// A kept version in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionLine {
    /// Its number.
    pub version: u32,
    /// True for the one that answers are read from.
    pub in_force: bool,
    /// Links.
    pub links: u64,
    /// Possible ones.
    pub possible: u64,
    /// Where in the history.
    pub last_event: Option<String>,
}

/// What became of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A dry run: nothing was kept.
    Tried,
    /// A new version is in force.
    Kept,
    /// The version in force says the same.
    Unchanged,
    /// Nothing was fitted: this is what is in force.
    Standing,
}

/// What is told of linking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// What was done.
    pub outcome: Outcome,
    /// The version told of; none of a dry run, and where none is in force.
    pub version: Option<u32>,
    /// All of its links.
    pub links: u64,
    /// All of its possible ones.
    pub possible: u64,
    /// It, with the most probable links; none where none is in force.
    pub artefact: Option<Artefact>,
    /// Versions kept, the newest first.
    pub versions: Vec<VersionLine>,
}

impl Artefact {
    /// Fits the devices gathered.
    pub fn of(gathered: Gathered) -> Self {
        let Gathered { profiles, devices, skew, cut } = gathered;
        let fit = fit(&profiles, Thresholds::under(skew));
        let linked: BTreeSet<EntityId> = fit
            .links
            .iter()
            .filter(|link| link.standing == Standing::Link)
            .flat_map(|link| [link.one, link.other])
            .collect();
        let mut days: BTreeMap<i32, LinkDay> = BTreeMap::new();
        for profile in &profiles {
            let day = profile.first_seen.utc_day();
            let sums = days.entry(day).or_insert(LinkDay { day, ..LinkDay::default() });
            sums.devices += 1;
            sums.certain += u64::from(profile.has_user);
            sums.probable += u64::from(linked.contains(&profile.device));
        }
        let skew_p95_ms = skew.map(|skew| skew.as_millis());
        Self { cut, skew_p95_ms, devices, days: days.into_values().collect(), fit }
    }

    /// How many links there are of a standing.
    pub fn count(&self, standing: Standing) -> u64 {
        self.fit.links.iter().filter(|link| link.standing == standing).count() as u64
    }

    /// The links that one of these devices is part of.
    pub fn links_of(&self, devices: &BTreeSet<EntityId>) -> Vec<&ProbableLink> {
        let of =
            |link: &&ProbableLink| devices.contains(&link.one) || devices.contains(&link.other);
        self.fit.links.iter().filter(of).collect()
    }

    /// Drops the links that one of these is part of; returns how many.
    pub(super) fn forget(&mut self, entities: &BTreeSet<EntityId>) -> u64 {
        let before = self.fit.links.len();
        let stays =
            |link: &ProbableLink| !entities.contains(&link.one) && !entities.contains(&link.other);
        self.fit.links.retain(stays);
        (before - self.fit.links.len()) as u64
    }

    /// With the most probable links alone.
    pub(super) fn shortened(mut self, links: usize) -> Self {
        self.fit.links.truncate(links);
        self
    }
}

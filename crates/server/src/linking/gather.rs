//! Devices that may be compared, as one cut of the data knows them.

use super::LinkingError;
use super::artefact::{Cut, DeviceCounts};
use millstream_event::envelope::{self, DeviceHints};
use millstream_event::{EntityId, Kind, Lane, Record, Span, Timestamp};
use millstream_log::{EventLog, LanePositions};
use millstream_pipeline::{Spread, query};
use millstream_stitch::linkage::{Profile, REQUIRED};
use millstream_store::{Reading, StateView};
use std::collections::{BTreeMap, HashMap};

/// Most devices compared: the most recently seen. Each takes about a kilobyte while a fit is made.
pub const DEVICES_MAX: usize = 250_000;
/// Days of which the skew is looked at.
const SKEW_DAYS: i32 = 7;

/// What is read.
pub struct GatherParts<'a> {
    /// A snapshot.
    pub state: &'a dyn StateView,
    /// Its generation.
    pub generation: u16,
    /// The log it was folded from.
    pub log: &'a dyn EventLog,
}

/// Devices at one cut.
pub struct Gathered {
    /// Those that may be compared.
    pub profiles: Vec<Profile>,
    /// How many, and why not the others.
    pub devices: DeviceCounts,
    /// 95 % of events of the last week arrived within this of happening.
    pub skew: Option<Span>,
    /// Where in the history.
    pub cut: Cut,
}

/// Reads the devices of a snapshot, with what the log says of them up to it.
///
/// # Errors
/// When state or log cannot be read.
pub fn gather(parts: &GatherParts<'_>) -> Result<Gathered, LinkingError> {
    let state = Reading(parts.state);
    let mut devices = DeviceCounts::default();
    let mut recent: BTreeMap<(Timestamp, EntityId), Profile> = BTreeMap::new();
    query::profiles(&state, parts.generation, &mut |profile| {
        if profile.bot {
            devices.bots += 1;
        } else if profile.purposes.and(REQUIRED) != REQUIRED {
            devices.without_consent += 1;
        } else {
            recent.insert((profile.last_seen, profile.device), profile);
        }
        if recent.len() > DEVICES_MAX {
            recent.pop_first();
            devices.beyond_limit += 1;
        }
    })?;
    let last_event = recent.last_key_value().map(|((time, _), _)| time.to_rfc3339());
    let mut profiles: Vec<Profile> = recent.into_values().collect();
    profiles.sort_unstable_by_key(|profile| profile.device);
    devices.compared = profiles.len() as u64;
    let folded = folded(parts)?;
    hint(&mut profiles, parts.log, &folded)?;
    let positions = folded.iter().map(|(lane, next)| (lane.number(), next.0));
    let positions = positions.filter(|(_, next)| *next > 0).collect();
    let cut = Cut { generation: parts.generation, last_event, positions };
    Ok(Gathered { profiles, devices, skew: skew(parts)?, cut })
}

/// How far the snapshot had folded each lane.
fn folded(parts: &GatherParts<'_>) -> Result<LanePositions, LinkingError> {
    let mut positions = LanePositions::default();
    for lane in Lane::all() {
        positions.set(lane, parts.state.head(parts.generation, lane)?.next);
    }
    Ok(positions)
}

/// What a device said of itself last.
type Words = HashMap<EntityId, Word>;
/// With its place in time.
type Word = ((Timestamp, Box<str>), DeviceHints);

/// Adds what only the log holds. What retention or an erasure took is not known, and held against
/// nobody.
fn hint(
    profiles: &mut [Profile],
    log: &dyn EventLog,
    folded: &LanePositions,
) -> Result<(), LinkingError> {
    let mut from = log.tails();
    let tails = from.clone();
    for (lane, tail) in tails.iter() {
        from.set(lane, tail.min(folded.get(lane)));
    }
    let mut words: Words = HashMap::new();
    let at = |device| profiles.binary_search_by_key(&device, |profile| profile.device).ok();
    log.scan(&from, folded, &mut |record| {
        if let Some((device, word)) = word(&record)
            && at(device).is_some()
            && words.get(&device).is_none_or(|known| known.0 <= word.0)
        {
            words.insert(device, word);
        }
        true
    })?;
    for profile in profiles {
        if let Some((_, hints)) = words.get(&profile.device) {
            let DeviceHints { timezone, locale, screen, .. } = hints;
            profile.hint(timezone.as_deref(), locale.as_deref(), screen.as_deref());
        }
    }
    Ok(())
}

fn word(record: &Record) -> Option<(EntityId, Word)> {
    if record.header.kind != Kind::Event {
        return None;
    }
    let event = envelope::decode(record.header.contract_version, &record.payload).ok()?;
    let device = EntityId::device(event.anonymous_id.as_ref()?);
    let hints = event.device_hints?;
    Some((device, ((event.event_time, event.id.as_str().into()), hints)))
}

fn skew(parts: &GatherParts<'_>) -> Result<Option<Span>, LinkingError> {
    let mut days: BTreeMap<i32, Spread> = BTreeMap::new();
    let all = i32::MIN..=i32::MAX;
    query::stitching(&Reading(parts.state), parts.generation, &all, &mut |found| {
        if !found.bot && found.sums.origin.business.is_empty() {
            days.entry(found.day).or_default().merge(&found.sums.skew);
        }
    })?;
    let Some((last, _)) = days.last_key_value() else { return Ok(None) };
    let mut week = Spread::default();
    for (_, spread) in days.range(last.saturating_sub(SKEW_DAYS - 1)..) {
        week.merge(spread);
    }
    Ok(week.quantile(950))
}

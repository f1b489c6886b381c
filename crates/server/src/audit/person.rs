//! People: their devices, what told that these belong together, and their sessions with the network's
//! mark on them.

use super::receipt::facts;
use super::{Chain, Fact, Sources};
use crate::receipt::{Receipt, names};
use crate::report::ReportError;
use millstream_event::delivery::Place;
use millstream_event::envelope::decode;
use millstream_event::{AnonymousId, EntityId, Hash128, Lane, UserId};
use millstream_pipeline::preferences;
use millstream_pipeline::query::{self, LinkTrace, MemberTrace};
use millstream_stitch::linkage::{ProbableLink, Refusal, Standing};
use millstream_stitch::{GraphLimits, Session};
use std::collections::{BTreeSet, VecDeque};

/// Probable links told at most; the most probable.
const PROBABLE_MAX: usize = 20;
/// Sessions told of one device at most; the latest.
const SESSIONS_MAX: usize = 50;
/// Choices told of one device at most; the latest.
const CHOICES_MAX: usize = 50;

/// The chain behind a person: named by its own id, by a device's, or by a user's.
///
/// # Errors
/// When state cannot be read.
pub fn chain(sources: &Sources<'_>, id: &str) -> Result<Option<Chain>, ReportError> {
    let (state, generation) = (sources.state, sources.generation);
    let named = [
        Hash128::parse_hex(id).map(EntityId),
        AnonymousId::parse(id).as_ref().map(EntityId::device),
        UserId::parse(id.strip_prefix("user:").unwrap_or(id)).as_ref().map(EntityId::user),
    ];
    let mut person = None;
    for name in named.into_iter().flatten() {
        if person.is_none() {
            person = query::person_of(state, generation, name)?;
        }
    }
    let Some(person) = person else { return Ok(None) };
    let limits = GraphLimits::default();
    let members = query::person_trace(state, (generation, limits), person)?;
    let known = query::person(state, generation, person)?.unwrap_or_default();
    let chain = Chain::new("person", person.to_string())
        .with("rule", "the devices and users that logins, aliases and signed clicks join; named by the least of them")
        .with("members", members.len() as u64)
        .with("touches", known.touches)
        .with("conversions", known.conversions)
        .with("revision", known.revision.0)
        .with("rules_generation", u32::from(generation));
    let mut chain = chain;
    for one in &members {
        chain = chain.over(member(one, choices(sources, one.id)?));
    }
    Ok(Some(with_probable_links(sources, chain, &members)))
}

/// Adds which other devices look like this person's. They count only where a report asks for them.
fn with_probable_links(sources: &Sources<'_>, chain: Chain, members: &[MemberTrace]) -> Chain {
    let Some(probable) = &sources.probable else { return chain };
    let (version, artefact) = &**probable;
    let devices: BTreeSet<EntityId> = members.iter().map(|member| member.id).collect();
    let links = artefact.links_of(&devices);
    let chain = chain.with("probable_links_version", *version);
    let skipped = links.len().saturating_sub(PROBABLE_MAX);
    let chain = match skipped {
        0 => chain,
        skipped => chain.with("probable_links_not_shown", skipped as u64),
    };
    let shown = links.into_iter().take(PROBABLE_MAX);
    shown.fold(chain, |chain, link| chain.over(probable_link(link, &devices)))
}

fn probable_link(link: &ProbableLink, devices: &BTreeSet<EntityId>) -> Chain {
    let mine = |id| devices.contains(&id);
    let (own, other) = if mine(link.one) { (link.one, link.other) } else { (link.other, link.one) };
    let standing = match (link.standing, link.refused) {
        (Standing::Link, _) => "linked, where probable links are asked for",
        (Standing::Possible, None) => "possible, not linked",
        (Standing::Possible, Some(Refusal::TwoUsers)) => "not linked: both have users of their own",
        (Standing::Possible, Some(Refusal::TooManyPartners)) => "not linked: too many look alike",
    };
    let chain = Chain::new("probably the same person's", other.to_string())
        .with("device", own.to_string())
        .with("probability", format!("{:.4}", link.probability))
        .with("standing", standing);
    link.evidence.iter().fold(chain, |chain, weight| {
        let level = weight.field.levels().get(usize::from(weight.level)).copied();
        let said = format!("{} ({:+.1} bits)", level.unwrap_or_default(), weight.bits);
        chain.with(weight.field.as_str(), said)
    })
}

/// What a device's visitor chose, the latest last, each with its receipt as the log keeps it.
fn choices(sources: &Sources<'_>, device: EntityId) -> Result<Vec<Chain>, ReportError> {
    let mut places = VecDeque::new();
    preferences::choices(sources.state, sources.generation, device, &mut |chosen| {
        places.push_back(chosen.0);
        if places.len() > CHOICES_MAX {
            places.pop_front();
        }
        Ok(true)
    })?;
    let lane = Lane::of(device);
    Ok(places.into_iter().map(|position| choice(sources, (lane, position))).collect())
}

fn choice(sources: &Sources<'_>, (lane, position): Place) -> Chain {
    let place = format!("lane {lane}, ordinal {}", position.0);
    let chain = Chain::group("choice").with("record", place);
    let record = match sources.log.read_at(lane, position) {
        Ok(Some(record)) => record,
        Ok(None) => return chain.with("payload", "not in the log yet"),
        Err(error) => return chain.with("payload", format!("cannot be read: {error}")),
    };
    match decode(record.header.contract_version, &record.payload) {
        Ok(event) => match Receipt::read(&event) {
            Some(receipt) => facts(chain, &receipt, receipt.is_ours(sources.receipt_key)),
            None => chain
                .with("made", event.received.to_rfc3339())
                .with("granted", Fact::List(names(event.consent.granted)))
                .with("receipt", "none: it came without"),
        },
        Err(error) => chain.with("payload", format!("cannot be read: {error}")),
    }
}

fn member(member: &MemberTrace, choices: Vec<Chain>) -> Chain {
    let device = &member.device;
    let kind = if device.anonymous { "device" } else { "user" };
    let mut chain = Chain::new(kind, &*device.name)
        .with("entity", member.id.to_string())
        .with("events", device.events)
        .with("sessions", member.sessions.len() as u64)
        .with("revision", device.revision.0);
    if member.hub {
        chain = chain.with("hub", "it has more neighbours than its limit and joins nobody");
    }
    for trace in &member.links {
        chain = chain.over(link(trace));
    }
    chain = choices.into_iter().fold(chain, Chain::over);
    let skipped = member.sessions.len().saturating_sub(SESSIONS_MAX);
    if skipped > 0 {
        chain = chain.with("earlier_sessions_not_shown", skipped as u64);
    }
    let latest = member.sessions.iter().skip(skipped);
    latest.fold(chain, |chain, one| chain.over(session(one, member.id)))
}

fn link(trace: &LinkTrace) -> Chain {
    let statement =
        |(key, received): &(millstream_stitch::EntryKey, millstream_event::Timestamp)| {
            Chain::new("stated by event", key.id.as_str())
                .with("time", key.time.to_rfc3339())
                .with("received", received.to_rfc3339())
                .with("received_after_ms", (*received - key.time).as_millis())
        };
    let chain = Chain::new("link to", trace.target.to_string())
        .with("stands", trace.alive)
        .with("events_that_state_it", trace.entries)
        .with_known("unlinked_by", trace.unlinked.as_ref().map(|key| key.id.as_str()))
        .with_known("unlinked_at", trace.unlinked.as_ref().map(|key| key.time.to_rfc3339()));
    trace.stated_by.iter().fold(chain, |chain, one| chain.over(statement(one)))
}

fn session(session: &Session, device: EntityId) -> Chain {
    Chain::new("session", session.id(device).to_hex())
        .with("started", session.first.time.to_rfc3339())
        .with("ended", session.last.time.to_rfc3339())
        .with("first_event", session.first.id.as_str())
        .with("last_event", session.last.id.as_str())
        .with("events", session.events)
        .with("out_of_order", session.out_of_order)
        .with("resolved", session.received_max.to_rfc3339())
        .with("resolution_delay_ms", session.resolution_delay().as_millis())
        .with_known("clock_behind_ms", session.clock_behind.map(|behind| behind.as_millis()))
        .with("bot", session.bot)
}

//! Events: what was logged, under which consent and versions, and how often.

use super::{Chain, Fact, Sources, decision, link};
use crate::report::ReportError;
use millstream_event::envelope::decode;
use millstream_event::{
    Campaign, Consent, Event, EventKind, Flags, Header, Kind, Position, Purpose, Purposes, Record,
};
use millstream_pipeline::query::{self, EventTrace, EventsKept};

/// The most copies shown of an event that was let go.
const LET_GO_MAX: usize = 16;

/// The chain behind an event id: one node for each subject that used the id.
///
/// # Errors
/// When state cannot be read.
pub fn chain(sources: &Sources<'_>, id: &str) -> Result<Option<Chain>, ReportError> {
    let traces = query::copies(sources.state, sources.generation, id)?;
    let mut nodes: Vec<Chain> = traces.iter().map(|trace| node(sources, trace)).collect();
    if nodes.is_empty() {
        nodes = let_go(sources, id)?;
    }
    Ok(match nodes.len() {
        0 => None,
        1 => nodes.pop(),
        _ => Some(nodes.into_iter().fold(Chain::group("events"), Chain::over)),
    })
}

/// Events with this id that retention let go of. The state knows nothing of them any more; the log may
/// still hold them. Costs reading it, where events are let go at all.
fn let_go(sources: &Sources<'_>, id: &str) -> Result<Vec<Chain>, ReportError> {
    let kept = EventsKept::read(sources.state, sources.generation)?;
    let mut nodes = Vec::new();
    if !kept.are_limited() {
        return Ok(nodes);
    }
    let mut visit = |record: Record| {
        let (header, lane) = (&record.header, record.header.lane);
        let event = match header.kind {
            Kind::Event => decode(header.contract_version, &record.payload).ok(),
            _ => None,
        };
        let Some(event) = event.filter(|event| event.id.as_str() == id) else { return true };
        let Some(from) = kept.from(lane).filter(|from| event.event_time < *from) else {
            return true;
        };
        let chain = Chain::new("event", id)
            .with("time", event.event_time.to_rfc3339())
            .with("outcome", "let_go")
            .with("events_kept_from", from.to_rfc3339())
            .with("record", format!("lane {lane}, ordinal {}", record.position.0));
        nodes.push(logged(sources, chain, header, &event));
        nodes.len() < LET_GO_MAX
    };
    let (from, to) = (sources.log.tails(), sources.log.heads());
    sources.log.scan_kept(&mut visit).map_err(ReportError::read)?;
    sources.log.scan(&from, &to, &mut visit).map_err(ReportError::read)?;
    Ok(nodes)
}

/// The nodes of every event with this id under one person.
///
/// # Errors
/// When state cannot be read.
pub fn nodes_of_person(
    sources: &Sources<'_>,
    id: &str,
    person: millstream_event::EntityId,
) -> Result<Vec<Chain>, ReportError> {
    let traces = query::copies(sources.state, sources.generation, id)?;
    let own = traces.iter().filter(|trace| trace.person_id == person);
    let mut nodes: Vec<Chain> = own.map(|trace| node(sources, trace)).collect();
    if nodes.is_empty() {
        // A click lives under its own id, not under the person it led to.
        nodes = traces.iter().map(|trace| node(sources, trace)).collect();
    }
    Ok(nodes)
}

fn node(sources: &Sources<'_>, trace: &EventTrace) -> Chain {
    let dedup = &trace.dedup;
    let place = format!("lane {}, ordinal {}", trace.lane, dedup.position.0);
    let chain = Chain::new("event", dedup.key.id.as_str())
        .with("time", dedup.key.time.to_rfc3339())
        .with("outcome", "visible")
        .with("duplicates", dedup.copies_total().saturating_sub(1))
        .with("conflicting_duplicates", dedup.conflicts())
        .with("late", dedup.traits.late)
        .with("bot", dedup.traits.bot)
        .with_known("session", trace.session.as_ref().map(|session| session.session_id.to_hex()))
        .with("record", place);
    let chain = record(sources, trace, (chain, dedup.position));
    let Some(other) = &dedup.other else { return chain };
    let place = format!("lane {}, ordinal {}", trace.lane, other.position.0);
    let side = Chain::new("client_side", dedup.key.id.as_str())
        .with(
            "received_apart_ms",
            (other.candidate.received - dedup.candidate.received).as_millis(),
        )
        .with("duplicates", other.copies.total.saturating_sub(1))
        .with("record", place);
    chain.with("told_by", "server and client").over(record(sources, trace, (side, other.position)))
}

/// With what the log holds at a place.
fn record(
    sources: &Sources<'_>,
    trace: &EventTrace,
    (chain, position): (Chain, Position),
) -> Chain {
    match sources.log.read_at(trace.lane, position) {
        Ok(Some(record)) => match decode(record.header.contract_version, &record.payload) {
            // A click is its own subject: whose it was is known from its landing.
            Ok(event) if event.kind == EventKind::Click => {
                logged(sources, chain, &record.header, &event)
            }
            Ok(event) => {
                let chain = chain.with("person", trace.person_id.to_string());
                logged(sources, chain, &record.header, &event)
            }
            Err(error) => chain.with("payload", format!("cannot be read: {error}")),
        },
        Ok(None) => chain.with("payload", "not in the log yet"),
        Err(error) => chain.with("payload", format!("cannot be read: {error}")),
    }
}

fn logged(sources: &Sources<'_>, chain: Chain, header: &Header, event: &Event) -> Chain {
    let mut chain = chain
        .with("kind", kind(event))
        .with_known("name", event.name.as_deref())
        .with("source", event.source.as_str())
        .with_known("anonymous_id", event.anonymous_id.as_ref().map(ToString::to_string))
        .with_known("user_id", event.user_id.as_ref().map(ToString::to_string))
        .with("received", event.received.to_rfc3339())
        .with("clock_correction_ms", event.correction.shift.as_millis())
        .with_known("url", event.page.url.as_deref())
        .with_known("referrer", event.page.referrer.as_deref());
    chain = campaign(chain, &event.campaign);
    if let Some(arrival) = &event.arrival {
        chain = chain
            .with("arrival_source", &*arrival.source)
            .with("arrival_medium", &*arrival.medium)
            .with("arrival_channel", arrival.channel.as_str());
    }
    chain = consent(chain, &event.consent)
        .with("flags", Fact::List(flags(event.flags)))
        .with_known("country", event.country.as_deref())
        .with("contract_version", u32::from(header.contract_version))
        .with("control_version", header.control_version)
        .with("replay_epoch", header.replay_epoch)
        .with("rules_generation", u32::from(sources.generation));
    let chain = match decision::node(event) {
        Some(said) => chain.over(said),
        None => chain,
    };
    match &event.click {
        Some(click) => {
            let made = Chain::new("click", click.id.as_str())
                .with("issued", click.issued.to_rfc3339())
                .over(link::version(sources, &click.link, Some(click.link_version)));
            chain.over(made)
        }
        None => chain,
    }
}

fn kind(event: &Event) -> String {
    serde_json::to_value(event.kind)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The UTM values, as facts.
pub fn campaign(chain: Chain, campaign: &Campaign) -> Chain {
    chain
        .with_known("utm_source", campaign.source.as_deref())
        .with_known("utm_medium", campaign.medium.as_deref())
        .with_known("utm_campaign", campaign.name.as_deref())
        .with_known("utm_term", campaign.term.as_deref())
        .with_known("utm_content", campaign.content.as_deref())
        .with_known("ad_group", campaign.ad_group.as_deref())
        .with_known("network_click", campaign.network_click.as_ref().map(|one| &*one.parameter))
}

fn consent(chain: Chain, consent: &Consent) -> Chain {
    let said_by = serde_json::to_value(consent.source).ok();
    let said_by = said_by.and_then(|value| value.as_str().map(str::to_owned));
    chain.with("consent", Fact::List(granted(consent.granted))).with_known("consent_from", said_by)
}

fn granted(purposes: Purposes) -> Vec<String> {
    [
        (Purpose::Measurement, "measurement"),
        (Purpose::Personalization, "personalization"),
        (Purpose::Advertising, "advertising"),
    ]
    .into_iter()
    .filter(|(purpose, _)| purposes.allows(*purpose))
    .map(|(_, name)| name.to_owned())
    .collect()
}

fn flags(flags: Flags) -> Vec<String> {
    [
        (Flags::DEGRADED, "degraded"),
        (Flags::RESTRICTED, "restricted"),
        (Flags::IMPORTED, "imported"),
        (Flags::CLOCK, "clock"),
        (Flags::AUTOMATED, "automated"),
    ]
    .into_iter()
    .chain(Flags::CAUSES)
    .filter(|(flag, _)| flags.has(*flag))
    .map(|(_, name)| name.to_owned())
    .collect()
}

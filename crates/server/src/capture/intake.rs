//! From parsed events to durable records: consent first, then one group, then the answer.

use super::aggregate::Aggregates;
use super::counters::add;
use super::durable;
use super::exchange::Exchange;
use super::gate::Gate;
use super::location::Destination;
use super::plane::Plane;
use super::refusal::Refusal;
use millstream_event::consent::{Outcome as Kept, restrict};
use millstream_event::control::Settings;
use millstream_event::wire::{self, Parsed, Receipt};
use millstream_event::{
    Click, ConsentSource, Event, Flags, Kind, Purposes, Quarantine, SourceId, Timestamp,
};
use millstream_log::Draft;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Events after which a long batch lets other requests of its thread go first.
const BREATH_EVENTS: usize = 64;
/// Events after which the time is looked at again: it takes about as long as parsing one of them.
const STAMP_EVENTS: usize = 8;
/// Bytes of most events that we make ourselves.
const ONE_BYTES: usize = 768;
/// Bytes that the contract's own fields add to what a client sent of an event, at most as a rule: a
/// buffer that has to grow is copied, one that is too large costs nothing.
const ADDED_BYTES: usize = 768;

/// What is known of a request beside its body, looked up once.
pub(super) struct Setting {
    received: Timestamp,
    country: Option<Box<str>>,
    /// Where the browser is that sent the request; not known of one that asks to be left alone. A
    /// server that speaks for a visitor is where servers are.
    browser: Option<IpAddr>,
    gate: Gate,
    settings: Arc<Settings>,
}

impl Setting {
    /// Taken when the body is whole: its events were received now.
    pub(super) fn of(exchange: &Exchange<'_>) -> Self {
        // Snowplow's trackers ask in this header that the address and cookies be left alone; the
        // choice cookie still holds, for it can only restrict what is kept of a known visitor.
        let anonymous = exchange.header("sp-anonymous").is_some();
        let country = if anonymous { None } else { exchange.country() };
        let by_browser = exchange.user_agent().is_some_and(|agent| agent.starts_with("Mozilla/"));
        let browser = (by_browser && !anonymous).then(|| exchange.client());
        let gate = Gate::of(exchange, &exchange.cookies());
        let received = exchange.plane.clock.now();
        Self {
            received,
            country,
            browser,
            gate,
            settings: exchange.plane.parts.registry.settings(),
        }
    }

    /// The receipt under which a body's events are parsed.
    pub(super) fn receipt<'a>(
        &'a self,
        exchange: &Exchange<'a>,
        source: SourceId,
        body: &[u8],
    ) -> Receipt<'a> {
        let defaults = &exchange.plane.options.consent;
        let consent = self.gate.standing(defaults, self.country.as_deref());
        // Raw text of what is quarantined is kept only where the visitor agreed to everything and
        // it names no address.
        let keep_raw = consent.source == ConsentSource::Explicit
            && consent.granted == Purposes::ALL
            && !body.windows(4).any(|window| window.eq_ignore_ascii_case(b"\"ip\""));
        let flags = if exchange.is_preview() { Flags::AUTOMATED } else { Flags::default() };
        Receipt {
            request: Some(exchange.started),
            user_agent: exchange.user_agent(),
            country: self.country.as_deref(),
            consent,
            flags,
            keep_raw,
            vendor: defaults.tcf_vendor,
            click_key: Some(&exchange.plane.parts.keys.click),
            ..Receipt::new(source, self.received, &self.settings)
        }
    }
}

/// Records that become durable together, and what they count as.
#[derive(Debug, Default)]
pub(super) struct Group {
    records: Draft,
    aggregates: Aggregates,
    tally: Tally,
}

/// What the records of a group count as, once they are durable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    accepted: u64,
    restricted: u64,
    aggregated: u64,
    quarantined: u64,
}

impl Tally {
    /// Counts what has become durable after so long a wait.
    pub(super) fn count(self, plane: &Plane, wait: Duration) {
        let counters = &plane.counters;
        counters.appended(wait);
        for (counter, by) in [
            (&counters.accepted, self.accepted),
            (&counters.restricted, self.restricted),
            (&counters.aggregated, self.aggregated),
            (&counters.quarantined, self.quarantined),
        ] {
            if by > 0 {
                add(counter, by);
            }
        }
    }
}

impl Group {
    /// With room for this many events of `bytes` in all.
    fn for_events(plane: &Plane, events: usize, bytes: usize) -> Self {
        let records = plane.parts.log.draft(events, bytes + events * ADDED_BYTES);
        Self { records, ..Self::default() }
    }

    /// One event that is parsed now and on its way to the log.
    pub(super) fn of_one(exchange: &mut Exchange<'_>, event: Event) -> Self {
        let mut group = Self::for_events(exchange.plane, 1, ONE_BYTES);
        let queued = exchange.stopwatch.parsed();
        group.admit(exchange.plane, event, exchange.plane.clock.at(queued));
        group
    }

    /// A click that is parsed now and on its way to the log.
    pub(super) fn of_click(
        exchange: &mut Exchange<'_>,
        destination: &Destination,
        click: Click<'_>,
    ) -> Self {
        let plane = exchange.plane;
        let mut group = Self::for_events(plane, 1, ONE_BYTES);
        let queued = plane.clock.at(exchange.stopwatch.parsed());
        let flags = with_country_flag(plane, click.flags, click.country.is_some());
        let click = Click { queued, flags, ..click };
        match destination.form(&click).filter(|_| click.is_whole()) {
            Some(form) => {
                let header = durable::header(plane, Kind::Event, click.subject(), click.at);
                group.records.add(header, |out| form.fill(out, &click));
                group.tally.accepted += 1;
            }
            None => group.admit(plane, click.to_event(), queued),
        }
        group
    }

    /// The records to be made durable, and what they count as.
    pub(super) fn close(
        self,
        plane: &Plane,
        started: Timestamp,
    ) -> Result<(Draft, Tally), Refusal> {
        let Self { mut records, aggregates, tally } = self;
        aggregates.add_to(&mut records, plane, started)?;
        Ok((records, tally))
    }

    /// Takes one outcome of a parser.
    fn take(
        &mut self,
        plane: &Plane,
        setting: &Setting,
        (outcome, now): (wire::Outcome, Timestamp),
    ) -> Result<(), Refusal> {
        match outcome {
            Ok(parsed) => {
                self.admit(plane, located(plane, setting, parsed), now);
                Ok(())
            }
            Err(item) => self.quarantine(plane, &item),
        }
    }

    /// Takes an event as far as its consent allows; `now` it is parsed and on its way to the log.
    fn admit(&mut self, plane: &Plane, mut event: Event, now: Timestamp) {
        event.hops.queued = Some(now);
        event.flags = with_country_flag(plane, event.flags, event.country.is_some());
        match restrict(event) {
            Kept::Keep(event) => {
                durable::add_event(plane, &mut self.records, &event);
                if let Some(decide) = &plane.parts.decide {
                    decide.received(&event);
                }
                self.tally.accepted += 1;
                self.tally.restricted += u64::from(event.flags.has(Flags::RESTRICTED));
            }
            Kept::AggregateOnly(key) => {
                self.aggregates.count(key);
                self.tally.aggregated += 1;
            }
        }
    }

    fn quarantine(&mut self, plane: &Plane, item: &Quarantine) -> Result<(), Refusal> {
        durable::add_quarantine(plane, &mut self.records, item)?;
        self.tally.quarantined += 1;
        Ok(())
    }
}

/// The flags of an event, whose country may be by another database than the configured one.
fn with_country_flag(plane: &Plane, flags: Flags, has_country: bool) -> Flags {
    let fallback = plane.parts.places.country_fallback && has_country;
    if fallback { flags.degraded_by(Flags::COUNTRY_FALLBACK) } else { flags }
}

/// With the country of the address that a server stated on behalf of a client. An event from
/// elsewhere than the request stands under the default of its own country.
fn located(plane: &Plane, setting: &Setting, parsed: Parsed) -> Event {
    let Parsed { mut event, address, stated } = parsed;
    let address: Option<IpAddr> = address.and_then(|text| text.parse().ok());
    plane.parts.places.data_centres.mark(&mut event, || address.or(setting.browser));
    if event.country.is_none() {
        event.country = address.and_then(|address| (plane.parts.places.country)(address));
    }
    if event.country != setting.country {
        let standing = setting.gate.standing(&plane.options.consent, event.country.as_deref());
        event.consent = standing.overridden(stated);
    }
    event
}

/// Takes the outcomes of a parser of `bytes` and makes them durable in one group.
pub(super) async fn keep(
    exchange: &mut Exchange<'_>,
    setting: &Setting,
    (outcomes, bytes): (impl Iterator<Item = wire::Outcome>, usize),
) -> Result<(), Refusal> {
    let (events, _) = outcomes.size_hint();
    let mut group = Group::for_events(exchange.plane, events, bytes);
    let mut now = exchange.plane.clock.now();
    for (place, outcome) in outcomes.enumerate() {
        if place % BREATH_EVENTS == BREATH_EVENTS - 1 {
            tokio::task::yield_now().await;
        }
        if place % STAMP_EVENTS == STAMP_EVENTS - 1 {
            now = exchange.plane.clock.now();
        }
        group.take(exchange.plane, setting, (outcome, now))?;
    }
    exchange.stopwatch.parsed();
    store(exchange, group, exchange.plane.options.log_wait).await
}

/// Makes a group durable and counts it; an empty group is durable already.
pub(super) async fn store(
    exchange: &mut Exchange<'_>,
    group: Group,
    patience: Duration,
) -> Result<(), Refusal> {
    let plane = exchange.plane;
    let (records, tally) = group.close(plane, exchange.started)?;
    if records.is_empty() {
        return Ok(());
    }
    let outcome = durable::append(plane, records, patience).await;
    let wait = exchange.stopwatch.queued().elapsed();
    exchange.stopwatch.logged(wait);
    outcome?;
    tally.count(plane, wait);
    Ok(())
}

//! Entries: what sessions, touches, conversions and identity need of one event, without its body.

use crate::agent::Agent;
use crate::goods::Goods;
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::click_token::ClickReference;
use millstream_event::ids::is_placeholder;
use millstream_event::{
    Arrival, Campaign, EntityId, Event, EventId, EventKind, Flags, Hash128, Money, OrderId,
    SourceId, Span, Surface, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The order of everything: event time, SDK sequence, event id; the source settles the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryKey {
    /// Event time.
    pub time: Timestamp,
    /// SDK sequence or 0.
    pub sequence: u64,
    /// Event id.
    pub id: EventId,
    /// Source: two sources may use one id.
    pub source: SourceId,
}

impl EntryKey {
    /// The key of an event.
    pub fn of(event: &Event) -> Self {
        Self {
            time: event.event_time,
            sequence: event.sequence,
            id: event.id.clone(),
            source: event.source.clone(),
        }
    }

    /// A 128-bit name for what `domain` this event makes of `subject` (touch, conversion, session).
    pub fn name(&self, domain: &str, subject: EntityId) -> Hash128 {
        let id = self.id.as_str().as_bytes();
        Hash128::of(domain, &[&subject.0.0, self.source.as_str().as_bytes(), id])
    }

    /// The same name behind its time: such names sort by time, those of one instant by hash.
    pub fn timed_name(&self, domain: &str, subject: EntityId) -> Hash128 {
        let mut name = first_at(self.time);
        name.0[8..].copy_from_slice(&self.name(domain, subject).0[..8]);
        name
    }
}

/// The least timed name of an instant.
pub const fn first_at(time: Timestamp) -> Hash128 {
    timed(time, 0)
}

/// The greatest timed name of an instant.
pub const fn last_at(time: Timestamp) -> Hash128 {
    timed(time, 0xff)
}

/// The sign is turned so that bytes sort as numbers do.
const fn timed(time: Timestamp, fill: u8) -> Hash128 {
    let [a, b, c, d, e, f, g, h] = (time.0 ^ i64::MIN).to_be_bytes();
    let z = fill;
    Hash128([a, b, c, d, e, f, g, h, z, z, z, z, z, z, z, z])
}

/// The time of a timed name.
pub const fn time_of(name: &Hash128) -> Timestamp {
    let [a, b, c, d, e, f, g, h, ..] = name.0;
    Timestamp(i64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ i64::MIN)
}

/// A campaign-bearing arrival, or the direct start of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchFact {
    /// Source, medium, channel.
    pub arrival: Arrival,
    /// Campaign fields.
    pub campaign: Campaign,
    /// Our click that led here, when one did.
    pub click: Option<ClickReference>,
}

impl TouchFact {
    /// True when a reload or a next page says the same of the visit: the same place in the same
    /// campaign, whatever the network's own click number.
    pub fn same_visit(&self, other: &Self) -> bool {
        self.arrival == other.arrival
            && self.fields() == other.fields()
            && self.link() == other.link()
    }

    /// Names the campaign that led here, equal for equal visits; none for a mere referrer.
    pub fn campaign(&self) -> Option<Hash128> {
        if self.click.is_none() && self.campaign == Campaign::default() {
            return None;
        }
        // Failing needs memory to run out; nothing is then told apart.
        let visit = (&self.arrival, self.fields(), self.link());
        let visit = postcard::to_allocvec(&visit).unwrap_or_default();
        Some(Hash128::of("campaign", &[&visit]))
    }

    fn fields(&self) -> Campaign {
        Campaign {
            network_click: self.campaign.network_click.clone().map(|mut click| {
                click.value = Box::from("");
                click
            }),
            ..self.campaign.clone()
        }
    }

    fn link(&self) -> Option<(&str, u32)> {
        self.click.as_ref().map(|click| (&*click.link, click.link_version))
    }
}

/// What a business event says of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// It is the order, or begins the subscription.
    Order,
    /// Another payment for what goes on: it adds to the value, and stands in for the order where
    /// that was never seen.
    Renewal,
    /// The order is worth this from now on; the latest word counts.
    Restatement,
    /// So much was given back; all of it where no amount is said.
    Refund,
}

/// A business event worth crediting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversionFact {
    /// The event's name.
    pub name: Box<str>,
    /// Its value, where one was sent.
    pub value: Option<Money>,
    /// Order number, unless it is a placeholder.
    pub order: Option<OrderId>,
    /// True when a server told of it.
    pub server: bool,
    /// True when that server named the user and no device.
    pub of_user: bool,
    /// What it says of its order.
    pub role: Role,
    /// The number of a refund or renewal, where it has one: what is told twice counts once.
    pub part: Option<Box<str>>,
    /// What was sold or came back, where that is kept.
    pub goods: Vec<Goods>,
}

impl ConversionFact {
    /// True when it is money earned, or given back.
    pub const fn is_revenue(&self) -> bool {
        self.value.is_some() || self.order.is_some()
    }
}

/// A link from the subject to another node of the identity graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// The other node.
    pub target: EntityId,
    /// True when the other node is a user, false when it is a device.
    pub user: bool,
}

/// What is kept of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub key: EntryKey,
    /// When it was received.
    pub received: Timestamp,
    /// True when it is part of a session.
    pub in_session: bool,
    /// True for page and screen views.
    pub view: bool,
    /// Recognised agent.
    pub agent: Agent,
    /// Country.
    pub country: Option<Box<str>>,
    /// Region.
    pub region: Option<Box<str>>,
    /// Kind of connection, where the client names it.
    pub connection: Option<Box<str>>,
    /// Number that the client gave it, or 0. Not the key's where a server told of it, too: the key is
    /// then the server's.
    pub number: u64,
    /// Round trip that the client told, in milliseconds.
    pub round_trip_ms: Option<u32>,
    /// How far the client's clock stood behind ours when it sent this, the way here included.
    pub clock_behind: Option<Span>,
    /// Address of the page.
    pub url: Option<Box<str>>,
    /// Purposes granted, as bits.
    pub purposes: u8,
    /// Set for campaign-bearing arrivals.
    pub touch: Option<Box<TouchFact>>,
    /// Set for business events.
    pub conversion: Option<Box<ConversionFact>>,
    /// Identity links it states.
    pub edges: Vec<Edge>,
    /// The node that it declares to be somebody else: links stated up to here are void.
    pub unlinks: Option<EntityId>,
    /// Our click that this event landed with.
    pub landing: Option<Box<ClickReference>>,
}

impl Entry {
    /// Reads an entry off an event and its subject. `conversion` is what the rules make of the event.
    pub fn of(
        (event, subject): (&Event, EntityId),
        agent: Agent,
        conversion: Option<ConversionFact>,
    ) -> Self {
        let automated = event.flags.has(Flags::AUTOMATED);
        Self {
            key: EntryKey::of(event),
            received: event.received,
            in_session: event.forms_session(),
            view: matches!(event.kind, EventKind::Page | EventKind::Screen),
            agent: Agent { bot: agent.bot || automated, ..agent },
            country: event.country.clone(),
            region: event.region.clone(),
            connection: event.device_hints.as_ref().and_then(|hints| hints.connection.clone()),
            number: event.sequence,
            round_trip_ms: event.round_trip_ms,
            clock_behind: event.correction.sent.map(|sent| event.received - sent),
            url: event.page.url.clone(),
            purposes: event.consent.granted.bits(),
            touch: touch_of(event),
            conversion: conversion.map(Box::new),
            edges: edges_of(event, subject),
            unlinks: unlinked(event),
            landing: event.click.clone().filter(|_| event.kind != EventKind::Click).map(Box::new),
        }
    }
}

/// An arrival counts where a visitor arrives: in a session, or as an imported touch.
fn touch_of(event: &Event) -> Option<Box<TouchFact>> {
    if !event.forms_session() && event.kind != EventKind::Touch {
        return None;
    }
    let arrival = event.arrival.clone()?;
    let click = event.click.clone();
    Some(Box::new(TouchFact { arrival, campaign: event.campaign.clone(), click }))
}

/// An unlink names a device and the user who does not use it.
fn unlinked(event: &Event) -> Option<EntityId> {
    let user = event.user_id.as_ref().filter(|user| !is_placeholder(user.as_str()))?;
    let unlinks = event.kind == EventKind::Unlink && event.anonymous_id.is_some();
    unlinks.then(|| EntityId::user(user))
}

fn edges_of(event: &Event, subject: EntityId) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut link = |target: EntityId, user: bool| {
        if target != subject && !edges.iter().any(|edge: &Edge| edge.target == target) {
            edges.push(Edge { target, user });
        }
    };
    if event.kind == EventKind::Click || event.kind == EventKind::Unlink {
        return edges;
    }
    for user in [&event.user_id, &event.previous_id].into_iter().flatten() {
        if !is_placeholder(user.as_str()) {
            link(EntityId::user(user), true);
        }
    }
    let first_party = event.click.as_ref().and_then(|click| click.ms_id.as_ref());
    if let (Some(first_party), Surface::Browser) = (first_party, event.surface) {
        link(EntityId::device(first_party), false);
    }
    edges
}

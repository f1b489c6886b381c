//! The table of events: what was logged, joined with what the fold made of it.

use super::cell::{Cell, Column, Row};
use millstream_event::campaign::NetworkClick;
use millstream_event::{Campaign, Channel, Consent, Event, EventKind, Flags, Hash128, Purpose};
use millstream_pipeline::query::Outcome;
use std::cmp::Ordering;

/// One event with what was derived of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// As logged.
    pub event: Event,
    /// What became of it.
    pub outcome: Outcome,
    /// Device class by its user agent.
    pub device: Box<str>,
    /// Browser family by its user agent.
    pub browser: Box<str>,
    /// Operating system family by its user agent.
    pub os: Box<str>,
    /// True when it arrived later than the horizon.
    pub late: bool,
    /// True for known agents, previews and scanners.
    pub bot: bool,
}

/// The stable name of an event's kind.
pub const fn kind_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Page => "page",
        EventKind::Screen => "screen",
        EventKind::Track => "track",
        EventKind::Identify => "identify",
        EventKind::Group => "group",
        EventKind::Alias => "alias",
        EventKind::Click => "click",
        EventKind::Request => "request",
        EventKind::Touch => "touch",
        EventKind::Conversion => "conversion",
        EventKind::Consent => "consent",
        EventKind::Timing => "timing",
        EventKind::Decision => "decision",
        EventKind::Exposure => "exposure",
        EventKind::Unlink => "unlink",
    }
}

/// The purposes granted, separated by spaces; `none` when there is none.
fn consent_text(consent: Consent) -> String {
    let names = [
        (Purpose::Measurement, "measurement"),
        (Purpose::Personalization, "personalization"),
        (Purpose::Advertising, "advertising"),
    ];
    let granted = names.iter().filter(|(purpose, _)| consent.granted.allows(*purpose));
    let text = granted.map(|(_, name)| *name).collect::<Vec<_>>().join(" ");
    if text.is_empty() { "none".to_owned() } else { text }
}

impl EventRow {
    /// The session it stands in.
    const fn session_id(&self) -> Option<Hash128> {
        match self.outcome {
            Outcome::Visible { session_id, .. } => session_id,
            Outcome::Duplicate | Outcome::InFlight => None,
        }
    }

    /// The flags that are set, separated by spaces.
    fn flags_text(&self) -> String {
        let has = |flag| self.event.flags.has(flag);
        let names = [
            (has(Flags::DEGRADED), "degraded"),
            (has(Flags::RESTRICTED), "restricted"),
            (has(Flags::IMPORTED), "imported"),
            (has(Flags::CLOCK), "clock"),
            (has(Flags::AUTOMATED), "automated"),
            (self.late, "late"),
            (self.bot, "bot"),
        ];
        let causes = Flags::CAUSES.map(|(cause, name)| (has(cause), name));
        let all = names.iter().chain(&causes).filter(|(set, _)| *set);
        all.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }

    fn campaign_cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let Campaign { source, medium, name, term, content, ad_group, network_click } =
            &self.event.campaign;
        let fields = [source, medium, name, ad_group, term, content];
        out.extend(fields.into_iter().map(|field| Cell::maybe(field.as_deref())));
        let arrival = self.event.arrival.as_ref();
        out.push(Cell::maybe(
            network_click.as_ref().map(|NetworkClick { parameter, .. }| &**parameter),
        ));
        out.push(Cell::maybe(arrival.map(|arrival| &arrival.channel).map(Channel::as_str)));
    }
}

impl Row for EventRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("event_id"),
        Column::text("kind"),
        Column::text("event"),
        Column::text("source"),
        Column::text("anonymous_id"),
        Column::text("user_id"),
        Column::text("session_id"),
        Column::time("event_time"),
        Column::time("received_at"),
        Column::text("outcome"),
        Column::text("flags"),
        Column::text("url"),
        Column::text("referrer"),
        Column::text("utm_source"),
        Column::text("utm_medium"),
        Column::text("campaign"),
        Column::text("ad_group"),
        Column::text("term"),
        Column::text("content"),
        Column::text("network_click"),
        Column::text("channel"),
        Column::text("link_id"),
        Column::text("click_id"),
        Column::text("device"),
        Column::text("browser"),
        Column::text("os"),
        Column::text("country"),
        Column::text("region"),
        Column::text("consent"),
        Column::integer("value_minor"),
        Column::text("currency"),
        Column::text("order_id"),
        Column::json("properties"),
        Column::time("edge_at"),
        Column::time("request_at"),
        Column::time("queued_at"),
    ];

    fn revision(&self) -> Option<u64> {
        None
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let event = &self.event;
        out.extend([
            event.id.as_str().into(),
            kind_name(event.kind).into(),
            Cell::maybe(event.name.as_deref()),
            event.source.as_str().into(),
            Cell::maybe(event.anonymous_id.as_ref().map(|id| id.as_str())),
            Cell::maybe(event.user_id.as_ref().map(|id| id.as_str())),
            Cell::maybe_hash(self.session_id()),
            Cell::Time(event.event_time),
            Cell::Time(event.received),
            self.outcome.as_str().into(),
            self.flags_text().into(),
            Cell::maybe(event.page.url.as_deref()),
            Cell::maybe(event.page.referrer.as_deref()),
        ]);
        self.campaign_cells(out);
        out.extend([
            Cell::maybe(event.click.as_ref().map(|click| &*click.link)),
            Cell::maybe(event.click.as_ref().map(|click| click.id.as_str())),
            (&*self.device).into(),
            (&*self.browser).into(),
            (&*self.os).into(),
            Cell::maybe(event.country.as_deref()),
            Cell::maybe(event.region.as_deref()),
            consent_text(event.consent).into(),
            event.value.map_or(Cell::Empty, |value| Cell::Integer(value.minor)),
            event.value.map_or(Cell::Empty, |value| value.currency.to_string().into()),
            Cell::maybe(event.order_id.as_ref().map(|id| id.as_str())),
            Cell::maybe(event.properties.as_ref().map(|json| json.get())),
            Cell::maybe_time(event.hops.edge),
            Cell::maybe_time(event.hops.request),
            Cell::maybe_time(event.hops.queued),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.event, &other.event);
        let key = |event: &Event| (event.event_time, event.sequence);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.id.cmp(&b.id))
            .then_with(|| a.source.cmp(&b.source))
            .then_with(|| a.subject().cmp(&b.subject()))
    }
}

//! The tables whose rows the fold gives, and links and quarantine.

use super::cell::{Cell, Column, Row};
use millstream_event::control::Link;
use millstream_event::{Campaign, Position, Quarantine};
use millstream_pipeline::rows::{ClickRow, ConversionRow, CreditRow, SessionRow, TouchRow};
use std::cmp::Ordering;

/// Campaign, ad group, term, content: the fields beside source and medium.
fn campaign_cells<'a>(campaign: &'a Campaign, out: &mut Vec<Cell<'a>>) {
    let fields = [&campaign.name, &campaign.ad_group, &campaign.term, &campaign.content];
    out.extend(fields.into_iter().map(|field| Cell::maybe(field.as_deref())));
}

impl Row for SessionRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("session_id"),
        Column::text("anonymous_id"),
        Column::text("person_id"),
        Column::time("started_at"),
        Column::time("ended_at"),
        Column::integer("events"),
        Column::integer("page_views"),
        Column::text("source"),
        Column::text("medium"),
        Column::text("channel"),
        Column::text("campaign"),
        Column::text("ad_group"),
        Column::text("term"),
        Column::text("content"),
        Column::text("device"),
        Column::text("browser"),
        Column::text("os"),
        Column::text("country"),
        Column::text("region"),
        Column::text("entry_url"),
        Column::text("exit_url"),
        Column::flag("bot"),
        Column::integer("resolution_delay_us"),
    ];

    fn revision(&self) -> Option<u64> {
        Some(self.revision.0)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            self.session_id.into(),
            (&*self.anonymous_id).into(),
            self.person_id.into(),
            Cell::Time(self.started_at),
            Cell::Time(self.ended_at),
            Cell::count(self.events),
            Cell::count(self.page_views),
            (&*self.source).into(),
            (&*self.medium).into(),
            self.channel.as_str().into(),
        ]);
        campaign_cells(&self.campaign, out);
        out.extend([
            (&*self.device).into(),
            (&*self.browser).into(),
            (&*self.os).into(),
            Cell::maybe(self.country.as_deref()),
            Cell::maybe(self.region.as_deref()),
            Cell::maybe(self.entry_url.as_deref()),
            Cell::maybe(self.exit_url.as_deref()),
            Cell::Flag(self.bot),
            Cell::Integer(self.resolution_delay_micros),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.started_at, self.session_id).cmp(&(other.started_at, other.session_id))
    }
}

impl Row for TouchRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("touch_id"),
        Column::text("person_id"),
        Column::text("session_id"),
        Column::time("time"),
        Column::text("source"),
        Column::text("medium"),
        Column::text("channel"),
        Column::text("campaign"),
        Column::text("ad_group"),
        Column::text("term"),
        Column::text("content"),
        Column::text("link_id"),
        Column::text("click_id"),
        Column::flag("bot"),
    ];

    fn revision(&self) -> Option<u64> {
        Some(self.revision.0)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            self.touch_id.into(),
            self.person_id.into(),
            Cell::maybe_hash(self.session_id),
            Cell::Time(self.time),
            (&*self.source).into(),
            (&*self.medium).into(),
            self.channel.as_str().into(),
        ]);
        campaign_cells(&self.campaign, out);
        out.extend([
            Cell::maybe(self.link_id.as_deref()),
            Cell::maybe(self.click_id.as_ref().map(|id| id.as_str())),
            Cell::Flag(self.bot),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| (row.time, row.touch_id, row.person_id);
        key(self).cmp(&key(other))
    }
}

impl Row for ConversionRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("conversion_id"),
        Column::text("person_id"),
        Column::text("event_id"),
        Column::text("name"),
        Column::time("time"),
        Column::text("session_id"),
        Column::integer("value_minor"),
        Column::text("currency"),
        Column::text("order_id"),
        Column::integer("refunded_minor"),
    ];

    fn revision(&self) -> Option<u64> {
        Some(self.revision.0)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            self.conversion_id.into(),
            self.person_id.into(),
            (&*self.event_id).into(),
            (&*self.name).into(),
            Cell::Time(self.time),
            Cell::maybe_hash(self.session_id),
            self.value.map_or(Cell::Empty, |value| Cell::Integer(value.minor)),
            self.value.map_or(Cell::Empty, |value| value.currency.to_string().into()),
            Cell::maybe(self.order_id.as_deref()),
            Cell::Integer(self.refunded_minor),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| (row.time, row.conversion_id, row.person_id);
        key(self).cmp(&key(other))
    }
}

impl Row for CreditRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("conversion_id"),
        Column::text("person_id"),
        Column::text("touch_id"),
        Column::text("source"),
        Column::text("campaign"),
        Column::text("ad_group"),
        Column::text("channel"),
        Column::text("link_id"),
        Column::text("model"),
        Column::integer("weight_ppb"),
        Column::integer("amount_minor"),
        Column::text("currency"),
    ];

    fn revision(&self) -> Option<u64> {
        Some(self.revision.0)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            self.conversion_id.into(),
            self.person_id.into(),
            Cell::maybe_hash(self.touch_id),
            (&*self.source).into(),
            Cell::maybe(self.campaign.name.as_deref()),
            Cell::maybe(self.campaign.ad_group.as_deref()),
            self.channel.as_str().into(),
            Cell::maybe(self.link_id.as_deref()),
            self.model.into(),
            Cell::Integer(i64::from(self.weight_ppb)),
            self.amount.map_or(Cell::Empty, |amount| Cell::Integer(amount.minor)),
            self.amount.map_or(Cell::Empty, |amount| amount.currency.to_string().into()),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| (row.conversion_id, row.person_id, row.model, row.touch_id);
        key(self).cmp(&key(other))
    }
}

impl Row for ClickRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("click_id"),
        Column::text("link_id"),
        Column::time("time"),
        Column::text("landed_by"),
        Column::text("session_id"),
        Column::flag("rebuilt"),
        Column::flag("bot"),
    ];

    fn revision(&self) -> Option<u64> {
        None
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            self.click_id.as_str().into(),
            (&*self.link_id).into(),
            Cell::Time(self.time),
            Cell::maybe_hash(self.landed_by.map(|entity| entity.0)),
            Cell::maybe_hash(self.session_id),
            Cell::Flag(self.rebuilt),
            Cell::Flag(self.bot),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.time, &self.click_id).cmp(&(other.time, &other.click_id))
    }
}

/// One version of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// The version.
    pub link: Link,
    /// Its place in the control history.
    pub position: Position,
}

impl Row for LinkRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("link_id"),
        Column::integer("version"),
        Column::time("changed_at"),
        Column::text("destination"),
        Column::text("source"),
        Column::text("medium"),
        Column::text("campaign"),
        Column::text("ad_group"),
        Column::text("term"),
        Column::text("content"),
        Column::integer("status"),
        Column::text("owner"),
        Column::flag("enabled"),
    ];

    fn revision(&self) -> Option<u64> {
        Some(self.position.0)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let link = &self.link;
        out.extend([
            (&*link.slug).into(),
            Cell::Integer(i64::from(link.version)),
            Cell::Time(link.changed),
            (&*link.destination).into(),
            Cell::maybe(link.campaign.source.as_deref()),
            Cell::maybe(link.campaign.medium.as_deref()),
        ]);
        campaign_cells(&link.campaign, out);
        out.extend([
            Cell::Integer(i64::from(link.status)),
            (&*link.owner).into(),
            Cell::Flag(link.enabled),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        self.position.cmp(&other.position)
    }
}

/// One quarantined thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineRow(pub Quarantine);

impl Row for QuarantineRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("id"),
        Column::text("reason"),
        Column::text("detail"),
        Column::text("source"),
        Column::time("received_at"),
        Column::integer("bytes"),
        Column::text("raw"),
    ];

    fn revision(&self) -> Option<u64> {
        None
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let thing = &self.0;
        out.extend([
            thing.id.into(),
            thing.reason.as_str().into(),
            (&*thing.detail).into(),
            thing.source.as_str().into(),
            Cell::maybe_time(thing.received),
            Cell::Integer(i64::from(thing.bytes)),
            Cell::maybe(thing.raw.as_deref()),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.0.received, self.0.id).cmp(&(other.0.received, other.0.id))
    }
}

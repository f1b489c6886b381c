//! Rows of the derived tables: pure functions of entity state, in the shape that exports show.

use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{Campaign, Channel, ClickId, EntityId, Hash128, Money, Revision, Timestamp};
use millstream_stitch::Goods;

/// One session of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Hash of (device, first event).
    pub session_id: Hash128,
    /// The device's (or user's) own id as sent.
    pub anonymous_id: Box<str>,
    /// The person the device belongs to.
    pub person_id: EntityId,
    /// Time of its first event.
    pub started_at: Timestamp,
    /// Time of its last event.
    pub ended_at: Timestamp,
    /// Events in it.
    pub events: u64,
    /// Page and screen views in it.
    pub page_views: u64,
    /// Its first touch: source, medium, channel.
    pub source: Box<str>,
    /// Medium of the first touch.
    pub medium: Box<str>,
    /// Channel of the first touch.
    pub channel: Channel,
    /// Campaign fields of the first touch.
    pub campaign: Campaign,
    /// Device class: `desktop`, `mobile`, `tablet`, `bot`, `other`.
    pub device: Box<str>,
    /// Browser family.
    pub browser: Box<str>,
    /// Operating system family.
    pub os: Box<str>,
    /// Country of the first event.
    pub country: Option<Box<str>>,
    /// Region of the first event.
    pub region: Option<Box<str>>,
    /// Address of the first event that has one.
    pub entry_url: Option<Box<str>>,
    /// Address of the last event that has one.
    pub exit_url: Option<Box<str>>,
    /// True when an agent list or the event rate says that no person was there.
    pub bot: bool,
    /// Greatest receive stamp among members minus that of the last member in event order, at least 0.
    pub resolution_delay_micros: i64,
    /// Version of the device that produced this row.
    pub revision: Revision,
}

/// One touch of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchRow {
    /// Hash of (device, event).
    pub touch_id: Hash128,
    /// Whose touch.
    pub person_id: EntityId,
    /// The session it stands in; none for facts imported as bare touches.
    pub session_id: Option<Hash128>,
    /// When.
    pub time: Timestamp,
    /// Source, medium, channel as classified.
    pub source: Box<str>,
    /// Medium.
    pub medium: Box<str>,
    /// Channel.
    pub channel: Channel,
    /// Campaign fields.
    pub campaign: Campaign,
    /// The link, when one of ours led here.
    pub link_id: Option<Box<str>>,
    /// The click, when one of ours led here.
    pub click_id: Option<ClickId>,
    /// True for touches of bot sessions: never credited.
    pub bot: bool,
    /// Version of the item that brought it.
    pub revision: Revision,
}

/// One conversion of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionRow {
    /// Hash of the order, or of (device, event) where there is no order number.
    pub conversion_id: Hash128,
    /// Who converted.
    pub person_id: EntityId,
    /// The event that counts as the conversion.
    pub event_id: Box<str>,
    /// The business event's name.
    pub name: Box<str>,
    /// When.
    pub time: Timestamp,
    /// The session it stands in, if any.
    pub session_id: Option<Hash128>,
    /// Its value, where one was sent: with renewals, as last restated, without refunds.
    pub value: Option<Money>,
    /// Minor units of that currency that were refunded.
    pub refunded_minor: i64,
    /// Order number.
    pub order_id: Option<Box<str>>,
    /// What was sold and has not come back, where that is kept.
    pub goods: Vec<Goods>,
    /// Version of the item that brought it.
    pub revision: Revision,
}

/// A share of one conversion given to one touch under one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditRow {
    /// The conversion.
    pub conversion_id: Hash128,
    /// Who converted.
    pub person_id: EntityId,
    /// The touch; none for `(unattributed)`.
    pub touch_id: Option<Hash128>,
    /// Campaign of the touch.
    pub campaign: Campaign,
    /// Source of the touch.
    pub source: Box<str>,
    /// Channel of the touch.
    pub channel: Channel,
    /// Link of the touch.
    pub link_id: Option<Box<str>>,
    /// `first`, `last`, `last_non_direct`, `linear`.
    pub model: &'static str,
    /// Parts per billion; the credits of one conversion and model sum to 10^9.
    pub weight_ppb: u32,
    /// Its share of the value; the credits of one conversion and model sum to it.
    pub amount: Option<Money>,
    /// Version of the person that produced it.
    pub revision: Revision,
}

/// One person: a connected component of the identity graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// Smallest member.
    pub person_id: EntityId,
    /// Devices and other subjects that belong to it.
    pub devices: Vec<EntityId>,
    /// Live touches.
    pub touches: u64,
    /// Live conversions.
    pub conversions: u64,
    /// Version of the person.
    pub revision: Revision,
}

/// One click of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickRow {
    /// The click.
    pub click_id: ClickId,
    /// The link's slug.
    pub link_id: Box<str>,
    /// When it was redirected.
    pub time: Timestamp,
    /// The device that landed first with it, if any.
    pub landed_by: Option<EntityId>,
    /// The session of that landing.
    pub session_id: Option<Hash128>,
    /// True when only the landing tells of it.
    pub rebuilt: bool,
    /// True for known agents, previews and scanners.
    pub bot: bool,
}

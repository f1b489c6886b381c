//! Tables of anything: a resolved map says which column is which field of the contract.

use super::clock::parse_iso8601;
use super::identity;
use super::landing::{self, Landing, set_landing};
use super::receipt::{Fault, Outcome, Parsed, Receipt};
use super::value::{ValueFields, set_value_text};
use crate::arrival::{Arrival, NOT_SET};
use crate::campaign::{truncated, truncated_to};
use crate::channel::Channel;
use crate::click_token::ClickReference;
use crate::consent::StatedConsent;
use crate::envelope::{Event, EventKind, Surface};
use crate::hash::Hash128;
use crate::ids::{AnonymousId, ClickId, EventId, UserId};
use crate::quarantine::{Quarantine, QuarantineReason};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Where a field's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The same for every row.
    Constant(Box<str>),
    /// The column with this index.
    Column(usize),
    /// The column with this index, each text replaced by another; one that is not listed is an
    /// error of its row.
    Mapped(usize, BTreeMap<Box<str>, Box<str>>),
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 3339, or ISO 8601 as usually abbreviated, UTC where no offset is given.
    #[default]
    Rfc3339,
    /// Milliseconds since the Unix epoch.
    UnixMilliseconds,
    /// Seconds since the Unix epoch.
    UnixSeconds,
}

impl TimeFormat {
    /// `rfc3339`, `unix_ms` or `unix_s`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "rfc3339" => Self::Rfc3339,
            "unix_ms" => Self::UnixMilliseconds,
            "unix_s" => Self::UnixSeconds,
            _ => return None,
        })
    }

    fn read(self, text: &str) -> Option<Timestamp> {
        let stamp = match self {
            Self::Rfc3339 => parse_iso8601(text)?,
            Self::UnixMilliseconds => Timestamp::from_millis(text.parse().ok()?),
            Self::UnixSeconds => Timestamp(text.parse::<i64>().ok()?.checked_mul(1_000_000)?),
        };
        stamp.sane()
    }
}

macro_rules! targets {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The fields that a column can be mapped to, apart from the time.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Target { $($(#[$doc])* $variant,)* }

        impl Target {
            /// Every target's name in a map file.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            /// The target with this name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

targets! {
    /// `touch`, `conversion`, `page`, `screen`, `track` or `identify`; `track` where not mapped.
    Kind = "kind",
    /// The device.
    AnonymousId = "anonymous_id",
    /// The user.
    UserId = "user_id",
    /// Our click that led to it, by id or by `ms_click`: where the row names no device and no user, it
    /// is the one that landed with the click.
    ClickId = "click_id",
    /// SHA-256 of the trimmed, lower-case e-mail address, 64 hexadecimal digits: the user
    /// `email:HASH`, where the row names no user.
    EmailSha256 = "email_sha256",
    /// The event's id; a hash of the row where not mapped.
    EventId = "event_id",
    /// The action's name.
    Name = "name",
    /// The channel, as the data name it.
    Channel = "channel",
    /// `utm_source`
    Source = "source",
    /// `utm_medium`
    Medium = "medium",
    /// `utm_campaign`
    Campaign = "campaign",
    /// `utm_term`
    Term = "term",
    /// `utm_content`
    Content = "content",
    /// Ad group.
    AdGroup = "ad_group",
    /// Page address.
    Url = "url",
    /// Referrer.
    Referrer = "referrer",
    /// Amount, a decimal.
    Value = "value",
    /// ISO 4217 code; USD where not mapped.
    Currency = "currency",
    /// Order number.
    OrderId = "order_id",
    /// ISO 3166-1 alpha-2.
    Country = "country",
    /// Region.
    Region = "region",
    /// `User-Agent`
    UserAgent = "user_agent",
}

/// Which column is what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvMap {
    /// The time of the event.
    pub time: Origin,
    /// How it is written.
    pub time_format: TimeFormat,
    /// All other fields.
    pub fields: Vec<(Target, Origin)>,
}

/// Whoever landed with a click of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// A device.
    Device(AnonymousId),
    /// A user without a device.
    User(UserId),
}

/// Knows who landed with a click, if anybody did.
pub type Landings<'a> = &'a dyn Fn(&ClickId) -> Option<Visitor>;

/// A row under a map.
struct Row<'a> {
    map: &'a CsvMap,
    cells: &'a [&'a str],
    landings: Landings<'a>,
}

impl<'a> Row<'a> {
    fn text(&self, origin: &'a Origin, field: &str) -> Result<Option<&'a str>, Fault> {
        let cell = |column: usize| {
            let cell = self.cells.get(column).ok_or_else(|| Fault::missing("a mapped column"))?;
            Ok(Some(cell.trim()).filter(|text| !text.is_empty()))
        };
        match origin {
            Origin::Constant(text) => Ok(Some(text)),
            Origin::Column(column) => cell(*column),
            Origin::Mapped(column, values) => match cell(*column)? {
                Some(text) => match values.get(text) {
                    Some(value) => Ok(Some(value)),
                    None => Err(Fault::invalid(field, "has a text that the map does not list")),
                },
                None => Ok(None),
            },
        }
    }

    fn get(&self, target: Target) -> Result<Option<&'a str>, Fault> {
        let mapped = self.map.fields.iter().find(|(known, _)| *known == target);
        let name = Target::NAMES.get(target as usize).copied().unwrap_or_default();
        mapped.map_or(Ok(None), |(_, origin)| self.text(origin, name))
    }
}

/// One row to one event. `occurrence` counts equal rows over all files of one import, from 0, so
/// that the same import again gives the same ids. History has no receive stamp of its own: the
/// event's time stands for it. `landings` tells whose a row is that names but a click.
///
/// # Errors
/// Quarantine, with the field that is wrong.
pub fn parse(
    (map, landings): (&CsvMap, Landings<'_>),
    cells: &[&str],
    occurrence: u64,
    receipt: &Receipt<'_>,
) -> Outcome {
    let row = Row { map, cells, landings };
    event(&row, occurrence, receipt)
        .map(|event| Parsed { event, stated: StatedConsent::default(), address: None })
        .map_err(|fault| {
            let broken = receipt.quarantine(&cells.join(","), occurrence, fault);
            Quarantine { received: broken.received.or_else(|| time_of(&row)), ..broken }
        })
}

/// The time of a row that may be broken elsewhere.
fn time_of(row: &Row<'_>) -> Option<Timestamp> {
    row.map.time_format.read(row.text(&row.map.time, "time").ok()??)
}

fn event(row: &Row<'_>, occurrence: u64, receipt: &Receipt<'_>) -> Result<Event, Fault> {
    let time = row.text(&row.map.time, "time")?.ok_or_else(|| Fault::missing("time"))?;
    let time = row.map.time_format.read(time);
    let time = time.ok_or_else(|| Fault::invalid("time", "is not a time of the mapped format"))?;
    let kind = match row.get(Target::Kind)? {
        None | Some("track") => EventKind::Track,
        Some("touch") => EventKind::Touch,
        Some("conversion") => EventKind::Conversion,
        Some("page") => EventKind::Page,
        Some("screen") => EventKind::Screen,
        Some("identify") => EventKind::Identify,
        Some(_) => {
            let detail = "kind is none of touch, conversion, page, screen, track, identify";
            return Err(Fault::new(QuarantineReason::UnknownType, detail));
        }
    };
    let stated = identity::from_text("event_id", row.get(Target::EventId)?, EventId::parse)?;
    let id = stated.unwrap_or_else(|| row_id(row.cells, occurrence));
    let mut event = receipt.event(id, kind, time);
    set_identity(&mut event, row, receipt)?;
    event.name = row.get(Target::Name)?.map(|name| truncated(name).into());
    if kind == EventKind::Track && event.name.is_none() {
        return Err(Fault::missing("name"));
    }
    event.country =
        row.get(Target::Country)?.map(|text| truncated_to(text, 2).to_ascii_uppercase().into());
    event.region = row.get(Target::Region)?.map(|text| truncated(text).into());
    event.user_agent = row.get(Target::UserAgent)?.and_then(landing::user_agent);
    if kind != EventKind::Touch {
        let amount = row.get(Target::Value)?;
        let (currency, order) = (row.get(Target::Currency)?, row.get(Target::OrderId)?);
        set_value_text(&mut event, ValueFields { amount, currency, order });
    }
    set_arrival(&mut event, row, receipt)?;
    Ok(event)
}

fn row_id(cells: &[&str], occurrence: u64) -> EventId {
    let occurrence = occurrence.to_le_bytes();
    let mut parts: Vec<&[u8]> = cells.iter().map(|cell| cell.as_bytes()).collect();
    parts.push(&occurrence);
    EventId::of_hash(Hash128::of("csv", &parts))
}

fn set_identity(event: &mut Event, row: &Row<'_>, receipt: &Receipt<'_>) -> Result<(), Fault> {
    let (device, user) = (row.get(Target::AnonymousId)?, row.get(Target::UserId)?);
    event.anonymous_id = identity::from_text("anonymous_id", device, AnonymousId::parse)?;
    event.user_id = identity::from_text("user_id", user, UserId::parse)?;
    if event.user_id.is_none() {
        event.user_id = row.get(Target::EmailSha256)?.map(user_of_email).transpose()?;
    }
    if event.anonymous_id.is_some() || event.user_id.is_some() {
        return Ok(());
    }
    let Some(text) = row.get(Target::ClickId)? else {
        let detail = "none of anonymous_id, user_id, email_sha256, click_id is there";
        return Err(Fault::new(QuarantineReason::NoIdentity, detail));
    };
    let token = receipt.click_key.and_then(|key| ClickReference::from_token(key, text).ok());
    let click = token.map(|token| token.id).or_else(|| ClickId::parse(text));
    match click.as_ref().and_then(row.landings) {
        Some(Visitor::Device(device)) => event.anonymous_id = Some(device),
        Some(Visitor::User(user)) => event.user_id = Some(user),
        None => {
            let detail = "nobody is known to have landed with this click_id; import the row again once somebody has";
            return Err(Fault::new(QuarantineReason::NoIdentity, detail));
        }
    }
    Ok(())
}

/// The user that a hashed e-mail address stands for: an alias joins it to the site's own.
fn user_of_email(text: &str) -> Result<UserId, Fault> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let user = alloc::format!("email:{}", text.to_ascii_lowercase());
    UserId::parse(&user)
        .filter(|_| is_hash)
        .ok_or_else(|| Fault::invalid("email_sha256", "is not 64 hexadecimal digits"))
}

/// Page and campaign; a channel that the data name goes before the table of channels.
fn set_arrival(event: &mut Event, row: &Row<'_>, receipt: &Receipt<'_>) -> Result<(), Fault> {
    let campaign = [
        (Target::Source, "utm_source"),
        (Target::Medium, "utm_medium"),
        (Target::Campaign, "utm_campaign"),
        (Target::Term, "utm_term"),
        (Target::Content, "utm_content"),
        (Target::AdGroup, "utm_adgroup"),
    ];
    for (target, parameter) in campaign {
        if let Some(value) = row.get(target)? {
            event.campaign.take_parameter(parameter, value);
        }
    }
    let (url, referrer) = (row.get(Target::Url)?, row.get(Target::Referrer)?);
    event.surface = match event.kind {
        EventKind::Page => Surface::Browser,
        EventKind::Screen => Surface::App,
        _ if url.is_some() => Surface::Browser,
        _ => Surface::Server,
    };
    set_landing(event, Landing { url, referrer, ..Landing::default() }, receipt);
    if event.kind == EventKind::Conversion {
        event.arrival = None;
        return Ok(());
    }
    if let Some(channel) = row.get(Target::Channel)? {
        let told = event.arrival.take();
        let (source, medium) =
            told.map_or((channel.into(), NOT_SET.into()), |a| (a.source, a.medium));
        event.arrival = Some(Arrival { source, medium, channel: Channel::new(channel) });
    }
    if event.kind == EventKind::Touch && event.arrival.is_none() {
        return Err(Fault::missing("channel, source or referrer"));
    }
    Ok(())
}

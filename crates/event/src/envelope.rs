//! The envelope: what one event is, whatever wire format it came in.
//!
//! Stored as JSON with short keys; free properties stay as the client wrote them. The record
//! header carries the contract version; [`decode`] reads every version up to the current one.

use crate::arrival::Arrival;
use crate::campaign::Campaign;
use crate::click_token::ClickReference;
use crate::consent::Consent;
use crate::ids::{AnonymousId, EntityId, EventId, OrderId, SourceId, UserId};
use crate::json::RawJson;
pub use crate::kind::{EventKind, Surface};
use crate::money::Money;
use crate::time::{Span, Timestamp};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The version of the contract that this code writes.
pub const CONTRACT_VERSION: u16 = 1;

/// The page an event happened on. URLs are kept as sent, at most [`Page::URL_BYTES_MAX`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Address, absolute where the client knew it.
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    pub url: Option<Box<str>>,
    /// Referrer, absolute.
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub referrer: Option<Box<str>>,
    /// Title.
    #[serde(rename = "t", skip_serializing_if = "Option::is_none")]
    pub title: Option<Box<str>>,
}

impl Page {
    /// Longest URL kept.
    pub const URL_BYTES_MAX: usize = 2_048;
}

/// How the client's clock was corrected: raw stamps stay beside the corrected time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Correction {
    /// The client's own time of the event.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub client: Option<Timestamp>,
    /// The client's own time of sending.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
    /// What was added to the client's time; zero within +-60 s.
    #[serde(rename = "d", skip_serializing_if = "is_zero")]
    pub shift: Span,
}

fn is_zero(span: &Span) -> bool {
    span.0 == 0
}

/// One stamp per hop the event passed before it was logged, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hops {
    /// An edge node accepted it.
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    pub edge: Option<Timestamp>,
    /// Capture had read the request's head.
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub request: Option<Timestamp>,
    /// Capture had parsed it and handed it to the log.
    #[serde(rename = "q", skip_serializing_if = "Option::is_none")]
    pub queued: Option<Timestamp>,
}

/// Flags "of which", as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(pub u16);

impl Flags {
    /// Kept without some enrichment.
    pub const DEGRADED: Self = Self(1);
    /// Consent removed fields.
    pub const RESTRICTED: Self = Self(1 << 1);
    /// Came through an import: never late, dedup kept as long as the tables.
    pub const IMPORTED: Self = Self(1 << 2);
    /// The client's clock made no sense; the event carries the receive time.
    pub const CLOCK: Self = Self(1 << 3);
    /// A prefetch, preview or headless hint of the request itself, or a visitor in a data centre.
    pub const AUTOMATED: Self = Self(1 << 4);

    /// Degraded: an amount, currency or order number could not be read.
    pub const VALUE_UNREAD: Self = Self(1 << 5);
    /// Degraded: a click of ours did not verify.
    pub const CLICK_UNBELIEVED: Self = Self(1 << 6);
    /// Degraded: the configured country database could not be used; the country is by the one that
    /// comes with the program.
    pub const COUNTRY_FALLBACK: Self = Self(1 << 7);
    /// Degraded: read again from quarantine, where nothing of the request but its text is kept.
    pub const FROM_QUARANTINE: Self = Self(1 << 8);
    /// Degraded: the configured list of data centres could not be used.
    pub const DATA_CENTRES_UNREAD: Self = Self(1 << 9);

    /// Why an event is degraded, with the stable names of the causes.
    pub const CAUSES: [(Self, &'static str); 5] = [
        (Self::VALUE_UNREAD, "value"),
        (Self::CLICK_UNBELIEVED, "click"),
        (Self::COUNTRY_FALLBACK, "country_database"),
        (Self::FROM_QUARANTINE, "from_quarantine"),
        (Self::DATA_CENTRES_UNREAD, "data_centres"),
    ];

    /// Degraded, by this cause.
    #[must_use]
    pub const fn degraded_by(self, cause: Self) -> Self {
        self.with(Self::DEGRADED).with(cause)
    }

    /// True when every bit of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// With the bits of `other` cleared.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn none(&self) -> bool {
        self.0 == 0
    }
}

/// One event, contract version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Identity within (source, subject).
    #[serde(rename = "id")]
    pub id: EventId,
    /// What kind of thing happened.
    #[serde(rename = "k")]
    pub kind: EventKind,
    /// The action's name, for named kinds.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// The configured source it came from.
    #[serde(rename = "src")]
    pub source: SourceId,
    /// The device.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub anonymous_id: Option<AnonymousId>,
    /// The user, as the site knows it.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// For `alias`: the other user id.
    #[serde(rename = "prev", default, skip_serializing_if = "Option::is_none")]
    pub previous_id: Option<UserId>,
    /// For `group`.
    #[serde(rename = "grp", default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<Box<str>>,
    /// The SDK's own counter, or 0.
    #[serde(rename = "q", default, skip_serializing_if = "is_zero_u64")]
    pub sequence: u64,
    /// Round trip that the client measured or was told of, in milliseconds.
    #[serde(rename = "rt", default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// Corrected time of the event; never after `received`.
    #[serde(rename = "t")]
    pub event_time: Timestamp,
    /// When it reached the first system that logged it.
    #[serde(rename = "rx")]
    pub received: Timestamp,
    /// Raw client stamps and the correction.
    #[serde(rename = "cor", default)]
    pub correction: Correction,
    /// Where it was made.
    #[serde(rename = "sf", default)]
    pub surface: Surface,
    /// The page.
    #[serde(rename = "pg", default)]
    pub page: Page,
    /// Campaign fields of this very event's page.
    #[serde(rename = "cp", default, skip_serializing_if = "Campaign::is_empty")]
    pub campaign: Campaign,
    /// Set when the event is a campaign-bearing arrival: source, medium and channel as classified.
    #[serde(rename = "ar", default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
    /// The click of ours that led here (landing), or that this is (click).
    #[serde(rename = "ck", default, skip_serializing_if = "Option::is_none")]
    pub click: Option<ClickReference>,
    /// `User-Agent`, at most 512 bytes.
    #[serde(rename = "ua", default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Box<str>>,
    /// ISO 3166-1 alpha-2 country of the client address, which itself is not kept.
    #[serde(rename = "co", default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// Region: from the country's database or the client's own word.
    #[serde(rename = "rg", default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Box<str>>,
    /// Locale, time zone, screen and connection as the client says, where it does.
    #[serde(rename = "hint", default, skip_serializing_if = "Option::is_none")]
    pub device_hints: Option<DeviceHints>,
    /// What may be done with it.
    #[serde(rename = "cs")]
    pub consent: Consent,
    /// Flags "of which".
    #[serde(rename = "f", default, skip_serializing_if = "Flags::none")]
    pub flags: Flags,
    /// Value of a conversion.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Money>,
    /// Order number.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Free properties, one JSON object.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<RawJson>,
    /// Traits of the user or group, one JSON object.
    #[serde(rename = "tr", default, skip_serializing_if = "Option::is_none")]
    pub traits: Option<RawJson>,
    /// The client's context, one JSON object, as sent.
    #[serde(rename = "cx", default, skip_serializing_if = "Option::is_none")]
    pub context: Option<RawJson>,
    /// Which destinations the client asks for, one JSON object, as sent.
    #[serde(rename = "int", default, skip_serializing_if = "Option::is_none")]
    pub integrations: Option<RawJson>,
    /// One stamp per hop.
    #[serde(rename = "h", default)]
    pub hops: Hops,
}

/// What the client says of its device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceHints {
    /// BCP 47 locale.
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    pub locale: Option<Box<str>>,
    /// IANA time zone.
    #[serde(rename = "z", skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Box<str>>,
    /// `WIDTHxHEIGHT` in CSS pixels.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub screen: Option<Box<str>>,
    /// Connection type, such as `wifi` or `4g`.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub connection: Option<Box<str>>,
    /// Operating system as the client names it.
    #[serde(rename = "o", skip_serializing_if = "Option::is_none")]
    pub os: Option<Box<str>>,
}

fn is_zero_u64(value: &u64) -> bool {
    *value == 0
}

impl Event {
    /// An event of which nothing is known but these; its time is that of its receipt.
    pub fn new(id: EventId, kind: EventKind, source: SourceId, received: Timestamp) -> Self {
        Self {
            id,
            kind,
            name: None,
            source,
            anonymous_id: None,
            user_id: None,
            previous_id: None,
            group_id: None,
            sequence: 0,
            round_trip_ms: None,
            event_time: received,
            received,
            correction: Correction::default(),
            surface: Surface::default(),
            page: Page::default(),
            campaign: Campaign::default(),
            arrival: None,
            click: None,
            user_agent: None,
            country: None,
            region: None,
            device_hints: None,
            consent: Consent::DEFAULT_ALL,
            flags: Flags::default(),
            value: None,
            order_id: None,
            properties: None,
            traits: None,
            context: None,
            integrations: None,
            hops: Hops::default(),
        }
    }

    /// Whose event it is: the click, else the device, else the user, else the event itself.
    pub fn subject(&self) -> EntityId {
        match (&self.kind, &self.click, &self.anonymous_id, &self.user_id) {
            (EventKind::Click, Some(click), ..) => EntityId::click(&click.id),
            (_, _, Some(device), _) => EntityId::device(device),
            (_, _, None, Some(user)) => EntityId::user(user),
            (_, _, None, None) => EntityId::lone_event(&self.source, &self.id),
        }
    }

    /// True when the event is part of a session: page views and screens, and any other event made
    /// in a browser or an app, save bare web-server requests and facts known from elsewhere.
    pub const fn forms_session(&self) -> bool {
        match self.kind {
            EventKind::Page | EventKind::Screen => true,
            EventKind::Track | EventKind::Identify | EventKind::Group | EventKind::Alias => {
                matches!(self.surface, Surface::Browser | Surface::App)
            }
            _ => false,
        }
    }

    /// The payload of its record: JSON, contract version [`CONTRACT_VERSION`].
    ///
    /// # Errors
    /// None in this version of the contract.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        Ok(out)
    }

    /// As [`Self::encode`], behind what `out` holds.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        crate::encoding::write_event(out, self);
    }
}

/// Why a payload could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer version of the contract.
    #[error(
        "contract version {0} is unknown: this version reads up to {CONTRACT_VERSION}; run the newer one"
    )]
    Unknown(u16),
    /// The payload does not hold what its version promises.
    #[error("the payload is not an event of contract version {version}: {source}")]
    Broken {
        /// Version in the header.
        version: u16,
        /// What the JSON parser said.
        source: serde_json::Error,
    },
}

/// Reads an event of any contract version up to the current one. A new version adds an arm here
/// that reads the old shape and converts it.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(version: u16, payload: &[u8]) -> Result<Event, DecodeError> {
    match version {
        1 => serde_json::from_slice(payload)
            .map_err(|source| DecodeError::Broken { version, source }),
        other => Err(DecodeError::Unknown(other)),
    }
}

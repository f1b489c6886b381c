//! What is known of a message beside its bytes, and what comes out of it.

use super::members;
use crate::consent::{Consent, StatedConsent};
use crate::control::Settings;
use crate::envelope::{Event, EventKind, Flags};
use crate::hash::Hash128;
use crate::ids::{EventId, SourceId};
use crate::quarantine::{Quarantine, QuarantineReason};
use crate::time::Timestamp;
use alloc::boxed::Box;

/// All that a parser is told beside the bytes.
#[derive(Clone, Debug)]
pub struct Receipt<'a> {
    /// The configured source: owner of the write key, or the one named at import.
    pub source: SourceId,
    /// When the message was received.
    pub received: Timestamp,
    /// When its head had been read, for the hop stamps.
    pub request: Option<Timestamp>,
    /// `User-Agent` of the request.
    pub user_agent: Option<&'a str>,
    /// Country of the client address.
    pub country: Option<&'a str>,
    /// Region of the client address.
    pub region: Option<&'a str>,
    /// Consent as known outside the body: cookie, header, region, default.
    pub consent: Consent,
    /// Flags that hold for every event of the message, such as [`Flags::IMPORTED`].
    pub flags: Flags,
    /// Keep the text of what goes to quarantine: only where consent is known outside the body and
    /// the text names no client address.
    pub keep_raw: bool,
    /// Our number in the European list of vendors, where we have one.
    pub vendor: Option<u64>,
    /// Own domains and excluded referrers.
    pub settings: &'a Settings,
    /// The key of `ms_click`; without it no click of ours is believed.
    pub click_key: Option<&'a [u8; 32]>,
}

impl<'a> Receipt<'a> {
    /// A receipt of which only source, time and settings are known, everything consented.
    pub const fn new(source: SourceId, received: Timestamp, settings: &'a Settings) -> Self {
        Self {
            source,
            received,
            request: None,
            user_agent: None,
            country: None,
            region: None,
            consent: Consent::DEFAULT_ALL,
            flags: Flags(0),
            keep_raw: false,
            vendor: None,
            settings,
            click_key: None,
        }
    }

    /// True when the message is history and not fresh from a client.
    pub const fn imported(&self) -> bool {
        self.flags.has(Flags::IMPORTED)
    }

    /// An event of this message, with all that the receipt alone tells of it.
    pub fn event(&self, id: EventId, kind: EventKind, received: Timestamp) -> Event {
        let mut event = Event::new(id, kind, self.source.clone(), received);
        event.flags = self.flags;
        event.consent = self.consent;
        event.hops.request = self.request;
        event
    }

    /// Quarantine for `raw`, whose identity is its bytes and `occurrence`. History was not received
    /// now: its own time is for the format to find.
    pub fn quarantine(&self, raw: &str, occurrence: u64, why: Fault) -> Quarantine {
        let keep = self.keep_raw && why.reason != QuarantineReason::TooLarge;
        Quarantine {
            id: Hash128::of("quarantine", &[raw.as_bytes(), &occurrence.to_le_bytes()]),
            reason: why.reason,
            detail: why.detail,
            source: self.source.clone(),
            received: (!self.imported()).then_some(self.received),
            bytes: u32::try_from(raw.len()).unwrap_or(u32::MAX),
            raw: keep.then(|| raw.into()),
            resolved: false,
        }
    }
}

/// How large and how complex one event may be; every bound is inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event's JSON text.
    pub event_bytes: usize,
    /// Events of one batch.
    pub batch_events: usize,
    /// Nesting of objects and arrays.
    pub depth: usize,
    /// Members of all objects of one event together.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event_bytes: 32 * 1024, batch_events: 2_500, depth: 32, members: 2_000 }
    }
}

/// An event as parsed, before consent is enforced on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The event. Its consent is the receipt's, overridden by what the event itself states.
    pub event: Event,
    /// What the event itself states of consent.
    pub stated: StatedConsent,
    /// The client address that a server states on behalf of a client: tells the country, which
    /// the event then does not carry yet, and is never stored.
    pub address: Option<Box<str>>,
}

/// What became of one event of a message.
pub type Outcome = Result<Parsed, Quarantine>;

/// Why one event breaks the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable reason.
    pub reason: QuarantineReason,
    /// Which field, and what is wrong with it. Never quotes the client's values.
    pub detail: Box<str>,
}

impl Fault {
    /// A fault by reason and detail.
    pub fn new(reason: QuarantineReason, detail: &str) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// A field that is there, but wrong.
    pub fn invalid(field: &str, wrong: &str) -> Self {
        let detail = alloc::format!("{field} {wrong}");
        Self { reason: QuarantineReason::InvalidField, detail: detail.into() }
    }

    /// A field that must be there.
    pub fn missing(field: &str) -> Self {
        let detail = alloc::format!("{field} is missing");
        Self { reason: QuarantineReason::MissingField, detail: detail.into() }
    }
}

/// Why a whole message is refused: nothing of it is kept, the client is told.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not UTF-8.
    #[error("the body is not UTF-8 text: send JSON encoded as UTF-8")]
    NotText,
    /// Not JSON, or not of the message's form.
    #[error("the body is not the JSON object that is due: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A member whose name names no characters.
    #[error("a member name of the body is not readable text: escape it as JSON does")]
    UnreadableName,
    /// No list of events where one is due.
    #[error("the body has no array `{0}`: put the events there")]
    NoList(&'static str),
    /// Two lists of events where one is due.
    #[error("the body has more than one `{0}`: send one")]
    Repeated(&'static str),
    /// More events than one message may hold.
    #[error("the message holds {count} events, the limit is {max}: send smaller batches")]
    TooManyEvents {
        /// Events in the message.
        count: usize,
        /// Most that are accepted.
        max: usize,
    },
}

impl Refusal {
    /// Why a text is not the JSON object that is due, in the words of the library.
    pub(super) fn no_object(text: &str) -> Self {
        match members::check(text, &[]) {
            Err(error) => Self::NotJson(error),
            Ok([]) => Self::UnreadableName,
        }
    }

    /// The body as text.
    pub(super) fn text_of(body: &[u8]) -> Result<&str, Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        core::str::from_utf8(body).map_err(|_| Self::NotText)
    }
}

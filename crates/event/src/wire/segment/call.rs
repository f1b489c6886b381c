//! One call: an item of a batch, or a body of its own.

use super::context::{Context, Merged};
use super::item::Item;
use crate::campaign::truncated;
use crate::envelope::{Event, EventKind};
use crate::ids::{AnonymousId, EventId, UserId};
use crate::json::RawJson;
use crate::quarantine::QuarantineReason;
use crate::time::Timestamp;
use crate::wire::clock::{Stamp, set_event_time};
use crate::wire::landing::set_landing;
use crate::wire::outline::{Object, outline};
use crate::wire::receipt::{Fault, Parsed, Receipt};
use crate::wire::value::set_value;
use crate::wire::walk::Walk;
use crate::wire::{canonical, identity, scalar};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The calls of the API that stand for one event each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A named action.
    Track,
    /// A page view.
    Page,
    /// An app screen.
    Screen,
    /// A device tells its user.
    Identify,
    /// A user tells its group.
    Group,
    /// Two user ids name one person.
    Alias,
    /// A device is not that user's: what linked them up to here is void. Ours, not Segment's.
    Unlink,
}

impl Call {
    /// By its name, or by the one-letter form of browser SDKs' paths.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "track" | "t" => Self::Track,
            "page" | "p" => Self::Page,
            "screen" | "s" => Self::Screen,
            "identify" | "i" => Self::Identify,
            "group" | "g" => Self::Group,
            "alias" | "a" => Self::Alias,
            "unlink" => Self::Unlink,
            _ => return None,
        })
    }

    const fn kind(self) -> EventKind {
        match self {
            Self::Track => EventKind::Track,
            Self::Page => EventKind::Page,
            Self::Screen => EventKind::Screen,
            Self::Identify => EventKind::Identify,
            Self::Group => EventKind::Group,
            Self::Alias => EventKind::Alias,
            Self::Unlink => EventKind::Unlink,
        }
    }
}

/// What a message says for all its events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shared<'a> {
    pub sent: Stamp,
    pub context: Option<&'a str>,
    pub integrations: Option<&'a str>,
}

/// Reads an item of good form and allowed size, by its text and its outline.
pub(super) fn parse(
    call: Option<Call>,
    item: (&str, Object<'_>),
    shared: &Shared<'_>,
    receipt: &Receipt<'_>,
) -> Result<Parsed, Fault> {
    let fields = Item::read(item)?;
    let call = match call {
        Some(call) => call,
        None => stated_call(fields.kind)?,
    };
    let id = message_id(fields.message_id).unwrap_or_else(|| canonical::event_id(item.0, b""));
    let received = received_at(&fields, receipt);
    let mut event = receipt.event(id, call.kind(), received);
    set_identity(&mut event, call, &fields)?;
    set_client_time(&mut event, &fields, shared);

    let unreadable = || Fault::invalid("context", "has member names that are not readable text");
    let own = fields.of_context().ok_or_else(unreadable)?;
    let merged = Merged::of(fields.context, &own, shared.context).map_err(|_| unreadable())?;
    // What was found belongs to the item's own context, and only while nothing was added to it.
    let mut members = Vec::new();
    let context = match (&merged.context, fields.context) {
        (Some(Cow::Borrowed(_)), Some(_)) | (None, _) => Some(own),
        (Some(text), _) => outline(&mut Walk::new(text), &mut members)
            .and_then(|()| Context::read(Object::new(text, &members))),
    };
    let context = context.ok_or_else(unreadable)?;
    event.surface = context.surface(call, receipt);
    context.describe(&mut event, receipt, merged.address.is_some());
    set_body(&mut event, call, &fields)?;
    context.set_campaign(&mut event);
    let mut page = context.page();
    if call == Call::Page {
        page = page.or(fields.of_properties()?.page());
    }
    set_landing(&mut event, page.landing(), receipt);
    event.traits = match (fields.traits, call) {
        (None, Call::Identify) => context.traits(),
        (traits, _) => traits.map(RawJson::checked),
    };
    event.properties = fields.properties.map(RawJson::checked);
    event.integrations = fields.integrations.or(shared.integrations).map(RawJson::checked);
    event.context = merged.context.as_deref().map(RawJson::checked);
    let stated = context.stated_consent(receipt.vendor);
    event.consent = receipt.consent.overridden(stated);
    Ok(Parsed { event, stated, address: merged.address })
}

fn stated_call(kind: Option<&str>) -> Result<Call, Fault> {
    let kind = kind.and_then(scalar::text).ok_or_else(|| {
        Fault::new(
            QuarantineReason::UnknownType,
            "type is missing: track, page, screen, identify, group, alias or unlink",
        )
    })?;
    Call::parse(&kind).filter(|_| kind.len() > 1).ok_or_else(|| {
        Fault::new(
            QuarantineReason::UnknownType,
            "type is none of track, page, screen, identify, group, alias, unlink",
        )
    })
}

/// A usable `messageId`; one that is too long or holds control characters is none.
fn message_id(value: Option<&str>) -> Option<EventId> {
    EventId::parse(&scalar::text_or_number(value?)?)
}

/// Imported history brings the receive stamp of whoever collected it; a live client may not.
fn received_at(fields: &Item<'_>, receipt: &Receipt<'_>) -> Timestamp {
    let original = Stamp::from_json(fields.received).instant();
    original.filter(|_| receipt.imported()).unwrap_or(receipt.received)
}

fn set_client_time(event: &mut Event, fields: &Item<'_>, shared: &Shared<'_>) {
    let client = match Stamp::from_json(fields.original) {
        Stamp::Absent => Stamp::from_json(fields.timestamp),
        original => original,
    };
    let sent = match shared.sent {
        Stamp::Absent => Stamp::from_json(fields.sent),
        sent => sent,
    };
    set_event_time(event, client, sent);
    let sequence = fields.sequence.and_then(scalar::whole);
    event.sequence = sequence.and_then(|sequence| sequence.try_into().ok()).unwrap_or(0);
}

fn set_identity(event: &mut Event, call: Call, fields: &Item<'_>) -> Result<(), Fault> {
    event.anonymous_id =
        identity::from_json("anonymousId", fields.anonymous_id, AnonymousId::parse)?;
    event.user_id = identity::from_json("userId", fields.user_id, UserId::parse)?;
    event.previous_id = identity::from_json("previousId", fields.previous_id, UserId::parse)?;
    if call == Call::Alias && event.previous_id.is_none() {
        return Err(Fault::missing("previousId"));
    }
    if call == Call::Unlink {
        let missing =
            [("anonymousId", event.anonymous_id.is_none()), ("userId", event.user_id.is_none())];
        if let Some((name, _)) = missing.iter().find(|(_, missing)| *missing) {
            return Err(Fault::missing(name));
        }
    }
    if event.anonymous_id.is_none() && event.user_id.is_none() {
        let detail = "neither userId nor anonymousId is there";
        return Err(Fault::new(QuarantineReason::NoIdentity, detail));
    }
    Ok(())
}

/// Name, value, group: what the call is about.
fn set_body(event: &mut Event, call: Call, fields: &Item<'_>) -> Result<(), Fault> {
    let said = |field: Option<&str>| {
        scalar::some_text(field).map(|text| truncated(scalar::trim(&text)).into())
    };
    match call {
        Call::Track => {
            event.name = said(fields.event);
            event.name.is_some().then_some(()).ok_or_else(|| Fault::missing("event"))?;
            set_value(event, fields.of_properties()?.value());
        }
        Call::Page | Call::Screen => {
            let properties = fields.of_properties()?;
            event.name = said(fields.name).or_else(|| said(properties.name()));
        }
        Call::Group => {
            let group = fields.group_id.and_then(scalar::text_or_number);
            let group = group.filter(|group| !group.trim().is_empty());
            let group = group.ok_or_else(|| Fault::missing("groupId"))?;
            event.group_id = Some(truncated(group.trim()).into());
        }
        Call::Identify | Call::Alias | Call::Unlink => {}
    }
    Ok(())
}

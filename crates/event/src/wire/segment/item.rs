//! The members of a call that are read, and those of its properties.

use super::context::Context;
use super::page::PageFields;
use crate::quarantine::QuarantineReason;
use crate::wire::names::Names;
use crate::wire::outline::{Found, Object};
use crate::wire::receipt::Fault;
use crate::wire::scalar;
use crate::wire::value::ValueFields;

const NAMES: Names<17> = Names::new([
    "type",
    "messageId",
    "anonymousId",
    "userId",
    "previousId",
    "groupId",
    "event",
    "name",
    "originalTimestamp",
    "timestamp",
    "sentAt",
    "receivedAt",
    "sequence",
    "integrations",
    "properties",
    "traits",
    "context",
]);
const PROPERTIES: usize = 14;
const CONTEXT: usize = 16;

/// The members of a call, as JSON text.
pub(super) struct Item<'a> {
    pub kind: Option<&'a str>,
    pub message_id: Option<&'a str>,
    pub anonymous_id: Option<&'a str>,
    pub user_id: Option<&'a str>,
    pub previous_id: Option<&'a str>,
    pub group_id: Option<&'a str>,
    pub event: Option<&'a str>,
    pub name: Option<&'a str>,
    pub original: Option<&'a str>,
    pub timestamp: Option<&'a str>,
    pub sent: Option<&'a str>,
    pub received: Option<&'a str>,
    pub sequence: Option<&'a str>,
    pub properties: Option<&'a str>,
    pub traits: Option<&'a str>,
    pub context: Option<&'a str>,
    pub integrations: Option<&'a str>,
    found: Found<'a, 17>,
}

impl<'a> Item<'a> {
    /// Reads an item, by its text and its outline.
    pub(super) fn read((text, item): (&'a str, Object<'a>)) -> Result<Self, Fault> {
        if !scalar::is_object(text) {
            return Err(Fault::new(QuarantineReason::NotAnObject, "an event is a JSON object"));
        }
        let unreadable = || Fault::invalid("a member name", "is not readable text");
        let found = item.read(&NAMES).ok_or_else(unreadable)?;
        let [
            kind,
            message_id,
            anonymous_id,
            user_id,
            previous_id,
            group_id,
            event,
            name,
            original,
            timestamp,
            sent,
            received,
            sequence,
            integrations,
            properties,
            traits,
            context,
        ] = found.all();
        Ok(Self {
            kind,
            message_id,
            anonymous_id,
            user_id,
            previous_id,
            group_id,
            event,
            name,
            original,
            timestamp,
            sent,
            received,
            sequence,
            properties: object("properties", properties)?,
            traits: object("traits", traits)?,
            context: object("context", context)?,
            integrations: object("integrations", integrations).unwrap_or_default(),
            found,
        })
    }

    /// What stands in `properties`.
    pub(super) fn of_properties(&self) -> Result<Properties<'a>, Fault> {
        let unreadable =
            || Fault::invalid("properties", "has member names that are not readable text");
        self.found.inner(PROPERTIES, &Properties::NAMES).map(Properties).ok_or_else(unreadable)
    }

    /// What stands in `context`; `None` when a name there is no text.
    pub(super) fn of_context(&self) -> Option<Context<'a>> {
        Context::within(&self.found, CONTEXT)
    }
}

/// An object, if it is there; an empty list stands for an empty object.
fn object<'a>(field: &str, value: Option<&'a str>) -> Result<Option<&'a str>, Fault> {
    match value {
        Some(text) if scalar::is_empty(text) => Ok(None),
        Some(text) if !scalar::is_object(text) => Err(Fault::invalid(field, "is not an object")),
        other => Ok(other),
    }
}

/// The members of properties that mean something, as JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties<'a>(Found<'a, 12>);

impl<'a> Properties<'a> {
    const NAMES: Names<12> = Names::new([
        "revenue", "value", "total", "currency", "order_id", "orderId", "name", "url", "path",
        "search", "referrer", "title",
    ]);

    /// What the event is worth, in which currency, and by which order.
    pub(super) fn value(&self) -> ValueFields<'a> {
        let [revenue, value, total, currency, order, order_camel, ..] = self.0.all();
        ValueFields { amount: revenue.or(value).or(total), currency, order: order.or(order_camel) }
    }

    /// What it calls the thing.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.0.get(6)
    }

    /// The page that a `page` call is of.
    pub(super) fn page(&self) -> PageFields<'a> {
        let [.., url, path, search, referrer, title] = self.0.all();
        PageFields::of([url, path, search, referrer, title])
    }
}

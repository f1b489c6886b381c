//! The members of a call that are read, its context's, its page's and its properties', found in one
//! pass over its text.

use super::context::Context;
use super::page::PageFields;
use crate::quarantine::QuarantineReason;
use crate::wire::receipt::Fault;
use crate::wire::scan::Names;
use crate::wire::{scalar, scan};

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
    "properties",
    "traits",
    "context",
    "integrations",
]);
const PROPERTIES: usize = 13;
const CONTEXT: usize = 15;

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
    /// What stands in `properties`; `None` when a name there is no text.
    pub of_properties: Option<Properties<'a>>,
    /// What stands in `context`; `None` when a name there is no text.
    pub of_context: Option<Context<'a>>,
}

impl<'a> Item<'a> {
    /// Reads an item that is known to be well formed: the message around it was checked whole.
    pub(super) fn read(item: &'a str) -> Result<Self, Fault> {
        if !scalar::is_object(item) {
            return Err(Fault::new(QuarantineReason::NotAnObject, "an event is a JSON object"));
        }
        let mut slots = [None; 17];
        let (mut of_properties, mut of_context) =
            (Some(Properties::default()), Some(Context::default()));
        let whole = scan::read_at(item, 0, &NAMES, &mut |place, at| {
            let end = match place {
                PROPERTIES => inner(item, at, &mut of_properties, Properties::read_at),
                CONTEXT => inner(item, at, &mut of_context, Context::read_at),
                _ => scan::skip_value(item.as_bytes(), at),
            }?;
            slots[place] = scan::present(item.get(at..end)?);
            Some(end)
        });
        whole.ok_or_else(|| Fault::invalid("a member name", "is not readable text"))?;
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
            properties,
            traits,
            context,
            integrations,
        ] = slots;
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
            of_properties,
            of_context,
        })
    }
}

/// Reads the inner object at `at`, if it is one, in place of an earlier one of the same name.
fn inner<'a, T: Default>(
    item: &'a str,
    at: usize,
    found: &mut Option<T>,
    read: impl Fn(&'a str, usize) -> Option<(T, usize)>,
) -> Option<usize> {
    if item.as_bytes().get(at) != Some(&b'{') {
        *found = Some(T::default());
        return scan::skip_value(item.as_bytes(), at);
    }
    let Some((value, end)) = read(item, at) else {
        *found = None;
        return scan::skip_value(item.as_bytes(), at);
    };
    *found = Some(value);
    Some(end)
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
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Properties<'a> {
    pub amount: Option<&'a str>,
    pub currency: Option<&'a str>,
    pub order: Option<&'a str>,
    pub name: Option<&'a str>,
    page: [Option<&'a str>; 5],
}

impl<'a> Properties<'a> {
    /// Reads the object at `at`, and says where it ends.
    fn read_at(text: &'a str, at: usize) -> Option<(Self, usize)> {
        const NAMES: Names<12> = Names::new([
            "revenue", "value", "total", "currency", "order_id", "orderId", "name", "url", "path",
            "search", "referrer", "title",
        ]);
        let mut slots = [None; 12];
        let end = scan::read_at(text, at, &NAMES, &mut |place, at| {
            let end = scan::skip_value(text.as_bytes(), at)?;
            slots[place] = scan::present(text.get(at..end)?);
            Some(end)
        })?;
        let [revenue, value, total, currency, order, order_camel, name, page @ ..] = slots;
        let (amount, order) = (revenue.or(value).or(total), order.or(order_camel));
        Some((Self { amount, currency, order, name, page }, end))
    }

    /// The page that a `page` call is of.
    pub(super) fn page(&self) -> PageFields<'a> {
        PageFields::of(self.page)
    }
}

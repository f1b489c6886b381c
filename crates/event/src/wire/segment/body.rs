//! The message around the events.

use super::call::{Call, Shared};
use crate::wire::clock::Stamp;
use crate::wire::receipt::{Limits, Outcome, Receipt, Refusal};
use crate::wire::{members, scalar};
use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A message, read as far as is needed to refuse it or to know whose it is.
#[derive(Debug)]
pub struct Body<'a> {
    items: Vec<&'a str>,
    call: Option<Call>,
    write_key: Option<Cow<'a, str>>,
    shared: Shared<'a>,
}

/// A batch as it is sent; its events are found and checked for form in one pass.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBatch<'a> {
    #[serde(borrow)]
    batch: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    write_key: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    integrations: Option<&'a RawValue>,
}

impl<'a> Body<'a> {
    /// One call; `call` is what the path names, else the body's `type` does.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn single(call: Option<Call>, body: &'a [u8]) -> Result<Self, Refusal> {
        let text = Refusal::text_of(body)?.trim();
        let [write_key, sent] = members::check(text, &["writeKey", "sentAt"])?;
        let shared = Shared { sent: Stamp::from_json(sent), ..Shared::default() };
        let write_key = scalar::some_text(write_key);
        Ok(Self { items: vec![text], call, write_key, shared })
    }

    /// A batch. Context and integrations beside it hold for every item that does not say else.
    ///
    /// # Errors
    /// See [`Refusal`]; what is wrong with single items shows in their outcomes.
    pub fn batch(body: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let text = Refusal::text_of(body)?;
        let wire: WireBatch<'_> = serde_json::from_str(text)?;
        let items = wire.batch.ok_or(Refusal::NoList("batch"))?;
        if items.len() > limits.batch_events {
            return Err(Refusal::TooManyEvents { count: items.len(), max: limits.batch_events });
        }
        let usable = |raw: Option<&'a RawValue>| {
            raw.map(RawValue::get).filter(|text| scalar::is_object(text) && !scalar::is_empty(text))
        };
        let shared = Shared {
            sent: Stamp::from_json(wire.sent_at.map(RawValue::get)),
            context: usable(wire.context),
            integrations: usable(wire.integrations),
        };
        let write_key = scalar::some_text(wire.write_key.map(RawValue::get));
        let items = items.into_iter().map(RawValue::get).collect();
        Ok(Self { items, call: None, write_key, shared })
    }

    /// The write key in the body, where there is one.
    pub fn write_key(&self) -> Option<&str> {
        self.write_key.as_deref()
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when it holds no event.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The events' JSON texts, in order.
    pub fn texts(&self) -> &[&'a str] {
        &self.items
    }

    /// One outcome per event, in order.
    pub fn outcomes<'b>(
        &'b self,
        receipt: &'b Receipt<'b>,
        limits: &'b Limits,
    ) -> impl ExactSizeIterator<Item = Outcome> + 'b {
        self.items.iter().map(move |item| {
            super::call::parse(self.call, item, &self.shared, receipt, limits)
                .map_err(|fault| receipt.quarantine(item, 0, fault))
        })
    }
}

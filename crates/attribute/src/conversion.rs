//! Which business events are conversions, and which of them carry revenue.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use millstream_event::{Event, EventKind, Flags};
use millstream_stitch::ConversionFact;
use serde::{Deserialize, Serialize};

/// Names of conversions, matched without regard to case, spaces and punctuation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversionRules {
    /// Folded name -> whether its value is revenue.
    names: BTreeMap<String, bool>,
}

/// The default conversions: (name, value is revenue). A cart or a started checkout carries the
/// value of an order that may follow, so only orders and subscriptions count as revenue.
pub const DEFAULT_CONVERSIONS: [(&str, bool); 13] = [
    ("Order Completed", true),
    ("Subscription Started", true),
    ("Product Added", false),
    ("Add to Cart", false),
    ("Checkout Started", false),
    ("Begin Checkout", false),
    ("Lead Submitted", false),
    ("Generate Lead", false),
    ("Demo Requested", false),
    ("Account Created", false),
    ("Signed Up", false),
    ("Sign Up", false),
    ("Purchase", true),
];

impl Default for ConversionRules {
    fn default() -> Self {
        Self::new(DEFAULT_CONVERSIONS)
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl ConversionRules {
    /// Rules from (name, value is revenue).
    pub fn new<'a>(names: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        Self { names: names.into_iter().map(|(name, revenue)| (folded(name), revenue)).collect() }
    }

    /// What an event is worth crediting as, if at all. Events imported as conversions always are.
    pub fn read(&self, event: &Event) -> Option<ConversionFact> {
        let name: Box<str> = match (&event.kind, &event.name) {
            (EventKind::Conversion, name) => name.clone().unwrap_or_else(|| "conversion".into()),
            (EventKind::Track, Some(name)) => name.clone(),
            _ => return None,
        };
        let revenue = match event.kind {
            EventKind::Conversion => true,
            _ => *self.names.get(&folded(&name))?,
        };
        Some(ConversionFact {
            name,
            value: event.value.filter(|_| revenue),
            order: event.order_id.clone().filter(|order| revenue && !order.is_placeholder()),
            server: !matches!(event.surface, millstream_event::Surface::Browser)
                && !event.flags.has(Flags::AUTOMATED),
        })
    }

    /// The folded names, for showing.
    pub fn names(&self) -> Vec<&str> {
        self.names.keys().map(String::as_str).collect()
    }
}

//! Which business events are conversions, and which of them carry revenue.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use millstream_event::{Event, EventKind, Flags, OrderId, Surface};
use millstream_stitch::{ConversionFact, Role};
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

/// Business events about an order that was or will be told of.
pub const ADJUSTMENTS: [(&str, Role); 8] = [
    ("Order Refunded", Role::Refund),
    ("Order Cancelled", Role::Refund),
    ("Refund", Role::Refund),
    ("Order Updated", Role::Restatement),
    ("Subscription Renewed", Role::Renewal),
    ("Subscription Payment", Role::Renewal),
    ("Subscription Charged", Role::Renewal),
    ("Subscription Refunded", Role::Refund),
];

/// Properties that number a refund or a renewal.
const PART_NAMES: [&str; 4] = ["refund_id", "invoice_id", "payment_id", "charge_id"];

impl Default for ConversionRules {
    fn default() -> Self {
        Self::new(DEFAULT_CONVERSIONS)
    }
}

/// A name as names are compared: letters and digits alone, in lower case.
pub fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl ConversionRules {
    /// Rules from (name, value is revenue).
    pub fn new<'a>(names: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        Self { names: names.into_iter().map(|(name, revenue)| (folded(name), revenue)).collect() }
    }

    /// The same rules without these names.
    #[must_use]
    pub fn without<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        for name in names {
            self.names.remove(&folded(name));
        }
        self
    }

    /// What an event is worth crediting as, if at all. Events imported as conversions always are.
    pub fn read(&self, event: &Event) -> Option<ConversionFact> {
        let name: Box<str> = match (&event.kind, &event.name) {
            (EventKind::Conversion, name) => name.clone().unwrap_or_else(|| "conversion".into()),
            (EventKind::Track, Some(name)) => name.clone(),
            _ => return None,
        };
        let plain = folded(&name);
        let adjusts = ADJUSTMENTS.into_iter().find(|(known, _)| folded(known) == plain);
        let (revenue, role) = match (self.names.get(&plain), adjusts, event.kind) {
            (Some(_), _, EventKind::Conversion) => (true, Role::Order),
            (Some(revenue), ..) => (*revenue, Role::Order),
            (None, Some((_, role)), _) => (true, role),
            (None, None, EventKind::Conversion) => (true, Role::Order),
            (None, None, _) => return None,
        };
        let order = event.order_id.clone().filter(|order| revenue && !order.is_placeholder());
        let fact = ConversionFact {
            name,
            value: event.value.filter(|_| revenue),
            order,
            server: !matches!(event.surface, Surface::Browser)
                && !event.flags.has(Flags::AUTOMATED),
            of_user: event.surface == Surface::Server
                && event.anonymous_id.is_none()
                && event.user_id.is_some(),
            role,
            part: None,
            goods: Vec::new(),
        };
        if !revenue || (role == Role::Order && !plain.starts_with("subscription")) {
            return Some(fact);
        }
        about_order(fact, event)
    }

    /// The folded names, for showing.
    pub fn names(&self) -> Vec<&str> {
        self.names.keys().map(String::as_str).collect()
    }
}

/// Completes what is said of a subscription, or of an order told of elsewhere.
fn about_order(fact: ConversionFact, event: &Event) -> Option<ConversionFact> {
    let said = |name: &str| event.properties.as_ref()?.member(name);
    let subscription = said("subscription_id")
        .and_then(|id| OrderId::parse(&alloc::format!("subscription:{id}")))
        .filter(|_| !matches!(fact.role, Role::Restatement));
    let part = PART_NAMES.into_iter().find_map(said).map(Into::into);
    match fact.role {
        Role::Order => Some(ConversionFact { order: fact.order.or(subscription), ..fact }),
        Role::Renewal => match subscription {
            // Its own order number tells one payment from the next.
            Some(_) => {
                let number = fact.order.as_ref().map(|order| order.as_str().into());
                Some(ConversionFact { order: subscription, part: part.or(number), ..fact })
            }
            None if fact.order.is_some() => Some(ConversionFact { part, ..fact }),
            None => Some(ConversionFact { role: Role::Order, ..fact }),
        },
        Role::Restatement | Role::Refund => {
            let order = fact.order.or(subscription)?;
            Some(ConversionFact { order: Some(order), part, ..fact })
        }
    }
}

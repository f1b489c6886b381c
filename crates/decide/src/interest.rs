//! What an event tells of its visitor's preferences: the items that it names.

use crate::candidate::ItemId;
use crate::profile::Profile;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use millstream_event::{Event, EventKind, Purpose};
use serde_json::Value;

/// Properties that name an item, the first one that is there.
pub const NAMES: [&str; 4] = ["item_id", "product_id", "content_id", "sku"];
/// The property that lists items.
const LIST: &str = "products";
/// Most items of one event.
pub const ITEMS_MAX: usize = 16;

/// The items that an event names; none where consent does not cover personalization.
pub fn items(event: &Event) -> Vec<ItemId> {
    let told = matches!(event.kind, EventKind::Page | EventKind::Screen | EventKind::Track);
    if !told || !event.consent.granted.allows(Purpose::Personalization) {
        return Vec::new();
    }
    let Some(properties) = &event.properties else { return Vec::new() };
    let text = properties.get();
    if !NAMES.iter().chain([&LIST]).any(|name| text.contains(name)) {
        return Vec::new();
    }
    let Ok(Value::Object(properties)) = serde_json::from_str(text) else { return Vec::new() };
    let listed = properties.get(LIST).and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_object);
    let named = core::iter::once(&properties).chain(listed);
    let mut items: Vec<ItemId> = Vec::new();
    for name in named.filter_map(|object| NAMES.iter().find_map(|name| text_of(object.get(*name)?)))
    {
        let item = ItemId::of(&name);
        if !items.contains(&item) && items.len() < ITEMS_MAX {
            items.push(item);
        }
    }
    items
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// How strongly an event tells: 4 for a conversion, 2 for putting something aside, 1 for a look.
pub fn weight(event: &Event, converts: bool) -> u8 {
    let name = event.name.as_deref().unwrap_or_default();
    if converts {
        return 4;
    }
    if name.starts_with("Product Added") || name == "add_to_cart" { 2 } else { 1 }
}

impl Profile {
    /// Adds what an older event told: call it from the latest event to the oldest.
    pub fn add(&mut self, items: &[ItemId], weight: u8, at: millstream_event::Timestamp) {
        let room = Self::SEEN_MAX - self.seen.len().min(Self::SEEN_MAX);
        let seen = items.iter().take(room).map(|item| crate::Seen { item: *item, weight, at });
        self.seen.extend(seen);
    }
}

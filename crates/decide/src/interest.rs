//! What an event tells of its visitor's preferences: the items that it names.

use crate::candidate::ItemId;
use crate::profile::Profile;
use alloc::vec::Vec;
use millstream_event::wire::members;
use millstream_event::wire::names::Names;
use millstream_event::wire::outline::{Object, outline};
use millstream_event::wire::scalar::text_or_number;
use millstream_event::wire::walk::Walk;
use millstream_event::{Event, EventKind, Purpose};

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
    let mut items: Vec<ItemId> = Vec::new();
    tell(properties.get(), true, &mut |name| {
        let item = ItemId::of(name);
        if !items.contains(&item) && items.len() < ITEMS_MAX {
            items.push(item);
        }
    });
    items
}

/// Tells the item that an object names, and those of the list in it. Every event comes through here: its
/// text is walked once, and nothing is built of it.
fn tell(object: &str, with_list: bool, take: &mut dyn FnMut(&str)) {
    const FOUND: Names<5> = Names::new([NAMES[0], NAMES[1], NAMES[2], NAMES[3], LIST]);
    let (mut walk, mut outlined) = (Walk::new(object), Vec::new());
    if outline(&mut walk, &mut outlined).is_none() {
        return;
    }
    let Some(found) = Object::new(object, &outlined).read(&FOUND) else { return };
    let mut names = (0..NAMES.len()).filter_map(|place| text_or_number(found.get(place)?));
    if let Some(name) = names.find(|name| !name.is_empty()) {
        take(&name);
    }
    if let Some(list) = found.get(NAMES.len()).filter(|_| with_list) {
        for element in members::elements(list).unwrap_or_default() {
            tell(element, false, take);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::json::RawJson;
    use millstream_event::{EventId, SourceId, Timestamp};

    #[test]
    fn items_are_named_by_an_event_and_by_its_list() {
        let told = |properties: &str| {
            let id = EventId::parse("e").unwrap();
            let source = SourceId::parse("s").unwrap();
            let mut event = Event::new(id, EventKind::Track, source, Timestamp(0));
            event.properties = RawJson::parse(properties);
            items(&event)
        };
        let ids = |names: &[&str]| names.iter().map(|name| ItemId::of(name)).collect::<Vec<_>>();
        assert_eq!(told(r#"{"sku":"b","product_id":"a"}"#), ids(&["a"]));
        assert_eq!(told(r#"{"product_id":"","sku":7}"#), ids(&["7"]));
        assert_eq!(
            told(
                r#"{"sku":"a","products":[{"sku":"b"},3,{"x":1},{"item_id":"a"},{"products":[{"sku":"c"}]}]}"#
            ),
            ids(&["a", "b"])
        );
        assert_eq!(told(r#"{"text":"sku"}"#), ids(&[]));
        assert_eq!(told(r#"{"products":{"sku":"a"}}"#), ids(&[]));
        let many: Vec<std::string::String> =
            (0..2 * ITEMS_MAX).map(|n| std::format!("{{\"sku\":{n}}}")).collect();
        let all = std::format!("{{\"products\":[{}]}}", many.join(","));
        assert_eq!(told(&all).len(), ITEMS_MAX);
    }
}

//! Consent enforced on an event, before it may be logged.

use crate::campaign::NetworkClick;
use crate::consent::Purpose;
use crate::envelope::{Event, EventKind, Flags};
use crate::hash::Hash128;
use crate::ids::EntityId;
use crate::json::RawJson;
use crate::url::{is_click_parameter, without_click_ids};
use crate::wire::{members, scalar};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What may be kept of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The event, without what consent forbids; [`Flags::RESTRICTED`] where something went.
    Keep(Box<Event>),
    /// Nothing but one more in a count.
    AggregateOnly(AggregateKey),
}

/// What is counted in place of an event without consent to measurement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AggregateKey {
    /// The link, for our clicks and their landings.
    pub link: Option<Box<str>>,
    /// `utm_campaign`.
    pub campaign: Option<Box<str>>,
    /// Day of the event in UTC, counted from 1970-01-01.
    pub day: i32,
    /// Region, else country.
    pub region: Option<Box<str>>,
}

/// A count that stands for events whose consent forbids storing them: the payload, as JSON, of a
/// [`crate::Kind::Aggregate`] record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// What was counted.
    pub key: AggregateKey,
    /// How many events.
    pub count: u64,
}

impl Aggregate {
    /// Where such counts live: all of one key together.
    pub fn subject(&self) -> EntityId {
        let key = &self.key;
        let text =
            |value: &Option<Box<str>>| value.as_deref().unwrap_or_default().as_bytes().to_vec();
        let parts = [text(&key.link), text(&key.campaign), text(&key.region)];
        let [link, campaign, region] = &parts;
        EntityId(Hash128::of("aggregate", &[link, campaign, region, &key.day.to_le_bytes()]))
    }
}

/// Applies the event's own consent to it.
///
/// Without `measurement` only an [`AggregateKey`] remains. Without `advertising` the click
/// identifiers and the client's context go; of a network's click identifier the bare fact
/// remains, for the channel depends on it, and of our own click record only its own id, which
/// the visitor then never carries. `personalization` restricts reading, not storing.
pub fn restrict(event: Event) -> Outcome {
    if !event.consent.granted.allows(Purpose::Measurement) {
        return Outcome::AggregateOnly(AggregateKey {
            link: event.click.map(|click| click.link),
            campaign: event.campaign.name,
            day: event.event_time.utc_day(),
            region: event.region.or(event.country),
        });
    }
    let allowed = event.consent.granted.allows(Purpose::Advertising);
    let mut event = Box::new(event);
    if !allowed && without_advertising(&mut event) {
        event.flags = event.flags.with(Flags::RESTRICTED);
    }
    Outcome::Keep(event)
}

/// True when something was removed.
fn without_advertising(event: &mut Event) -> bool {
    let mut removed = event.context.take().is_some();
    if let Some(NetworkClick { value, .. }) = &mut event.campaign.network_click {
        removed |= !core::mem::take(value).is_empty();
    }
    if event.kind == EventKind::Click {
        let ms_id = event.click.as_mut().and_then(|click| click.ms_id.take());
        removed |= ms_id.is_some();
    } else {
        removed |= event.click.take().is_some();
    }
    for address in [&mut event.page.url, &mut event.page.referrer] {
        let Some(text) = address.as_deref() else {
            continue;
        };
        let clean = without_click_ids(text);
        if clean.len() != text.len() {
            *address = Some(clean.into_owned().into());
            removed = true;
        }
    }
    for object in [&mut event.properties, &mut event.traits] {
        if let Some(text) = object {
            let clean = clean_json(text.get(), 0);
            if clean != text.get() {
                *object = RawJson::parse(&clean);
                removed = true;
            }
        }
    }
    removed
}

/// Deepest nesting that is rewritten; what lies deeper is dropped. Parsers accept less.
const REWRITE_DEPTH_MAX: usize = 64;

/// JSON text without members named like a click parameter and without click identifiers in the
/// addresses among its strings.
fn clean_json(value: &str, depth: usize) -> Cow<'_, str> {
    if depth > REWRITE_DEPTH_MAX {
        return Cow::Borrowed("null");
    }
    match value.as_bytes().first() {
        Some(b'{') => clean_object(value, depth),
        Some(b'[') => clean_array(value, depth),
        Some(b'"') => clean_string(value),
        _ => Cow::Borrowed(value),
    }
}

fn clean_object(value: &str, depth: usize) -> Cow<'_, str> {
    let Ok(all) = members::all(value) else {
        return Cow::Borrowed("{}");
    };
    let mut out = String::new();
    let mut changed = false;
    for (name, member) in all {
        if is_click_parameter(&name) {
            changed = true;
            continue;
        }
        let clean = clean_json(member, depth + 1);
        changed |= clean != member;
        members::push_member(&mut out, &name, &clean);
    }
    if !changed {
        return Cow::Borrowed(value);
    }
    out.push_str(if out.is_empty() { "{}" } else { "}" });
    Cow::Owned(out)
}

fn clean_array(value: &str, depth: usize) -> Cow<'_, str> {
    let Ok(elements) = members::elements(value) else {
        return Cow::Borrowed("[]");
    };
    let mut out = String::from("[");
    let mut changed = false;
    for (place, element) in elements.into_iter().enumerate() {
        let clean = clean_json(element, depth + 1);
        changed |= clean != element;
        if place > 0 {
            out.push(',');
        }
        out.push_str(&clean);
    }
    out.push(']');
    if changed { Cow::Owned(out) } else { Cow::Borrowed(value) }
}

fn clean_string(value: &str) -> Cow<'_, str> {
    // Text that cannot be decoded cannot be shown to be clean.
    let Some(text) = scalar::text(value) else {
        return Cow::Borrowed("null");
    };
    let clean = without_click_ids(&text);
    if clean.len() == text.len() {
        return Cow::Borrowed(value);
    }
    let mut out = String::new();
    members::push_text(&mut out, &clean);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Campaign;
    use crate::click_token::ClickReference;
    use crate::consent::{Consent, Purposes};
    use crate::ids::{AnonymousId, ClickId, EventId, SourceId};
    use crate::time::Timestamp;

    fn event(kind: EventKind, granted: Purposes) -> Event {
        let id = EventId::parse("e").unwrap();
        let received = Timestamp::from_millis(1_790_000_000_000);
        let mut event = Event::new(id, kind, SourceId::parse("s").unwrap(), received);
        event.anonymous_id = AnonymousId::parse("a");
        event.consent = Consent { granted, ..Consent::DEFAULT_ALL };
        event.page.url = Some("https://a.b/?utm_campaign=c&gclid=SECRET&ms_click=SECRET".into());
        event.page.referrer = Some("https://r.b/?fbclid=SECRET".into());
        event.campaign.name = Some("c".into());
        event.campaign.take_parameter("gclid", "SECRET");
        event.country = Some("FR".into());
        event.context = RawJson::parse(r#"{"device":{"advertisingId":"SECRET"}}"#);
        event.properties = RawJson::parse(
            r#"{"url":"/?gclid=SECRET&x=1","Gclid":"SECRET","list":[{"fbclid":"SECRET"}],"n":1.10}"#,
        );
        event.click = Some(ClickReference {
            id: ClickId::parse("SECRET").unwrap(),
            issued: received,
            link: "spring".into(),
            link_version: 1,
            ms_id: AnonymousId::parse("SECRET"),
        });
        event
    }

    #[test]
    fn without_measurement_only_a_count_remains() {
        let outcome = restrict(event(EventKind::Page, Purposes::ALL.without(Purpose::Measurement)));
        let expected = AggregateKey {
            link: Some("spring".into()),
            campaign: Some("c".into()),
            day: 20_717,
            region: Some("FR".into()),
        };
        assert_eq!(outcome, Outcome::AggregateOnly(expected));
    }

    #[test]
    fn without_advertising_no_click_identifier_remains() {
        let granted = Purposes::ALL.without(Purpose::Advertising);
        let Outcome::Keep(kept) = restrict(event(EventKind::Page, granted)) else {
            panic!("measurement was granted");
        };
        let text = std::string::String::from_utf8(kept.encode().unwrap()).unwrap();
        assert!(!text.contains("SECRET"), "{text}");
        assert!(kept.flags.has(Flags::RESTRICTED));
        assert_eq!(kept.page.url.as_deref(), Some("https://a.b/?utm_campaign=c"));
        assert_eq!(kept.properties.unwrap().get(), r#"{"url":"/?x=1","list":[{}],"n":1.10}"#);
        let fact = kept.campaign.network_click.unwrap();
        assert_eq!((&*fact.parameter, &*fact.value), ("gclid", ""));
    }

    #[test]
    fn a_click_of_ours_keeps_its_link() {
        let granted = Purposes::ALL.without(Purpose::Advertising);
        let Outcome::Keep(kept) = restrict(event(EventKind::Click, granted)) else {
            panic!("measurement was granted");
        };
        let click = kept.click.unwrap();
        assert_eq!((&*click.link, click.ms_id), ("spring", None));
    }

    #[test]
    fn with_consent_nothing_changes() {
        let before = event(EventKind::Page, Purposes::ALL);
        assert_eq!(restrict(before.clone()), Outcome::Keep(Box::new(before)));
        let mut plain = event(EventKind::Page, Purposes::ALL.without(Purpose::Advertising));
        plain.page = crate::envelope::Page::default();
        plain.campaign = Campaign::default();
        (plain.context, plain.click) = (None, None);
        plain.properties = RawJson::parse(r#"{ "a": [1, "b"] }"#);
        assert_eq!(restrict(plain.clone()), Outcome::Keep(Box::new(plain)));
    }
}

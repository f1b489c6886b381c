//! An event as expressions see it: every known field by its name, null where it is absent.

use millstream_event::{Event, Purpose, RawJson};
use serde_json::{Value, json};

/// The event under the name `event`. `key` is the idempotency key of its delivery.
pub fn document(event: &Event) -> Value {
    let campaign = &event.campaign;
    let click = campaign.network_click.as_ref().filter(|click| !click.value.is_empty());
    let consent = event.consent.granted;
    let hints = event.device_hints.as_ref();
    let raw = |json: &Option<RawJson>| {
        json.as_ref().and_then(|json| serde_json::from_str::<Value>(json.get()).ok())
    };
    let value = event.value;
    json!({
        "id": event.id.as_str(),
        "kind": event.kind.as_str(),
        "name": event.name,
        "source": event.source.as_str(),
        "surface": event.surface.as_str(),
        "anonymous_id": event.anonymous_id.as_ref().map(|id| id.as_str()),
        "user_id": event.user_id.as_ref().map(|id| id.as_str()),
        "previous_id": event.previous_id.as_ref().map(|id| id.as_str()),
        "group_id": event.group_id,
        "time": event.event_time.to_rfc3339(),
        "time_ms": event.event_time.as_millis(),
        "received_ms": event.received.as_millis(),
        "url": event.page.url,
        "referrer": event.page.referrer,
        "title": event.page.title,
        "campaign": {
            "source": campaign.source, "medium": campaign.medium, "name": campaign.name,
            "term": campaign.term, "content": campaign.content, "ad_group": campaign.ad_group,
        },
        "click": {
            "parameter": click.map(|click| &click.parameter),
            "value": click.map(|click| &click.value),
        },
        "user_agent": event.user_agent,
        "country": event.country,
        "region": event.region,
        "locale": hints.and_then(|hints| hints.locale.as_ref()),
        "timezone": hints.and_then(|hints| hints.timezone.as_ref()),
        "consent": {
            "measurement": consent.allows(Purpose::Measurement),
            "personalization": consent.allows(Purpose::Personalization),
            "advertising": consent.allows(Purpose::Advertising),
        },
        "value": value.and_then(|money| money.to_decimal().parse::<f64>().ok()),
        "value_text": value.map(|money| money.to_decimal()),
        "currency": value.map(|money| money.currency.as_str().to_owned()),
        "order_id": event.order_id.as_ref().map(|id| id.as_str()),
        "properties": raw(&event.properties),
        "traits": raw(&event.traits),
        "context": raw(&event.context),
    })
}

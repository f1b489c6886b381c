//! An event as expressions see it: every known field by its name, null where it is absent.

use super::value::{map, of_text, text};
use cel::Value;
use millstream_event::{Event, Purpose, RawJson};

/// The event under the name `event`.
pub fn document(event: &Event) -> Value {
    let campaign = &event.campaign;
    let click = campaign.network_click.as_ref().filter(|click| !click.value.is_empty());
    let granted = |purpose| Value::Bool(event.consent.granted.allows(purpose));
    let hints = event.device_hints.as_ref();
    let raw =
        |json: &Option<RawJson>| json.as_ref().map_or(Value::Null, |json| of_text(json.get()));
    let value = event.value;
    let amount = value.and_then(|money| money.to_decimal().parse::<f64>().ok());
    map([
        ("id", text(Some(event.id.as_str()))),
        ("kind", text(Some(event.kind.as_str()))),
        ("name", text(event.name.as_deref())),
        ("source", text(Some(event.source.as_str()))),
        ("surface", text(Some(event.surface.as_str()))),
        ("anonymous_id", text(event.anonymous_id.as_ref().map(|id| id.as_str()))),
        ("user_id", text(event.user_id.as_ref().map(|id| id.as_str()))),
        ("previous_id", text(event.previous_id.as_ref().map(|id| id.as_str()))),
        ("group_id", text(event.group_id.as_deref())),
        ("time", text(Some(event.event_time.to_rfc3339()))),
        ("time_ms", Value::Int(event.event_time.as_millis())),
        ("received_ms", Value::Int(event.received.as_millis())),
        ("url", text(event.page.url.as_deref())),
        ("referrer", text(event.page.referrer.as_deref())),
        ("title", text(event.page.title.as_deref())),
        (
            "campaign",
            map([
                ("source", text(campaign.source.as_deref())),
                ("medium", text(campaign.medium.as_deref())),
                ("name", text(campaign.name.as_deref())),
                ("term", text(campaign.term.as_deref())),
                ("content", text(campaign.content.as_deref())),
                ("ad_group", text(campaign.ad_group.as_deref())),
            ]),
        ),
        (
            "click",
            map([
                ("parameter", text(click.map(|click| &click.parameter))),
                ("value", text(click.map(|click| &click.value))),
            ]),
        ),
        ("user_agent", text(event.user_agent.as_deref())),
        ("country", text(event.country.as_deref())),
        ("region", text(event.region.as_deref())),
        ("locale", text(hints.and_then(|hints| hints.locale.as_deref()))),
        ("timezone", text(hints.and_then(|hints| hints.timezone.as_deref()))),
        (
            "consent",
            map([
                ("measurement", granted(Purpose::Measurement)),
                ("personalization", granted(Purpose::Personalization)),
                ("advertising", granted(Purpose::Advertising)),
            ]),
        ),
        ("value", amount.map_or(Value::Null, Value::Float)),
        ("value_text", text(value.map(|money| money.to_decimal()))),
        ("currency", text(value.map(|money| money.currency.as_str().to_owned()))),
        ("order_id", text(event.order_id.as_ref().map(|id| id.as_str()))),
        ("properties", raw(&event.properties)),
        ("traits", raw(&event.traits)),
        ("context", raw(&event.context)),
    ])
}

//! `GET /p.gif`: one call in query parameters, for places that run no script.
//!
//! Parameters are the members of a Segment call, nested ones with dots: `type`, `event`,
//! `anonymousId`, `userId`, `messageId`, `context.page.url`, `properties.plan` and so on. Without an
//! `anonymousId` or `userId` the first-party cookie names the device.

use super::answer::{self, Answer};
use super::cookies;
use super::exchange::Exchange;
use super::gate::Gate;
use super::intake::{self, Setting};
use super::refusal::Refusal;
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderValue, StatusCode};
use millstream_event::Purpose;
use millstream_event::wire::segment::{Body, Call};
use serde_json::{Map, Value};

/// A transparent GIF of one pixel (GIF89a), 43 bytes.
const GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
/// Parameters read; later ones are left out.
const PARAMETERS_MAX: usize = 100;
/// Deepest nesting that dots may name.
const DEPTH_MAX: usize = 8;

/// The pixel, once the event is durable.
pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    stated: Option<Call>,
) -> Result<Answer, Refusal> {
    let mut call = Map::new();
    for (name, value) in exchange.query().take(PARAMETERS_MAX) {
        insert(&mut call, &name, &value);
    }
    let cookie = identify(exchange, &mut call);
    locate(exchange, &mut call);
    let kind = stated.or_else(|| call.get("type").and_then(Value::as_str).and_then(Call::parse));
    let fallback = if call.contains_key("event") { Call::Track } else { Call::Page };
    let text = Value::Object(call).to_string();
    let body = Body::single(Some(kind.unwrap_or(fallback)), text.as_bytes())?;
    let source = exchange.source(body.write_key())?;
    let limits = exchange.plane.options.limits.of_events();
    let setting = Setting::of(exchange);
    let receipt = setting.receipt(exchange, source, text.as_bytes());
    let sent = (body.outcomes(&receipt, &limits), text.len());
    intake::keep(exchange, &setting, sent).await?;
    let mut answer = image();
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// The pixel alone.
pub(super) fn image() -> Answer {
    answer::with_body(StatusCode::OK, "image/gif", Bytes::from_static(GIF))
}

/// Names the device by its cookie when the parameters name nobody; the cookie to set, if it is new.
fn identify(exchange: &Exchange<'_>, call: &mut Map<String, Value>) -> Option<HeaderValue> {
    if call.contains_key("anonymousId") || call.contains_key("userId") {
        return None;
    }
    let (held, secure) = (exchange.cookies(), exchange.secure());
    let country = exchange.country();
    let consent =
        Gate::of(exchange, &held).standing(&exchange.plane.options.consent, country.as_deref());
    if !consent.granted.allows(Purpose::Measurement) {
        // Nothing of it will be stored: it only has to be a whole event to be counted.
        call.insert("anonymousId".into(), Value::from("unconsented"));
        return None;
    }
    let known = cookies::first_party_id(&held, secure);
    let fresh = known.is_none();
    let id = known
        .or_else(|| millstream_event::AnonymousId::parse(&exchange.plane.tokens.draw_text()))?;
    call.insert("anonymousId".into(), Value::from(id.as_str()));
    let cookie = fresh.then(|| cookies::set_first_party_id(&id, secure))?;
    HeaderValue::try_from(cookie).ok()
}

/// The page that shows the pixel, unless the parameters say which.
fn locate(exchange: &Exchange<'_>, call: &mut Map<String, Value>) {
    let Some(page) = exchange.header("referer") else { return };
    let stated = call
        .get("context")
        .and_then(|context| context.get("page"))
        .is_some_and(|page| page.get("url").is_some());
    if !stated {
        insert(call, "context.page.url", page);
    }
}

/// Puts a value where the dots of its name say; a name that runs into a plain value is left out.
fn insert(call: &mut Map<String, Value>, name: &str, value: &str) {
    let parts: Vec<&str> = name.split('.').collect();
    let Some((last, path)) = parts.split_last() else { return };
    if path.len() >= DEPTH_MAX {
        return;
    }
    let mut place = call;
    for part in path {
        let inner = place.entry((*part).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(inner) = inner else { return };
        place = inner;
    }
    place.entry((*last).to_owned()).or_insert_with(|| Value::from(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_nest_and_the_first_of_two_counts() {
        let mut call = Map::new();
        for (name, value) in [
            ("event", "a"),
            ("event", "b"),
            ("event.x", "c"),
            ("context.page.url", "https://a.example/"),
            ("properties.plan", "pro"),
            ("a.b.c.d.e.f.g.h.i", "deep"),
            ("", "nameless"),
        ] {
            insert(&mut call, name, value);
        }
        let expected = serde_json::json!({
            "event": "a",
            "context": { "page": { "url": "https://a.example/" } },
            "properties": { "plan": "pro" },
            "": "nameless",
        });
        assert_eq!(Value::Object(call), expected);
    }

    #[test]
    fn the_pixel_is_one_pixel() {
        assert_eq!(GIF.len(), 43);
        assert_eq!((&GIF[6..10], GIF.last()), (&[1, 0, 1, 0][..], Some(&b';')));
    }
}

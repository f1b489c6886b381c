//! `POST /v1/consent`: a visitor's choice, kept in a signed cookie, logged as an event, answered with a receipt.

use super::answer::{self, Answer};
use super::body;
use super::cookies;
use super::exchange::Exchange;
use super::intake::{self, Group};
use super::options;
use super::refusal::Refusal;
use crate::receipt::{Receipt, names_a_text};
use http::header::SET_COOKIE;
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use millstream_event::{
    AnonymousId, Consent, ConsentSource, EntityId, Event, EventId, EventKind, Purpose, Purposes,
    Surface, UserId,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is sent. Purposes that are not named are denied: a choice that was not made grants nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Choice {
    #[serde(alias = "granted")]
    purposes: Stated,
    #[serde(default, alias = "anonymous_id")]
    anonymous_id: Option<String>,
    #[serde(default, alias = "user_id")]
    user_id: Option<String>,
    #[serde(default, alias = "message_id")]
    message_id: Option<String>,
    #[serde(default)]
    write_key: Option<String>,
    /// Which text the visitor was shown.
    #[serde(default)]
    text: String,
    /// Which version of it.
    #[serde(default, alias = "text_version")]
    text_version: String,
}

/// `{"measurement": true, ...}` or `["measurement", ...]`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stated {
    Named(BTreeMap<String, bool>),
    Listed(Vec<String>),
}

impl Stated {
    fn granted(&self) -> Result<Purposes, Refusal> {
        let add = |purposes: Purposes, name: &str, granted: bool| {
            let purpose = options::purpose(name).ok_or_else(|| {
                Refusal::InvalidBody(
                    "a purpose is none of measurement, personalization, advertising".into(),
                )
            })?;
            Ok::<_, Refusal>(if granted { purposes.with(purpose) } else { purposes })
        };
        let mut start = Purposes::NONE;
        match self {
            Self::Named(named) => {
                for (name, granted) in named {
                    start = add(start, name, *granted)?;
                }
            }
            Self::Listed(listed) => {
                for name in listed {
                    start = add(start, name, true)?;
                }
            }
        }
        Ok(start)
    }
}

/// The choice durable and in the visitor's cookie, or a refusal.
pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let content = body::read(exchange, incoming).await?;
    let choice = parse(&content.bytes)?;
    let granted = choice.purposes.granted()?;
    let mut event = event(exchange, &choice, granted)?;
    let plane = exchange.plane;
    let text = (choice.text.as_str(), choice.text_version.as_str());
    let receipt = Receipt::give(&mut event, text, &plane.parts.keys.cookie);
    let made = event.received;
    let device = event.anonymous_id.as_ref().map(EntityId::device);
    let group = Group::of_one(exchange, event);
    intake::store(exchange, group, plane.options.log_wait).await?;
    // Decisions hold to it before it is acknowledged.
    if let (Some(service), Some(device)) = (&plane.parts.decide, device) {
        service.choose(device, granted.allows(Purpose::Personalization));
    }
    let body = serde_json::json!({ "success": true, "receipt": receipt }).to_string();
    let mut answer = answer::json(StatusCode::OK, body);
    let cookie = cookies::set_choice(granted, made, exchange.secure(), &plane.parts.keys.cookie);
    let cookie = HeaderValue::try_from(cookie).map_err(|_| Refusal::Internal)?;
    answer.headers_mut().insert(SET_COOKIE, cookie);
    Ok(answer)
}

fn parse(bytes: &[u8]) -> Result<Choice, Refusal> {
    let choice: Choice = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            Refusal::InvalidBody(
                "send {\"purposes\": {\"measurement\": true, ...}, \"anonymousId\": ...}".into(),
            )
        } else {
            Refusal::InvalidJson(error.to_string())
        }
    })?;
    if !names_a_text(&choice.text) || !names_a_text(&choice.text_version) {
        return Err(Refusal::InvalidBody(
            "text and textVersion have at most 128 letters, digits, spaces and -_./:".into(),
        ));
    }
    Ok(choice)
}

fn event(exchange: &Exchange<'_>, choice: &Choice, granted: Purposes) -> Result<Event, Refusal> {
    let plane = exchange.plane;
    let source = exchange.source(choice.write_key.as_deref())?;
    let stated = choice.message_id.as_deref().and_then(EventId::parse);
    let id = stated.or_else(|| EventId::parse(&plane.tokens.draw_text()));
    let mut event =
        Event::new(id.ok_or(Refusal::Internal)?, EventKind::Consent, source, plane.clock.now());
    let named = choice.anonymous_id.as_deref().and_then(AnonymousId::parse);
    event.anonymous_id =
        named.or_else(|| cookies::first_party_id(&exchange.cookies(), exchange.secure()));
    event.user_id = choice.user_id.as_deref().and_then(UserId::parse);
    event.surface = Surface::Browser;
    event.country = exchange.country();
    event.user_agent = exchange.user_agent().map(Into::into);
    event.consent = Consent { granted, source: ConsentSource::Explicit };
    event.hops.request = Some(exchange.started);
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_denied() {
        let granted = |text: &str| parse(text.as_bytes()).and_then(|it| it.purposes.granted());
        let measured = Purposes::NONE.with(Purpose::Measurement);
        assert_eq!(granted(r#"{"purposes":{"measurement":true}}"#), Ok(measured));
        assert_eq!(
            granted(r#"{"purposes":{"measurement":true,"advertising":false}}"#),
            Ok(measured)
        );
        assert_eq!(granted(r#"{"granted":["measurement"]}"#), Ok(measured));
        assert_eq!(granted(r#"{"purposes":[]}"#), Ok(Purposes::NONE));
        for broken in [r#"{"purposes":{"sale":true}}"#, r#"{"purposes":7}"#, "{}", "[]"] {
            assert!(matches!(granted(broken), Err(Refusal::InvalidBody(_))), "{broken}");
        }
        assert!(matches!(granted("{"), Err(Refusal::InvalidJson(_))));
        let long = format!(r#"{{"purposes":[],"text":"{}"}}"#, "x".repeat(129));
        for broken in [r#"{"purposes":[],"textVersion":"a=b"}"#, &long] {
            assert!(matches!(granted(broken), Err(Refusal::InvalidBody(_))), "{broken}");
        }
    }
}

//! Snowplow tracker protocol, version 2 (`tp2`): a `payload_data` object with an array of flat
//! events whose parameters have short names.

use super::clock::{Stamp, set_event_time};
use super::landing::{self, Landing, set_landing};
use super::receipt::{Fault, Limits, Outcome, Parsed, Receipt, Refusal};
use super::value::{ValueFields, set_value, set_value_text};
use super::{canonical, complexity, identity, members, scalar};
use crate::campaign::{truncated, truncated_to};
use crate::consent::StatedConsent;
use crate::envelope::{DeviceHints, Event, EventKind, Surface};
use crate::ids::{AnonymousId, EventId, UserId};
use crate::json::RawJson;
use crate::quarantine::QuarantineReason;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// One outcome per event of a `tp2` body, in order.
///
/// # Errors
/// See [`Refusal`].
pub fn parse(body: &[u8], receipt: &Receipt<'_>, limits: &Limits) -> Result<Vec<Outcome>, Refusal> {
    let [data] = members::check(Refusal::text_of(body)?, &["data"])?;
    let data = data.filter(|data| data.starts_with('[')).ok_or(Refusal::NoList("data"))?;
    let items = members::elements(data)?;
    if items.len() > limits.batch_events {
        return Err(Refusal::TooManyEvents { count: items.len(), max: limits.batch_events });
    }
    let outcome = |item: &&str| {
        event(item, receipt, limits).map_err(|fault| receipt.quarantine(item, 0, fault))
    };
    Ok(items.iter().map(outcome).collect())
}

/// The parameters of one event; numbers count as their text.
struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    fn read(item: &'a str) -> Result<Self, Fault> {
        if !scalar::is_object(item) {
            return Err(Fault::new(QuarantineReason::NotAnObject, "an event is a JSON object"));
        }
        let all = members::all(item)
            .map_err(|_| Fault::invalid("a member name", "is not readable text"))?;
        let readable = all.into_iter().filter_map(|(name, value)| {
            let text = scalar::text_or_number(value)?;
            (!text.trim().is_empty()).then_some((name, text))
        });
        Ok(Self(readable.collect()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    fn kept(&self, name: &str) -> Option<Box<str>> {
        self.get(name).map(|text| truncated(text.trim()).into())
    }

    /// JSON sent in base64 under the first name, of either alphabet, or plain under the second.
    fn json(&self, encoded: &str, plain: &str) -> Option<String> {
        let Some(text) = self.get(encoded) else {
            return self.get(plain).map(String::from);
        };
        let alphabet: String = text
            .trim_end_matches('=')
            .chars()
            .map(|c| match c {
                '+' => '-',
                '/' => '_',
                c => c,
            })
            .collect();
        String::from_utf8(URL_SAFE_NO_PAD.decode(alphabet).ok()?).ok()
    }
}

fn event(item: &str, receipt: &Receipt<'_>, limits: &Limits) -> Result<Parsed, Fault> {
    complexity::check(item, limits)?;
    let told = Parameters::read(item)?;
    let kind = match told.get("e").ok_or_else(|| Fault::missing("e"))? {
        "pv" => EventKind::Page,
        "pp" | "se" | "ue" | "tr" | "ti" => EventKind::Track,
        _ => {
            let detail = "e is none of pv, pp, se, ue, tr, ti";
            return Err(Fault::new(QuarantineReason::UnknownType, detail));
        }
    };
    let id = told.get("eid").and_then(EventId::parse);
    let id = id.unwrap_or_else(|| canonical::event_id(item, b""));
    let mut event = receipt.event(id, kind, receipt.received);
    let device = told.get("duid").or(told.get("nuid")).or(told.get("tnuid"));
    event.anonymous_id = identity::from_text("duid", device, AnonymousId::parse)?;
    event.user_id = identity::from_text("uid", told.get("uid"), UserId::parse)?;
    let client = Stamp::from_millis_text(told.get("ttm").or(told.get("dtm")));
    set_event_time(&mut event, client, Stamp::from_millis_text(told.get("stm")));
    event.surface = match told.get("p") {
        Some("web") => Surface::Browser,
        Some("mob" | "tv" | "cnsl" | "iot" | "app") => Surface::App,
        _ => Surface::Server,
    };
    describe(&mut event, &told, receipt);
    set_action(&mut event, &told, limits)?;
    let page = Landing {
        url: told.get("url"),
        referrer: told.get("refr"),
        title: told.get("page"),
        ..Landing::default()
    };
    set_landing(&mut event, page, receipt);
    event.context = context(&told, limits);
    let address = told.get("ip").map(Box::from);
    Ok(Parsed { event, stated: StatedConsent::default(), address })
}

fn describe(event: &mut Event, told: &Parameters<'_>, receipt: &Receipt<'_>) {
    let direct = event.surface != Surface::Server && told.get("ip").is_none();
    let of_request = receipt.user_agent.filter(|_| direct);
    event.user_agent = told.get("ua").or(of_request).and_then(landing::user_agent);
    if direct {
        event.country = receipt.country.map(|country| truncated_to(country, 2).into());
        event.region = receipt.region.map(|region| truncated(region).into());
    }
    let hints = DeviceHints {
        locale: told.kept("lang"),
        timezone: told.kept("tz"),
        screen: told.kept("res"),
        ..DeviceHints::default()
    };
    event.device_hints = (hints != DeviceHints::default()).then_some(hints);
}

/// Name, properties and value by the kind of event.
fn set_action(event: &mut Event, told: &Parameters<'_>, limits: &Limits) -> Result<(), Fault> {
    match told.get("e") {
        Some("pp") => event.name = Some("page_ping".into()),
        Some("se") => {
            event.name = Some(told.kept("se_ac").ok_or_else(|| Fault::missing("se_ac"))?);
            event.properties = gathered(
                told,
                &[
                    ("category", "se_ca"),
                    ("label", "se_la"),
                    ("property", "se_pr"),
                    ("value", "se_va"),
                ],
            );
        }
        Some("tr") => {
            event.name = Some("Order Completed".into());
            event.properties = gathered(
                told,
                &[
                    ("affiliation", "tr_af"),
                    ("tax", "tr_tx"),
                    ("shipping", "tr_sh"),
                    ("city", "tr_ci"),
                ],
            );
            let (amount, currency, order) =
                (told.get("tr_tt"), told.get("tr_cu"), told.get("tr_id"));
            set_value_text(event, ValueFields { amount, currency, order });
        }
        Some("ti") => {
            event.name = Some("Order Item".into());
            event.properties = gathered(
                told,
                &[
                    ("sku", "ti_sk"),
                    ("name", "ti_nm"),
                    ("category", "ti_ca"),
                    ("price", "ti_pr"),
                    ("quantity", "ti_qu"),
                ],
            );
            let (amount, order) = (None, told.get("ti_id"));
            set_value_text(event, ValueFields { amount, currency: None, order });
        }
        Some("ue") => return set_unstructured(event, told, limits),
        _ => {}
    }
    Ok(())
}

/// A self-describing event: the schema's name is the action, its data the properties.
fn set_unstructured(
    event: &mut Event,
    told: &Parameters<'_>,
    limits: &Limits,
) -> Result<(), Fault> {
    let text =
        told.json("ue_px", "ue_pr").ok_or_else(|| Fault::missing("readable ue_px or ue_pr"))?;
    complexity::check(&text, limits)?;
    let wrong = || Fault::invalid("ue_px", "is not a self-describing event");
    let [envelope] = members::check(&text, &["data"]).map_err(|_| wrong())?;
    let envelope = envelope.ok_or_else(wrong)?;
    let [schema, data] = members::check(envelope, &["schema", "data"]).map_err(|_| wrong())?;
    let schema = schema.and_then(scalar::text).ok_or_else(wrong)?;
    let name = schema.split('/').nth(1).filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    event.name = Some(truncated(name).into());
    let data = data.filter(|data| scalar::is_object(data));
    event.properties = data.and_then(RawJson::parse);
    let names = ["revenue", "value", "total", "currency", "order_id", "transaction_id"];
    let [revenue, value, total, currency, order, transaction] =
        members::check(data.unwrap_or("{}"), &names).map_err(|_| wrong())?;
    let amount = revenue.or(value).or(total);
    set_value(event, ValueFields { amount, currency, order: order.or(transaction) });
    Ok(())
}

fn gathered(told: &Parameters<'_>, names: &[(&str, &str)]) -> Option<RawJson> {
    let mut object = String::new();
    for (name, parameter) in names {
        if let Some(value) = told.get(parameter) {
            let mut text = String::new();
            members::push_text(&mut text, value);
            members::push_member(&mut object, name, &text);
        }
    }
    if object.is_empty() {
        return None;
    }
    object.push('}');
    RawJson::parse(&object)
}

/// Tracker, session and the self-describing contexts, as one JSON object.
fn context(told: &Parameters<'_>, limits: &Limits) -> Option<RawJson> {
    let names = [
        ("app_id", "aid"),
        ("platform", "p"),
        ("tracker", "tv"),
        ("namespace", "tna"),
        ("session_id", "sid"),
        ("session_index", "vid"),
    ];
    let plain = gathered(told, &names);
    let contexts = told
        .json("cx", "co")
        .filter(|text| complexity::check(text, limits).is_ok() && RawJson::parse(text).is_some());
    let Some(contexts) = contexts else {
        return plain;
    };
    let mut object: String = plain.as_ref().map_or("", |plain| plain.get()).into();
    if object.ends_with('}') {
        object.pop();
    }
    members::push_member(&mut object, "contexts", contexts.trim());
    object.push('}');
    RawJson::parse(&object)
}

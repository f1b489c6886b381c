//! Google Analytics 4 Measurement Protocol, `POST /mp/collect`.
//!
//! The protocol gives events no id: an event is named by a hash of its content, its client and
//! its time, so equal events of one client are told apart by `timestamp_micros` alone.

use super::clock::{Stamp, set_event_time};
use super::landing::{self, Landing, set_landing};
use super::receipt::{Fault, Limits, Outcome, Parsed, Receipt, Refusal};
use super::value::{ValueFields, set_value};
use super::{canonical, complexity, identity, members, scalar};
use crate::campaign::truncated;
use crate::consent::{Purpose, StatedConsent};
use crate::envelope::{Event, EventKind, Surface};
use crate::ids::{AnonymousId, UserId};
use crate::json::RawJson;
use crate::quarantine::QuarantineReason;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Events that one request may hold.
pub const EVENTS_MAX: usize = 25;

/// What a request says for all its events, as JSON text.
struct Request<'a> {
    client: Option<&'a str>,
    app: Option<&'a str>,
    user: Option<&'a str>,
    timestamp: Option<&'a str>,
    user_properties: Option<&'a str>,
    agent: Option<&'a str>,
    address: Option<&'a str>,
    location: Option<&'a str>,
    stated: StatedConsent,
}

/// One outcome per event, in order.
///
/// # Errors
/// See [`Refusal`].
pub fn parse(body: &[u8], receipt: &Receipt<'_>, limits: &Limits) -> Result<Vec<Outcome>, Refusal> {
    let names = [
        "client_id",
        "app_instance_id",
        "user_id",
        "timestamp_micros",
        "user_properties",
        "user_agent",
        "ip_override",
        "user_location",
        "consent",
        "events",
    ];
    let [client, app, user, timestamp, user_properties, agent, address, location, consent, events] =
        members::check(Refusal::text_of(body)?, &names)?;
    let events =
        events.filter(|events| events.starts_with('[')).ok_or(Refusal::NoList("events"))?;
    let items = members::elements(events)?;
    let max = EVENTS_MAX.min(limits.batch_events);
    if items.len() > max {
        return Err(Refusal::TooManyEvents { count: items.len(), max });
    }
    let stated = stated_consent(consent);
    let request =
        Request { client, app, user, timestamp, user_properties, agent, address, location, stated };
    let outcome = |(place, item): (usize, &&str)| {
        event(&request, item, place, (receipt, limits))
            .map_err(|fault| receipt.quarantine(item, place as u64, fault))
    };
    Ok(items.iter().enumerate().map(outcome).collect())
}

/// Google's consent signals. Both advertising signals must be granted for the purpose to be.
fn stated_consent(consent: Option<&str>) -> StatedConsent {
    let names = [
        ("ad_user_data", Purpose::Advertising),
        ("ad_personalization", Purpose::Advertising),
        ("ad_storage", Purpose::Advertising),
        ("analytics_storage", Purpose::Measurement),
        ("personalization_storage", Purpose::Personalization),
    ];
    let object = consent.filter(|text| scalar::is_object(text));
    let all = object.and_then(|text| members::all(text).ok()).unwrap_or_default();
    all.iter().fold(StatedConsent::default(), |stated, (name, value)| {
        let purpose = names.iter().find(|(known, _)| name == known);
        match (purpose, scalar::boolean(value)) {
            (Some((_, purpose)), Some(granted)) => stated.saying(*purpose, granted),
            _ => stated,
        }
    })
}

fn event(
    request: &Request<'_>,
    item: &str,
    place: usize,
    (receipt, limits): (&Receipt<'_>, &Limits),
) -> Result<Parsed, Fault> {
    complexity::check(item, limits)?;
    if !scalar::is_object(item) {
        return Err(Fault::new(QuarantineReason::NotAnObject, "an event is a JSON object"));
    }
    let unreadable = |_| Fault::invalid("a member name", "is not readable text");
    let [name, params, timestamp] =
        members::check(item, &["name", "params", "timestamp_micros"]).map_err(unreadable)?;
    let name = scalar::some_text(name).ok_or_else(|| Fault::missing("name"))?;
    let params = match params {
        Some(params) if scalar::is_empty(params) => None,
        Some(params) if !scalar::is_object(params) => {
            return Err(Fault::invalid("params", "is not an object"));
        }
        other => other,
    };
    let timestamp = timestamp.or(request.timestamp);
    let client = request.client.or(request.app).unwrap_or_default();
    let extra = alloc::format!("{client} {} {place}", timestamp.unwrap_or_default());
    let id = canonical::event_id(item, extra.as_bytes());
    let kind = match &*name {
        "page_view" => EventKind::Page,
        "screen_view" => EventKind::Screen,
        _ => EventKind::Track,
    };
    let mut event = receipt.event(id, kind, receipt.received);
    set_identity(&mut event, request)?;
    set_event_time(&mut event, micros(timestamp), Stamp::Absent);
    event.consent = receipt.consent.overridden(request.stated);
    event.properties = params.and_then(RawJson::parse);
    event.traits =
        request.user_properties.filter(|text| scalar::is_object(text)).and_then(RawJson::parse);
    if kind == EventKind::Track {
        event.name = Some(truncated(name.trim()).into());
    }
    set_params(&mut event, request, params.unwrap_or("{}"), receipt).map_err(unreadable)?;
    set_place(&mut event, request, receipt);
    let address = scalar::some_text(request.address).map(|text| Box::from(text.trim()));
    Ok(Parsed { event, stated: request.stated, address })
}

/// Microseconds since the epoch, as number or text.
fn micros(value: Option<&str>) -> Stamp {
    let Some(value) = value else {
        return Stamp::Absent;
    };
    let stamp = scalar::whole(value).and_then(|micros| Timestamp(micros).sane());
    stamp.map_or(Stamp::Nonsense, Stamp::At)
}

fn set_identity(event: &mut Event, request: &Request<'_>) -> Result<(), Fault> {
    event.anonymous_id = identity::from_json("client_id", request.client, AnonymousId::parse)?;
    if event.anonymous_id.is_none() {
        event.anonymous_id =
            identity::from_json("app_instance_id", request.app, AnonymousId::parse)?;
    }
    event.user_id = identity::from_json("user_id", request.user, UserId::parse)?;
    if event.anonymous_id.is_none() && event.user_id.is_none() {
        let detail = "neither client_id, app_instance_id nor user_id is there";
        return Err(Fault::new(QuarantineReason::NoIdentity, detail));
    }
    Ok(())
}

fn set_params(
    event: &mut Event,
    request: &Request<'_>,
    params: &str,
    receipt: &Receipt<'_>,
) -> Result<(), serde_json::Error> {
    let names = [
        "page_location",
        "page_referrer",
        "page_title",
        "screen_name",
        "value",
        "currency",
        "transaction_id",
        "source",
        "medium",
        "campaign",
        "term",
        "content",
    ];
    let [
        location,
        referrer,
        title,
        screen,
        value,
        currency,
        order,
        source,
        medium,
        campaign,
        term,
        content,
    ] = members::check(params, &names)?;
    let text = |value| scalar::some_text(value);
    if event.kind == EventKind::Screen {
        event.name = text(screen).map(|screen| truncated(screen.trim()).into());
    }
    event.surface = match (request.app, location) {
        (Some(_), _) => Surface::App,
        (None, Some(_)) => Surface::Browser,
        (None, None) if event.kind == EventKind::Page => Surface::Browser,
        (None, None) => Surface::Server,
    };
    set_value(event, ValueFields { amount: value, currency, order });
    let names_campaign = matches!(event.name.as_deref(), None | Some("campaign_details"));
    if names_campaign && event.kind != EventKind::Screen {
        let told = [
            ("utm_source", source),
            ("utm_medium", medium),
            ("utm_campaign", campaign),
            ("utm_term", term),
            ("utm_content", content),
        ];
        for (name, value) in told {
            if let Some(value) = text(value) {
                event.campaign.take_parameter(name, &value);
            }
        }
    }
    let (location, referrer, title) = (text(location), text(referrer), text(title));
    let page = Landing {
        url: location.as_deref(),
        referrer: referrer.as_deref(),
        title: title.as_deref(),
        search: None,
    };
    set_landing(event, page, receipt);
    Ok(())
}

/// Requests of this protocol come from servers: only what they state tells of the client.
fn set_place(event: &mut Event, request: &Request<'_>, receipt: &Receipt<'_>) {
    let agent = scalar::some_text(request.agent);
    let browser = receipt.user_agent.filter(|agent| agent.starts_with("Mozilla/"));
    event.user_agent = agent.as_deref().or(browser).and_then(landing::user_agent);
    if browser.is_some() && request.address.is_none() {
        event.country =
            receipt.country.map(|country| crate::campaign::truncated_to(country, 2).into());
        event.region = receipt.region.map(|region| truncated(region).into());
    }
    let location = request.location.filter(|text| scalar::is_object(text));
    let stated = location.and_then(|text| members::check(text, &["country_id", "region_id"]).ok());
    if let Some([country, region]) = stated {
        let country = scalar::some_text(country).filter(|code| code.len() == 2);
        event.country =
            event.country.take().or(country.map(|code| code.to_ascii_uppercase().into()));
        let region = scalar::some_text(region).map(|region| truncated(region.trim()).into());
        event.region = event.region.take().or(region);
    }
}

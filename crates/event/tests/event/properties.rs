//! Properties: no input makes a parser panic, and what was written reads back.

use crate::source::receipt;
use millstream_event::campaign::NetworkClick;
use millstream_event::click_token::ClickReference;
use millstream_event::consent::{Consent, Outcome, Purpose, Purposes, restrict};
use millstream_event::control::{Link, Settings};
use millstream_event::envelope::{CONTRACT_VERSION, Correction, DeviceHints, decode};
use millstream_event::record::{HEADER_BYTES, Header};
use millstream_event::url::{Address, is_click_parameter, parameters, without_click_ids};
use millstream_event::wire::segment::{Body, Call};
use millstream_event::wire::{Limits, combined, ga4, snowplow};
use millstream_event::{
    AnonymousId, Arrival, Campaign, Click, ClickForm, ClickId, ConsentSource, Currency, Event,
    EventId, EventKind, Flags, Hash128, Kind, Lane, Money, OrderId, RawJson, SourceId, Span,
    Surface, Timestamp, UserId,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Bytes that look enough like the formats to get past their first checks.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        ":",
        "\\u0000",
        "\\ud800",
        "null",
        "1e999",
        "-",
        "\u{0}",
        "\"batch\":[",
        "\"data\":[",
        "\"events\":[",
        "\"type\":\"track\"",
        "\"userId\":\"u\"",
        "\"event\":\"e\"",
        "\"context\":{",
        "\"page\":{",
        "\"properties\":",
        "\"url\":",
        "\"e\":\"ue\"",
        "\"ue_pr\":\"{}\"",
        "\"name\":\"x\"",
        "\"params\":{",
        "\"timestamp\":",
        "\"2026-11-22T02:56:20Z\"",
        "?gclid=%zz&ms_click=AQ",
        "é",
        "[17/May/2015:10:05:03 +0000] ",
        "\"GET / HTTP/1.1\" 200 1 ",
        "1.2.3.4 - - ",
        "\\",
        " ",
        "\r\n",
    ]);
    let text = vec(pieces, 0..40).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![text, vec(any::<u8>(), 0..200)]
}

fn identifier() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9é._:-]{1,40}"
}

fn text() -> impl Strategy<Value = Option<Box<str>>> {
    option::of("\\PC{1,20}|[\u{0}-\u{7f}]{1,40}").prop_map(|text| text.map(Into::into))
}

fn kind() -> impl Strategy<Value = EventKind> {
    select(vec![
        EventKind::Page,
        EventKind::Screen,
        EventKind::Track,
        EventKind::Identify,
        EventKind::Group,
        EventKind::Alias,
        EventKind::Click,
        EventKind::Request,
        EventKind::Touch,
        EventKind::Conversion,
        EventKind::Consent,
        EventKind::Timing,
        EventKind::Decision,
        EventKind::Exposure,
        EventKind::Unlink,
    ])
}

fn consent_source() -> impl Strategy<Value = ConsentSource> {
    select(vec![
        ConsentSource::Explicit,
        ConsentSource::Framework,
        ConsentSource::GlobalPrivacyControl,
        ConsentSource::Regional,
        ConsentSource::Default,
    ])
}

fn campaign() -> impl Strategy<Value = Campaign> {
    let click = option::of(text()).prop_map(|value| {
        value.map(|value| NetworkClick {
            parameter: "gclid".into(),
            value: value.unwrap_or_default(),
        })
    });
    (text(), text(), text(), text(), text(), text(), click).prop_map(|told| Campaign {
        source: told.0,
        medium: told.1,
        name: told.2,
        term: told.3,
        content: told.4,
        ad_group: told.5,
        network_click: told.6,
    })
}

fn hints() -> impl Strategy<Value = Option<DeviceHints>> {
    let texts = (text(), text(), text(), text(), text());
    option::of(texts).prop_map(|told| {
        let (locale, timezone, screen, connection, os) = told?;
        Some(DeviceHints { locale, timezone, screen, connection, os })
    })
}

fn object() -> impl Strategy<Value = Option<RawJson>> {
    let pair = ("\\PC{0,8}", any::<i64>());
    option::of(vec(pair, 0..4)).prop_map(|pairs| {
        let map: std::collections::BTreeMap<_, _> = pairs?.into_iter().collect();
        RawJson::parse(&serde_json::to_string(&map).ok()?)
    })
}

prop_compose! {
    fn identity()(
        anonymous in option::of(identifier()),
        user in option::of(identifier()),
        order in option::of(identifier()),
        click in option::of(identifier()),
    ) -> (Option<AnonymousId>, Option<UserId>, Option<OrderId>, Option<ClickReference>) {
        let reference = |id: String| Some(ClickReference {
            id: ClickId::parse(&id)?, issued: Timestamp(-5), link: "l\"".into(), link_version: u32::MAX,
            ms_id: anonymous.as_deref().and_then(AnonymousId::parse),
        });
        let click = click.and_then(reference);
        (
            anonymous.and_then(|id| AnonymousId::parse(&id)),
            user.and_then(|id| UserId::parse(&id)),
            order.and_then(|id| OrderId::parse(&id)),
            click,
        )
    }
}

prop_compose! {
    fn event()(
        (id, source) in (identifier(), identifier()),
        kind in kind(),
        identity in identity(),
        times in (any::<i64>(), any::<i64>(), option::of(any::<i64>()), any::<i64>()),
        texts in (text(), text(), text(), text()),
        places in (campaign(), hints(), text(), text(), text(), text()),
        said in (select(vec![Surface::Browser, Surface::App, Surface::Server]), consent_source(), option::of(identifier())),
        hops in (option::of(any::<i64>()), option::of(any::<i64>()), option::of(any::<i64>())),
        bits in (any::<u16>(), 0u8..8, any::<u64>()),
        money in option::of(any::<i64>()),
        raw in (object(), object(), object(), object()),
    ) -> Event {
        let id = EventId::parse(&id).expect("an id");
        let mut event = Event::new(id, kind, SourceId::parse(&source).expect("an id"), Timestamp(times.0));
        (event.anonymous_id, event.user_id, event.order_id, event.click) = identity;
        event.event_time = Timestamp(times.1);
        let sent = hops.1.map(Timestamp);
        event.correction = Correction { client: times.2.map(Timestamp), sent, shift: Span(times.3) };
        (event.name, event.page.url, event.page.title, event.user_agent) = texts;
        (event.campaign, event.device_hints, event.page.referrer, event.group_id, event.country, event.region) = places;
        (event.surface, event.consent.source) = (said.0, said.1);
        event.previous_id = said.2.and_then(|id| UserId::parse(&id));
        (event.hops.edge, event.hops.request, event.hops.queued) =
            (hops.0.map(Timestamp), hops.1.map(Timestamp), hops.2.map(Timestamp));
        event.arrival = event.page.url.as_deref().map(|url| Arrival::new(url, "m"));
        event.flags = Flags(bits.0);
        event.consent.granted = Purposes::from_bits(bits.1);
        event.sequence = bits.2;
        event.round_trip_ms = bits.2.is_multiple_of(2).then_some(u32::from(bits.0));
        event.value = money.map(|minor| Money { minor, currency: Currency::USD });
        (event.properties, event.traits, event.context, event.integrations) = raw;
        event
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in hostile()) {
        let settings = Settings::default();
        let mut receipt = receipt(&settings);
        receipt.click_key = Some(&[7; 32]);
        let limits = Limits::default();
        for call in [None, Some(Call::Track), Some(Call::Page), Some(Call::Alias)] {
            if let Ok(body) = Body::single(call, &bytes) {
                prop_assert_eq!(body.outcomes(&receipt, &limits).count(), 1);
            }
        }
        if let Ok(body) = Body::batch(&bytes, &limits) {
            prop_assert_eq!(body.outcomes(&receipt, &limits).count(), body.len());
        }
        let _ = snowplow::parse(&bytes, &receipt, &limits);
        let _ = ga4::parse(&bytes, &receipt, &limits);
        let _ = combined::parse(&bytes, 0, &receipt);
        combined::ReferrerHosts::default().add(&bytes);
        let _ = decode(CONTRACT_VERSION, &bytes);
        let _ = Header::decode(&bytes);
    }

    #[test]
    fn what_a_parser_accepts_can_be_logged_and_read_back(bytes in hostile()) {
        let settings = Settings::default();
        let receipt = receipt(&settings);
        let limits = Limits::default();
        if let Ok(body) = Body::batch(&bytes, &limits) {
            for parsed in body.outcomes(&receipt, &limits).flatten() {
                let text = parsed.event.encode().expect("encodes");
                prop_assert_eq!(&text, &serde_json::to_vec(&parsed.event).expect("serde encodes"));
                prop_assert_eq!(decode(CONTRACT_VERSION, &text).expect("decodes"), parsed.event);
            }
        }
    }

    #[test]
    fn events_read_back(event in event()) {
        let text = event.encode().expect("encodes");
        prop_assert_eq!(&text, &serde_json::to_vec(&event).expect("serde encodes"));
        prop_assert_eq!(decode(CONTRACT_VERSION, &text).expect("decodes"), event);
        prop_assert!(decode(CONTRACT_VERSION + 1, &text).is_err());
    }

    #[test]
    fn headers_read_back(
        (kind, lane) in (1u8..=8, 0u8..66),
        subject in any::<[u8; 16]>(),
        small in any::<(u16, u16, u8)>(),
        large in any::<(u32, u32, u64, u64, i64)>(),
    ) {
        let kind = Kind::from_number(kind).expect("a kind");
        let lane = Lane::from_number(lane).expect("a lane");
        let mut header = Header::new(kind, lane, Timestamp(large.4));
        header.subject = Hash128(subject);
        (header.generation, header.contract_version, header.seal) = small;
        (header.control_version, header.replay_epoch) = (large.0, large.1);
        (header.item_version, header.nonce) = (large.2, large.3);
        let bytes = header.encode(100);
        prop_assert_eq!(Header::decode(&bytes), Ok(header));
        prop_assert!(Header::decode(&bytes[..HEADER_BYTES - 1]).is_err());
    }

    #[test]
    fn money_prints_what_it_reads(minor in any::<i64>(), code in select(vec!["USD", "JPY", "KWD"])) {
        let money = Money { minor, currency: Currency::parse(code).expect("a code") };
        prop_assert_eq!(Money::parse_decimal(&money.to_decimal(), money.currency), Some(money));
    }

    #[test]
    fn money_takes_any_text(text in "\\PC{0,30}|[-+0-9.eE]{0,30}") {
        let _ = Money::parse_decimal(&text, Currency::USD);
    }

    #[test]
    fn tokens_read_back_and_nothing_else_is_believed(
        id in "[a-z0-9]{1,64}", link in "[a-z]{1,64}", version in any::<u32>(), issued in any::<i64>(),
        noise in vec(any::<u8>(), 0..64),
    ) {
        let click = ClickReference {
            id: ClickId::parse(&id).expect("an id"), issued: Timestamp(issued), link: link.into(),
            link_version: version, ms_id: AnonymousId::parse("m"),
        };
        let token = click.to_token(&[1; 32]).expect("a token");
        prop_assert_eq!(ClickReference::from_token(&[1; 32], &token), Ok(click));
        prop_assert!(ClickReference::from_token(&[1; 32], &String::from_utf8_lossy(&noise)).is_err());
    }

    #[test]
    fn a_clean_address_holds_no_click_id(
        path in "[a-z/:.]{0,12}",
        pairs in vec((select(vec!["gclid", "FBCLID", "ms_click", "%6ds_click", "x", "next", "utm_source", "amp;gclid"]),
            select(vec!["1", "%3Fgclid%3D2", "http%3A%2F%2Fa%2F%3Ffbclid%253D3", "é", "a+b", ""])), 0..6),
        mark in select(vec!['?', '#']),
    ) {
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let address = format!("{path}{mark}{}", query.join("&"));
        let clean = without_click_ids(&address);
        let parts = Address::split(&clean);
        for (name, value) in parameters(parts.query).chain(parameters(parts.fragment)) {
            prop_assert!(!is_click_parameter(&name), "{clean}");
            prop_assert!(!value.to_ascii_lowercase().contains("clid="), "{clean}");
        }
        prop_assert_eq!(without_click_ids(&clean), clean.as_ref());
        for (name, value) in &pairs {
            let harmless = ["x", "next", "utm_source"].contains(name) && !value.contains("clid");
            prop_assert!(!harmless || clean.contains(&format!("{name}={value}")), "{clean}");
        }
    }

    #[test]
    fn any_address_can_be_cleaned(address in "\\PC{0,60}|[a-z?#&=%;/:@\\[\\]0-9]{0,40}") {
        let clean = without_click_ids(&address).into_owned();
        prop_assert!(clean.len() <= address.len());
        let _ = Address::split(&address);
    }

    #[test]
    fn restricting_twice_is_restricting_once(event in event()) {
        let mut event = event;
        event.consent = Consent { granted: Purposes::NONE.with(Purpose::Measurement), ..event.consent };
        event.campaign = Campaign::default();
        let Outcome::Keep(once) = restrict(event) else {
            panic!("measurement was granted");
        };
        prop_assert_eq!(restrict((*once).clone()), Outcome::Keep(once));
    }
}

/// The link that an event could be a click on.
fn link(of: &Event) -> Link {
    Link {
        slug: of.id.as_str().into(),
        version: of.sequence as u32,
        destination: of.page.url.clone().unwrap_or_default(),
        campaign: of.campaign.clone(),
        status: 302,
        owner: "owner".into(),
        expires: None,
        consent_text: None,
        enabled: true,
        changed: Timestamp(0),
    }
}

/// A click on a link with what an event says of its visitor.
fn click<'a>(
    visitor: &'a Event,
    (link, place): (&'a Link, &'a Event),
    id: &'a ClickId,
) -> Click<'a> {
    Click {
        link,
        source: &place.source,
        arrival: place.arrival.as_ref(),
        id,
        at: visitor.received,
        queued: visitor.event_time,
        ms_id: visitor.anonymous_id.as_ref(),
        referrer: visitor.page.referrer.as_deref(),
        user_agent: visitor.user_agent.as_deref(),
        country: visitor.country.as_deref(),
        consent: visitor.consent,
        flags: visitor.flags,
    }
}

proptest! {
    #[test]
    fn a_form_that_is_filled_in_is_the_whole_event(
        events in vec(event().boxed(), 3), ids in (identifier(), identifier()),
    ) {
        let place = &events[0];
        let link = link(place);
        let ids = [&ids.0, &ids.1].map(|id| ClickId::parse(id).expect("an id"));
        let first = click(&events[1], (&link, place), &ids[0]);
        let second = click(&events[2], (&link, place), &ids[1]);
        let form = ClickForm::of(&first);
        for click in [first, second] {
            let mut filled = b"before".to_vec();
            form.fill(&mut filled, &click);
            let event = click.to_event();
            let whole = event.encode().expect("an event is always encoded");
            let told = String::from_utf8_lossy(&filled);
            prop_assert_eq!(told, format!("before{}", String::from_utf8_lossy(&whole)));
            prop_assert_eq!(click.subject(), event.subject());
            let reference = event.click.as_ref().expect("a click");
            prop_assert_eq!(click.to_token(&[7; 32]), reference.to_token(&[7; 32]));
            // What consent leaves whole may be written so.
            let kept = restrict(event.clone());
            prop_assert!(!click.is_whole() || kept == Outcome::Keep(event.into()));
        }
    }
}

//! Random histories of a small world, so that things meet: few devices, users, orders, campaigns.

use crate::cluster::Crash;
use millstream_event::click_token::ClickReference;
use millstream_event::envelope::{Correction, DeviceHints, Page};
use millstream_event::{
    AnonymousId, Arrival, Campaign, Channel, ClickId, Consent, Currency, Event, EventId, EventKind,
    Flags, Hops, Money, OrderId, RawJson, SourceId, Span, Surface, Timestamp, UserId,
};
use millstream_stitch::{Properties, SessionRule, SessionRules, Zone};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const START: i64 = 1_790_000_000_000_000;

/// One step of a schedule: which owner folds how much, and where it dies.
#[derive(Clone, Debug)]
pub struct Turn {
    pub owner: usize,
    pub batch: usize,
    pub crash: Crash,
    /// How many owners there are from now on, where that changes.
    pub owners: Option<usize>,
}

/// An event as the generator draws it.
#[derive(Clone, Debug)]
pub struct Draw {
    id: u16,
    device: u8,
    user: u8,
    kind: u8,
    minute: u32,
    delay_s: u32,
    channel: u8,
    order: u8,
    value: i64,
    agent: u8,
    click: u8,
}

prop_compose! {
    fn draw()(
        id in 0u16..90, device in 0u8..6, user in 0u8..12, kind in 0u8..18, minute in 0u32..400,
        delay_s in prop_oneof![0u32..10, 0u32..300_000], channel in 0u8..9, order in 0u8..8,
        value in -500i64..20_000, agent in 0u8..12, click in 0u8..14,
    ) -> Draw {
        Draw { id, device, user, kind, minute, delay_s, channel, order, value, agent, click }
    }
}

/// Histories of up to `events_max` events; ids collide, so there are duplicates and conflicts.
pub fn histories(events_max: usize) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(draw(), 1..events_max).prop_map(|draws| draws.iter().map(event).collect())
}

/// Histories in which servers that name just the user tell of what devices told of, under the same
/// few ids.
pub fn told_twice(events_max: usize) -> impl Strategy<Value = Vec<Event>> {
    let draws = prop::collection::vec((draw(), 0u8..4), 2..events_max);
    draws.prop_map(|draws| {
        draws.iter().map(|(draw, side)| event(&of_side(draw.clone(), *side))).collect()
    })
}

fn of_side(draw: Draw, side: u8) -> Draw {
    let sale = |draw: Draw| Draw { id: draw.id % 8, kind: 11, ..draw };
    match side {
        0 => sale(Draw { device: 5, user: draw.user % 3, agent: 9 + draw.agent % 3, ..draw }),
        1 => sale(Draw { device: draw.device % 5, user: draw.user % 6, ..draw }),
        _ => draw,
    }
}

/// Rules of sessions: timeouts, campaigns and days, with a property of its own now and then. While
/// the world lasts a day begins in Dubai, Kathmandu and Tokyo, but not in Berlin.
pub fn session_rules() -> impl Strategy<Value = SessionRules> {
    let timeout = prop_oneof![Just(30), Just(5), Just(120)].prop_map(Span::minutes);
    let zone = prop_oneof![
        3 => Just(""),
        2 => Just("Asia/Kathmandu"),
        1 => Just("Asia/Dubai"),
        1 => Just("Asia/Tokyo"),
        1 => Just("Europe/Berlin"),
    ];
    let rule = (timeout, any::<bool>(), zone).prop_map(|(timeout, by_campaign, zone)| {
        SessionRule { timeout, by_campaign, by_day: Zone::parse(zone) }
    });
    let rules = (rule.clone(), prop::option::of(rule)).prop_map(|(usual, other)| {
        let source = SourceId::parse("other").unwrap();
        SessionRules { usual, of_source: other.map(|rule| (source, rule)).into_iter().collect() }
    });
    prop_oneof![1 => Just(SessionRules::default()), 2 => rules]
}

/// The two sources are one property now and then.
pub fn properties() -> impl Strategy<Value = Properties> {
    let one = Properties::new([(SourceId::parse("other").unwrap(), "web".into())]);
    prop_oneof![Just(Properties::default()), Just(one)]
}

pub fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let crash = prop_oneof![
        6 => Just(Crash::No),
        1 => Just(Crash::BeforeCommit),
        1 => (0usize..8).prop_map(Crash::WithinCommit),
        1 => Just(Crash::BeforeAppend),
        1 => Just(Crash::BeforeDelete),
    ];
    let batch = prop_oneof![Just(1usize), 2usize..9, Just(1_000)];
    let owners = prop_oneof![9 => Just(None), 1 => (1usize..5).prop_map(Some)];
    let turn = (0usize..16, batch, crash, owners);
    let turn = turn.prop_map(|(owner, batch, crash, owners)| Turn { owner, batch, crash, owners });
    prop::collection::vec(turn, 0..40)
}

const CHANNELS: [&str; 4] = ["paid_search", "email", "paid_social", "referral"];

fn arrival(draw: &Draw) -> Option<Arrival> {
    let name = CHANNELS.get(usize::from(draw.channel))?;
    Some(Arrival {
        source: format!("{name}-source").into(),
        medium: "cpc".into(),
        channel: Channel::new(name),
    })
}

fn click(draw: &Draw) -> Option<ClickReference> {
    (draw.click < 4).then(|| ClickReference {
        id: ClickId::parse(&format!("click-{}", draw.click)).unwrap(),
        issued: Timestamp(START + i64::from(draw.click) * 60_000_000),
        link: format!("link-{}", draw.click % 2).into(),
        link_version: 1,
        ms_id: (draw.click == 3).then(|| AnonymousId::parse("device-5").unwrap()),
    })
}

/// When the device says that it sent the event: its clock is hours off, and the way here takes time.
fn sent(draw: &Draw, time: Timestamp) -> Option<Timestamp> {
    let received = time.0 + i64::from(draw.delay_s) * 1_000_000;
    let behind = i64::from(draw.device) * 3_600_000_000 + i64::from(draw.id % 5) * 300_000;
    (draw.device > 0).then_some(Timestamp(received - behind))
}

fn name(kind: u8) -> &'static str {
    match kind {
        5 => "Order Completed",
        13 => "Order Refunded",
        14 => "Order Updated",
        15 => "Subscription Started",
        16 => "Subscription Renewed",
        17 => "Subscription Refunded",
        _ => "Look",
    }
}

/// Which subscription, which refund or payment, and which goods: some are told twice, some have no number.
fn numbers(draw: &Draw) -> RawJson {
    let part = match draw.click % 5 {
        0 => String::new(),
        part => format!(", \"invoice_id\": {part}"),
    };
    let goods = match draw.minute % 5 {
        0 => String::new(),
        1 => format!(", \"cost_of_goods\": {}.5", draw.minute % 50),
        many => {
            let line = |n| {
                let (sku, units, price) =
                    ((draw.minute + n) % 3, (draw.id as u32 + n) % 4, n * 7 % 3);
                format!("{{\"sku\": \"p{sku}\", \"quantity\": {units}, \"price\": {price}.25}}")
            };
            let lines: Vec<String> = (0..many).map(line).collect();
            format!(", \"products\": [{}]", lines.join(","))
        }
    };
    let text = format!("{{\"subscription_id\": \"s{}\"{part}{goods}}}", draw.agent % 3);
    RawJson::parse(&text).unwrap()
}

/// Many events over three years, the same each time: late ones, merges, unlinks, refunds, restatements.
pub fn long_history(events: usize) -> Vec<Event> {
    let mut runner = TestRunner::deterministic();
    let draws = (0..events).map(|at| {
        let drawn = draw().new_tree(&mut runner).unwrap().current();
        let spread = at as u32 * 7_919;
        // A tenth are copies of earlier ones, some with other contents.
        let id = if at % 10 == 9 { drawn.id } else { 100 + at as u16 };
        Draw { id, minute: (drawn.minute + spread) % 1_500_000, ..drawn }
    });
    draws.map(|draw| event(&draw)).collect()
}

/// What a draw means. Facts of a click are fixed by its number, as a signed token fixes them.
pub fn event(draw: &Draw) -> Event {
    let kind = match draw.kind {
        0..5 => EventKind::Page,
        5..8 | 13.. => EventKind::Track,
        8 => EventKind::Identify,
        9 => EventKind::Click,
        10 => EventKind::Touch,
        12 => EventKind::Unlink,
        _ => EventKind::Conversion,
    };
    let time =
        Timestamp(START + i64::from(draw.minute) * 60_000_000 + i64::from(draw.id % 7) * 400_000);
    let clicked = click(draw).filter(|_| matches!(kind, EventKind::Click | EventKind::Page));
    let kind = if kind == EventKind::Click && clicked.is_none() { EventKind::Page } else { kind };
    let is_click = kind == EventKind::Click;
    let (time, id) = match (&clicked, is_click) {
        (Some(click), true) => (click.issued, click.id.to_string()),
        _ => (time, format!("event-{}", draw.id)),
    };
    let device =
        (draw.device < 5).then(|| AnonymousId::parse(&format!("device-{}", draw.device)).unwrap());
    let users = ["u0", "u1", "u2", "guest"];
    Event {
        id: EventId::parse(&id).unwrap(),
        kind,
        name: (kind == EventKind::Track).then(|| name(draw.kind).into()),
        source: SourceId::parse(if draw.id.is_multiple_of(11) { "other" } else { "web" }).unwrap(),
        anonymous_id: device.filter(|_| !is_click),
        user_id: users
            .get(usize::from(draw.user))
            .filter(|_| !is_click)
            .map(|user| UserId::parse(user).unwrap()),
        previous_id: None,
        group_id: None,
        sequence: u64::from(draw.id % 7) * u64::from(1 + draw.id % 4),
        round_trip_ms: draw.id.is_multiple_of(5).then_some(u32::from(draw.id) * 10),
        event_time: time,
        received: Timestamp(time.0 + i64::from(draw.delay_s) * 1_000_000),
        correction: Correction { sent: sent(draw, time), ..Correction::default() },
        surface: if draw.kind == 7 || draw.agent > 8 { Surface::Server } else { Surface::Browser },
        page: Page {
            url: Some(format!("https://shop.example/{}", draw.id).into()),
            ..Page::default()
        },
        campaign: Campaign {
            name: arrival(draw).map(|_| format!("c{}", draw.channel).into()),
            ..Campaign::default()
        },
        arrival: arrival(draw),
        click: clicked,
        user_agent: Some(if draw.agent == 0 { "bot" } else { "browser" }.into()),
        country: draw.device.is_multiple_of(2).then(|| "DE".into()),
        region: None,
        device_hints: draw
            .id
            .is_multiple_of(4)
            .then(|| DeviceHints { connection: Some("4g".into()), ..DeviceHints::default() }),
        consent: Consent::DEFAULT_ALL,
        flags: Flags(0),
        value: (draw.value % 3 != 0)
            .then_some(Money { minor: draw.value, currency: Currency::USD }),
        order_id: ["o1", "o2", "(not set)"]
            .get(usize::from(draw.order))
            .map(|order| OrderId::parse(order).unwrap()),
        properties: matches!(draw.kind, 5 | 11 | 13..).then(|| numbers(draw)),
        traits: None,
        context: None,
        integrations: None,
        hops: Hops::default(),
    }
}

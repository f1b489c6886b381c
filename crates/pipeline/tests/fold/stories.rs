//! Small stories told whole, where the numbers can be checked by eye.

use crate::answers;
use crate::properties::{plainly, plainly_by, rules};
use millstream_attribute::Model;
use millstream_event::{
    AnonymousId, Arrival, Channel, Currency, Event, EventId, EventKind, Money, OrderId, Purposes,
    SourceId, Span, Surface, UserId,
};
use millstream_pipeline::{Rules, preferences};
use millstream_stitch::{SessionRule, SessionRules, Zone};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// A bare page view of a device, `minute` minutes into the story.
pub fn page(id: &str, device: &str, minute: i64) -> Event {
    let mut runner = TestRunner::deterministic();
    let drawn = crate::history::histories(2).new_tree(&mut runner).unwrap().current();
    let base = drawn.into_iter().next().unwrap();
    let time = millstream_event::Timestamp(1_790_000_000_000_000) + Span::minutes(minute);
    Event {
        id: EventId::parse(id).unwrap(),
        kind: EventKind::Page,
        name: None,
        anonymous_id: AnonymousId::parse(device),
        user_id: None,
        event_time: time,
        received: time,
        sequence: 0,
        surface: Surface::Browser,
        arrival: None,
        campaign: Default::default(),
        click: None,
        user_agent: Some("browser".into()),
        value: None,
        order_id: None,
        ..base
    }
}

pub fn from(mut event: Event, channel: &str) -> Event {
    event.arrival = Some(Arrival {
        source: channel.into(),
        medium: "m".into(),
        channel: Channel::new(channel),
    });
    event
}

pub fn order(id: &str, device: &str, minute: i64, order: &str, minor: i64) -> Event {
    let mut event = page(id, device, minute);
    event.kind = EventKind::Track;
    event.name = Some("Order Completed".into());
    event.order_id = OrderId::parse(order);
    event.value = Some(Money { minor, currency: Currency::USD });
    event
}

pub fn credit(events: &[Event], model: Model) -> Vec<(String, i64, i128)> {
    let cluster = plainly(events);
    let sums = answers::credit_sums(&cluster.store, model).into_iter();
    sums.map(|(key, (ppb, revenue))| (key, ppb, revenue.values().sum())).collect()
}

#[test]
fn a_gap_of_exactly_the_timeout_stays_together() {
    let together = plainly(&[page("a", "d", 0), page("b", "d", 30)]);
    assert_eq!(answers::counts(&together.store).sessions, 1);
    let mut late = page("b", "d", 30);
    late.event_time.0 += 1;
    let apart = plainly(&[page("a", "d", 0), late]);
    assert_eq!(answers::counts(&apart.store).sessions, 2);
}

#[test]
fn a_late_event_bridges_two_sessions() {
    let cluster = plainly(&[page("a", "d", 0), page("c", "d", 50), page("b", "d", 25)]);
    let counts = answers::counts(&cluster.store);
    assert_eq!((counts.sessions, counts.visible, counts.page_views), (1, 3, 3));
}

fn by(usual: SessionRule, of_source: &[(&str, SessionRule)]) -> Rules<'static> {
    let of = |(name, rule): &(&str, SessionRule)| (SourceId::parse(name).unwrap(), rule.clone());
    let sessions = SessionRules { usual, of_source: of_source.iter().map(of).collect() };
    Rules { sessions, ..rules() }
}

fn sessions_by(rules: &Rules<'static>, events: &[Event]) -> i64 {
    answers::counts(&plainly_by(rules.clone(), events).store).sessions
}

fn campaign(id: &str, minute: i64, name: &str) -> Event {
    let mut event = from(page(id, "d", minute), "email");
    event.campaign.name = Some(name.into());
    event
}

#[test]
fn a_new_campaign_begins_a_session_where_it_is_asked_to() {
    let rules = by(SessionRule { by_campaign: true, ..SessionRule::default() }, &[]);
    let visit =
        [page("a", "d", 0), campaign("b", 5, "x"), page("c", "d", 6), campaign("e", 9, "x")];
    assert_eq!(answers::counts(&plainly(&visit).store).sessions, 1);
    assert_eq!(sessions_by(&rules, &visit), 2);
    // The same campaign again ends nothing, nor does a mere referrer; another one in between does.
    let search = from(page("f", "d", 10), "organic_search");
    let mut longer = visit.to_vec();
    longer.push(search);
    assert_eq!(sessions_by(&rules, &longer), 2);
    // One that comes late divides what was one session.
    longer.push(campaign("l", 7, "y"));
    assert_eq!(sessions_by(&rules, &longer), 4);
    // Events of one instant are never parted.
    assert_eq!(sessions_by(&rules, &[page("a", "d", 0), campaign("b", 0, "x")]), 1);
}

#[test]
fn a_day_begins_a_session_in_the_zone_of_the_property() {
    // The story begins at 14:13:20 UTC: in Kathmandu, 5:45 ahead, the day ends at minute 241 or so.
    let views = [page("a", "d", 230), page("b", "d", 250)];
    for (zone, sessions) in [("UTC", 1), ("Europe/Berlin", 1), ("Asia/Kathmandu", 2)] {
        let rules = by(SessionRule { by_day: Zone::parse(zone), ..SessionRule::default() }, &[]);
        assert_eq!(sessions_by(&rules, &views), sessions, "{zone}");
    }
}

#[test]
fn the_property_of_the_later_event_says_when_a_gap_is_long() {
    let short = SessionRule { timeout: Span::minutes(5), ..SessionRule::default() };
    let rules = by(SessionRule::default(), &[("kiosk", short)]);
    let at_kiosk = |id: &str, minute: i64| {
        let mut event = page(id, "d", minute);
        event.source = SourceId::parse("kiosk").unwrap();
        event
    };
    assert_eq!(sessions_by(&rules, &[page("a", "d", 0), at_kiosk("b", 10)]), 2);
    assert_eq!(sessions_by(&rules, &[at_kiosk("a", 0), page("b", "d", 10)]), 1);
    // A late one in between divides what was one.
    let events = [page("a", "d", 0), page("c", "d", 20), at_kiosk("b", 10)];
    assert_eq!(sessions_by(&rules, &events), 2);
}

#[test]
fn one_order_told_twice_converts_once() {
    let mut server = order("s1", "d", 12, "o-1", 9_900);
    server.surface = Surface::Server;
    let events = [from(page("a", "d", 0), "email"), order("b1", "d", 11, "o-1", 9_900), server];
    assert_eq!(credit(&events, Model::Last), [("email".to_string(), 1_000_000_000, 9_900)]);
}

#[test]
fn placeholders_for_order_numbers_never_deduplicate() {
    let events = [order("x", "d", 0, "(not set)", 100), order("y", "d", 1, "(not set)", 200)];
    assert_eq!(answers::counts(&plainly(&events).store).conversions, 2);
}

#[test]
fn credit_crosses_devices_once_a_login_joins_them() {
    let mut phone = page("p2", "phone", 5);
    phone.user_id = UserId::parse("ann");
    let mut desk = page("d2", "desk", 100);
    desk.user_id = UserId::parse("ann");
    let events = [
        from(page("p1", "phone", 0), "paid_social"),
        order("o", "desk", 110, "77", 5_000),
        phone,
        desk,
    ];
    assert_eq!(credit(&events, Model::First), [("paid_social".to_string(), 1_000_000_000, 5_000)]);
    assert_eq!(answers::counts(&plainly(&events).store).people, 1);
}

#[test]
fn linear_credit_sums_to_the_value() {
    let events = [
        from(page("a", "d", 0), "email"),
        from(page("b", "d", 100), "paid_search"),
        page("c", "d", 200),
        order("o", "d", 201, "1", 100),
    ];
    let credit = credit(&events, Model::Linear);
    assert_eq!(credit.iter().map(|(_, ppb, _)| ppb).sum::<i64>(), 1_000_000_000);
    assert_eq!(credit.iter().map(|(.., minor)| minor).sum::<i128>(), 100);
    assert_eq!(credit.len(), 3);
}

#[test]
fn a_touch_at_the_same_instant_is_credited_whatever_the_ids() {
    for (view, sale) in [("a", "z"), ("z", "a")] {
        let events = [from(page(view, "d", 0), "email"), order(sale, "d", 0, "1", 100)];
        let credit = credit(&events, Model::Last);
        assert_eq!(credit.len(), 1);
        assert_eq!(credit[0].0, "email", "page {view}, order {sale}");
    }
}

#[test]
fn more_than_twenty_views_in_ten_seconds_are_a_bot() {
    let burst = |count: i64| -> Vec<Event> {
        let view = |n: i64| {
            let mut view = page(&format!("v{n}"), "d", 0);
            view.event_time.0 += n * 500_000;
            view.received = view.event_time;
            view
        };
        (0..count).map(view).collect()
    };
    assert_eq!(answers::counts(&plainly(&burst(20)).store).bot_sessions, 0);
    assert_eq!(answers::counts(&plainly(&burst(21)).store).bot_sessions, 1);
}

#[test]
fn a_long_history_stays_one_session() {
    let mut events: Vec<Event> = (0..700).map(|n| page(&format!("e{n:03}"), "d", n)).collect();
    events.swap(3, 650);
    events.swap(100, 600);
    let cluster = plainly(&events);
    let counts = answers::counts(&cluster.store);
    assert_eq!((counts.sessions, counts.visible), (1, 700));
    let expected = crate::oracle::tables(&events, &crate::properties::rules());
    assert_eq!(answers::tables(&cluster.store), expected);
}

#[test]
fn over_a_thousand_touches_the_latest_count_and_it_is_said() {
    let story = |touches: i64| {
        // A touch each half hour and a bit: each begins a session.
        let view = |n| from(page(&format!("t{n:04}"), "d", n * 31), "paid");
        let mut events: Vec<Event> = (0..touches).map(view).collect();
        events.push(order("o", "d", touches * 31, "A-1", 100_000));
        answers::counts(&plainly(&events).store)
    };
    assert_eq!(story(999).shortened, 0, "with the order's own direct session a thousand");
    assert_eq!(story(1_000).shortened, 1);
}

#[test]
fn the_generator_makes_every_kind() {
    let mut runner = TestRunner::deterministic();
    let tree = crate::history::histories(2_000).new_tree(&mut runner).unwrap();
    let kinds: std::collections::BTreeSet<EventKind> =
        tree.current().iter().map(|event| event.kind).collect();
    assert!(kinds.len() >= 6, "{kinds:?}");
}

/// A word about order `o`, worth `minor`.
fn about(id: &str, name: &str, minute: i64, minor: Option<i64>) -> Event {
    let mut event = order(id, "back-office", minute, "o", minor.unwrap_or(0));
    event.name = Some(name.into());
    event.surface = Surface::Server;
    event.value = event.value.filter(|_| minor.is_some());
    event
}

fn numbered(mut event: Event, properties: &str) -> Event {
    event.properties = millstream_event::RawJson::parse(properties);
    event
}

#[test]
fn refunds_take_from_the_same_credits_whenever_they_come() {
    let visits = [from(page("a", "d", 0), "search"), from(page("b", "d", 40), "email")];
    let bought = order("c", "d", 50, "o", 10_001);
    let part = about("r1", "Order Refunded", 60, Some(2_000));
    let shares = |more: &[Event]| {
        let events: Vec<Event> = visits.iter().chain(more).cloned().collect();
        credit(&events, Model::Linear).into_iter().map(|(_, _, amount)| amount).collect::<Vec<_>>()
    };
    for order in [[&bought, &part], [&part, &bought]] {
        let told = shares(&order.map(Clone::clone));
        assert_eq!(told.iter().sum::<i128>(), 8_001);
        assert_eq!(told.len(), 2);
    }
    let again = numbered(about("r2", "Order Refunded", 61, Some(500)), r#"{"refund_id": 7}"#);
    let told_twice = numbered(about("r3", "Refund", 62, Some(500)), r#"{"refund_id": "7"}"#);
    let told = shares(&[bought.clone(), part.clone(), again.clone(), told_twice]);
    assert_eq!(told.iter().sum::<i128>(), 7_501);
    let too_much = about("r4", "Order Refunded", 70, Some(99_999));
    assert_eq!(shares(&[too_much, bought.clone(), again]).iter().sum::<i128>(), 0);
    let all = about("r5", "Order Cancelled", 70, None);
    assert_eq!(shares(&[bought.clone(), all]).iter().sum::<i128>(), 0);
    let restated = about("u1", "Order Updated", 80, Some(4_000));
    let earlier = about("u0", "Order Updated", 75, Some(1));
    assert_eq!(shares(&[restated, bought, earlier, part]).iter().sum::<i128>(), 2_000);
}

#[test]
fn renewals_add_to_what_led_to_the_subscription() {
    let of = |id: &str, name: &str, minute: i64, invoice: u8| {
        let mut event = about(id, name, minute, Some(900));
        event.order_id = None;
        numbered(event, &format!(r#"{{"subscription_id": "s", "invoice_id": {invoice}}}"#))
    };
    let mut begun = of("a", "Subscription Started", 5, 1);
    begun.anonymous_id = AnonymousId::parse("d");
    let month = 31 * 24 * 60;
    let events = [
        from(page("v", "d", 0), "email"),
        of("c", "Subscription Renewed", 2 * month, 3),
        begun,
        of("b", "Subscription Renewed", month, 2),
        of("b again", "Subscription Payment", month + 1, 2),
    ];
    let told = credit(&events, Model::Last);
    assert_eq!(told, [("email".to_owned(), 1_000_000_000, 2_700)]);
    // A subscription from before: its first payment seen stands for it, credited to nobody.
    let told = credit(&[events[1].clone(), events[3].clone()], Model::Last);
    assert_eq!(told.iter().map(|(.., amount)| amount).sum::<i128>(), 1_800);
}

#[test]
fn a_sale_that_leaves_a_session_with_its_better_copy_is_still_a_sale() {
    let mut sold = order("e", "d", 0, "o", 100);
    (sold.surface, sold.anonymous_id, sold.value) = (Surface::Server, None, None);
    let mut automated = page("e", "d", 0);
    (automated.anonymous_id, automated.user_agent) = (None, Some("bot".into()));
    automated.received = automated.received + Span::hours(24);
    let mut seen = Event { kind: EventKind::Unlink, ..page("e", "d", 0) };
    seen.anonymous_id = None;
    let rules = rules();
    for kind in [EventKind::Page, EventKind::Unlink] {
        seen.kind = kind;
        let events = [sold.clone(), automated.clone(), seen.clone()];
        let found = answers::tables(&plainly(&events).store);
        assert_eq!(crate::oracle::tables(&events, &rules), found, "{kind:?}");
    }
}

#[test]
fn preferences_are_kept_only_where_somebody_decides_by_them() {
    let mut seen = numbered(about("e", "Product Viewed", 0, None), r#"{"sku":"shoes"}"#);
    seen.consent.granted = Purposes::ALL;
    let kept = |interests| {
        let cluster = plainly_by(Rules { interests, ..rules() }, std::slice::from_ref(&seen));
        let mut rows = 0;
        preferences::walk_interests(&cluster.store, 0, &mut |_, _| {
            rows += 1;
            Ok(true)
        })
        .unwrap();
        rows
    };
    assert_eq!((kept(true), kept(false)), (1, 0));
}

//! One action that a browser and a server told of.

use crate::answers;
use crate::properties::{plainly_by, rules};
use crate::stories::{from, order};
use millstream_event::{
    Currency, Event, EventId, EventKind, Money, OrderId, SourceId, Span, Surface, UserId,
};
use millstream_pipeline::rollup::Counts;
use millstream_pipeline::{Rules, query};
use millstream_stitch::Properties;

fn browser() -> Event {
    let mut event = from(order("buy", "d", 10, "(not set)", 100), "email");
    event.value = None;
    event.country = Some("DE".into());
    event
}

/// The server knows the visitor by name and the price, and nothing of the page.
fn server(source: &str) -> Event {
    let mut event = order("buy", "d", 11, "(not set)", 4_200);
    event.source = SourceId::parse(source).unwrap();
    event.surface = Surface::Server;
    event.user_id = UserId::parse("ann");
    event.user_agent = Some("library".into());
    event.received = event.event_time + Span::minutes(5);
    event.country = Some("IE".into());
    event.page.url = None;
    event
}

fn paired() -> Rules<'static> {
    let properties = Properties::new([(SourceId::parse("backend").unwrap(), "web".into())]);
    Rules { properties, ..rules() }
}

/// The tables and the counts, which must not depend on which came first.
fn both_ways(rules: &Rules<'static>, events: [Event; 2]) -> (Vec<String>, Counts) {
    let told = |events: &[Event]| {
        let cluster = plainly_by(rules.clone(), events);
        (answers::tables(&cluster.store), answers::counts(&cluster.store))
    };
    let [one, other] = events;
    let first = told(&[one.clone(), other.clone()]);
    assert_eq!(first, told(&[other, one]));
    first
}

#[test]
fn one_event_id_on_both_sides_is_one_event_with_the_best_of_both() {
    for (rules, source) in [(rules(), "web"), (paired(), "backend")] {
        let (tables, counts) = both_ways(&rules, [browser(), server(source)]);
        assert_eq!((counts.visible, counts.duplicate, counts.conflicts), (1, 1, 0));
        assert_eq!((counts.sessions, counts.conversions, counts.people), (1, 1, 1));
        let row = |table: &str| {
            let mut rows = tables.iter().filter(|row| row.starts_with(table));
            (rows.next().cloned().unwrap(), rows.next().is_none())
        };
        let (conversion, alone) = row("conversions");
        let value = Money { minor: 4_200, currency: Currency::USD };
        assert!(alone && conversion.contains(&format!("{value:?}")), "{conversion}");
        assert!(conversion.contains("time: Timestamp(1790000660000000)"), "{conversion}");
        let (session, alone) = row("sessions");
        assert!(alone, "{tables:?}");
        for told in ["\"email\"", "\"browser\"", "\"DE\"", "shop.example"] {
            assert!(session.contains(told), "{told} in {session}");
        }
    }
}

#[test]
fn what_the_server_leaves_open_the_browser_fills() {
    let mut told = browser();
    told.value = Some(Money { minor: 900, currency: Currency::USD });
    let mut silent = server("web");
    silent.value = None;
    let (tables, _) = both_ways(&rules(), [told, silent]);
    assert!(tables.iter().any(|row| row.starts_with("conversions") && row.contains("900")));
}

#[test]
fn sources_that_are_no_one_property_share_ids_by_accident() {
    let (_, counts) = both_ways(&rules(), [browser(), server("backend")]);
    assert_eq!((counts.visible, counts.duplicate, counts.conversions), (2, 0, 2));
}

#[test]
fn copies_of_each_side_are_copies_and_conflicts_are_told_within_a_side() {
    let mut other = server("web");
    other.value = None;
    other.received.0 += 1;
    let events = [server("web"), browser(), other, browser(), server("web")];
    let counts = answers::counts(&plainly_by(rules(), &events).store);
    assert_eq!((counts.logged, counts.visible, counts.duplicate, counts.conflicts), (5, 1, 4, 1));
}

/// The server tells of its user and has never heard of the device, which that user logged in on.
fn user_copies() -> [Event; 3] {
    let mut server = server("web");
    server.anonymous_id = None;
    let mut login = browser();
    (login.id, login.kind) = (EventId::parse("login").unwrap(), EventKind::Identify);
    (login.name, login.user_id) = (None, UserId::parse("ann"));
    [browser(), server, login]
}

#[test]
fn a_server_that_names_just_the_user_tells_of_one_conversion() {
    let [buy, server, login] = user_copies();
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let events = [buy.clone(), server.clone(), login];
    let told = orders.map(|order| {
        let cluster = plainly_by(rules(), &order.map(|at| events[at].clone()));
        (answers::tables(&cluster.store), answers::counts(&cluster.store))
    });
    assert!(told.iter().all(|other| *other == told[0]));
    let (tables, counts) = &told[0];
    // They are two events of two subjects, and one action.
    assert_eq!((counts.visible, counts.conversions, counts.people), (3, 1, 1));
    let row = tables.iter().find(|row| row.starts_with("conversions")).unwrap();
    let value = Money { minor: 4_200, currency: Currency::USD };
    assert!(row.contains(&format!("{value:?}")), "{row}");
    assert!(row.contains("session_id: Some") && row.contains("1790000660000000"), "{row}");
    let cluster = plainly_by(rules(), &events);
    let chains = query::conversion(&cluster.store, 0, answers::WINDOW, "buy").unwrap();
    assert_eq!(chains.iter().map(|chain| chain.filled).collect::<Vec<_>>(), [true]);
    let apart = answers::counts(&plainly_by(rules(), &[buy, server]).store);
    assert_eq!((apart.conversions, apart.people), (2, 2), "nothing says whose device it is");
}

#[test]
fn an_order_number_that_only_the_browser_knows_stays_with_the_conversion() {
    let [mut buy, server, login] = user_copies();
    buy.order_id = OrderId::parse("o-9");
    let tables = answers::tables(&plainly_by(rules(), &[server, login, buy]).store);
    let rows: Vec<_> = tables.iter().filter(|row| row.starts_with("conversions")).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].contains("o-9") && rows[0].contains("4200"), "{rows:?}");
}

#[test]
fn a_login_taken_back_parts_what_the_two_told() {
    let [buy, server, login] = user_copies();
    let mut unlink = login.clone();
    (unlink.id, unlink.kind) = (EventId::parse("no").unwrap(), EventKind::Unlink);
    unlink.event_time = login.event_time + Span::minutes(5);
    let counts = answers::counts(&plainly_by(rules(), &[login, buy, server, unlink]).store);
    assert_eq!((counts.conversions, counts.people), (2, 2));
}

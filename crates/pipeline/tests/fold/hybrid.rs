//! One action that a browser and a server told of.

use crate::answers;
use crate::properties::{plainly_by, rules};
use crate::stories::{from, order};
use millstream_event::{Currency, Event, Money, SourceId, Span, Surface, UserId};
use millstream_pipeline::Rules;
use millstream_pipeline::rollup::Counts;
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

//! Each change of a conversion's credit is told with its cause.

use crate::audit::{Chain, Fact, Sources, Subject, audit};
use crate::consume::tests::parts::{PATIENCE, World, options};
use crate::links::Registry;
use millstream_event::envelope::decode;
use millstream_event::{Header, Kind, Lane, Span};
use millstream_log::Append;
use millstream_pipeline::sums::Scan;
use millstream_store::Reading;

const NOON: i64 = 1_795_262_400_000_000;
const MINUTE: i64 = 60_000_000;

/// An event that happened at one minute and was received at another.
fn told(id: &str, kind: &str, (at, received): (i64, i64), more: &str) -> Append {
    let (at, received) = (NOON + at * MINUTE, NOON + received * MINUTE);
    let surface = if more.contains("Order ") { "server" } else { "browser" };
    let json = format!(
        r#"{{"id":"{id}","k":"{kind}","src":"shop","t":{at},"rx":{received},"sf":"{surface}","cs":{{"granted":7,"source":"explicit"}},{more}}}"#
    );
    let event = decode(1, json.as_bytes()).unwrap();
    let header = Header::new(Kind::Event, Lane::of(event.subject()), event.received);
    Append { header, payload: event.encode().unwrap() }
}

fn from(device: &str, source: &str) -> String {
    format!(
        r#""a":"{device}","cp":{{"s":"{source}","m":"cpc"}},"ar":{{"s":"{source}","m":"cpc","ch":"paid_search"}}"#
    )
}

fn sale(name: &str, minor: i64) -> String {
    format!(r#""a":"desk","n":"{name}","o":"o-1","v":{{"minor":{minor},"currency":"EUR"}}"#)
}

/// Folds each of these before the next one comes.
fn folded(groups: Vec<Vec<Append>>) -> World {
    let world = World::new();
    let consumer = world.start(&options(2, 50));
    for group in groups {
        world.append(&group);
        consumer.drain(PATIENCE).unwrap();
    }
    world
}

fn chain(world: &World) -> Chain {
    let sources = Sources {
        state: &Reading(&*world.store),
        sums: &Scan { state: &Reading(&*world.store), generation: 0 },
        log: &*world.log,
        registry: &Registry::new(),
        generation: 0,
        probable: None,
        receipt_key: &[9; 32],
        window: Span::days(30),
    };
    audit(&sources, Subject::Conversion, "o-1").unwrap().unwrap()
}

fn fact<'a>(chain: &'a Chain, name: &str) -> Option<&'a Fact> {
    chain.facts.iter().find(|(known, _)| *known == name).map(|(_, fact)| fact)
}

fn revisions(chain: &Chain) -> &[Chain] {
    let found = chain.parts.iter().find(|part| part.what == "revisions");
    found.map_or(&[], |found| found.parts.as_slice())
}

fn causes(chain: &Chain) -> Vec<String> {
    let cause = |one: &Chain| match fact(one, "cause") {
        Some(Fact::Text(cause)) => cause.clone(),
        other => panic!("{other:?}"),
    };
    revisions(chain).iter().map(cause).collect()
}

fn login(id: &str, device: &str, minute: i64) -> Append {
    let more = format!(r#""a":"{device}","u":"ann""#);
    told(id, "identify", (minute, minute), &more)
}

#[test]
fn what_nothing_happens_to_has_no_revisions() {
    let world = folded(vec![
        vec![told("p", "page", (0, 0), &from("desk", "a"))],
        vec![told("s", "track", (60, 60), &sale("Order Completed", 10_000))],
        vec![told("p2", "page", (70, 70), &from("desk", "b"))],
    ]);
    assert_eq!(causes(&chain(&world)), Vec::<String>::new());
}

#[test]
fn every_change_has_its_cause() {
    let unlink = told("u", "unlink", (300, 300), r#""a":"phone","u":"ann""#);
    let world = folded(vec![
        vec![told("p", "page", (0, 0), &from("desk", "a"))],
        vec![told("s", "track", (60, 60), &sale("Order Completed", 10_000))],
        vec![told("late", "page", (30, 100), &from("desk", "b"))],
        vec![told("p3", "page", (10, 110), &from("phone", "c"))],
        vec![login("l1", "phone", 120), login("l2", "desk", 121)],
        vec![told("r", "track", (200, 200), &sale("Order Refunded", 2_500))],
        vec![told("m", "track", (250, 250), &sale("Order Updated", 8_000))],
        vec![unlink],
    ]);
    let chain = chain(&world);
    let expected = ["late touch", "merge", "refund", "restatement", "unlink"];
    assert_eq!(causes(&chain), expected, "{}", chain.to_tree());
    let [late, merge, refund, restatement, unlink] = revisions(&chain) else { panic!() };
    let number = |of: &Chain, name| match fact(of, name) {
        Some(Fact::Number(number)) => *number,
        other => panic!("{name}: {other:?}"),
    };
    for (one, before, after) in [(late, 1, 2), (merge, 2, 3), (unlink, 3, 2)] {
        let ends = (number(one, "touches_before"), number(one, "touches_after"));
        assert_eq!(ends, (before, after), "{}", chain.to_tree());
    }
    assert_eq!(late.parts[0].what, "touch_came");
    assert_eq!(unlink.parts[0].what, "touch_gone");
    assert_eq!(number(refund, "refunded_minor_after"), 2_500);
    assert_eq!(fact(refund, "value_after"), Some(&Fact::from("75.00 EUR")));
    assert_eq!(fact(restatement, "value_before"), Some(&Fact::from("75.00 EUR")));
    assert_eq!(fact(restatement, "value_after"), Some(&Fact::from("55.00 EUR")));
    let order = chain.parts.iter().find(|part| part.what == "order").unwrap();
    let says: Vec<_> = order.parts.iter().map(|claim| fact(claim, "says").unwrap()).collect();
    assert_eq!(says.len(), 3);
    assert_eq!(says[0], &Fact::from("it is the order"));
}

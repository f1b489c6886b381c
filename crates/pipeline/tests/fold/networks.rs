//! What a bad network does to journeys, and what it must not do to answers: planted and found.

use crate::answers;
use crate::properties::plainly;
use crate::stories::{credit, from, order, page};
use millstream_attribute::Model;
use millstream_event::{Event, EventKind, Span, UserId};
use millstream_pipeline::query;
use millstream_pipeline::stitching::Stitching;
use millstream_stitch::SessionRules;

fn later(mut event: Event, delay: Span) -> Event {
    event.received = event.event_time + delay;
    event
}

fn login(id: &str, device: &str, minute: i64, user: &str) -> Event {
    let mut event = page(id, device, minute);
    event.kind = EventKind::Identify;
    event.user_id = UserId::parse(user);
    event
}

fn arrived(events: &[Event]) -> Stitching {
    let mut all = Stitching::default();
    query::stitching(&plainly(events).store, 0, &(i32::MIN..=i32::MAX), &mut |found| {
        if found.sums.origin.business.is_empty() {
            all.add(&found.sums);
        }
    })
    .unwrap();
    all
}

fn duplicates(events: &[Event]) -> usize {
    let mut found = 0;
    let rules = SessionRules::default();
    query::duplicate_sessions(&plainly(events).store, 0, &rules, &mut |_| found += 1).unwrap();
    found
}

#[test]
fn what_came_late_is_what_is_out_of_order() {
    // The second view came after the three that followed it: one packet reordered, not three.
    let delayed = later(page("b", "d", 1), Span::minutes(9));
    let views = [page("a", "d", 0), page("c", "d", 2), page("e", "d", 3), page("f", "d", 4)];
    let mut events = views.to_vec();
    events.push(delayed);
    let all = arrived(&events);
    assert_eq!((all.events, all.sessions, all.out_of_order), (5, 1, 1));
    // Whole six minutes after its last event was received: not within five.
    assert_eq!(all.within, [0, 0, 0]);
    assert_eq!(arrived(&views).within, [1, 1, 1]);
}

#[test]
fn copies_are_counted_and_nothing_else_changes() {
    let events = [page("a", "d", 0), page("b", "d", 1)];
    let again: Vec<Event> = events.iter().chain(&events).chain(&events[..1]).cloned().collect();
    let (once, often) = (arrived(&events), arrived(&again));
    assert_eq!((often.events, often.duplicates), (2, 3));
    assert_eq!(Stitching { duplicates: 0, ..often }, once);
}

#[test]
fn a_login_that_comes_after_the_purchase_gives_what_it_gives_in_order() {
    let in_order = [
        from(page("a", "phone", 0), "email"),
        login("b", "phone", 1, "ann"),
        login("c", "desk", 100, "ann"),
        order("d", "desk", 101, "77", 5_000),
    ];
    let mut late = in_order.clone();
    late[1] = later(late[1].clone(), Span::hours(5));
    late[2] = later(late[2].clone(), Span::hours(5));
    late.sort_by_key(|event| event.received);
    assert_eq!(late[3].kind, EventKind::Identify, "the logins came last");
    assert_eq!(
        answers::tables(&plainly(&late).store).len(),
        answers::tables(&plainly(&in_order).store).len()
    );
    assert_eq!(credit(&late, Model::First), credit(&in_order, Model::First));
    assert_eq!(credit(&late, Model::First), [("email".to_string(), 1_000_000_000, 5_000)]);
}

#[test]
fn planted_duplicate_sessions_are_found_and_no_others() {
    // Ann's browser lost its id on the way: one visit, two devices.
    let mut events =
        vec![login("a1", "d1", 0, "ann"), page("a2", "d1", 3), login("a3", "d2", 10, "ann")];
    assert_eq!(duplicates(&events), 1);
    // Bob is somebody else; her visit next day is another one.
    events.push(login("b1", "d4", 5, "bob"));
    events.push(login("a4", "d2", 24 * 60, "ann"));
    assert_eq!(duplicates(&events), 1);
    events.push(login("a5", "d2", 39, "ann"));
    assert_eq!(duplicates(&events), 1, "the second device goes on with its own session");
}

#[test]
fn an_unlink_parts_what_a_login_joined_and_a_new_login_joins_again() {
    let people = |events: &[Event]| answers::counts(&plainly(events).store).people;
    let unlink =
        |id: &str, minute| Event { kind: EventKind::Unlink, ..login(id, "desk", minute, "ann") };
    let mut events = vec![
        from(page("p1", "phone", 0), "paid_social"),
        login("p2", "phone", 1, "ann"),
        login("d1", "desk", 5, "ann"),
        order("d2", "desk", 9, "77", 5_000),
    ];
    assert_eq!(people(&events), 1);
    assert_eq!(credit(&events, Model::First)[0].0, "paid_social");
    events.push(unlink("u", 20));
    assert_eq!(people(&events), 2, "what was said before the unlink is void");
    assert_eq!(credit(&events, Model::First)[0].0, "direct");
    events.insert(0, login("d3", "desk", 30, "ann"));
    assert_eq!(people(&events), 1, "a login after the unlink joins again, whatever came first");
    events.push(unlink("u2", 2));
    assert_eq!(people(&events), 1, "an unlink of long ago voids nothing that was said since");
}

#[test]
fn hubs_and_placeholders_join_nobody_and_are_counted() {
    let kiosk: Vec<Event> =
        (0..4).map(|n| login(&format!("k{n}"), "kiosk", n, &format!("user-{n}"))).collect();
    let guests = (0..3).map(|n| login(&format!("g{n}"), &format!("g{n}"), 50 + n, "guest"));
    let events: Vec<Event> = kiosk.into_iter().chain(guests).collect();
    let counts = answers::counts(&plainly(&events).store);
    assert_eq!((counts.hubs, counts.placeholders, counts.links), (1, 3, 4));
    // The kiosk and three guests; users without devices of their own are not counted as people.
    assert_eq!(counts.people, 4);
}

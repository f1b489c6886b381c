//! Whoever is erased leaves the answers that would stand had they never been there.

use crate::answers;
use crate::cluster::{Cluster, Store};
use crate::history::{Turn, histories, turns};
use crate::properties::{cases, plainly, roughly, rules};
use crate::retention::let_go;
use crate::stories::{from, order, page};
use millstream_event::ids::is_placeholder;
use millstream_event::{
    EntityId, Event, EventId, EventKind, Header, Kind, Lane, Span, Timestamp, UserId,
};
use millstream_pipeline::erasing::{self, Erased, Left, Subject};
use millstream_pipeline::query;
use millstream_pipeline::retention::{Class, Cutoffs, Order};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn cookie(event: &Event) -> Option<EntityId> {
    event.click.as_ref()?.ms_id.as_ref().map(EntityId::device)
}

/// Whom the state and the log know to be this user.
fn erased(user: &str, events: &[Event], store: &Store) -> Erased {
    let user = UserId::parse(user).unwrap();
    let mut erased = Erased::default();
    erased.users.insert(EntityId::user(&user));
    let seen = events.iter().filter(|event| event.user_id.as_ref() == Some(&user));
    erased.devices.extend(seen.filter_map(|it| it.anonymous_id.as_ref()).map(EntityId::device));
    erased.follow(store, 0).unwrap();
    erased
}

/// True for an event that goes with them.
fn takes(erased: &Erased, event: &Event) -> bool {
    if event.kind == EventKind::Click {
        return cookie(event).is_some_and(|cookie| erased.devices.contains(&cookie));
    }
    let previous = event.previous_id.as_ref().map(EntityId::user);
    if previous.is_some_and(|user| erased.users.contains(&user)) {
        return true;
    }
    let user = event.user_id.as_ref().filter(|user| !is_placeholder(user.as_str()));
    match user {
        Some(user) => erased.users.contains(&EntityId::user(user)),
        None => erased.devices.contains(&event.subject()),
    }
}

fn tell(cluster: &mut Cluster<'_>, subjects: &[Subject]) {
    for Subject { forget, .. } in subjects {
        let header = Header::new(Kind::Tick, Lane::of(forget.subject), NOW);
        let order = Order::Forget(forget.clone());
        cluster.append(header, serde_json::to_vec(&order).unwrap());
    }
}

fn withdraw(cluster: &mut Cluster<'_>, subjects: &[Subject]) -> usize {
    let told = |subject: &Subject| subject.withdrawals(&cluster.store, 0).unwrap();
    let items: Vec<_> = subjects.iter().flat_map(told).collect();
    for (item, version) in &items {
        let mut header = Header::new(Kind::Item, item.lane(), NOW);
        header.item_version = *version;
        cluster.append(header, item.encode().unwrap());
    }
    items.len()
}

/// Drops what names those who are gone.
fn clean(cluster: &mut Cluster<'_>, erased: &Erased) -> BTreeSet<EntityId> {
    let gone = erased.gone(&cluster.store, 0).unwrap();
    for (key, stored) in std::mem::take(&mut cluster.store.0) {
        match erasing::left(&key, &stored, &gone).unwrap() {
            Left::Whole => cluster.store.0.insert(key, stored),
            Left::Value(value) => {
                cluster.store.0.insert(key, value.encode(&mut Vec::new()).unwrap())
            }
            Left::Nothing => None,
        };
    }
    gone
}

fn names(bytes: &[u8], gone: &BTreeSet<EntityId>) -> bool {
    bytes.windows(16).any(|window| gone.iter().any(|one| one.0.0 == window))
}

/// Erases the user as the shell of the fold does.
fn erase(cluster: &mut Cluster<'_>, whom: &Erased, (turns, owners): (&[Turn], usize)) {
    let is_theirs = |id: &_| whom.devices.contains(&EntityId::device(id));
    let clicks = erasing::clicks(&cluster.store, 0, &is_theirs).unwrap();
    let subject = |id| Subject::read(&cluster.store, 0, (id, whom)).unwrap();
    let told = whom.nodes().chain(whom.others.iter().copied());
    let subjects: Vec<Subject> = told.chain(clicks).map(subject).collect();
    cluster.hand_over(owners);
    // A second time it finds nobody.
    for _ in 0..2 {
        tell(cluster, &subjects);
        for turn in turns {
            cluster.step(turn.owner % owners, turn.batch, turn.crash);
        }
        cluster.drain(3);
    }
    withdraw(cluster, &subjects);
    cluster.drain(3);
    assert_eq!(withdraw(cluster, &subjects), 0, "what was withdrawn is withdrawn");
    let gone = clean(cluster, whom);
    cluster.hand_over(owners);
    for (key, value) in &cluster.store.0 {
        assert!(!names(key.as_bytes(), &gone) && !names(value, &gone), "{key:?}");
    }
}

/// Now and then a server says of a user who they were before.
fn aliased(event: Event, at: usize) -> Event {
    let says = event.kind != EventKind::Unlink;
    let alone = says && event.user_id.is_some() && event.anonymous_id.is_none();
    let previous = UserId::parse(if at.is_multiple_of(2) { "u0" } else { "u1" });
    Event { previous_id: previous.filter(|_| alone && at.is_multiple_of(3)), ..event }
}

/// Each event under an id of its own, some of them twice. Copies that say something else are told apart by
/// nobody once they are counted.
fn apart(events: Vec<Event>, copies: &[prop::sample::Index]) -> Vec<Event> {
    let mut apart: Vec<Event> = Vec::new();
    for (at, event) in events.into_iter().enumerate() {
        let id = match event.kind {
            EventKind::Click if apart.iter().any(|known| known.id == event.id) => continue,
            EventKind::Click => event.id.clone(),
            _ => EventId::parse(&format!("{}-{at}", event.id)).unwrap(),
        };
        apart.push(aliased(Event { id, ..event }, at));
    }
    let again: Vec<Event> = copies.iter().map(|copy| copy.get(&apart).clone()).collect();
    apart.extend(again);
    apart
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whoever_is_erased_was_never_there(
        events in histories(60),
        later in histories(12),
        copies in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        turns in turns(),
        owners in 1usize..5,
    ) {
        let events = apart(events, &copies);
        let mut cluster = roughly(rules(), &events, (&turns, owners));
        let whom = erased("u0", &events, &cluster.store);
        let others = events.iter().filter(|event| !takes(&whom, event)).cloned();
        let mut expected = plainly(&others.collect::<Vec<_>>());
        erase(&mut cluster, &whom, (&turns, owners));
        same(&expected, &cluster)?;
        // Whoever comes back is somebody new.
        for event in later {
            let event = match event.kind {
                EventKind::Click => event,
                _ => Event { id: EventId::parse(&format!("{}-later", event.id)).unwrap(), ..event },
            };
            for world in [&mut expected, &mut cluster] {
                world.append_event(&event);
                world.drain(1);
            }
        }
        same(&expected, &cluster)?;
    }
}

fn same(expected: &Cluster<'_>, found: &Cluster<'_>) -> Result<(), TestCaseError> {
    let [expected, found] = [expected, found].map(|cluster| answers::all(&cluster.store));
    let differences = answers::differences(&expected, &found);
    prop_assert!(differences.is_empty(), "answers differ:\n{}", differences.join("\n"));
    Ok(())
}

/// Who has conversions, and how many touches there are.
fn standing(cluster: &Cluster<'_>) -> (Vec<EntityId>, usize) {
    let (mut people, mut touches) = (Vec::new(), 0);
    query::conversions(&cluster.store, 0, &mut |row| {
        people.push(row.person_id);
        Ok(true)
    })
    .unwrap();
    query::touches(&cluster.store, 0, &mut |_| {
        touches += 1;
        Ok(true)
    })
    .unwrap();
    (people, touches)
}

#[test]
fn what_outlived_its_events_is_withdrawn() {
    let minutes_of_day = 24 * 60;
    let login = Event { user_id: UserId::parse("u0"), ..from(page("1", "of-u0", 0), "email") };
    let events = [
        login,
        order("2", "of-u0", 5, "n1", 1_000),
        order("3", "other", 60 * minutes_of_day, "n1", 1_000),
    ];
    let mut cluster = plainly(&events);
    let whom = erased("u0", &events, &cluster.store);
    let after = events[2].event_time - Span::minutes(minutes_of_day);
    let old = Cutoffs::default().with(Class::Events, Some(after));
    let_go(&mut cluster, old.with(Class::Sessions, Some(after)), (&[], 1));
    let (people, touches) = standing(&cluster);
    assert_eq!((people.len(), touches), (1, 2), "the first claim has the order");
    assert!(whom.nodes().any(|node| node == people[0]));
    erase(&mut cluster, &whom, (&[], 1));
    assert_eq!(standing(&cluster), (vec![events[2].subject()], 1), "the other claim has it now");
    let sessions = query::counts(&cluster.store, 0).unwrap().sessions;
    assert_eq!(sessions, 2, "what was let go of stays counted");
}

#[test]
fn a_session_whose_beginning_was_let_go_stays_as_it_stands_on_a_shared_device() {
    let minutes_of_day = 24 * 60;
    let named = |user: &str, event: Event| Event { user_id: UserId::parse(user), ..event };
    // One session over the edge of what is kept, then one of the erased, then one of the other.
    let edge = 50 * minutes_of_day;
    let events = [
        named("other", page("1", "shared", edge - 10)),
        named("other", page("2", "shared", edge + 10)),
        named("u0", page("3", "shared", edge + 20)),
        named("u0", page("4", "shared", edge + 300)),
        named("other", page("5", "shared", edge + 600)),
    ];
    let sessions = |cluster: &Cluster<'_>| {
        let mut rows = 0;
        query::sessions(&cluster.store, 0, &mut |_| {
            rows += 1;
            Ok(true)
        })
        .unwrap();
        (rows, query::counts(&cluster.store, 0).unwrap().sessions)
    };
    for (seen, left) in [(5, (2, 2)), (4, (1, 1))] {
        let events = &events[..seen];
        let mut cluster = plainly(events);
        let before = sessions(&cluster);
        let cutoff = events[0].event_time + Span::minutes(10) + Class::Events.margin();
        let_go(&mut cluster, Cutoffs::default().with(Class::Events, Some(cutoff)), (&[], 1));
        assert_eq!(sessions(&cluster), before, "only the first event went");
        let whom = erased("u0", events, &cluster.store);
        erase(&mut cluster, &whom, (&[], 1));
        assert_eq!(sessions(&cluster), left);
        // What comes later meets the session that is the latest now.
        let next = named("other", page("6", "shared", edge + 605));
        cluster.append_event(&next);
        cluster.drain(1);
        let expected = if seen == 5 { left } else { (left.0 + 1, left.1 + 1) };
        assert_eq!(sessions(&cluster), expected);
    }
}

//! What is old goes, and nothing else changes.

use crate::answers;
use crate::cluster::Cluster;
use crate::history::{Turn, histories, turns};
use crate::properties::{cases, rules, shuffle};
use crate::stories::{from, order, page};
use millstream_event::{
    Event, EventKind, Header, Kind, Lane, QuarantineReason, Span, Timestamp, UserId,
};
use millstream_pipeline::retention::{
    Class, Cutoffs, KeyTime, Order, SWEEP_ROWS_MAX, key_time, time,
};
use millstream_pipeline::{KeyKind, Value, query};
use proptest::prelude::*;

const START: Timestamp = Timestamp(1_790_000_000_000_000);

/// Keeps what happened from `days` after the start on.
fn cutoffs(days: i64) -> Cutoffs {
    let at = |class, before: i64| (class, Some(START + Span::days(days - before)));
    let all = [
        at(Class::Conversions, 0),
        at(Class::Touches, 30),
        at(Class::Events, 0),
        at(Class::Sessions, 0),
    ];
    all.into_iter().fold(Cutoffs::default(), |cutoffs, (class, from)| cutoffs.with(class, from))
}

fn tell(cluster: &mut Cluster<'_>, lane: Lane, order: &Order) {
    let header = Header::new(Kind::Tick, lane, START + Span::days(100));
    cluster.append(header, serde_json::to_vec(order).unwrap());
}

/// Lets go of what is older, as the keeper of a data directory does; owners die as the turns say.
pub fn let_go(cluster: &mut Cluster<'_>, from: Cutoffs, (turns, owners): (&[Turn], usize)) {
    Lane::all().for_each(|lane| tell(cluster, lane, &Order::Keep(from)));
    cluster.drain(3);
    for class in Class::ALL {
        loop {
            let left = |lane| query::leftovers(&cluster.store, (0, lane), class).unwrap();
            let slices: Vec<(Lane, u32, u32)> = Lane::all()
                .flat_map(|lane| left(lane).slices.into_iter().map(move |(a, b)| (lane, a, b)))
                .collect();
            if slices.is_empty() {
                break;
            }
            for (lane, from, to) in slices {
                tell(cluster, lane, &Order::Sweep { class, from, to });
            }
            for turn in turns {
                cluster.step(turn.owner % owners, turn.batch, turn.crash);
            }
            cluster.drain(5);
        }
    }
}

fn later(event: &Event, by: Span) -> Event {
    let mut event = event.clone();
    event.event_time = event.event_time + by;
    event.received = event.received + by;
    event.correction.sent = event.correction.sent.map(|sent| sent + by);
    event
}

/// Sums alone: what must stay.
fn sums(cluster: &Cluster<'_>) -> Vec<String> {
    // A click names the session that it led to, as long as that is kept.
    let rows = ["sessions ", "touches ", "conversions ", "credits ", "clicks "];
    let mut lines = answers::all(&cluster.store);
    lines.retain(|line| !rows.iter().any(|row| line.starts_with(row)));
    lines
}

/// Rows of the tables that happened at or after these instants.
fn rows(cluster: &Cluster<'_>, from: &Cutoffs) -> Vec<String> {
    let mut lines = Vec::new();
    let store = &cluster.store;
    let mut standing = std::collections::BTreeSet::new();
    query::sessions(store, 0, &mut |mut row| {
        row.revision = Default::default();
        let shown = !from.excludes(Class::Sessions, row.ended_at + Class::Sessions.margin());
        lines.extend(shown.then(|| format!("{row:?}")));
        Ok(true)
    })
    .unwrap();
    query::touches(store, 0, &mut |mut row| {
        row.revision = Default::default();
        lines.extend((!from.excludes(Class::Touches, row.time)).then(|| format!("{row:?}")));
        Ok(true)
    })
    .unwrap();
    query::conversions(store, 0, &mut |mut row| {
        row.revision = Default::default();
        if !from.excludes(Class::Conversions, row.time) {
            standing.insert(row.conversion_id);
            lines.push(format!("{row:?}"));
        }
        Ok(true)
    })
    .unwrap();
    query::credits(store, 0, answers::WINDOW, &mut |mut row| {
        row.revision = Default::default();
        lines.extend(standing.contains(&row.conversion_id).then(|| format!("{row:?}")));
        Ok(true)
    })
    .unwrap();
    lines.sort();
    lines
}

/// What a key says of its row's time is what the row says.
fn keys_tell_what_rows_do(cluster: &Cluster<'_>) {
    for kind in Class::ALL.into_iter().flat_map(Class::kinds) {
        for (key, stored) in cluster.store.0.iter().filter(|(key, _)| key.is(*kind)) {
            let at = time(key, &Value::decode(stored).unwrap());
            match key_time(*kind, key) {
                KeyTime::At(said) => assert_eq!(at, Some(said), "{kind:?}"),
                KeyTime::From(said) => assert!(at.is_some_and(|at| said <= at), "{kind:?}"),
                KeyTime::Unsaid => {}
            }
        }
    }
}

fn fold(events: &[Event]) -> Cluster<'static> {
    let mut cluster = Cluster::new(rules(), 1);
    events.iter().for_each(|event| cluster.append_event(event));
    cluster.drain(1);
    cluster
}

proptest! {
    #![proptest_config(cases())]

    /// Sums stay, rows that are kept stay, all others are gone.
    #[test]
    fn only_rows_that_are_too_old_go(
        early in histories(40), late in histories(40), days in 40i64..110, turns in turns(), owners in 1usize..5,
    ) {
        let mut events = early;
        events.extend(late.iter().map(|event| later(event, Span::days(100))));
        let mut cluster = fold(&events);
        keys_tell_what_rows_do(&cluster);
        let from = cutoffs(days);
        let (sums_before, rows_before) = (sums(&cluster), rows(&cluster, &from));
        cluster.hand_over(owners);
        let_go(&mut cluster, from, (&turns, owners));
        let differences = answers::differences(&sums_before, &sums(&cluster));
        prop_assert!(differences.is_empty(), "sums differ:\n{}", differences.join("\n"));
        let differences = answers::differences(&rows_before, &rows(&cluster, &Cutoffs::default()));
        prop_assert!(differences.is_empty(), "rows differ:\n{}", differences.join("\n"));
        for class in Class::ALL {
            for lane in Lane::all() {
                prop_assert_eq!(query::leftovers(&cluster.store, (0, lane), class).unwrap().rows, 0);
            }
        }
    }

    /// What comes afterwards is folded alike, whatever the order, batches, owners and crashes.
    #[test]
    fn what_follows_does_not_depend_on_the_way(
        early in histories(40), late in histories(40), turns in turns(), owners in 1usize..5, seed in any::<u64>(),
    ) {
        let late: Vec<Event> = late.iter().map(|event| later(event, Span::days(100))).collect();
        let finish = |mut cluster: Cluster<'_>, late: &[Event], way: (&[Turn], usize)| {
            let_go(&mut cluster, cutoffs(60), way);
            late.iter().for_each(|event| cluster.append_event(event));
            for turn in way.0 {
                cluster.step(turn.owner % way.1, turn.batch, turn.crash);
            }
            cluster.drain(3);
            answers::all(&cluster.store)
        };
        let expected = finish(fold(&early), &late, (&[], 1));
        let (mut shuffled, mut other) = (early.clone(), late.clone());
        shuffle(&mut shuffled, seed);
        shuffle(&mut other, seed);
        let mut cluster = fold(&shuffled);
        cluster.hand_over(owners);
        let found = finish(cluster, &other, (&turns, owners));
        let differences = answers::differences(&expected, &found);
        prop_assert!(differences.is_empty(), "answers differ:\n{}", differences.join("\n"));
    }
}

/// Answers of what came after everything before day 60 went.
fn answers_after(early: &[Event], late: &[Event]) -> Vec<String> {
    let mut cluster = fold(early);
    let_go(&mut cluster, cutoffs(60), (&[], 1));
    late.iter().for_each(|event| cluster.append_event(event));
    cluster.drain(1);
    answers::all(&cluster.store)
}

#[test]
fn an_unlink_that_is_taken_back_finds_the_link_that_a_forgotten_event_stated() {
    let login = Event { user_id: UserId::parse("ann"), ..page("login", "a", 0) };
    let day = 24 * 60;
    let view = page("twice", "a", 100 * day);
    let unlink = Event {
        kind: EventKind::Unlink,
        user_id: login.user_id.clone(),
        received: view.received + Span::minutes(1),
        ..view.clone()
    };
    let links = |late: &[Event]| answers_after(std::slice::from_ref(&login), late);
    assert_eq!(links(&[unlink.clone(), view.clone()]), links(&[view, unlink]));
}

#[test]
fn what_an_id_says_of_an_order_the_second_time_leaves_what_it_said_the_first_time() {
    let first = order("twice", "a", 0, "n1", 1_000);
    let day = 24 * 60;
    let view = page("twice", "a", 100 * day);
    let later = view.received + Span::minutes(1);
    let again = Event { received: later, ..order("twice", "a", 100 * day, "n1", 1_000) };
    let other = order("other", "b", 100 * day, "n1", 1_000);
    let orders = |late: &[Event]| answers_after(std::slice::from_ref(&first), late);
    let late = [again, view, other];
    let [again, view, other] = late.clone();
    assert_eq!(orders(&late), orders(&[view, again, other]));
}

#[test]
fn an_order_removes_so_many_rows_and_no_more() {
    let many = i64::try_from(SWEEP_ROWS_MAX).unwrap();
    let lane = Lane::of(page("0", "a", 0).subject());
    let entries =
        |cluster: &Cluster<'_>| cluster.store.0.keys().filter(|key| key.is(KeyKind::Entry)).count();
    for (events, left) in [(many, 0), (many + 1, 1)] {
        let mut cluster =
            fold(&(0..events).map(|n| page(&n.to_string(), "a", n)).collect::<Vec<_>>());
        tell(&mut cluster, lane, &Order::Keep(cutoffs(50)));
        tell(&mut cluster, lane, &Order::Sweep { class: Class::Events, from: 0, to: u32::MAX });
        cluster.drain(1);
        assert_eq!(entries(&cluster), left);
        let rest = query::leftovers(&cluster.store, (0, lane), Class::Events).unwrap();
        assert_eq!(rest.slices.is_empty(), left == 0);
        let kept = query::kept(&cluster.store, 0, lane).unwrap();
        assert!(kept.removed[Class::Events as usize] >= SWEEP_ROWS_MAX as u64);
    }
}

#[test]
fn rows_that_the_same_batch_made_go_with_those_that_stand_in_the_store() {
    let events: Vec<Event> = (0..9).map(|n| page(&n.to_string(), "a", n)).collect();
    let lane = Lane::of(events[0].subject());
    for batch in [1, 4, 1_000] {
        let mut cluster = Cluster::new(rules(), 1);
        events.iter().for_each(|event| cluster.append_event(event));
        tell(&mut cluster, lane, &Order::Keep(cutoffs(50)));
        tell(&mut cluster, lane, &Order::Sweep { class: Class::Events, from: 0, to: u32::MAX });
        cluster.drain(batch);
        let kept = query::kept(&cluster.store, 0, lane).unwrap();
        assert_eq!(kept.removed[Class::Events as usize], 18, "in batches of {batch}");
    }
}

#[test]
fn what_happened_before_what_is_kept_is_a_named_gap() {
    let events = [from(page("1", "a", 0), "email"), order("2", "a", 5, "n1", 1_000)];
    let mut cluster = fold(&events);
    let_go(&mut cluster, cutoffs(50), (&[], 1));
    let before = sums(&cluster);
    // A copy of what went, and something nobody heard of, both long after their time; and one that
    // is late, but happened since.
    let received = START + Span::days(60);
    let past = |mut event: Event| {
        event.received = received;
        event
    };
    let minutes = 49 * 24 * 60;
    for event in [past(events[1].clone()), past(page("3", "a", minutes))] {
        cluster.append_event(&event);
        cluster.append_event(&event);
    }
    cluster.append_event(&past(page("4", "a", minutes + 2 * 24 * 60)));
    cluster.drain(2);
    let counts = query::counts(&cluster.store, 0).unwrap();
    assert_eq!(counts.quarantined.get(&QuarantineReason::PastRetention), Some(&2));
    assert_eq!((counts.visible, counts.duplicate, counts.sessions), (3, 2, 2));
    assert_eq!(counts.logged, counts.visible + counts.duplicate + counts.quarantined_total());
    let credited = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| line.contains("conversions_ppb: 1")).cloned().collect()
    };
    assert_eq!(credited(&before), credited(&sums(&cluster)));
}

#[test]
fn orders_of_another_generation_change_nothing() {
    let events = [page("1", "a", 0), page("2", "b", 5)];
    let mut cluster = fold(&events);
    let before = cluster.store.0.clone();
    for lane in Lane::all() {
        for order in
            [Order::Keep(cutoffs(50)), Order::Sweep { class: Class::Events, from: 0, to: u32::MAX }]
        {
            let mut header = Header::new(Kind::Tick, lane, START);
            header.generation = 1;
            cluster.append(header, serde_json::to_vec(&order).unwrap());
        }
    }
    cluster.drain(1);
    let gone: Vec<_> = before.keys().filter(|key| !cluster.store.0.contains_key(*key)).collect();
    assert!(gone.is_empty(), "{gone:?}");
    assert!(!cluster.store.0.keys().any(|key| key.is(KeyKind::Kept)));
}

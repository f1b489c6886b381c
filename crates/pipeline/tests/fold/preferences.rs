//! What decisions read and leave behind: preferences, sums and exposures do not depend on order, copies, owners or
//! crashes, and follow their definitions.

use crate::history::turns;
use crate::properties::{plainly, roughly, rules, shuffle};
use crate::stories::page;
use millstream_decide::{ItemId, interest};
use millstream_event::{Consent, EntityId, Event, EventKind, Purposes, RawJson, Span, Timestamp};
use millstream_pipeline::exposures::{Exposure, exposures};
use millstream_pipeline::query::StateRead;
use millstream_pipeline::{decided, preferences};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const ARMS: [&str; 2] = ["edge", "slow"];

/// An event as it is drawn: a look at an item, a decision, or the wish to be forgotten.
#[derive(Clone, Debug)]
struct Draw {
    id: u8,
    device: u8,
    minute: u8,
    item: u8,
    kind: u8,
    later: u8,
}

fn draws(most: usize) -> impl Strategy<Value = Vec<Draw>> {
    let draw = (0_u8..20, 0_u8..3, 0_u8..90, 0_u8..5, 0_u8..9, 0_u8..3).prop_map(
        |(id, device, minute, item, kind, later)| Draw { id, device, minute, item, kind, later },
    );
    prop::collection::vec(draw, 1..most)
}

/// Decisions and wishes are written once, by capture: their copies do not differ. Looks may.
fn event(draw: &Draw) -> Event {
    let (decision, reset) = ((5..8).contains(&draw.kind), draw.kind == 8);
    let kind = if decision {
        'd'
    } else if reset {
        'r'
    } else {
        'e'
    };
    let id = format!("{kind}{}", draw.id);
    let minute = if decision || reset { draw.id } else { draw.minute };
    let mut event = page(&id, &format!("v{}", draw.device), i64::from(minute));
    event.consent = Consent { granted: Purposes::ALL, ..event.consent };
    if reset {
        event.kind = EventKind::Consent;
        event.name = Some(preferences::RESET.into());
        return event;
    }
    let text = if decision {
        event.kind = EventKind::Decision;
        event.name = Some("home".into());
        let (arm, rung) = (ARMS[usize::from(draw.device % 2)], ["personalized", "cached"]);
        let rung = rung[usize::from(draw.id % 2)];
        format!(
            r#"{{"use_case":"home","choice":"a","rung":"{rung}","reason":"profile","propensity":1,"timed_out":false,"budget_ms":50,
                "timing":{{"total_ms":{}}},"arms":{{"speed":"{arm}"}},"segment":"DE"}}"#,
            draw.id
        )
    } else {
        event.received = event.received + Span::minutes(i64::from(draw.later));
        event.user_agent = Some(if draw.kind == 4 { "bot".into() } else { "browser".into() });
        format!(r#"{{"sku":"item-{}"}}"#, draw.item)
    };
    event.properties = RawJson::parse(&text);
    event
}

fn events(draws: &[Draw]) -> Vec<Event> {
    draws.iter().map(event).collect()
}

/// Everything that is kept for decisions, as sorted text.
fn kept(state: &dyn StateRead) -> Vec<String> {
    let mut lines = Vec::new();
    preferences::walk_interests(state, 0, &mut |device, interest| {
        lines.push(format!("interest {device:?} {interest:?}"));
        Ok(true)
    })
    .unwrap();
    exposures(state, 0, &mut |device, exposure| {
        lines.push(format!("exposure {device:?} {exposure:?}"));
        Ok(true)
    })
    .unwrap();
    for (name, sums) in decided::decisions(state, 0, &|_| true).unwrap() {
        lines.push(format!("decisions {name} {sums:?}"));
    }
    for arm in ARMS {
        let sums = decided::of_arm(state, 0, ("speed", arm), &|_| true).unwrap();
        lines.push(format!("arm {arm} {sums:?}"));
    }
    lines.sort();
    lines
}

type Place<'a> = (EntityId, &'a str);

/// The copy of each event that counts: the one received first, then the least payload.
fn counting(events: &[Event]) -> Vec<&Event> {
    let mut winners: BTreeMap<Place<'_>, &Event> = BTreeMap::new();
    let subject = |event: &Event| event.subject();
    for event in events {
        let place = (subject(event), event.id.as_str());
        let known = winners.entry(place).or_insert(event);
        if event.received < known.received {
            *known = event;
        }
    }
    winners.into_values().collect()
}

proptest! {
    #[test]
    fn what_decisions_read_depends_on_the_set_of_events_alone(
        draws in draws(40),
        copies in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        turns in turns(),
        owners in 1_usize..5,
        seed in any::<u64>(),
    ) {
        let events = events(&draws);
        let expected = kept(&plainly(&events).store);
        let mut other: Vec<Event> = copies.iter().map(|copy| copy.get(&events).clone()).collect();
        other.extend(events);
        shuffle(&mut other, seed);
        prop_assert_eq!(expected, kept(&roughly(rules(), &other, (&turns, owners)).store));
    }

    #[test]
    fn preferences_and_exposures_follow_their_definitions(draws in draws(40)) {
        let events = events(&draws);
        let cluster = plainly(&events);
        let mut met: BTreeMap<EntityId, (Timestamp, u32)> = BTreeMap::new();
        let mut told: BTreeMap<EntityId, BTreeSet<(Timestamp, ItemId)>> = BTreeMap::new();
        let mut undecided: BTreeSet<Place<'_>> = BTreeSet::new();
        let mut resets: BTreeMap<EntityId, Timestamp> = BTreeMap::new();
        for event in counting(&events) {
            let device = event.subject();
            if event.kind == EventKind::Consent {
                let until = resets.entry(device).or_insert(event.received);
                *until = (*until).max(event.received);
            } else if event.kind == EventKind::Decision {
                let own = met.entry(device).or_insert((event.event_time, 0));
                *own = (own.0.min(event.event_time), own.1 + 1);
            } else if event.user_agent.as_deref() == Some("browser") {
                let items = interest::items(event).into_iter();
                told.entry(device).or_default().extend(items.map(|item| (event.event_time, item)));
            }
            // Copies received at the same instant are told apart by a hash that is not repeated here.
            let rivals = events.iter().filter(|it| it.subject() == device && it.id == event.id);
            if rivals.filter(|it| it.received == event.received && *it != event).count() > 0 {
                undecided.insert((device, event.id.as_str()));
            }
        }
        exposures(&cluster.store, 0, &mut |device, Exposure { first, decisions, .. }| {
            assert_eq!(met.remove(&device), Some((first, decisions)));
            Ok(true)
        }).unwrap();
        prop_assert!(met.is_empty());
        if undecided.is_empty() {
            let mut found: BTreeMap<EntityId, BTreeSet<(Timestamp, ItemId)>> = BTreeMap::new();
            preferences::walk_interests(&cluster.store, 0, &mut |device, interest| {
                let rows = interest.items.iter().map(|item| (interest.at, *item));
                found.entry(device).or_default().extend(rows);
                Ok(true)
            }).unwrap();
            told.iter_mut().for_each(|(device, rows)| {
                let until = resets.get(device);
                rows.retain(|(at, _)| until.is_none_or(|until| at > until));
            });
            told.retain(|_, rows| !rows.is_empty());
            for device in resets.keys() {
                let seen = preferences::profile(&cluster.store, 0, *device).unwrap().seen;
                assert_eq!(seen.is_empty(), !told.contains_key(device));
            }
            prop_assert_eq!(found, told);
        }
    }
}

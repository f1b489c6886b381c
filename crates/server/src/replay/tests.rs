//! A thing in quarantine that today's rules can read leaves it, whatever order the words come in.

use super::*;
use crate::capture::ConsentDefaults;
use crate::consume::tests::parts::{PATIENCE, World, options};
use crate::links::Registry;
use millstream_event::{
    Hash128, Header, Kind, Lane, Position, Quarantine, QuarantineReason, SourceId, Timestamp,
};
use millstream_log::{Append, EventLog};
use millstream_pipeline::query;
use millstream_stitch::Properties;
use millstream_store::Reading;
use std::collections::BTreeMap;
use std::sync::Arc;

const RECEIVED: Timestamp = Timestamp(1_790_000_000_000_000);

fn broken(raw: Option<&str>) -> Append {
    let thing = Quarantine {
        id: Hash128::of("test", &[raw.unwrap_or("nothing").as_bytes()]),
        reason: QuarantineReason::UnknownType,
        detail: "type is unknown".into(),
        source: SourceId::parse("web").unwrap(),
        received: Some(RECEIVED),
        bytes: 3,
        raw: raw.map(Into::into),
        resolved: false,
    };
    let header = Header::new(Kind::Quarantine, Lane::of(thing.subject()), RECEIVED);
    Append { header, payload: serde_json::to_vec(&thing).unwrap() }
}

const READABLE: &str = r#"{"type":"page","messageId":"m","anonymousId":"d"}"#;

fn run(world: &World, dry_run: bool) -> Replayed {
    let (registry, consent) = (Registry::new(), ConsentDefaults::default());
    let snapshot = world.store.snapshot().unwrap();
    let parts = ReplayParts {
        log: &*world.log,
        state: &*snapshot,
        generation: 0,
        properties: &Properties::default(),
        registry: &registry,
        settings: registry.settings(),
        mending: Arc::default(),
        consent: &consent,
        subject_key: [7; 32],
        click_key: [8; 32],
    };
    let selection = Selection { reason: Some(None), dry_run, ..Selection::default() };
    replay(&parts, &selection, &|_, _| {}).unwrap()
}

/// (logged, visible, duplicate, quarantined)
fn counts(world: &World) -> (i64, i64, i64, i64) {
    world.start(&options(1, 50)).drain(PATIENCE).unwrap();
    let counts = query::counts(&Reading(&*world.store), 0).unwrap();
    (counts.logged, counts.visible, counts.duplicate, counts.quarantined_total())
}

#[test]
fn what_can_be_read_leaves_quarantine_and_counts() {
    let world = World::new();
    world.append(&[broken(Some(READABLE)), broken(Some("{\"type\":\"other\"}")), broken(None)]);
    assert_eq!(counts(&world), (3, 0, 0, 3));
    let told = run(&world, true);
    assert_eq!((told.replayed, told.still_broken, told.without_text), (1, 1, 1));
    assert_eq!(counts(&world), (3, 0, 0, 3), "only counted");
    run(&world, false);
    assert_eq!(counts(&world), (4, 1, 1, 2));
    assert_eq!(run(&world, false).selected, 2, "what was read is not tried again");
    assert_eq!(counts(&world), (4, 1, 1, 2));
}

#[test]
fn the_word_of_a_replay_may_come_first_and_copies_may_follow() {
    let world = World::new();
    world.append(&[broken(Some(READABLE))]);
    counts(&world);
    run(&world, false);
    counts(&world);
    let mut records = BTreeMap::new();
    for lane in Lane::all() {
        let mut position = Position(0);
        while let Some(record) = world.log.read_at(lane, position).unwrap() {
            if matches!(record.header.kind, Kind::Event | Kind::Quarantine) {
                let append = Append { header: record.header, payload: record.payload.to_vec() };
                records.insert((lane, std::cmp::Reverse(position)), append);
            }
            position = position.next();
        }
    }
    let backwards: Vec<Append> = records.into_values().collect();
    let other = World::new();
    other.append(&backwards);
    assert_eq!(counts(&other), (2, 1, 1, 0));
    other.append(&[broken(Some(READABLE))]);
    assert_eq!(counts(&other), (3, 1, 2, 0), "a copy of what was read");
}

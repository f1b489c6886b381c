//! Properties over random histories. Failing seeds are kept beside this file by proptest.

use crate::cluster::{Cluster, Crash, TestAgents};
use crate::history::{self, Turn, histories, properties, session_rules, told_twice, turns};
use crate::oracle;
use crate::{answers, arrivals};
use millstream_attribute::Model;
use millstream_event::{Event, Timestamp};
use millstream_pipeline::rollup::Counts;
use millstream_pipeline::{Rules, query};
use millstream_stitch::{GraphLimits, Properties, SessionRules};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Small limits, so that hubs form.
pub const LIMITS: GraphLimits = GraphLimits { devices_max: 2, users_max: 2 };

pub fn rules() -> Rules<'static> {
    Rules { graph: LIMITS, goods: true, ..Rules::new(&TestAgents) }
}

type Settings = (SessionRules, Properties);

fn settings() -> impl Strategy<Value = Settings> {
    (session_rules(), properties())
}

fn rules_of((sessions, properties): Settings) -> Rules<'static> {
    Rules { sessions, properties, ..rules() }
}

/// One owner, one record at a time, in the order given.
pub fn plainly(events: &[Event]) -> Cluster<'static> {
    plainly_by(rules(), events)
}

pub fn plainly_by(rules: Rules<'static>, events: &[Event]) -> Cluster<'static> {
    let mut cluster = Cluster::new(rules, 1);
    for event in events {
        cluster.append_event(event);
        cluster.drain(1);
    }
    cluster
}

/// Owners, batches, crashes and ticks as the turns say, events arriving in between.
pub fn roughly(
    rules: Rules<'static>,
    events: &[Event],
    (turns, mut owners): (&[Turn], usize),
) -> Cluster<'static> {
    let mut cluster = Cluster::new(rules, owners);
    let mut waiting = events.iter();
    for turn in turns {
        for event in waiting.by_ref().take(turn.batch.min(7)) {
            cluster.append_event(event);
        }
        cluster.tick(Timestamp(1_790_000_000_000_000));
        if let Some(changed) = turn.owners {
            cluster.hand_over(changed);
            owners = changed;
        }
        cluster.step(turn.owner % owners, turn.batch, turn.crash);
    }
    for event in waiting {
        cluster.append_event(event);
    }
    cluster.drain(3);
    cluster
}

/// As many cases as `PROPTEST_CASES` says; failing seeds go to a file that is kept.
pub fn cases() -> ProptestConfig {
    let seeds = proptest::test_runner::FileFailurePersistence::Direct("tests/fold/seeds.txt");
    ProptestConfig { failure_persistence: Some(Box::new(seeds)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_fold_agrees_with_the_definitions(events in histories(60), settings in settings()) {
        let rules = rules_of(settings);
        let cluster = plainly_by(rules.clone(), &events);
        same(&oracle::tables(&events, &rules), &answers::tables(&cluster.store))?;
    }

    #[test]
    fn how_events_arrived_agrees_with_the_definitions(events in histories(60), settings in settings()) {
        let rules = rules_of(settings);
        let cluster = plainly_by(rules.clone(), &events);
        same(&arrivals::lines(&events, &rules), &answers::stitching(&cluster.store))?;
    }

    #[test]
    fn order_duplicates_owners_batches_and_crashes_change_nothing(
        events in histories(50),
        turns in turns(),
        owners in 1usize..5,
        settings in settings(),
        seed in any::<u64>(),
    ) {
        let rules = rules_of(settings);
        let expected = answers::all(&plainly_by(rules.clone(), &events).store);
        let mut other = events.clone();
        shuffle(&mut other, seed);
        same(&expected, &answers::all(&roughly(rules, &other, (&turns, owners)).store))?;
    }

    /// The long hunt: everything at once, held against the definitions.
    #[test]
    fn the_roughest_way_agrees_with_the_definitions(
        events in histories(60),
        copies in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        turns in turns(),
        owners in 1usize..5,
        settings in settings(),
        seed in any::<u64>(),
    ) {
        let again: Vec<Event> = copies.iter().map(|copy| copy.get(&events).clone()).collect();
        let mut events = [events, again].concat();
        shuffle(&mut events, seed);
        hunt(&events, (&turns, owners), rules_of(settings))?;
    }

    #[test]
    fn what_a_server_and_a_device_tell_of_one_person_agrees_with_the_definitions(
        events in told_twice(40),
        turns in turns(),
        owners in 1usize..5,
        settings in settings(),
    ) {
        hunt(&events, (&turns, owners), rules_of(settings))?;
    }

    #[test]
    fn copies_of_everything_add_nothing_but_duplicates(events in histories(30), turns in turns(), seed in any::<u64>()) {
        let expected = answers::tables(&plainly(&events).store);
        let mut other: Vec<Event> = events.iter().chain(&events).chain(&events).cloned().collect();
        shuffle(&mut other, seed);
        let cluster = roughly(rules(), &other, (&turns, 3));
        same(&expected, &answers::tables(&cluster.store))?;
        let counts = answers::counts(&cluster.store);
        prop_assert_eq!(counts.logged, 3 * events.len() as i64);
        prop_assert_eq!(counts.logged, counts.visible + counts.duplicate);
    }

    #[test]
    fn sums_equal_the_rows(events in histories(60), turns in turns()) {
        let cluster = roughly(rules(), &events, (&turns, 2));
        for model in Model::ALL {
            prop_assert_eq!(answers::credit_sums(&cluster.store, model), answers::credit_rows(&cluster.store, model));
            prop_assert_eq!(answers::goods_sums(&cluster.store, model), answers::goods_rows(&cluster.store, model));
        }
    }
}

/// Folds the roughest way and holds every answer against the definitions.
fn hunt(
    events: &[Event],
    (turns, owners): (&[Turn], usize),
    rules: Rules<'static>,
) -> Result<(), TestCaseError> {
    let cluster = roughly(rules.clone(), events, (turns, owners));
    same(&oracle::tables(events, &rules), &answers::tables(&cluster.store))?;
    same(&arrivals::lines(events, &rules), &answers::stitching(&cluster.store))?;
    let told = Counts { conflicts: 0, links: 0, hubs: 0, ..answers::counts(&cluster.store) };
    prop_assert_eq!(told, oracle::counts(events, &rules));
    let now = query::counts(&cluster.store, 0).unwrap().watermark;
    let mut open = BTreeSet::new();
    query::open_sessions(&cluster.store, 0, &rules.sessions, &mut |device, session| {
        open.insert(session.id(device));
    })
    .unwrap();
    prop_assert_eq!(open, oracle::open_sessions(events, &rules, now));
    for model in Model::ALL {
        let rows = answers::credit_rows(&cluster.store, model);
        prop_assert_eq!(answers::credit_sums(&cluster.store, model), rows);
        let rows = answers::goods_rows(&cluster.store, model);
        prop_assert_eq!(answers::goods_sums(&cluster.store, model), rows);
    }
    Ok(())
}

fn same(expected: &[String], found: &[String]) -> Result<(), TestCaseError> {
    let differences = answers::differences(expected, found);
    prop_assert!(differences.is_empty(), "answers differ:\n{}", differences.join("\n"));
    Ok(())
}

/// Fisher-Yates with a linear congruential generator: the seed is part of the printed case.
pub fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for at in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, (seed >> 33) as usize % (at + 1));
    }
}

/// After every thousand events all credits equal those computed from scratch.
#[test]
fn a_long_history_agrees_with_the_definitions_all_along() {
    let events = history::long_history(3_000);
    let mut cluster = Cluster::new(rules(), 3);
    for (at, event) in events.iter().enumerate() {
        cluster.append_event(event);
        if (at + 1) % 1_000 == 0 {
            cluster.drain(3);
            let expected = oracle::tables(&events[..=at], &rules());
            let found = answers::tables(&cluster.store);
            let pairs = expected.iter().zip(&found);
            let differing = pairs.filter(|(expected, found)| expected != found).take(3);
            assert!(expected == found, "after {}: {:#?}", at + 1, differing.collect::<Vec<_>>());
        }
    }
    for model in Model::ALL {
        let rows = answers::credit_rows(&cluster.store, model);
        assert_eq!(answers::credit_sums(&cluster.store, model), rows);
        let rows = answers::goods_rows(&cluster.store, model);
        assert_eq!(answers::goods_sums(&cluster.store, model), rows);
    }
}

#[test]
fn a_crash_before_any_commit_starts_over() {
    let mut cluster = Cluster::new(rules(), 1);
    cluster.step(0, 1, Crash::BeforeCommit);
    cluster.drain(1);
    assert!(answers::tables(&cluster.store).is_empty());
}

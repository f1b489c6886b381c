//! The suite is shown to see: each of these switches one safeguard off and expects a difference.

use crate::answers;
use crate::cluster::{Cluster, Crash};
use crate::history::histories;
use crate::oracle;
use crate::properties::rules;
use millstream_event::Event;
use millstream_pipeline::Rules;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// True when some history of the generator shows a difference from the definitions.
fn seen(rules: &Rules<'static>, crash: Crash) -> bool {
    let mut runner = TestRunner::deterministic();
    (0..60).any(|_| {
        let events: Vec<Event> = histories(60).new_tree(&mut runner).unwrap().current();
        let mut cluster = Cluster::new(rules.clone(), 1);
        for event in &events {
            cluster.append_event(event);
        }
        cluster.step(0, 5, crash);
        cluster.drain(5);
        let counts = answers::counts(&cluster.store);
        let miscounted = counts.logged != events.len() as i64
            || counts.logged != counts.visible + counts.duplicate;
        miscounted || answers::tables(&cluster.store) != oracle::tables(&events, rules)
    })
}

#[test]
fn with_every_safeguard_nothing_is_seen() {
    assert!(!seen(&rules(), Crash::BeforeCommit));
    assert!(!seen(&rules(), Crash::BeforeAppend));
}

#[test]
fn without_dedup_the_suite_turns_red() {
    let mut rules = rules();
    rules.sabotage.without_dedup = true;
    assert!(seen(&rules, Crash::No));
}

#[test]
fn without_late_repair_the_suite_turns_red() {
    let mut rules = rules();
    rules.sabotage.without_late_repair = true;
    assert!(seen(&rules, Crash::No));
}

#[test]
fn without_atomic_commits_the_suite_turns_red() {
    assert!(seen(&rules(), Crash::TornCommit));
}

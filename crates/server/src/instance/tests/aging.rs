//! Rows that are kept for a time, over a real log and state.

use super::*;
use crate::consume::tests::history::history;
use crate::consume::tests::parts::{NoBots, PATIENCE, options};
use crate::consume::{ConsumeParts, Consumer, Parameters, start};
use millstream_event::Span;
use millstream_pipeline::query::{self, StateRead};
use millstream_pipeline::retention::Class;
use millstream_store::Reading;
use std::collections::BTreeMap;

/// When the histories begin.
const START: Timestamp = Timestamp(1_790_000_000_000_000);

fn dated() -> InstanceOptions {
    let days =
        [(Class::Events, 9), (Class::Sessions, 9), (Class::Touches, 40), (Class::Conversions, 10)];
    let row_days =
        days.into_iter().fold(RowDays::default(), |all, (class, days)| all.with(class, Some(days)));
    InstanceOptions { row_days, ..InstanceOptions::default() }
}

fn consume(instance: &Instance) -> Consumer {
    let parts = ConsumeParts {
        log: Arc::clone(&instance.log),
        store: Arc::clone(&instance.in_force().store),
        parameters: Parameters::default(),
        agents: Arc::new(NoBots),
        subject_key: [7; 32],
        clock: Arc::new(|| START),
        on_control: Arc::new(|_, _| {}),
        on_change: Arc::new(|_| {}),
    };
    start(&options(2, 50), parts).unwrap()
}

fn fill(instance: &Instance, consumer: &Consumer, seed: u64) {
    for group in history(seed, 120).chunks(10) {
        let (done, wait) = mpsc::channel();
        let acknowledge = Box::new(move |result| done.send(result).unwrap());
        instance.log.append(group.to_vec(), acknowledge).unwrap();
        wait.recv().unwrap().unwrap();
    }
    consumer.drain(PATIENCE).unwrap();
}

fn everything(instance: &Instance) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let store = instance.in_force().store;
    let mut take = |key: &[u8], value: &[u8]| {
        found.insert(key.to_vec(), value.to_vec());
        Ok(true)
    };
    Reading(&*store).scan(&[0, 0], &mut take).unwrap();
    found
}

fn rows(instance: &Instance) -> [usize; 3] {
    let store = instance.in_force().store;
    let read = Reading(&*store);
    let mut found = [0; 3];
    let mut count = |at: usize| {
        found[at] += 1;
        Ok(true)
    };
    query::sessions(&read, 0, &mut |_| count(0)).unwrap();
    query::touches(&read, 0, &mut |_| count(1)).unwrap();
    query::conversions(&read, 0, &mut |_| count(2)).unwrap();
    found
}

fn counts(instance: &Instance) -> String {
    let store = instance.in_force().store;
    let mut counts = query::counts(&Reading(&*store), 0).unwrap();
    counts.watermark = Timestamp::default();
    format!("{counts:?}")
}

#[test]
fn rows_go_by_day_and_class_and_what_went_is_told_in_a_chain() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::open(dir.path(), &dated()).unwrap();
    let consumer = consume(&instance);
    fill(&instance, &consumer, 1);
    let (before, all) = (counts(&instance), rows(&instance));
    let mut keeping = instance.keeping();
    assert!(keeping.let_go(START + Span::days(9)).unwrap());
    assert_eq!(rows(&instance), all, "nothing is old enough yet");
    assert!(keeping.let_go(START + Span::days(20)).unwrap());
    assert_eq!(rows(&instance), [0, all[1], 0], "touches are kept longer");
    assert!(keeping.let_go(START + Span::days(60)).unwrap());
    assert_eq!((rows(&instance), counts(&instance)), ([0; 3], before));
    let told = instance.removed().unwrap();
    assert!(told.intact, "{:?}", told.broken);
    assert_eq!((told.rows.removals.len(), told.records), (2, 0));
    let removed: BTreeMap<_, _> =
        told.rows.classes.iter().map(|class| (class.class, class.removed)).collect();
    assert!(removed["conversions"] >= all[2] as u64 && removed["touches"] >= all[1] as u64);
    assert!(
        removed["sessions"] == all[0] as u64 && told.rows.classes.iter().all(|it| it.left == 0)
    );
    let heads = instance.log.heads();
    assert!(keeping.let_go(START + Span::days(60)).unwrap());
    assert_eq!(instance.log.heads(), heads, "once a day");
    consumer.shutdown();
}

#[test]
fn folding_the_log_again_lets_go_of_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::open(dir.path(), &dated()).unwrap();
    let consumer = consume(&instance);
    fill(&instance, &consumer, 3);
    assert!(instance.keeping().let_go(START + Span::days(30)).unwrap());
    fill(&instance, &consumer, 4);
    consumer.shutdown();
    let (whole, told) = (everything(&instance), instance.removed().unwrap().rows);
    drop(instance);
    fs::remove_dir_all(dir.path().join("state")).unwrap();
    let instance = Instance::open(dir.path(), &dated()).unwrap();
    let consumer = consume(&instance);
    consumer.drain(PATIENCE).unwrap();
    consumer.shutdown();
    let found = everything(&instance);
    let differing = found.iter().filter(|(key, value)| whole.get(*key) != Some(value));
    let gone = whole.keys().filter(|key| !found.contains_key(*key));
    let keys: Vec<_> = differing.map(|(key, _)| key).chain(gone).collect();
    assert!(keys.is_empty(), "{} keys differ, first {:?}", keys.len(), keys[0]);
    assert_eq!(instance.removed().unwrap().rows, told);
    assert!(told.intact && told.removals.len() == 1, "{:?}", told.broken);
}

#[test]
fn a_round_that_was_cut_short_is_finished_and_told_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::open(dir.path(), &dated()).unwrap();
    let consumer = consume(&instance);
    fill(&instance, &consumer, 5);
    let whole = everything(&instance).len();
    assert!(instance.keeping().let_go(START + Span::days(60)).unwrap());
    // The process ended after the orders were folded and before the line was written.
    fs::remove_file(dir.path().join("retention-rows.jsonl")).unwrap();
    assert!(everything(&instance).len() < whole);
    assert!(instance.removed().unwrap().intact, "rows went that no line tells of yet");
    assert!(instance.keeping().let_go(START + Span::days(60)).unwrap());
    let told = instance.removed().unwrap().rows;
    assert!(told.intact && told.removals.len() == 1, "{:?}", told.broken);
    let path = dir.path().join("retention-rows.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [("\"events\":", "\"events\":1"), ("_days = 9", "_days = 8")] {
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let broken = instance.removed().unwrap();
        assert!(!broken.intact && broken.broken.unwrap().contains("line 1"), "{from}");
    }
    consumer.shutdown();
}

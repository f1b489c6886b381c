//! Sums held in memory say what the lanes' own sums say, at every instant.

use super::history::history;
use super::parts::{PATIENCE, World, options};
use crate::consume::{Merged, MergedView};
use millstream_attribute::Model;
use millstream_pipeline::rollup::{Dimensions, Metric};
use millstream_pipeline::sums::{MetricSums, Scan, Sum, SumsRead};
use millstream_store::Reading;
use std::collections::BTreeMap;
use std::sync::Arc;

const METRICS: [Metric; 5] = [
    Metric::Touches,
    Metric::Sessions,
    Metric::Clicks,
    Metric::Credits(Model::Last),
    Metric::Credits(Model::Linear),
];

type ByDay = BTreeMap<(i32, Dimensions), (i64, i128)>;

fn by_day(sums: &MetricSums) -> ByDay {
    let mut found = ByDay::new();
    sums.daily(&(i32::MIN..=i32::MAX), &mut |day, dimensions, Sum { count, amount }| {
        assert!(found.insert((day, dimensions.clone()), (count, amount)).is_none());
    });
    assert_eq!(found.len(), sums.cells());
    found
}

fn whole(days: &ByDay) -> BTreeMap<Dimensions, (i64, i128)> {
    let mut found: BTreeMap<Dimensions, (i64, i128)> = BTreeMap::new();
    for ((_, dimensions), (count, amount)) in days {
        let sum = found.entry(dimensions.clone()).or_default();
        (sum.0, sum.1) = (sum.0 + count, sum.1 + amount);
    }
    found
}

/// Holds every metric against the state of the same view; returns how many sums there are.
fn check(view: &MergedView) -> usize {
    let mut cells = 0;
    let scan = Scan { state: &Reading(&**view), generation: 0 };
    for metric in METRICS {
        for bot in [false, true] {
            let (held, read) = (view.sums(metric, bot).unwrap(), scan.sums(metric, bot).unwrap());
            let days = by_day(&held);
            assert_eq!(days, by_day(&read), "{metric:?}");
            let mut over = BTreeMap::new();
            held.over(&(i32::MIN..=i32::MAX), &mut |dimensions, sum| {
                over.insert(Dimensions::clone(dimensions), (sum.count, sum.amount));
            });
            assert_eq!(over, whole(&days), "{metric:?}");
            cells += days.len();
        }
    }
    cells
}

#[test]
fn held_sums_equal_those_of_the_lanes_while_commits_go_on() {
    let records = history(31, 150);
    let world = World::new();
    let consumer = world.start(&options(2, 20));
    let mut seen = Vec::new();
    for group in records.chunks(40) {
        world.append(group);
        // Taken while the owners fold; the second one finds what the first one had read.
        for _ in 0..2 {
            seen.push(check(&consumer.merged.view(&world.store).unwrap()));
        }
    }
    consumer.drain(PATIENCE).unwrap();
    assert!(check(&consumer.merged.view(&world.store).unwrap()) > 20, "{seen:?}");
}

#[test]
fn a_view_stays_of_its_instant() {
    let records = history(32, 300);
    let (first, second) = records.split_at(records.len() / 2);
    let world = World::new();
    let consumer = world.start(&options(2, 50));
    world.append(first);
    consumer.drain(PATIENCE).unwrap();
    let untouched = consumer.merged.view(&world.store).unwrap();
    let asked = consumer.merged.view(&world.store).unwrap();
    let before = check(&asked);
    world.append(second);
    consumer.drain(PATIENCE).unwrap();
    assert_eq!(check(&asked), before);
    assert_eq!(
        check(&untouched),
        before,
        "what is first asked later is of the view's instant, too"
    );
    assert_ne!(check(&consumer.merged.view(&world.store).unwrap()), before);
}

#[test]
fn sums_beyond_the_bound_are_added_up_each_time() {
    let world = World::new();
    world.append(&history(33, 200));
    world.fold(&options(1, 100));
    let touches = |merged: &Arc<Merged>| {
        let view = merged.view(&world.store).unwrap();
        check(&view);
        view.sums(Metric::Touches, false).unwrap()
    };
    let enough = Arc::new(Merged::new(0, usize::MAX));
    let held = touches(&enough);
    assert!(Arc::ptr_eq(&held, &touches(&enough)), "it is held");
    let just = Arc::new(Merged::new(0, held.cells()));
    let alone = |merged: &Arc<Merged>| {
        merged.view(&world.store).unwrap().sums(Metric::Touches, false).unwrap()
    };
    assert!(Arc::ptr_eq(&alone(&just), &alone(&just)), "at the bound it is held");
    touches(&just);
    let few = Arc::new(Merged::new(0, held.cells() - 1));
    assert!(!Arc::ptr_eq(&alone(&few), &alone(&few)), "over the bound it is not");
}

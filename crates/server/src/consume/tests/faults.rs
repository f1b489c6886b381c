//! What stops, what is told, and what is bounded.

use super::history::{history, tick};
use super::parts::{PATIENCE, World, options};
use crate::consume::latency::Recent;
use crate::consume::mailbox::Mailbox;
use crate::consume::outbox::Delivery;
use crate::consume::progress::{Committed, Shared};
use crate::consume::{ConsumeError, ConsumeOptions, DrainError, start};
use millstream_event::control::{Control, Settings};
use millstream_event::{Header, Kind, Lane, Position, Record, Timestamp};
use millstream_log::{Append, EventLog, LanePositions};
use millstream_store::{LaneHead, MemoryStore};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn control(domain: &str) -> Append {
    let settings = Settings { own_domains: vec![domain.into()], ..Settings::default() };
    let header = Header::new(Kind::Control, Lane::CONTROL, Timestamp(1));
    Append { header, payload: serde_json::to_vec(&Control::Settings(settings)).unwrap() }
}

#[test]
fn a_lane_that_cannot_be_folded_stops_alone_and_says_so() {
    let world = World::new();
    world.append(&history(21, 60));
    let lane = Lane::from_number(5).unwrap();
    let header = Header::new(Kind::Item, lane, Timestamp(1));
    let before = world.log.heads().get(lane);
    world.append(&[Append { header, payload: vec![0xff; 9] }]);
    world.append(&history(22, 60));
    let consumer = world.start(&options(2, 10));
    let refused = consumer.drain(PATIENCE).unwrap_err();
    assert!(matches!(refused, DrainError::Stopped(_)), "{refused}");
    // The other lanes still come to the end: all but the one are waited for through the heads.
    let others = |lane: &Lane| *lane != Lane::from_number(5).unwrap();
    let caught_up = || {
        let (positions, heads) = (consumer.progress().positions, world.log.heads());
        Lane::all().filter(others).all(|lane| positions.get(lane) == heads.get(lane))
    };
    while !caught_up() {
        std::thread::yield_now();
    }
    let progress = consumer.progress();
    assert_eq!(progress.stopped.len(), 1);
    assert_eq!(progress.stopped[0].lane, Some(lane));
    assert!(progress.positions.get(lane) <= before, "nothing is skipped");
    assert!(!progress.drained && progress.lag_records > 0);
    assert!(progress.complete_until < Timestamp(1_800_000_000_000_000));
}

#[test]
fn controls_are_told_in_order_and_again_at_start() {
    let world = World::new();
    world.append(&[control("a.example"), control("b.example")]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let listen = || {
        let told = Arc::clone(&told);
        let mut parts = world.parts();
        parts.on_control = Arc::new(move |version, control: &Control| {
            let Control::Settings(settings) = control else { panic!("only settings were sent") };
            told.lock().unwrap().push((version, settings.own_domains[0].to_string()));
        });
        start(&options(3, 1), parts).unwrap()
    };
    let heard = || std::mem::take(&mut *told.lock().unwrap());
    let first = listen();
    first.drain(PATIENCE).unwrap();
    first.shutdown();
    let both = vec![(1, "a.example".to_owned()), (2, "b.example".to_owned())];
    assert_eq!(heard(), both);
    world.append(&[control("c.example")]);
    let second = listen();
    second.drain(PATIENCE).unwrap();
    second.shutdown();
    let all: Vec<_> = both.into_iter().chain([(3, "c.example".to_owned())]).collect();
    assert_eq!(heard(), all);
}

#[test]
fn state_of_another_log_is_refused() {
    let mut world = World::new();
    world.append(&history(23, 30));
    world.fold(&options(1, 100));
    let other = World::new();
    other.append(&history(23, 30));
    world.log = Arc::clone(&other.log);
    let refused = start(&options(1, 1), world.parts()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, ConsumeError::Timeline(_)), "{refused}");
    world.store = Arc::new(MemoryStore::new());
    world.fold(&options(1, 100));
}

#[test]
fn bounds_of_zero_are_refused_by_name() {
    let world = World::new();
    for (options, name) in [
        (ConsumeOptions { owners: 0, ..options(1, 1) }, "consume.owners"),
        (options(1, 0), "consume.batch_records"),
        (ConsumeOptions { queue_records: 0, ..options(1, 1) }, "consume.queue_records"),
    ] {
        let refused = start(&options, world.parts()).map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn small_queues_and_caches_still_come_to_the_end() {
    let world = World::new();
    world.append(&history(24, 150));
    let options = ConsumeOptions { queue_records: 1, values_max: 1, ..options(2, 3) };
    let progress = world.fold(&options);
    assert_eq!(progress.outbox, 0);
    let hops = [
        progress.hops.received_to_folded,
        progress.hops.folded_to_visible,
        progress.hops.received_to_visible,
    ];
    assert!(hops.iter().all(|hop| hop.count > 0 && hop.p99_us > 0), "{hops:?}");
    assert_eq!(world.store.head(0, Lane::GRAPH).unwrap().next, world.log.heads().get(Lane::GRAPH));
}

#[test]
fn a_drain_that_cannot_finish_in_time_says_what_is_left() {
    let world = World::new();
    world.append(&[tick(Lane::GRAPH), tick(Lane::GRAPH)]);
    let shared = Shared::new([LaneHead::default(); Lane::COUNT]);
    let refused = shared.drain(&*world.log, Duration::ZERO).unwrap_err();
    assert_eq!(refused, DrainError::Deadline { lag_records: 2, outbox: 0 });
    shared.close();
    assert_eq!(shared.drain(&*world.log, PATIENCE), Err(DrainError::Closed));
}

fn committed(lane: Lane, busy: bool) -> Committed {
    Committed {
        heads: vec![(lane, LaneHead { next: Position(1), ..LaneHead::default() })],
        busy: if busy { vec![lane] } else { vec![] },
        records: 1,
        sent: 0,
        delivered: 0,
        received: vec![],
        folded: Timestamp(0),
    }
}

#[test]
fn only_lanes_that_saw_records_are_ticked_and_only_once() {
    let shared = Arc::new(Shared::new([LaneHead::default(); Lane::COUNT]));
    shared.committed(&committed(Lane::GRAPH, true), Timestamp(0));
    shared.committed(&committed(Lane::CONTROL, false), Timestamp(0));
    assert_eq!(shared.lanes_to_tick(Duration::ZERO), Some(vec![Lane::GRAPH]));
    let waiting = Arc::clone(&shared);
    let ticker = std::thread::spawn(move || waiting.lanes_to_tick(Duration::ZERO));
    shared.close();
    assert_eq!(ticker.join().unwrap(), None, "an idle log gets no ticks");
}

#[test]
fn a_lane_that_sees_records_is_ticked() {
    let world = World::new();
    world.append(&history(25, 20));
    let options = ConsumeOptions { tick_every: Some(Duration::from_millis(1)), ..options(1, 100) };
    let consumer = world.start(&options);
    consumer.drain(PATIENCE).unwrap();
    // The ticks may have come before the end of the drain, or come after it.
    let mut ticks = 0;
    while ticks == 0 {
        let count = &mut |record: Record| {
            ticks += usize::from(record.header.kind == Kind::Tick);
            true
        };
        world.log.scan(&LanePositions::default(), &world.log.heads(), count).unwrap();
    }
    consumer.drain(PATIENCE).unwrap();
}

#[test]
fn a_full_mailbox_makes_the_sender_wait_and_deliveries_never_do() {
    let record =
        Record { header: tick(Lane::GRAPH).header, position: Position(0), payload: vec![] };
    let mailbox = Arc::new(Mailbox::new(2));
    let sender = Arc::clone(&mailbox);
    let records = vec![record; 5];
    let thread = std::thread::spawn(move || sender.offer(records));
    let mut taken = 0;
    while taken < 5 {
        let work = mailbox.take(10).unwrap();
        assert!(work.records.len() <= 2, "never more than the bound waits");
        taken += work.records.len();
    }
    assert!(thread.join().unwrap());
    mailbox.deliver(Delivery { keys: vec![], refused: None });
    assert_eq!(mailbox.take(1).unwrap().deliveries.len(), 1);
    mailbox.close();
    assert!(mailbox.take(1).is_none());
    let late = Record { header: tick(Lane::GRAPH).header, position: Position(0), payload: vec![] };
    assert!(!mailbox.offer(vec![late]));
}

#[test]
fn quantiles_are_those_of_what_was_recorded() {
    let mut latency = Recent::default();
    let now = Instant::now();
    let after = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(latency.quantiles(now).count, 0);
    latency.record(now, (1..=500).map(|number| number * 10));
    latency.record(after(200), (501..=1_000).map(|number| number * 10));
    assert_eq!(latency.quantiles(after(320)).count, 500, "only the last five minutes count");
    assert_eq!(latency.quantiles(after(520)).count, 0);
    let found = latency.quantiles(after(200));
    assert_eq!(found.count, 1_000);
    for (value, expected) in [(found.p50_us, 5_000), (found.p95_us, 9_500), (found.p99_us, 9_900)] {
        assert!(value.abs_diff(expected) <= expected / 50, "{value} is not near {expected}");
    }
}

#[test]
fn a_fold_that_was_ended_can_say_why_it_does_not_go_on_and_one_that_runs_cannot() {
    let world = World::new();
    let consumer = world.start(&options(2, 10));
    consumer.gave_up("too early".into());
    assert_eq!(consumer.progress().stopped, []);
    consumer.shutdown();
    consumer.gave_up("the disk is gone; restart".into());
    let stopped = consumer.progress().stopped;
    assert_eq!((stopped.len(), &*stopped[0].reason), (1, "the disk is gone; restart"));
}

//! Random histories on a disk that fails, against a model: what was acknowledged is there once, in
//! order, for ever; what was not may be there, but only as whole records in their place.

use crate::harness::*;
use millstream_event::{Lane, Position};
use millstream_log::faulty::FaultyDisk;
use millstream_log::{AppendError, EventLog, SegmentLog, SegmentOptions};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    /// Groups of (lane, payload length), submitted together.
    Append(Vec<Vec<(u8, usize)>>),
    FailSyncAfter(u64),
    LimitSpace(usize),
    FreeSpace,
    ShortWrites(usize),
    /// Cuts the power while these groups are on their way.
    Crash(u64, Vec<Vec<(u8, usize)>>),
    /// Cuts the power in one of the next syncs, while these groups are on their way.
    CrashInSync(u64, u64, Vec<Vec<(u8, usize)>>),
    Reopen,
}

fn groups() -> impl Strategy<Value = Vec<Vec<(u8, usize)>>> {
    // The largest are written from where they stand, the others joined.
    let length = prop_oneof![6 => 0..200usize, 5 => 3_000..9_000usize, 1 => 30_000..40_000usize];
    let one = (0..4u8, length);
    prop::collection::vec(prop::collection::vec(one, 1..4), 1..5)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => groups().prop_map(Step::Append),
        1 => (0..4u64).prop_map(Step::FailSyncAfter),
        1 => (0..20_000usize).prop_map(Step::LimitSpace),
        1 => Just(Step::FreeSpace),
        1 => (100..5_000usize).prop_map(Step::ShortWrites),
        3 => (any::<u64>(), groups()).prop_map(|(seed, groups)| Step::Crash(seed, groups)),
        3 => (0..3u64, any::<u64>(), groups())
            .prop_map(|(count, seed, groups)| Step::CrashInSync(count, seed, groups)),
        1 => Just(Step::Reopen),
    ]
}

struct World {
    disk: FaultyDisk,
    options: SegmentOptions,
    log: Option<SegmentLog>,
    /// What was acknowledged, or seen by a reader after an open: payload by place.
    acknowledged: BTreeMap<(Lane, Position), Vec<u8>>,
    next_payload: u32,
}

impl World {
    fn new(options: SegmentOptions) -> Self {
        let disk = FaultyDisk::new();
        let log = Some(open(&disk, &options).unwrap());
        Self { disk, options, log, acknowledged: BTreeMap::new(), next_payload: 0 }
    }

    fn submit(&mut self, groups: &[Vec<(u8, usize)>]) -> Vec<(Vec<Vec<u8>>, Pending)> {
        let mut pending = Vec::new();
        for group in groups {
            let mut payloads = Vec::new();
            let mut appends = Vec::new();
            for (lane, length) in group {
                self.next_payload += 1;
                let mut payload = self.next_payload.to_le_bytes().to_vec();
                payload.resize(4 + length, self.next_payload as u8);
                appends.push(record(*lane, payload.clone()));
                payloads.push(payload);
            }
            if let Ok(outcome) = submit(self.log.as_ref().unwrap(), appends) {
                pending.push((payloads, outcome));
            }
        }
        pending
    }

    fn settle(&mut self, pending: Vec<(Vec<Vec<u8>>, Pending)>) {
        let mut poisoned = false;
        for (payloads, outcome) in pending {
            match outcome.recv().unwrap() {
                Ok(appended) => {
                    assert!(!poisoned, "acknowledged after a failed sync");
                    for (place, payload) in appended.places.into_iter().zip(payloads) {
                        let before = self.acknowledged.insert(place, payload);
                        assert_eq!(before, None, "a place was given twice");
                    }
                }
                Err(AppendError::Poisoned(_)) => poisoned = true,
                Err(AppendError::DiskFull) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Opens again and checks everything; what is there is durable and seen, thus as good as
    /// acknowledged.
    fn reopen(&mut self) {
        self.log = None;
        self.disk.fail_sync_after(None);
        self.disk.limit_space(None);
        let log = open(&self.disk, &self.options).unwrap();
        let mut found = BTreeMap::new();
        let mut next = [0u64; Lane::COUNT];
        for record in everything(&log).unwrap() {
            let lane = record.header.lane;
            assert_eq!(record.position.0, next[lane.index()]);
            next[lane.index()] += 1;
            found.insert((lane, record.position), record.payload);
        }
        for (place, payload) in &self.acknowledged {
            assert_eq!(found.get(place), Some(payload), "lost or changed: {place:?}");
        }
        let numbers: std::collections::BTreeSet<_> =
            found.values().map(|payload| payload[..4].to_vec()).collect();
        assert_eq!(numbers.len(), found.len(), "a record is there twice");
        for (lane, head) in log.heads().iter() {
            assert_eq!(head.0, next[lane.index()]);
        }
        self.acknowledged = found;
        self.log = Some(log);
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Append(groups) => {
                let pending = self.submit(groups);
                self.settle(pending);
            }
            Step::FailSyncAfter(count) => self.disk.fail_sync_after(Some(*count)),
            Step::LimitSpace(bytes) => self.disk.limit_space(Some(self.disk.used() + bytes)),
            Step::FreeSpace => self.disk.limit_space(None),
            Step::ShortWrites(bytes) => self.disk.limit_write(Some(*bytes)),
            Step::Crash(seed, groups) => {
                let pending = self.submit(groups);
                self.disk.crash(*seed);
                self.settle(pending);
                self.reopen();
            }
            Step::CrashInSync(count, seed, groups) => {
                self.disk.crash_in_sync_after(Some(*count), *seed);
                let pending = self.submit(groups);
                self.settle(pending);
                self.disk.crash_in_sync_after(None, 0);
                self.disk.crash(*seed);
                self.reopen();
            }
            Step::Reopen => self.reopen(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_is_durable_whatever_happens(
        steps in prop::collection::vec(step(), 1..40),
        prepare_bytes in prop_oneof![Just(0usize), Just(700), Just(20_000)],
    ) {
        let mut world = World::new(SegmentOptions { prepare_bytes, ..small() });
        for step in &steps {
            world.act(step);
        }
        world.disk.crash(steps.len() as u64);
        world.reopen();
    }
}

//! A cluster in memory: lanes, owners, a store, and every place where it can crash.

use millstream_event::{Event, Header, Kind, Lane, Position, Record, Timestamp};
use millstream_pipeline::query::{Pair, ReadError, StateRead, Visit};
use millstream_pipeline::{
    ApplyError, Decoded, Key, KeyKind, Outgoing, Rules, View, apply, foresee,
};
use millstream_stitch::{Agent, Agents};
use std::collections::BTreeMap;

/// Knows one bot.
pub struct TestAgents;

impl Agents for TestAgents {
    fn classify(&self, user_agent: &str) -> Agent {
        Agent { browser: user_agent.into(), bot: user_agent == "bot", ..Agent::default() }
    }
}

/// Committed state.
#[derive(Clone, Default)]
pub struct Store(pub BTreeMap<Key, Vec<u8>>);

impl StateRead for Store {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(Key::from_bytes(key).and_then(|key| self.0.get(&key).cloned()))
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        let mut first = [0; Key::BYTES];
        first[..prefix.len()].copy_from_slice(prefix);
        for (key, value) in self.0.range(Key::from_bytes(&first).unwrap()..) {
            if !key.as_bytes().starts_with(prefix) || !visit(key.as_bytes(), value)? {
                break;
            }
        }
        Ok(())
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        let (from, to) = (Key::from_bytes(from).unwrap(), Key::from_bytes(to).unwrap());
        for (key, value) in self.0.range(from..=to) {
            if !visit(key.as_bytes(), value)? {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, ReadError> {
        let (from, to) = (Key::from_bytes(from).unwrap(), Key::from_bytes(to).unwrap());
        let found = self.0.range(from..=to).next_back();
        Ok(found.map(|(key, value)| (key.as_bytes().to_vec(), value.clone())))
    }
}

/// Where an owner dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nowhere.
    No,
    /// After folding, before the commit.
    BeforeCommit,
    /// After so many lanes are committed, before the others are.
    WithinCommit(usize),
    /// After the commit, before its items are appended.
    BeforeAppend,
    /// After its items are appended, before their outbox rows are deleted.
    BeforeDelete,
    /// State is committed, the position is not: what atomic commits rule out.
    #[cfg(feature = "sabotage")]
    TornCommit,
}

pub struct Cluster<'a> {
    rules: Rules<'a>,
    lanes: Vec<Vec<Record>>,
    heads: Vec<usize>,
    views: Vec<View>,
    pub store: Store,
}

impl<'a> Cluster<'a> {
    pub fn new(rules: Rules<'a>, owners: usize) -> Self {
        Self {
            rules,
            lanes: vec![Vec::new(); Lane::COUNT],
            heads: vec![0; Lane::COUNT],
            views: vec![View::default(); owners],
            store: Store::default(),
        }
    }

    pub fn append(&mut self, header: Header, payload: Vec<u8>) {
        let lane = &mut self.lanes[header.lane.index()];
        let position = Position(lane.len() as u64);
        lane.push(Record { header, position, payload });
    }

    pub fn append_event(&mut self, event: &Event) {
        let header = Header::new(Kind::Event, Lane::of(event.subject()), event.received);
        self.append(header, event.encode().unwrap());
    }

    pub fn tick(&mut self, at: Timestamp) {
        for lane in Lane::all() {
            self.append(Header::new(Kind::Tick, lane, at), Vec::new());
        }
    }

    /// Lets one owner fold up to `batch` records of each of its lanes.
    pub fn step(&mut self, owner: usize, batch: usize, crash: Crash) {
        let owners = self.views.len();
        let lanes: Vec<Lane> = Lane::all().filter(|lane| lane.index() % owners == owner).collect();
        let mut heads = self.heads.clone();
        for lane in lanes {
            let from = self.heads[lane.index()];
            let to = self.lanes[lane.index()].len().min(from + batch);
            for at in from..to {
                let record = self.lanes[lane.index()][at].clone();
                self.fold(owner, &record);
            }
            heads[lane.index()] = to;
        }
        if crash == Crash::BeforeCommit {
            self.views[owner] = View::default();
            return;
        }
        if let Crash::WithinCommit(lanes) = crash {
            let committed: Vec<Lane> = lanes_of(&heads, &self.heads).take(lanes).collect();
            self.commit(owner, Some(&committed));
            for lane in committed {
                self.heads[lane.index()] = heads[lane.index()];
            }
            self.views[owner] = View::default();
            return;
        }
        let items = self.commit(owner, None);
        #[cfg(feature = "sabotage")]
        if crash == Crash::TornCommit {
            self.views[owner] = View::default();
            return;
        }
        self.heads = heads;
        if crash == Crash::BeforeAppend {
            self.views[owner] = View::default();
            return;
        }
        for item in &items {
            self.append(item.header, item.payload.clone());
        }
        if crash == Crash::BeforeDelete {
            self.views[owner] = View::default();
            return;
        }
        for item in &items {
            self.store.0.remove(&item.key);
        }
        self.views[owner].trim(40);
    }

    fn fold(&mut self, owner: usize, record: &Record) {
        let decoded = Decoded::of(record);
        let view = &mut self.views[owner];
        for key in foresee(&self.rules, &decoded).into_iter().take(record.position.0 as usize % 3) {
            view.load(key, self.store.0.get(&key).map(Vec::as_slice)).unwrap();
        }
        loop {
            match apply(view, &self.rules, &decoded) {
                Ok(()) => return,
                Err(ApplyError::Miss(miss)) => view.fetch(&miss, &self.store).unwrap(),
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Commits what was folded, of all lanes or of these.
    fn commit(&mut self, owner: usize, only: Option<&[Lane]>) -> Vec<Outgoing> {
        let view = &mut self.views[owner];
        let changes = loop {
            match view.take_changes(self.rules.generation) {
                Ok(changes) => break changes,
                Err(ApplyError::Miss(miss)) => view.fetch(&miss, &self.store).unwrap(),
                Err(other) => panic!("{other}"),
            }
        };
        let mut items = Vec::new();
        for (lane, lane_changes) in changes {
            assert_eq!(lane.index() % self.views.len(), owner, "an owner wrote a lane of another");
            if only.is_some_and(|only| !only.contains(&lane)) {
                continue;
            }
            self.store.0.extend(lane_changes.puts);
            for key in lane_changes.deletes {
                self.store.0.remove(&key);
            }
            items.extend(lane_changes.items);
        }
        items
    }

    /// Lanes go to other owners, who know nothing but what is committed.
    pub fn hand_over(&mut self, owners: usize) {
        self.views = vec![View::default(); owners];
    }

    /// Appends what crashes left in outboxes and folds until nothing is left to fold.
    pub fn drain(&mut self, batch: usize) {
        loop {
            let rows: Vec<Key> =
                self.store.0.keys().filter(|key| key.is(KeyKind::Outbox)).copied().collect();
            for key in rows {
                let row = self.store.0.remove(&key).unwrap();
                let item = Outgoing::from_row(key, &row).unwrap();
                self.append(item.header, item.payload);
            }
            if Lane::all().all(|lane| self.heads[lane.index()] == self.lanes[lane.index()].len()) {
                return;
            }
            for owner in 0..self.views.len() {
                self.step(owner, batch, Crash::No);
            }
        }
    }
}

/// The lanes that moved on.
fn lanes_of<'a>(now: &'a [usize], before: &'a [usize]) -> impl Iterator<Item = Lane> + 'a {
    Lane::all().filter(|lane| now[lane.index()] != before[lane.index()])
}

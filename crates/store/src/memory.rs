//! The store in memory: for tests and simulation, with the contract of the durable ones.

use crate::error::StoreError;
use crate::head::LaneHead;
use crate::port::{LaneCommit, Pair, StateStore, StateView, Visit, check_keys};
use millstream_event::Lane;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

/// State in memory; a snapshot shares it and the next commit copies it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<Arc<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    heads: BTreeMap<(u16, Lane), LaneHead>,
    values: BTreeMap<Box<[u8]>, Vec<u8>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn now(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StateView for State {
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError> {
        Ok(self.heads.get(&(generation, lane)).copied().unwrap_or_default())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.values.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        for (key, value) in self.values.range::<[u8], _>(from) {
            if !key.starts_with(prefix) || !visit(key, value)? {
                break;
            }
        }
        Ok(())
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        for (key, value) in self.between(from, to) {
            if !visit(key, value)? {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        Ok(self.between(from, to).next_back().map(|(key, value)| (key.to_vec(), value.clone())))
    }
}

impl State {
    fn between(
        &self,
        from: &[u8],
        to: &[u8],
    ) -> impl DoubleEndedIterator<Item = (&[u8], &Vec<u8>)> {
        // A range that ends before it begins is a panic of the map, and empty here.
        let bounds = (Bound::Included(from), Bound::Included(to.max(from)));
        let found = self.values.range::<[u8], _>(bounds).filter(move |_| from <= to);
        found.map(|(key, value)| (&**key, value))
    }
}

/// A snapshot of a [`MemoryStore`].
struct MemorySnapshot(Arc<State>);

impl StateView for MemorySnapshot {
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError> {
        self.0.head(generation, lane)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.0.scan(prefix, visit)
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.0.range(from, to, visit)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.0.last(from, to)
    }
}

impl StateView for MemoryStore {
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError> {
        self.now().head(generation, lane)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.get(key)
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.now().scan(prefix, visit)
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.now().range(from, to, visit)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.now().last(from, to)
    }
}

impl StateStore for MemoryStore {
    fn commit(&self, generation: u16, commits: &[(Lane, LaneCommit)]) -> Result<(), StoreError> {
        check_keys(commits)?;
        let mut shared = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (lane, commit) in commits {
            if shared.head(generation, *lane)? != commit.expected {
                return Err(StoreError::Fenced { lane: *lane });
            }
        }
        let state = Arc::make_mut(&mut shared);
        for (lane, commit) in commits {
            state.heads.insert((generation, *lane), commit.head);
            for (key, value) in &commit.puts {
                state.values.insert(key.clone(), value.clone());
            }
            for key in &commit.deletes {
                state.values.remove(key);
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn StateView>, StoreError> {
        Ok(Box::new(MemorySnapshot(self.now())))
    }
}

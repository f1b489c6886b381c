//! Profiles out of committed state, with a cache that a commit invalidates.

use millstream_decide::{Profile, Profiles, ProfilesError};
use millstream_event::{EntityId, Lane, Timestamp};
use millstream_log::EventLog;
use millstream_pipeline::{Key, KeyKind, preferences};
use millstream_store::{Reading, StateStore};
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The state in force.
pub struct StateInForce {
    /// The store.
    pub store: Arc<dyn StateStore>,
    /// The generation in force.
    pub generation: u16,
    /// Ends whenever another state is put in force.
    pub era: u32,
}

/// Tells which state is in force.
pub type FindState = dyn Fn() -> StateInForce + Send + Sync;

/// See the module.
pub struct StoreProfiles {
    state_in_force: Arc<FindState>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// With the era that each was read in: somebody may have been erased since.
    cache: Cache<EntityId, (u32, Arc<Profile>)>,
    /// Counts what commits have changed: a profile read before a change is not cached after it.
    changes: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl StoreProfiles {
    /// With a cache of at most `bound` profiles.
    pub fn new(
        state_in_force: Arc<FindState>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        bound: usize,
    ) -> Self {
        Self {
            state_in_force,
            log,
            clock,
            cache: Cache::new(bound),
            changes: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Told of the keys that a commit has changed: profiles of their devices are read again.
    /// Returns the devices that chose anew, or wish to be forgotten.
    pub fn changed(&self, keys: &mut dyn Iterator<Item = &[u8]>) -> Vec<EntityId> {
        let mut any = false;
        let mut chose = Vec::new();
        for key in keys.filter_map(Key::from_bytes).filter(|key| key.is(KeyKind::Interest)) {
            if !any {
                self.changes.fetch_add(1, Ordering::AcqRel);
                any = true;
            }
            self.cache.remove(&key.entity_id());
            if preferences::is_wish(&key) {
                chose.push(key.entity_id());
            }
        }
        chose
    }

    /// Answers out of the cache, and from the state.
    pub fn lookups(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// True when something of the device's lane is logged and not folded yet.
    fn is_behind(&self, state: &StateInForce, lane: Lane) -> bool {
        let folded = state.store.head(state.generation, lane).map(|head| head.next);
        folded.is_ok_and(|next| next < self.log.heads().get(lane))
    }
}

impl Profiles for StoreProfiles {
    fn profile(&self, device: EntityId) -> Result<Profile, ProfilesError> {
        let state = (self.state_in_force)();
        let behind = self.is_behind(&state, Lane::of(device));
        let known = self.cache.get(&device).filter(|(of, _)| *of == state.era);
        if let Some((_, known)) = known {
            self.hits.fetch_add(1, Ordering::Relaxed);
            // What no commit has changed is as good as read now.
            return Ok(Profile { read_at: (self.clock)(), behind, ..Profile::clone(&known) });
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let changes = self.changes.load(Ordering::Acquire);
        let read = preferences::profile(&Reading(&*state.store), state.generation, device);
        let mut profile = read.map_err(|error| ProfilesError(error.to_string()))?;
        if self.changes.load(Ordering::Acquire) == changes {
            self.cache.insert(device, (state.era, Arc::new(profile.clone())));
            if self.changes.load(Ordering::Acquire) != changes {
                self.cache.remove(&device);
            }
        }
        profile.read_at = (self.clock)();
        profile.behind = behind;
        Ok(profile)
    }
}

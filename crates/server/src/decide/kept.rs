//! Answers kept from earlier, bounded in number and time, and gone when the visitor says so.

use millstream_decide::Shelf;
use millstream_event::{EntityId, Timestamp};
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Names = Vec<Box<str>>;
type ByUseCase = Vec<(Box<str>, Entry)>;

struct Entry {
    era: u32,
    names: Names,
    until: Instant,
}

impl Entry {
    fn stands(&self, era: u32) -> bool {
        self.era == era && self.until > Instant::now()
    }
}

/// Kept answers, and devices that are not to be personalized.
pub(super) struct KeptAnswers {
    answers: Cache<EntityId, Arc<ByUseCase>>,
    denied: Cache<EntityId, ()>,
    /// Devices that wished to be forgotten lately, and until when.
    resets: Cache<EntityId, Timestamp>,
    keep_for: Duration,
    /// The era.
    era: Arc<Era>,
}

/// Tells the era, which ends whenever another state is put in force: what an earlier one gave may be of somebody erased since.
pub type Era = dyn Fn() -> u32 + Send + Sync;

impl KeptAnswers {
    pub(super) fn new(bound: usize, keep_for: Duration, era: Arc<Era>) -> Self {
        Self {
            answers: Cache::new(bound),
            denied: Cache::new(bound),
            resets: Cache::new(bound),
            keep_for,
            era,
        }
    }

    /// The era.
    pub(super) fn era(&self) -> u32 {
        (self.era)()
    }

    /// Keeps an answer that was made in an era. Whoever has denied is not kept of, nor is anything
    /// of an earlier era: it may be of somebody erased since.
    pub(super) fn keep(&self, use_case: &str, device: EntityId, (names, era): (Names, u32)) {
        if self.is_denied(device) || era != self.era() {
            return;
        }
        let entry = Entry { era, names, until: Instant::now() + self.keep_for };
        let others = self.answers.get(&device);
        let mut kept = vec![(Box::from(use_case), entry)];
        for (name, other) in others.iter().flat_map(|others| others.iter()) {
            if **name != *use_case && other.stands(era) {
                let entry = Entry { era, names: other.names.clone(), until: other.until };
                kept.push((name.clone(), entry));
            }
        }
        self.answers.insert(device, Arc::new(kept));
        if self.is_denied(device) {
            self.answers.remove(&device);
        }
    }

    /// A device wishes that nothing it did until then is used.
    pub(super) fn reset(&self, device: EntityId, until: Timestamp) {
        self.resets.insert(device, until);
        self.forget(device);
    }

    /// Until when a device wished to be forgotten, where it did so lately.
    pub(super) fn reset_until(&self, device: EntityId) -> Option<Timestamp> {
        self.resets.get(&device)
    }

    /// Forgets everything of a device.
    pub(super) fn forget(&self, device: EntityId) {
        self.answers.remove(&device);
    }

    /// The device's choice, from now on.
    pub(super) fn choose(&self, device: EntityId, granted: bool) {
        if granted {
            self.denied.remove(&device);
        } else {
            self.denied.insert(device, ());
            self.forget(device);
        }
    }

    pub(super) fn is_denied(&self, device: EntityId) -> bool {
        self.denied.get(&device).is_some()
    }
}

impl Shelf for KeptAnswers {
    fn kept(&self, use_case: &str, device: EntityId) -> Option<Names> {
        let all = self.answers.get(&device)?;
        let (_, entry) = all.iter().find(|(name, _)| **name == *use_case)?;
        entry.stands(self.era()).then(|| entry.names.clone())
    }
}

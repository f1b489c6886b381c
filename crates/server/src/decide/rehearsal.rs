//! Rehearsed faults: profile reads and model runs that stall now and then, as configured, so that
//! what the budget promises can be seen to hold.

use millstream_decide::{Candidate, Profile, Profiles, ProfilesError, Ranker};
use millstream_event::{EntityId, Hash128};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Which shares of reads and runs stall, and for how long. Nothing stalls by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Of profile reads, in parts per million.
    pub profile_ppm: u32,
    /// Of runs of a heavy model, in parts per million.
    pub model_ppm: u32,
    /// How long a stall lasts.
    pub stall: Duration,
}

impl Rehearsal {
    /// True when something is to stall.
    pub const fn is_on(&self) -> bool {
        self.profile_ppm > 0 || self.model_ppm > 0
    }
}

/// Stalls a share of calls, by their number.
#[derive(Debug)]
struct Stalls {
    ppm: u32,
    stall: Duration,
    calls: AtomicU64,
}

impl Stalls {
    const fn new(ppm: u32, stall: Duration) -> Self {
        Self { ppm, stall, calls: AtomicU64::new(0) }
    }

    fn call(&self) {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let place = Hash128::of("stall", &[&number.to_le_bytes()]).low64() % 1_000_000;
        if place < u64::from(self.ppm) {
            std::thread::sleep(self.stall);
        }
    }
}

/// A profile store that stalls.
pub(super) struct StallingProfiles {
    inner: Arc<dyn Profiles + Send + Sync>,
    stalls: Stalls,
}

impl StallingProfiles {
    pub(super) fn new(inner: Arc<dyn Profiles + Send + Sync>, rehearsal: &Rehearsal) -> Self {
        Self { inner, stalls: Stalls::new(rehearsal.profile_ppm, rehearsal.stall) }
    }
}

impl Profiles for StallingProfiles {
    fn profile(&self, device: EntityId) -> Result<Profile, ProfilesError> {
        self.stalls.call();
        self.inner.profile(device)
    }
}

/// A model that stalls.
pub(super) struct StallingRanker {
    inner: Box<dyn Ranker>,
    stalls: Stalls,
}

impl StallingRanker {
    pub(super) fn wrap(inner: Box<dyn Ranker>, rehearsal: &Rehearsal) -> Box<dyn Ranker> {
        Box::new(Self { inner, stalls: Stalls::new(rehearsal.model_ppm, rehearsal.stall) })
    }
}

impl Ranker for StallingRanker {
    fn scores(&self, profile: &Profile, candidates: &[&Candidate]) -> Vec<i64> {
        self.stalls.call();
        self.inner.scores(profile, candidates)
    }
}

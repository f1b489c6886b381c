//! Groups into the log, a bounded number of them waiting for the disk.

use super::ImportError;
use millstream_log::{Append, AppendError, EventLog};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long to wait for the log to have room again before asking it once more.
const RETRY: Duration = Duration::from_millis(5);

/// Appends groups without waiting for each: the disk is kept busy, memory stays bounded.
pub struct Intake {
    log: Arc<dyn EventLog>,
    limit: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    failed: Option<AppendError>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self, outcome: Result<(), AppendError>) {
        let mut state = self.lock();
        state.waiting -= 1;
        if let Err(error) = outcome {
            state.failed.get_or_insert(error);
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl Intake {
    /// An intake with at most `limit` groups waiting for the disk.
    pub fn new(log: Arc<dyn EventLog>, limit: usize) -> Self {
        Self { log, limit: limit.max(1), shared: Arc::default() }
    }

    /// Appends a group; waits while too many are on their way. When the log has no room, `group`
    /// is made again for the next try.
    ///
    /// # Errors
    /// The first failure of any group: nothing more is accepted then.
    pub fn append(
        &self,
        mut group: impl FnMut() -> Result<Vec<Append>, ImportError>,
    ) -> Result<(), ImportError> {
        loop {
            let records = group()?;
            if records.is_empty() {
                return Ok(());
            }
            self.take_place()?;
            let shared = Arc::clone(&self.shared);
            let acknowledge = Box::new(move |outcome: Result<_, _>| shared.done(outcome.map(drop)));
            match self.log.append(records, acknowledge) {
                Ok(()) => return Ok(()),
                Err(AppendError::Overloaded) => {
                    self.shared.done(Ok(()));
                    let state = self.shared.lock();
                    drop(self.shared.changed.wait_timeout(state, RETRY));
                }
                Err(error) => {
                    self.shared.done(Err(error.clone()));
                    return Err(error.into());
                }
            }
        }
    }

    fn take_place(&self) -> Result<(), ImportError> {
        let mut state = self.shared.lock();
        while state.waiting >= self.limit && state.failed.is_none() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &state.failed {
            Some(error) => Err(error.clone().into()),
            None => {
                state.waiting += 1;
                Ok(())
            }
        }
    }

    /// Waits until everything appended is durable.
    ///
    /// # Errors
    /// The first failure of any group.
    pub fn finish(&self) -> Result<(), ImportError> {
        let mut state = self.shared.lock();
        while state.waiting > 0 {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failed.take().map_or(Ok(()), |error| Err(error.into()))
    }
}

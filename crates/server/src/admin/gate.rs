//! A bound on how many reports run at once, and on how many may wait.

use super::answer::Refusal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Lets a bounded number of blocking jobs run at once.
pub struct Gate {
    running: std::sync::Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    patience: Duration,
}

impl Gate {
    /// A gate for `running_max` jobs at once, with `waiting_max` more in line for at most
    /// `patience`.
    pub fn new(running_max: usize, waiting_max: usize, patience: Duration) -> Self {
        Self {
            running: std::sync::Arc::new(Semaphore::new(running_max)),
            waiting: AtomicUsize::new(0),
            waiting_max,
            patience,
        }
    }

    /// Runs a job on a blocking thread.
    ///
    /// # Errors
    /// [`Refusal::busy`] at once when too many wait already, and after the patience is used up;
    /// otherwise what the job returned.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let full = || Refusal::busy("too many reports run at once: ask again in a second");
        let permit = match std::sync::Arc::clone(&self.running).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _place = Place::take(&self.waiting, self.waiting_max).ok_or_else(full)?;
                let turn = std::sync::Arc::clone(&self.running).acquire_owned();
                match tokio::time::timeout(self.patience, turn).await {
                    Ok(Ok(permit)) => permit,
                    Ok(Err(_)) | Err(_) => return Err(full()),
                }
            }
        };
        let work = tokio::task::spawn_blocking(move || {
            let _held_until_done = permit;
            job()
        });
        work.await.map_err(|_| Refusal::internal("the report stopped unexpectedly: see the log"))?
    }
}

/// A place in the line, given back when dropped, also when the client goes away.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let admitted = waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now < limit).then_some(now + 1)
        });
        admitted.ok().map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

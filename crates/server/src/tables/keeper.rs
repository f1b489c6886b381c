//! One thread that refreshes the tables every few seconds, and never takes more than its share.

use super::error::TablesError;
use super::refresh::Tables;
use crate::priority::{NICENESS_MAX, step_back};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often, and at what cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TablesOptions {
    /// From one refresh to the next, where the share allows it.
    pub every: Duration,
    /// The most of one core that refreshing may take, in percent.
    pub share_percent: u32,
}

impl TablesOptions {
    /// How long to rest after work of this length.
    fn rest(&self, worked: Duration, more: bool) -> Duration {
        let share = self.share_percent.clamp(1, 100);
        let due = worked * (100 - share) / share;
        if more { due } else { due.max(self.every) }
    }
}

/// The running thread. Dropping it ends it, also in the middle of a refresh.
pub struct TablesKeeper {
    tables: Arc<Tables>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TablesKeeper {
    /// Begins to refresh.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(tables: &Arc<Tables>, options: TablesOptions) -> io::Result<Self> {
        let (stop, told) = channel();
        let kept = Arc::clone(tables);
        let thread = std::thread::Builder::new()
            .name("tables".into())
            .spawn(move || run(&kept, options, &told))?;
        Ok(Self { tables: Arc::clone(tables), stop: Some(stop), thread: Some(thread) })
    }
}

fn run(tables: &Tables, options: TablesOptions, stop: &Receiver<()>) {
    // What everything else leaves over.
    step_back(NICENESS_MAX);
    let mut rest = options.every;
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(rest) {
        let began = Instant::now();
        let more = match tables.step() {
            Ok(more) => more,
            Err(TablesError::Closing) => return,
            Err(TablesError::Ahead) => false,
            Err(error) => {
                tracing::error!(%error, "the kept tables could not be refreshed");
                false
            }
        };
        rest = options.rest(began.elapsed(), more);
    }
}

impl Drop for TablesKeeper {
    fn drop(&mut self) {
        self.tables.close();
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that refreshes tables ended with a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_refresh_is_followed_by_a_longer_rest() {
        let options = TablesOptions { every: Duration::from_secs(10), share_percent: 20 };
        let rest = |millis, more| options.rest(Duration::from_millis(millis), more).as_millis();
        assert_eq!(rest(100, false), 10_000);
        assert_eq!(rest(100, true), 400, "what waits is taken in steps");
        assert_eq!(rest(5_000, false), 20_000);
        let whole = TablesOptions { share_percent: 100, ..options };
        assert_eq!(whole.rest(Duration::from_secs(60), true), Duration::ZERO);
    }
}

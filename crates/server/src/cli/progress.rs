//! Progress of long work, for whoever waits at a terminal.

use super::succession::{Succession, SuccessionError};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// How often a spinner turns.
const TURN_EVERY: Duration = Duration::from_millis(100);

/// A bar on a terminal; elsewhere nothing is drawn. It goes when dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Counts records.
    pub fn records(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0).with_message(what);
        let style = "{msg} {bar:30} {percent:>3} %  {human_pos} of {human_len} records, {eta} left";
        Self(match ProgressStyle::with_template(style) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    /// Says which step is at work, where its length is not known.
    pub fn steps() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(TURN_EVERY);
        Self(bar)
    }

    /// The next step begins.
    pub fn step(&self, what: &'static str) {
        self.0.set_message(what);
    }

    /// So many of so many are done.
    pub fn at(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Waits until nothing is being folded anew.
///
/// # Errors
/// See [`SuccessionError`].
pub fn refolding(succession: &Succession) -> Result<(), SuccessionError> {
    let bar = Bar::records("folding the log anew");
    succession.wait(&mut |refold| bar.at(refold.folded, refold.logged))
}

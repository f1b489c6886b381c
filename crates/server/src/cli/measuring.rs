//! What decisions measure beside their answers becomes part of the log: every few seconds, and at the end.

use super::engine::Clock;
use crate::decide::Service;
use millstream_event::{Hash128, Header, Kind, Lane};
use millstream_log::{Append, EventLog};
use millstream_pipeline::measured::Measured;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often. What was measured since is lost with a process that is killed.
const EVERY: Duration = Duration::from_secs(5);

/// Where it is logged.
pub struct MeasuredLog {
    /// What measures.
    pub service: Arc<Service>,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Stamps records.
    pub clock: Clock,
    /// Names subjects in the log.
    pub subject_key: [u8; 32],
}

impl MeasuredLog {
    /// Logs what was measured, and waits until it is durable. What the log refuses is kept for the next time.
    fn write(&self) {
        let measured = self.service.hand_over();
        if measured.is_empty() {
            return;
        }
        let group = measured.iter().filter_map(|measured| self.record(measured)).collect();
        if let Err(error) = self.log.append_and_wait(group) {
            tracing::debug!(%error, "what decisions measured waits to be logged");
            self.service.take_back(&measured);
        }
    }

    fn record(&self, measured: &Measured) -> Option<Append> {
        let subject = measured.subject();
        let header = Header {
            subject: Hash128::keyed(&self.subject_key, "subject", &[&subject.0.0]),
            ..Header::new(Kind::Aggregate, Lane::of(subject), (self.clock)())
        };
        Some(Append { header, payload: serde_json::to_vec(measured).ok()? })
    }
}

/// The thread that does so.
pub struct Measuring {
    log: Arc<MeasuredLog>,
    end: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Measuring {
    /// Starts it, where anything is measured.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(log: MeasuredLog) -> io::Result<Self> {
        let (log, end) = (Arc::new(log), Arc::new((Mutex::new(false), Condvar::new())));
        let thread = match log.service.measures() {
            false => None,
            true => {
                let (log, end) = (Arc::clone(&log), Arc::clone(&end));
                let builder = std::thread::Builder::new().name("decide-measure".into());
                Some(builder.spawn(move || run(&log, &end))?)
            }
        };
        Ok(Self { log, end, thread })
    }

    /// Logs what was measured until now.
    pub fn settle(&self) {
        self.log.write();
    }
}

fn run(log: &MeasuredLog, (ended, told): &(Mutex<bool>, Condvar)) {
    let mut over = ended.lock().unwrap_or_else(PoisonError::into_inner);
    while !*over {
        over = told.wait_timeout(over, EVERY).unwrap_or_else(PoisonError::into_inner).0;
        log.write();
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        *self.end.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // Were it a panic, its hook has told why.
            let _reported = thread.join();
        }
    }
}

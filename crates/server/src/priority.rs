//! Which threads step back where the cores do not suffice for all: visitors and senders wait for
//! capture, while what is to be folded lies in the log and can be folded a little later.

use rustix::process::{getpriority_process, setpriority_process};
use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

/// The lowest priority there is.
pub const NICENESS_MAX: u8 = 19;
/// Niceness of the threads behind capture: all together about a tenth of a core that capture
/// would use up.
pub const NICENESS: u8 = 15;

/// Lowers the calling thread, and those that it starts from now on, by `niceness` below the process
/// (Linux: a priority is a thread's own, and inherited).
pub fn step_back(niceness: u8) {
    let lowered = getpriority_process(None).and_then(|now| {
        setpriority_process(None, now.saturating_add(niceness.into()).min(NICENESS_MAX.into()))
    });
    // Where it is not allowed, all go equally.
    if let Err(error) = lowered {
        tracing::debug!(%error, "threads behind capture run at the priority of everything else");
    }
}

/// Does something on a thread that has stepped back, so that the threads it starts have, too:
/// libraries do not ask how theirs should run.
pub fn stepped_back<T: Send>(niceness: u8, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            step_back(niceness);
            work()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Work between two looks whether somebody else wants the core.
const STRETCH: Duration = Duration::from_micros(250);

/// A long piece of work that lets others go first now and then. A low priority alone does not: a
/// scheduler lets whoever runs finish its slice of some milliseconds, while answers wait.
#[derive(Debug)]
pub struct Courtesy(Instant);

impl Courtesy {
    /// Begins a stretch of work.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Between two steps: gives way once a stretch is over. Costs little when nobody waits.
    pub fn step(&mut self) {
        if self.0.elapsed() >= STRETCH {
            thread::yield_now();
            self.0 = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> i32 {
        getpriority_process(None).unwrap()
    }

    #[test]
    fn threads_started_behind_are_behind_and_the_others_are_not() {
        let before = own();
        let behind = stepped_back(3, || thread::spawn(own).join().unwrap());
        assert_eq!(behind, (before + 3).min(NICENESS_MAX.into()));
        assert_eq!(own(), before);
        assert_eq!(stepped_back(0, own), before);
        assert_eq!(stepped_back(u8::MAX, own), i32::from(NICENESS_MAX));
    }
}

//! How long a group waits for company before it is written.
//!
//! Without a wait the writer syncs as often as the disk allows and takes the core that serves
//! requests; with a fixed wait an idle log would be slow for nothing. So the wait grows with the
//! number of groups in the last frame, and ends early once as many have come again: callers that
//! answer each acknowledgement with the next append are then all back.

use std::time::Duration;

/// Groups in the last frame from which on the wait is the longest.
const GROUPS_FULL: usize = 32;

/// What to wait for, and how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Linger {
    /// Groups that end the wait.
    pub(crate) groups: usize,
    /// The longest wait.
    pub(crate) wait: Duration,
}

impl Linger {
    /// From the number of groups in the last frame.
    pub(crate) fn after(groups: usize, wait_max: Duration) -> Self {
        let load = groups.saturating_sub(1).min(GROUPS_FULL) as u32;
        Self { groups: groups.max(1), wait: wait_max * load / GROUPS_FULL as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_log_does_not_wait_and_a_busy_one_waits_no_longer_than_allowed() {
        let most = Duration::from_micros(640);
        assert_eq!(Linger::after(0, most), Linger { groups: 1, wait: Duration::ZERO });
        assert_eq!(Linger::after(1, most), Linger { groups: 1, wait: Duration::ZERO });
        assert_eq!(Linger::after(3, most).wait, Duration::from_micros(40));
        assert_eq!(Linger::after(33, most).wait, most);
        assert_eq!(Linger::after(100_000, most), Linger { groups: 100_000, wait: most });
    }
}

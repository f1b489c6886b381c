//! Where a destination stands, as it is told to others.

use millstream_event::Timestamp;
use millstream_event::delivery::{Class, Standing, Totals};
use millstream_log::LanePositions;

/// Where a destination stands, for people and metrics.
#[derive(Clone, Debug)]
pub struct DeskStanding {
    /// Whether it is sent to.
    pub standing: Standing,
    /// Its breaker's state.
    pub breaker: &'static str,
    /// How often it opened.
    pub opened: u64,
    /// Requests under way.
    pub in_flight: usize,
    /// Each line.
    pub lines: Vec<LineStanding>,
    /// Receive stamp of the oldest event that waits.
    pub oldest: Option<Timestamp>,
}

/// Where one line stands.
#[derive(Clone, Debug)]
pub struct LineStanding {
    /// Its class.
    pub class: Class,
    /// Its counts.
    pub totals: Totals,
    /// Taken up and not settled.
    pub pending: usize,
    /// The next positions in the log.
    pub next: LanePositions,
    /// Where reading would begin after a restart.
    pub floor: LanePositions,
}

//! Instants at which a crash would be most telling; tests strike there.

/// Between two steps of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrashPoint {
    /// A batch is folded, nothing is committed.
    BeforeCommit,
    /// State and outbox rows are committed, no item is appended.
    AfterCommit,
    /// Items are handed to the log, whether they are durable is open.
    AfterAppend,
    /// Items are durable, their outbox rows still stand.
    BeforeOutboxDelete,
    /// The outbox rows are gone.
    AfterOutboxDelete,
}

impl CrashPoint {
    /// Every point.
    pub const ALL: [Self; 5] = [
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::AfterAppend,
        Self::BeforeOutboxDelete,
        Self::AfterOutboxDelete,
    ];
}

/// Decides whether the consumer stops dead at a point: no further commit, no further append.
pub trait Crash: Send + Sync {
    /// True to strike. Called by owners, at every point they pass.
    fn strikes(&self, point: CrashPoint) -> bool;
}

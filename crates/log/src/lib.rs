//! The EventLog port and its embedded segment files: group commit, recovery, retention.

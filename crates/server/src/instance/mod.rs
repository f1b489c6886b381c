//! One data directory, opened by one process: its lock, keys, log and state.

//! Wire formats in: each parses what a client sent into [`crate::Event`]s or quarantine.

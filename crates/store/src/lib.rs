//! The StateStore port and its adapters, checkpoints, tables.

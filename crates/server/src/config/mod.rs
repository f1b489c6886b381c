//! Configuration: one TOML file, resolved once, every key documented.

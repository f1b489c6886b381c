//! Configuration: one TOML file, resolved once, every key documented.

mod error;
mod layers;
pub mod raw;

pub use error::ConfigError;
pub use layers::{REFERENCE, read};

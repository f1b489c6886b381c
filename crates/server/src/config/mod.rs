//! Configuration: one TOML file, resolved once, every key documented.
//!
//! `reference.toml` holds every default and is printed by `config show --defaults`. A file and the
//! environment are laid over it ([`read`]); what comes out is checked and typed ([`Config`]).

mod decide;
mod error;
mod experiments;
mod forwarding;
mod kept;
mod layers;
pub mod outside;
mod properties;
pub mod raw;
mod resolved;
mod retention;
mod signed_links;

pub use error::ConfigError;
pub use kept::KeptTables;
pub use layers::{REFERENCE, read};
pub use resolved::{Config, Pipeline, Roles};

//! Audit: the whole chain behind a conversion, event, click or link.
//!
//! A [`Chain`] is a tree of facts, rendered as a tree for people and as JSON for machines.

pub mod chain;

pub use chain::{Chain, Fact};

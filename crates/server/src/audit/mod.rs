//! Audit: the whole chain behind a conversion, event, decision, click, link or person.
//!
//! A [`Chain`] is a tree of facts, rendered as a tree for people and as JSON for machines. Its
//! facts come from committed state and, for single events, from the log itself.

pub mod chain;
pub mod click;
pub mod configuration;
pub mod consent;
pub mod conversion;
pub mod decision;
pub mod deliveries;
pub mod event;
pub mod link;
pub mod person;
pub mod receipt;
mod revisions;
#[cfg(test)]
mod tests;

pub use chain::{Chain, Fact};

use crate::linking::Numbered;
use crate::links::Registry;
use crate::report::ReportError;
use millstream_event::Span;
use millstream_log::EventLog;
use millstream_pipeline::StateRead;
use millstream_pipeline::sums::SumsRead;
use std::sync::Arc;

/// What an audit starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A credited conversion.
    Conversion,
    /// A click of ours.
    Click,
    /// An event.
    Event,
    /// A decision, by the id of its answer.
    Decision,
    /// A governed link.
    Link,
    /// A person.
    Person,
    /// A receipt of a consent choice; its id is the receipt itself.
    Receipt,
}

impl Subject {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Conversion,
        Self::Click,
        Self::Event,
        Self::Decision,
        Self::Link,
        Self::Person,
        Self::Receipt,
    ];

    /// The word that is typed and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversion => "conversion",
            Self::Click => "click",
            Self::Event => "event",
            Self::Decision => "decision",
            Self::Link => "link",
            Self::Person => "person",
            Self::Receipt => "receipt",
        }
    }
}

impl std::str::FromStr for Subject {
    type Err = ReportError;
    fn from_str(text: &str) -> Result<Self, ReportError> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| ReportError::Unknown {
            what: "the audit",
            given: text.chars().take(64).collect(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// Where an audit looks.
pub struct Sources<'a> {
    /// Committed state.
    pub state: &'a dyn StateRead,
    /// Its sums.
    pub sums: &'a dyn SumsRead,
    /// The log.
    pub log: &'a dyn EventLog,
    /// Links in force, with their history.
    pub registry: &'a Registry,
    /// The generation of the state.
    pub generation: u16,
    /// How long before a conversion a touch may have happened.
    pub window: Span,
    /// The probable links in force.
    pub probable: Option<Arc<Numbered>>,
    /// What signs receipts.
    pub receipt_key: &'a [u8; 32],
}

/// The chain behind one thing, or none when there is no such thing.
///
/// # Errors
/// When state cannot be read. A record that the log no longer keeps is a fact, not an error.
pub fn audit(
    sources: &Sources<'_>,
    subject: Subject,
    id: &str,
) -> Result<Option<Chain>, ReportError> {
    match subject {
        Subject::Conversion => conversion::chain(sources, id),
        Subject::Click => click::chain(sources, id),
        Subject::Event => event::chain(sources, id),
        Subject::Decision => decision::chain(sources, id),
        Subject::Link => link::chain(sources, id),
        Subject::Person => person::chain(sources, id),
        Subject::Receipt => receipt::chain(sources, id),
    }
}

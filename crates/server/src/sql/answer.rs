//! An answer, as it goes over the wire.

use crate::report::Freshness;
use millstream_event::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerColumn {
    /// Its name, unlike all others.
    pub name: String,
    /// `text`, `integer`, `number`, `flag`, `time`, or the engine's own word.
    pub kind: String,
}

/// What a question came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Columns in their order.
    pub columns: Vec<AnswerColumn>,
    /// Rows: values by the names of their columns.
    pub rows: Vec<Map<String, Value>>,
    /// True when there were more rows than asked for.
    pub more: bool,
    /// When the tables were made.
    pub as_of: String,
    /// Everything received before this instant is in them.
    pub complete_until: Option<String>,
    /// True while something logged was not in them yet.
    pub provisional: bool,
    /// From the question to the answer, without bringing the tables up to date.
    pub elapsed_ms: u64,
}

impl Answer {
    /// How fresh it is.
    pub fn freshness(&self) -> Freshness {
        let until = self.complete_until.as_deref().and_then(Timestamp::parse_rfc3339);
        Freshness {
            as_of: Timestamp::parse_rfc3339(&self.as_of).unwrap_or_default(),
            complete_until: until,
            provisional: self.provisional,
        }
    }
}

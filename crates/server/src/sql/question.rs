//! A question, its bounds, and why it was not answered.

use crate::tables::TablesError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Rows of an answer where the question does not say.
pub const ROWS_DEFAULT: usize = 1_000;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// In SQL.
    pub query: String,
    /// The most rows wanted.
    #[serde(default = "rows_default")]
    pub rows: usize,
    /// Bring the tables up to everything folded before answering.
    #[serde(default)]
    pub fresh: bool,
}

const fn rows_default() -> usize {
    ROWS_DEFAULT
}

/// Bounds of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Memory of all questions together.
    pub memory_bytes: usize,
    /// Temporary files of all questions together.
    pub spill_bytes: u64,
    /// Time of one question.
    pub time_max: Duration,
    /// Rows of one answer.
    pub rows_max: usize,
    /// Bytes of one answer.
    pub answer_bytes_max: usize,
    /// Threads that answer.
    pub threads: usize,
}

impl Bounds {
    /// Refuses to give more rows than an answer may have.
    ///
    /// # Errors
    /// When that many are wanted.
    pub fn check_rows(&self, rows: usize) -> Result<(), AskError> {
        if (1..=self.rows_max).contains(&rows) {
            return Ok(());
        }
        Err(AskError::Question(format!(
            "an answer cannot have {rows} rows; ask for 1 to {} ([sql] rows_max), or use `millstream export` for whole tables",
            self.rows_max
        )))
    }
}

/// A question that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The question is at fault.
    #[error("{0}")]
    Question(String),
    /// There is no query engine.
    #[error(
        "this build has no query engine; build it with `--features sql`, or ask DuckDB over the files of `millstream export --format parquet`"
    )]
    LeftOut,
    /// The tables cannot be had.
    #[error(transparent)]
    Tables(#[from] TablesError),
    /// The engine failed.
    #[error("{0}")]
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_with_its_defaults_and_without_surprises() {
        let read = |text: &str| serde_json::from_str::<Question>(text);
        let question = read(r#"{"query":"select 1"}"#).unwrap();
        assert_eq!((question.rows, question.fresh), (ROWS_DEFAULT, false));
        assert!(read(r#"{"query":"select 1","limit":5}"#).is_err());
        assert!(read(r#"{"rows":5}"#).is_err());
    }

    #[test]
    fn rows_are_bounded_at_both_ends() {
        let bounds = Bounds {
            memory_bytes: 1,
            spill_bytes: 1,
            time_max: Duration::ZERO,
            rows_max: 10,
            answer_bytes_max: 1,
            threads: 1,
        };
        assert!(bounds.check_rows(1).is_ok() && bounds.check_rows(10).is_ok());
        assert!(bounds.check_rows(0).is_err());
        let said = bounds.check_rows(11).unwrap_err().to_string();
        assert!(said.contains("1 to 10") && said.contains("rows_max"), "{said}");
    }
}

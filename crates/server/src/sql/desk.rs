//! The query engine over the kept tables. It is set up by the first question.

use super::answer::{Answer, AnswerColumn};
use super::question::{AskError, Bounds, Question};
use crate::tables::Tables;
use millstream_store::sql::{self, SqlEngine, SqlError, SqlOptions, SqlTable, Value};
use millstream_store::tables::Table;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Answers questions.
pub struct Desk {
    bounds: Bounds,
    spill_dir: PathBuf,
    engine: Mutex<Option<Arc<SqlEngine>>>,
}

impl Desk {
    /// A desk with these bounds; temporary files go to `spill_dir`.
    pub fn new(bounds: Bounds, spill_dir: &Path) -> Self {
        Self { bounds, spill_dir: spill_dir.to_owned(), engine: Mutex::default() }
    }

    /// Answers one question. Blocks.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn ask(&self, tables: &Tables, question: &Question) -> Result<Answer, AskError> {
        self.bounds.check_rows(question.rows)?;
        let version = if question.fresh { tables.refresh()? } else { tables.current()? };
        let engine = self.engine().map_err(refused)?;
        let known = Table::KEPT.map(|table| SqlTable {
            name: table.name(),
            columns: table.kept_columns(),
            files: version.files(table),
        });
        let began = Instant::now();
        let answer = engine.ask(&known, &question.query, question.rows).map_err(refused)?;
        let freshness = version.freshness();
        Ok(Answer {
            rows: answer.rows.iter().map(|row| named(&answer.columns, row)).collect(),
            columns: answer.columns.into_iter().map(column).collect(),
            more: answer.more,
            as_of: freshness.as_of.to_rfc3339(),
            complete_until: freshness.complete_until.map(|until| until.to_rfc3339()),
            provisional: freshness.provisional,
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn engine(&self) -> Result<Arc<SqlEngine>, SqlError> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*engine {
            return Ok(Arc::clone(engine));
        }
        let options = SqlOptions {
            memory_bytes: self.bounds.memory_bytes,
            spill_bytes: self.bounds.spill_bytes,
            spill_dir: self.spill_dir.clone(),
            time_max: self.bounds.time_max,
            answer_bytes_max: self.bounds.answer_bytes_max,
            threads: self.bounds.threads,
        };
        Ok(Arc::clone(engine.insert(Arc::new(SqlEngine::new(options)?))))
    }
}

fn refused(error: SqlError) -> AskError {
    let said = error.to_string();
    if error.is_usage() { AskError::Question(said) } else { AskError::Failed(said) }
}

fn column(column: sql::AnswerColumn) -> AnswerColumn {
    AnswerColumn { name: column.name, kind: column.kind }
}

fn named(columns: &[sql::AnswerColumn], row: &[Value]) -> Map<String, Json> {
    let value = |value: &Value| match value {
        Value::Null => Json::Null,
        Value::Flag(flag) => Json::from(*flag),
        Value::Integer(number) => Json::from(*number),
        Value::Count(number) => Json::from(*number),
        // JSON has no word for what is no number.
        Value::Number(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
    };
    columns.iter().zip(row).map(|(column, it)| (column.name.clone(), value(it))).collect()
}

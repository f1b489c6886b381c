//! Why a question has no answer.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// A question that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// Longer than a question may be.
    #[error("the question has {bytes} bytes: at most {max} are read")]
    Long {
        /// Its bytes.
        bytes: usize,
        /// The most.
        max: usize,
    },
    /// No SQL, or SQL that fits no table.
    #[error(
        "the question cannot be understood ({0}); check it against the list of tables and columns in docs/sql.md"
    )]
    Question(String),
    /// No such table.
    #[error("there is no table {name}; nearest is {nearest}, all are {known}")]
    Table {
        /// As asked for.
        name: String,
        /// The table whose name is most like it.
        nearest: String,
        /// All tables.
        known: String,
    },
    /// No such column.
    #[error("there is no column {name}; nearest is {nearest}, all are {known}")]
    Column {
        /// As asked for.
        name: String,
        /// The column whose name is most like it.
        nearest: String,
        /// The columns that could be meant.
        known: String,
    },
    /// It would change something.
    #[error(
        "tables are read-only and {what} is not reading; ask with SELECT, WITH, EXPLAIN, DESCRIBE or SHOW"
    )]
    ReadOnly {
        /// What it would do.
        what: String,
    },
    /// More memory than a question may take, and no temporary space for the rest.
    #[error(
        "the question needs more than {memory_mb} MiB of memory ({detail}); narrow it with WHERE, group by fewer columns, or raise [sql] memory_mb"
    )]
    Memory {
        /// The limit.
        memory_mb: usize,
        /// The engine's words.
        detail: String,
    },
    /// More time than a question may take.
    #[error(
        "the question was stopped after {seconds} s; narrow it with WHERE, or raise [sql] seconds_max"
    )]
    Time {
        /// The limit.
        seconds: u64,
    },
    /// Too many at once.
    #[error(
        "{running} questions are at work, or were stopped and have not ended yet; ask again in a moment"
    )]
    Busy {
        /// How many.
        running: usize,
    },
    /// A longer answer than may be given.
    #[error(
        "the answer is larger than {max} bytes; ask for fewer columns or rows, or use `millstream export`"
    )]
    Answer {
        /// The limit.
        max: usize,
    },
    /// The engine failed.
    #[error("the query engine failed ({0}); ask again, and see the log if it happens again")]
    Engine(String),
}

impl SqlError {
    /// True when the question is at fault.
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Engine(_))
    }

    /// What the engine says of a question that it cannot plan.
    pub(super) fn planning(error: &DataFusionError) -> Self {
        let root = error.find_root();
        if let DataFusionError::SchemaError(schema, _) = root
            && let SchemaError::FieldNotFound { field, valid_fields } = &**schema
            && let Some(nearest) = nearest(&field.name, valid_fields.iter().map(|it| &*it.name))
        {
            return Self::Column {
                name: field.flat_name(),
                nearest: nearest.to_owned(),
                known: valid_fields.iter().map(|it| &*it.name).collect::<Vec<_>>().join(", "),
            };
        }
        Self::Question(plain(&root.strip_backtrace()))
    }

    /// What the engine says of a question that it began to answer.
    pub(super) fn running(error: &DataFusionError, memory_bytes: usize) -> Self {
        let root = error.find_root();
        match root {
            DataFusionError::ResourcesExhausted(detail) => {
                Self::Memory { memory_mb: memory_bytes >> 20, detail: plain(detail) }
            }
            DataFusionError::ArrowError(..)
            | DataFusionError::Execution(_)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_) => Self::planning(error),
            other => Self::Engine(plain(&other.strip_backtrace())),
        }
    }
}

/// Words on one line, without what the engine calls the error.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let kinds = ["SQL error: ", "Error during planning: ", "Execution error: ", "Arrow error: "];
    let text = kinds.iter().find_map(|kind| words.strip_prefix(kind)).unwrap_or(&words);
    // A semicolon would end the reason where messages are split into why and fix.
    text.replace("; ", ", ")
}

/// The name that takes the fewest edits to be `wanted`.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_ascii_lowercase();
    known.min_by_key(|name| strsim::damerau_levenshtein(name, &wanted))
}

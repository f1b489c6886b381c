//! Questions in SQL over table files, answered by DataFusion. Only in builds with the feature `sql`.
//!
//! Nothing outside this module knows the query engine. It reads the Parquet files it is given and
//! nothing else: what a question could change, or reach beyond those tables, is refused before it
//! runs. Memory, temporary space, time, rows and bytes of an answer are bounded.

mod answer;
mod engine;
mod error;
mod yielding;

pub use answer::{Answer, AnswerColumn, Value};
pub use engine::{SqlEngine, SqlOptions, SqlTable};
pub use error::SqlError;

#[cfg(test)]
mod tests;

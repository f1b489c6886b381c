//! Ad-hoc questions in SQL: what is asked, what is answered, and how an answer is shown.
//!
//! The query engine itself is left out of a build without the feature `sql`. Such a build can still
//! ask an instance that has it.

mod answer;
#[cfg_attr(not(feature = "sql"), path = "left_out.rs")]
mod desk;
mod question;
mod render;

pub use answer::{Answer, AnswerColumn};
pub use desk::Desk;
pub use question::{AskError, Bounds, Question, ROWS_DEFAULT};
pub use render::{AnswerFormat, UnknownFormat, remarks, render};

/// True when this build can answer by itself.
pub const BUILT: bool = cfg!(feature = "sql");

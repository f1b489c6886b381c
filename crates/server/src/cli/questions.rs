//! Questions to one engine's tables, for the command line and the admin plane alike.

use super::engine::Engine;
use crate::admin::parts::Questions;
use crate::sql::{Answer, AskError, Question};
use std::sync::Arc;

/// The tables of one engine.
pub struct Asking(pub Arc<Engine>);

impl Questions for Asking {
    fn ask(&self, question: &Question) -> Result<Answer, AskError> {
        let engine = &self.0;
        // Where nobody keeps the tables, every question finds them old.
        let fresh = question.fresh || !engine.config.tables.keep;
        engine.desk.ask(&engine.tables, &Question { fresh, ..question.clone() })
    }
}

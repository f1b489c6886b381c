//! `/api/sql`: a question to the kept tables.

use super::answer::{Refusal, json};
use super::plane::Plane;
use crate::sql::{AskError, Question};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        let message = error.to_string();
        match error {
            AskError::Question(_) => Self::bad_request(message),
            AskError::LeftOut => {
                Self { status: StatusCode::NOT_IMPLEMENTED, code: "left_out", message }
            }
            AskError::Tables(_) => Self::busy(message),
            AskError::Failed(_) => Self::internal(message),
        }
    }
}

/// `POST /api/sql`
///
/// # Errors
/// When the body is no question, the question cannot be answered, or too many are asked at once.
pub async fn post(State(plane): State<Arc<Plane>>, body: Bytes) -> Result<Response, Refusal> {
    let question: Question = serde_json::from_slice(&body).map_err(|error| {
        Refusal::bad_request(format!(
            "the body is no question ({error}): send {{\"query\": \"SELECT ...\", \"rows\": 100, \"fresh\": false}}"
        ))
    })?;
    let questions = Arc::clone(&plane.parts.questions);
    let answer = plane.questions.run(move || Ok(questions.ask(&question)?)).await?;
    json(&answer)
}

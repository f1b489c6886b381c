//! `/healthz` and `/readyz`: alive, and which stage is not ready.

use super::answer::{self, Answer};
use super::exchange::Exchange;
use http::StatusCode;
use serde_json::{Map, Value, json};

/// The process answers: that is all.
pub(super) fn alive() -> Answer {
    answer::json(StatusCode::OK, "{\"status\":\"ok\"}")
}

/// 200 when every stage is ready, else 503; the body names each stage and why it is not.
pub(super) fn ready(exchange: &Exchange<'_>) -> Answer {
    let mut stages = Map::new();
    let mut ready = true;
    for readiness in &exchange.plane.parts.readiness {
        let state = match (readiness.check)() {
            Ok(()) => Value::from("ready"),
            Err(why) => {
                ready = false;
                json!({ "not_ready": why })
            }
        };
        stages.insert(readiness.stage.to_owned(), state);
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, json!({ "ready": ready, "stages": stages }).to_string())
}

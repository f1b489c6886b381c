//! Answers of the API: JSON, and refusals that say why.

use crate::links::EditError;
use crate::report::ReportError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// Media type of JSON answers.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// A stable word for machines.
    pub code: &'static str,
    /// What, why and how to fix.
    pub message: String,
}

impl Refusal {
    /// The request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "bad_request", message: message.into() }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not_found", message: message.into() }
    }

    /// The caller may not do this.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, code, message: message.into() }
    }

    /// No token, or an unknown one.
    pub fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: "unauthorized",
            message: "a token is required: send `Authorization: Bearer TOKEN`".to_owned(),
        }
    }

    /// Too much at once.
    pub fn busy(message: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "busy", message: message.into() }
    }

    /// Something failed here.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "internal",
            message: message.into(),
        }
    }
}

/// How long a client should wait before it asks a busy plane again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "success": false,
            "error": { "code": self.code, "message": self.message },
        });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
            }
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            }
            _ => {}
        }
        response
    }
}

impl From<ReportError> for Refusal {
    fn from(error: ReportError) -> Self {
        if error.is_usage() {
            Self::bad_request(error.to_string())
        } else {
            Self::internal(error.to_string())
        }
    }
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        let message = error.to_string();
        match error {
            EditError::Refused(_) | EditError::Encode(_) => Self::bad_request(message),
            EditError::Unknown { .. } | EditError::UnknownVersion { .. } => {
                Self::not_found(message)
            }
            EditError::Full { .. } => Self { status: StatusCode::CONFLICT, code: "full", message },
            EditError::Append(_) | EditError::Behind | EditError::NotYetApplied { .. } => {
                Self::busy(message)
            }
            EditError::Read(_) => Self::internal(message),
        }
    }
}

/// A value as a JSON answer.
///
/// # Errors
/// When the value cannot be written, which is a defect.
pub fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(value).map_err(|error| Refusal::internal(error.to_string()))?;
    Ok(typed(JSON, body))
}

/// Bytes of a media type as an answer.
pub fn typed(media: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

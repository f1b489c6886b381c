//! `GET /sdk/model/{use_case}.wasm`: what was trained for a use case, to be scored with where the visitor is.

use super::answer::{self, Answer};
use super::exchange::Exchange;
use super::refusal::Refusal;
use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG, HeaderValue};

/// It may be kept, and is asked after before it is used again: training replaces it.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The module in force. It holds nothing of any visitor.
pub(super) fn answer(exchange: &Exchange<'_>, use_case: &str) -> Result<Answer, Refusal> {
    let service = exchange.plane.parts.decide.as_ref().ok_or(Refusal::UnknownUseCase)?;
    let served = service.find(use_case).ok_or(Refusal::UnknownUseCase)?;
    let module = served.module().ok_or(Refusal::NotFound)?;
    let known = exchange.header("if-none-match").is_some_and(|tags| tags.contains(&module.tag));
    let mut answer = match known {
        true => answer::empty(StatusCode::NOT_MODIFIED),
        false => answer::with_body(StatusCode::OK, "application/wasm", module.bytes.clone()),
    };
    let tag = HeaderValue::try_from(&module.tag).map_err(|_| Refusal::Internal)?;
    answer.headers_mut().insert(ETAG, tag);
    answer.headers_mut().insert(CACHE_CONTROL, ASK_AGAIN);
    Ok(answer)
}

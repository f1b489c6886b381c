//! `/api/import`: a file as the body, into the running instance.

use super::answer::{Refusal, json};
use super::parts::TransferError;
use super::plane::Plane;
use super::reports::parameters;
use super::stream;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http_body_util::BodyExt;
use std::io;
use std::sync::Arc;

impl From<TransferError> for Refusal {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Request(message) => Self::bad_request(message),
            TransferError::Failed(message) => Self::internal(message),
        }
    }
}

/// `POST /api/import`: any size, read as it comes; the client is held back by the log.
///
/// # Errors
/// When a parameter is wrong, an import runs already, or the log does not take it.
pub async fn post(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
    mut body: Body,
) -> Result<Response, Refusal> {
    let parameters = parameters(query.as_deref());
    let transfer = Arc::clone(&plane.parts.transfer);
    let (sender, mut input) = stream::reader();
    let job = move || Ok(transfer.import(&parameters, &mut input)?);
    let feed = async move {
        let end = bytes::Bytes::new();
        while let Some(frame) = body.frame().await {
            let piece = match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) if data.is_empty() => continue,
                Ok(Ok(data)) => Ok(data),
                Ok(Err(_trailers)) => continue,
                Err(error) => Err(io::Error::other(error)),
            };
            // The importer has stopped reading: its own answer tells why.
            if sender.send(piece).await.is_err() {
                return;
            }
        }
        drop(sender.send(Ok(end)).await);
    };
    let (outcome, ()) = tokio::join!(plane.imports.run(job), feed);
    json(&outcome?)
}

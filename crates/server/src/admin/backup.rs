//! `/api/backup`: a copy of the data directory on this machine's disk.

use super::answer::{Refusal, json};
use super::plane::Plane;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Where to: an absolute path.
    directory: PathBuf,
}

/// `POST /api/backup`
///
/// # Errors
/// When the folder is not named whole or not empty, a backup runs already, or the disk fails.
pub async fn post(State(plane): State<Arc<Plane>>, body: Bytes) -> Result<Response, Refusal> {
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|error| {
        Refusal::bad_request(format!(
            "the body is no request for a backup ({error}): send {{\"directory\": \"/a/new/folder\"}}"
        ))
    })?;
    if !wanted.directory.is_absolute() {
        return Err(Refusal::bad_request(
            "the directory is relative to nothing that you know: write its whole path, from /",
        ));
    }
    let transfer = Arc::clone(&plane.parts.transfer);
    let copied = plane.backups.run(move || Ok(transfer.backup(&wanted.directory)?)).await?;
    json(&copied)
}

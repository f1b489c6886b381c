//! Destinations, as configured.

use super::error::ConfigError;
use super::raw::Raw;
use super::resolved::wrong;
use crate::forward::{ForwardOptions, Guard};

/// Folder of destinations' files in a data directory.
const FOLDER: &str = "destinations";
/// Most threads that send.
const THREADS_MAX: usize = 64;

pub(super) fn forward(raw: &Raw) -> Result<ForwardOptions, ConfigError> {
    let given = &raw.forward;
    if !(1..=THREADS_MAX).contains(&given.threads) {
        return Err(wrong("forward.threads", given.threads, "use 1 to 64"));
    }
    let mut guard = Guard::default();
    for text in &given.allow_addresses {
        let network =
            text.parse().map_err(|why: String| wrong("forward.allow_addresses", text, &why))?;
        guard.allowed.push(network);
    }
    Ok(ForwardOptions {
        folder: given.folder.clone().unwrap_or_else(|| raw.server.data_dir.join(FOLDER)),
        guard,
        niceness: raw.pipeline.niceness,
        threads: given.threads,
    })
}

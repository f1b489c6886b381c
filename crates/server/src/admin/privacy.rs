//! What people may ask for: to be erased, and to be told what is kept.

use super::parts::TransferError;
use crate::erasure::Wanted;
use std::io::Write;

/// Erases people, and tells them what is kept. Blocking.
pub trait Erasing: Send + Sync {
    /// Erases whoever is named, or with `verify` only looks for what is left; answers with a receipt.
    ///
    /// # Errors
    /// When nobody is named, or something cannot be read or written.
    fn erase(&self, wanted: &Wanted, verify: bool) -> Result<serde_json::Value, TransferError>;

    /// Writes everything that is kept of a user or device, one JSON object a line.
    ///
    /// # Errors
    /// When nothing is, or it cannot be read.
    fn access(&self, id: &str, output: &mut dyn Write) -> Result<(), TransferError>;
}

//! Keys of signed links: the configuration names files, never secrets.

use super::error::ConfigError;
use super::raw;
use super::resolved::wrong;
use crate::links::SignedLinks;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Reads every key from its file: base64, as `openssl rand -base64 32` writes it.
pub(super) fn signed_links(raw: &[raw::SignedLinkKey]) -> Result<SignedLinks, ConfigError> {
    let mut secrets = Vec::new();
    for key in raw {
        let path = key.secret_file.display();
        let text = std::fs::read_to_string(&key.secret_file).map_err(|error| {
            wrong("signed_links.secret_file", &path, &format!("it cannot be read: {error}"))
        })?;
        let secret = STANDARD.decode(text.trim()).map_err(|_| {
            wrong(
                "signed_links.secret_file",
                &path,
                "write the secret as base64, for example with openssl rand -base64 32",
            )
        })?;
        secrets.push((key.id.clone(), secret));
    }
    SignedLinks::new(secrets).map_err(|error| wrong("signed_links", "keys", &error.to_string()))
}

//! `ms_click`: a click that travels with the visitor, signed, telling all that is needed to
//! rebuild it should its record never have been written.
//!
//! Before base64 (URL alphabet, no padding): version 1, issue time (8 bytes, little-endian
//! microseconds), link version (4), then click id, link and `ms_id`, each behind one byte of
//! length, then a keyed BLAKE3 of all that, 32 bytes.

use crate::ids::{AnonymousId, ClickId};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A verified click of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClickReference {
    /// The click's id: its identity as an event, too.
    #[serde(rename = "i")]
    pub id: ClickId,
    /// When the redirect was answered.
    #[serde(rename = "t")]
    pub issued: Timestamp,
    /// The link's slug.
    #[serde(rename = "l")]
    pub link: Box<str>,
    /// The link's version at that time.
    #[serde(rename = "v")]
    pub link_version: u32,
    /// The first-party id cookie at the redirect, where consent allowed one.
    #[serde(rename = "m", default)]
    pub ms_id: Option<AnonymousId>,
}

/// The version of the token that this code writes.
pub const TOKEN_VERSION: u8 = 1;
/// Longest token read or written, in bytes.
pub const TOKEN_BYTES_MAX: usize = 511;
/// Longest `ms_id` that goes into a token; our own have 32 bytes.
pub const TOKEN_MS_ID_BYTES_MAX: usize = 128;
/// Longest link slug that goes into a token, as long as a slug may be.
pub const TOKEN_LINK_BYTES_MAX: usize = 64;

/// What no other signature under the same key begins with.
const DOMAIN: &[u8] = b"ms_click";
const SIGNATURE_BYTES: usize = blake3::OUT_LEN;

/// Why a click token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a text that this version could have written.
    #[error("the click token is damaged: it is not whole base64 of the known form")]
    Malformed,
    /// Written by a newer version.
    #[error("click token version {0} is unknown: it was made by a newer version; run that version")]
    UnknownVersion(u8),
    /// Signed with another key, or changed on its way.
    #[error("the click token is not signed with this installation's key")]
    BadSignature,
}

impl ClickReference {
    /// The signed token. An `ms_id` over [`TOKEN_MS_ID_BYTES_MAX`] is left out. `None` when the
    /// link's slug is over [`TOKEN_LINK_BYTES_MAX`], which no governed link has.
    pub fn to_token(&self, key: &[u8; 32]) -> Option<String> {
        let ms_id = self.ms_id.as_ref().map_or("", AnonymousId::as_str);
        write(key, (self.issued, self.link_version), [self.id.as_str(), &self.link, ms_id])
    }

    /// Reads and verifies a token; the signature is compared in constant time.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn from_token(key: &[u8; 32], token: &str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token.trim()).map_err(|_| TokenError::Malformed)?;
        match bytes.first() {
            Some(&TOKEN_VERSION) => {}
            Some(&newer) => return Err(TokenError::UnknownVersion(newer)),
            None => return Err(TokenError::Malformed),
        }
        let (signed, signature) =
            bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(TokenError::Malformed)?;
        // `blake3::Hash` compares in constant time.
        if sign(key, signed) != blake3::Hash::from_bytes(*signature) {
            return Err(TokenError::BadSignature);
        }
        Self::read_fields(signed).ok_or(TokenError::Malformed)
    }

    fn read_fields(signed: &[u8]) -> Option<Self> {
        let (issued, rest) = signed.get(1..)?.split_first_chunk()?;
        let (link_version, rest) = rest.split_first_chunk()?;
        let (id, rest) = read_text(rest)?;
        let (link, rest) = read_text(rest)?;
        let (ms_id, rest) = read_text(rest)?;
        rest.is_empty().then_some(())?;
        Some(Self {
            id: ClickId::parse(id)?,
            issued: Timestamp(i64::from_le_bytes(*issued)),
            link: link.into(),
            link_version: u32::from_le_bytes(*link_version),
            ms_id: AnonymousId::parse(ms_id),
        })
    }
}

/// The token of a click issued at an instant over a version of a link; its id, the link, `ms_id`.
pub(crate) fn write(
    key: &[u8; 32],
    (issued, link_version): (Timestamp, u32),
    [id, link, ms_id]: [&str; 3],
) -> Option<String> {
    if link.len() > TOKEN_LINK_BYTES_MAX {
        return None;
    }
    let ms_id = if ms_id.len() > TOKEN_MS_ID_BYTES_MAX { "" } else { ms_id };
    // The domain stands in front of what is signed and is not sent.
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(DOMAIN);
    bytes.push(TOKEN_VERSION);
    bytes.extend_from_slice(&issued.0.to_le_bytes());
    bytes.extend_from_slice(&link_version.to_le_bytes());
    for text in [id, link, ms_id] {
        bytes.push(text.len() as u8);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(blake3::keyed_hash(key, &bytes).as_bytes());
    Some(URL_SAFE_NO_PAD.encode(&bytes[DOMAIN.len()..]))
}

fn sign(key: &[u8; 32], bytes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(DOMAIN);
    hasher.update(bytes);
    hasher.finalize()
}

fn read_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((core::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn click(slug: &str, ms_id: Option<&str>) -> ClickReference {
        ClickReference {
            id: ClickId::parse(&"c".repeat(ClickId::BYTES_MAX)).unwrap(),
            issued: Timestamp::from_millis(1_790_000_000_123),
            link: slug.into(),
            link_version: 7,
            ms_id: ms_id.and_then(AnonymousId::parse),
        }
    }

    #[test]
    fn reads_back_what_it_wrote_at_the_limits() {
        let longest =
            click(&"s".repeat(TOKEN_LINK_BYTES_MAX), Some(&"m".repeat(TOKEN_MS_ID_BYTES_MAX)));
        let token = longest.to_token(&[7; 32]).unwrap();
        assert!(token.len() <= TOKEN_BYTES_MAX, "{}", token.len());
        assert_eq!(ClickReference::from_token(&[7; 32], &token), Ok(longest));

        let over = click("s", Some(&"m".repeat(TOKEN_MS_ID_BYTES_MAX + 1)));
        let token = over.to_token(&[7; 32]).unwrap();
        assert_eq!(ClickReference::from_token(&[7; 32], &token), Ok(click("s", None)));
        assert_eq!(click(&"s".repeat(TOKEN_LINK_BYTES_MAX + 1), None).to_token(&[7; 32]), None);
    }

    #[test]
    fn believes_no_other_key_no_change_and_no_newer_version() {
        let token = click("s", Some("m")).to_token(&[7; 32]).unwrap();
        assert_eq!(ClickReference::from_token(&[8; 32], &token), Err(TokenError::BadSignature));
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        bytes[3] ^= 1;
        let changed = URL_SAFE_NO_PAD.encode(&bytes);
        assert_eq!(ClickReference::from_token(&[7; 32], &changed), Err(TokenError::BadSignature));
        bytes[0] = 2;
        let newer = URL_SAFE_NO_PAD.encode(&bytes);
        assert_eq!(
            ClickReference::from_token(&[7; 32], &newer),
            Err(TokenError::UnknownVersion(2))
        );
        for broken in ["", "AQ", "%%%", "AQ==", &"A".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(ClickReference::from_token(&[7; 32], broken).is_err());
        }
    }
}

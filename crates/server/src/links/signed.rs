//! Signed links: a governed link whose destination is told with the visit and believed for its
//! signature alone: HMAC-SHA-256 over `ms_link`, the slug and the destination, under one of the keys
//! that the configuration names. Whoever has a key can sign; taking it away ends all it signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use std::fmt;

/// The parameter that holds the destination.
pub const DESTINATION: &str = "ms_to";
/// The parameter that names the key.
pub const KEY: &str = "ms_key";
/// The parameter that holds the signature.
pub const SIGNATURE: &str = "ms_sig";
/// Most keys at a time: the one in use, and those that earlier links were signed with.
pub const KEYS_MAX: usize = 8;
/// Longest name of a key.
pub const KEY_ID_BYTES_MAX: usize = 32;
/// Shortest secret.
pub const SECRET_BYTES_MIN: usize = 32;
/// What no other signature begins with.
const DOMAIN: &[u8] = b"ms_link";

/// Why keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedLinksError {
    /// More than [`KEYS_MAX`].
    #[error(
        "there are {0} keys: keep at most {KEYS_MAX}, the links of a key that is gone end with it"
    )]
    TooMany(usize),
    /// A name that cannot stand in an address as it is, or stands twice.
    #[error(
        "a key has the id {0:?}: take 1 to {KEY_ID_BYTES_MAX} letters, digits, hyphens, underscores, and each once"
    )]
    Id(String),
    /// A secret that can be guessed.
    #[error(
        "the secret of key {id:?} has {bytes} bytes: draw at least {SECRET_BYTES_MIN} at random"
    )]
    Weak {
        /// The key.
        id: String,
        /// Bytes of its secret.
        bytes: usize,
    },
}

/// Keys by id, the one to sign with first.
#[derive(Clone, Default)]
pub struct SignedLinks(Vec<(Box<str>, hmac::Key)>);

impl fmt::Debug for SignedLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

impl SignedLinks {
    /// Keys from ids and secrets.
    ///
    /// # Errors
    /// See [`SignedLinksError`].
    pub fn new(secrets: Vec<(String, Vec<u8>)>) -> Result<Self, SignedLinksError> {
        if secrets.len() > KEYS_MAX {
            return Err(SignedLinksError::TooMany(secrets.len()));
        }
        let mut keys = Self::default();
        for (id, secret) in secrets {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let fits = (1..=KEY_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain);
            if !fits || keys.key(&id).is_some() {
                return Err(SignedLinksError::Id(id));
            }
            if secret.len() < SECRET_BYTES_MIN {
                return Err(SignedLinksError::Weak { id, bytes: secret.len() });
            }
            keys.0.push((id.into(), hmac::Key::new(hmac::HMAC_SHA256, &secret)));
        }
        Ok(keys)
    }

    /// True without a key: then only stored destinations are led to.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids, the one to sign with first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| &**id)
    }

    fn key(&self, id: &str) -> Option<&hmac::Key> {
        self.0.iter().find_map(|(known, key)| (**known == *id).then_some(key))
    }

    /// Path and query of the link that leads to `destination`; `None` without such a key.
    pub fn sign(&self, id: &str, slug: &str, destination: &str) -> Option<String> {
        let signature = hmac::sign(self.key(id)?, &signed(slug, destination));
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let encoded = utf8_percent_encode(destination, NON_ALPHANUMERIC);
        Some(format!("/r/{slug}?{DESTINATION}={encoded}&{KEY}={id}&{SIGNATURE}={signature}"))
    }

    /// True when `signature` is that of the link under the key; compared in constant time.
    pub fn verify(&self, id: &str, (slug, destination): (&str, &str), signature: &str) -> bool {
        let Some(key) = self.key(id) else { return false };
        URL_SAFE_NO_PAD
            .decode(signature)
            .is_ok_and(|tag| hmac::verify(key, &signed(slug, destination), &tag).is_ok())
    }
}

/// What is signed. A slug holds no NUL: nothing can move from the one to the other.
fn signed(slug: &str, destination: &str) -> Vec<u8> {
    [DOMAIN, slug.as_bytes(), destination.as_bytes()].join(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> SignedLinks {
        let secrets = [("new", 7), ("old", 8)];
        let secrets = secrets.map(|(id, byte)| (id.to_owned(), vec![byte; SECRET_BYTES_MIN]));
        SignedLinks::new(secrets.into()).unwrap()
    }

    fn signature(link: &str) -> String {
        link.rsplit_once('=').unwrap().1.to_owned()
    }

    #[test]
    fn a_signature_holds_for_its_key_slug_and_destination_alone() {
        let keys = keys();
        let to = "https://shop.example/a?b=c&d=%2F#e";
        let link = keys.sign("old", "open", to).unwrap();
        assert!(link.starts_with("/r/open?ms_to=https%3A%2F%2Fshop"), "{link}");
        let tag = signature(&link);
        assert!(keys.verify("old", ("open", to), &tag));
        assert!(!keys.verify("new", ("open", to), &tag));
        assert!(!keys.verify("gone", ("open", to), &tag));
        assert!(!keys.verify("old", ("other", to), &tag));
        assert!(!keys.verify("old", ("open", "https://evil.example/"), &tag));
        for broken in ["", "AAAA", "%%", &tag[1..], &format!("{tag}=")] {
            assert!(!keys.verify("old", ("open", to), broken), "{broken}");
        }
        assert_eq!(keys.sign("gone", "open", to), None);
    }

    #[test]
    fn keys_are_bounded_named_and_long() {
        let key = |n: usize| (format!("k{n}"), vec![n as u8; SECRET_BYTES_MIN]);
        assert!(SignedLinks::new((0..KEYS_MAX).map(key).collect()).is_ok());
        let over = SignedLinks::new((0..=KEYS_MAX).map(key).collect());
        assert_eq!(over.unwrap_err(), SignedLinksError::TooMany(KEYS_MAX + 1));
        let long = "k".repeat(KEY_ID_BYTES_MAX + 1);
        for id in ["", "a b", "a&b", &long] {
            let made = SignedLinks::new(vec![(id.to_owned(), vec![1; SECRET_BYTES_MIN])]);
            assert_eq!(made.unwrap_err(), SignedLinksError::Id(id.to_owned()));
        }
        assert!(SignedLinks::new(vec![key(1), key(1)]).is_err(), "twice");
        let weak = SignedLinks::new(vec![("k".to_owned(), vec![1; SECRET_BYTES_MIN - 1])]);
        assert!(matches!(weak, Err(SignedLinksError::Weak { bytes: 31, .. })));
    }
}

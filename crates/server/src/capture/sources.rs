//! Sources: who may send, known by the hashes of their write keys.

use super::refusal::Refusal;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use millstream_event::{Hash128, SourceId};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The source of events sent to a loopback listener without configured sources.
pub const OPEN_SOURCE: &str = "default";

/// A configured source of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, part of the identity of its events.
    pub name: SourceId,
    /// Its write keys; more than one while a key is being rotated.
    pub keys: Vec<KeyHash>,
}

/// The hash under which a write key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub Hash128);

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> Self {
        Self(Hash128::of("write key", &[key.as_bytes()]))
    }

    /// From the 32 hexadecimal digits that stand in a configuration.
    pub fn parse(text: &str) -> Option<Self> {
        Hash128::parse_hex(text).map(Self)
    }
}

/// The configured sources.
#[derive(Debug)]
pub(super) struct Sources {
    open: Option<SourceId>,
    named: Vec<Source>,
}

impl Sources {
    /// Without any source everyone is let in under `open`.
    pub(super) fn new(named: Vec<Source>, open: SourceId) -> Self {
        Self { open: named.is_empty().then_some(open), named }
    }

    /// The source that a key belongs to.
    pub(super) fn find(&self, key: Option<&str>) -> Result<SourceId, Refusal> {
        if let Some(open) = &self.open {
            return Ok(open.clone());
        }
        let sent = KeyHash::of(key.ok_or(Refusal::Unauthorized)?);
        // Every key is compared whole, whichever matches: the time taken tells nothing.
        let mut found = u32::MAX;
        for (index, source) in (0..u32::MAX).zip(&self.named) {
            for key in &source.keys {
                let equal: Choice = key.0.0.ct_eq(&sent.0.0);
                found.conditional_assign(&index, equal);
            }
        }
        let source = self.named.get(found as usize).ok_or(Refusal::Unauthorized)?;
        Ok(source.name.clone())
    }
}

/// The key in an `Authorization` header: the user of Basic credentials, whether or not a colon
/// follows it, or a Bearer token.
pub(super) fn key_of_authorization(value: &str) -> Option<String> {
    let (scheme, credentials) = value.trim().split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!credentials.is_empty()).then(|| credentials.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes =
        STANDARD.decode(credentials).or_else(|_| STANDARD_NO_PAD.decode(credentials)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let user = text.split(':').next().unwrap_or_default();
    (!user.is_empty()).then(|| user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let source = |name: &str, keys: &[&str]| Source {
            name: SourceId::parse(name).unwrap(),
            keys: keys.iter().map(|key| KeyHash::of(key)).collect(),
        };
        let named = vec![source("shop", &["old", "new"]), source("app", &["app-key"])];
        Sources::new(named, SourceId::parse(OPEN_SOURCE).unwrap())
    }

    #[test]
    fn a_key_names_its_source_and_a_rotated_key_still_does() {
        let sources = sources();
        for (key, name) in [("old", "shop"), ("new", "shop"), ("app-key", "app")] {
            assert_eq!(sources.find(Some(key)).unwrap().as_str(), name);
        }
        assert_eq!(sources.find(Some("other")), Err(Refusal::Unauthorized));
        assert_eq!(sources.find(None), Err(Refusal::Unauthorized));
    }

    #[test]
    fn without_sources_everyone_is_let_in() {
        let open = Sources::new(Vec::new(), SourceId::parse(OPEN_SOURCE).unwrap());
        assert_eq!(open.find(None).unwrap().as_str(), OPEN_SOURCE);
        assert_eq!(open.find(Some("any")).unwrap().as_str(), OPEN_SOURCE);
    }

    #[test]
    fn keys_in_an_authorization_header() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(key_of_authorization(&basic("key:")).as_deref(), Some("key"));
        assert_eq!(key_of_authorization(&basic("key")).as_deref(), Some("key"));
        assert_eq!(key_of_authorization(&basic("key:secret")).as_deref(), Some("key"));
        assert_eq!(key_of_authorization("basic a2V5").as_deref(), Some("key"));
        assert_eq!(key_of_authorization("Basic a2V5Og").as_deref(), Some("key"));
        assert_eq!(key_of_authorization("Bearer token").as_deref(), Some("token"));
        for none in
            ["", "Basic", "Basic !!!", "Basic Og==", "Bearer ", "Digest x", "Basic /////w=="]
        {
            assert_eq!(key_of_authorization(none), None, "{none}");
        }
    }
}

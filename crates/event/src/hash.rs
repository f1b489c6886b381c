//! 128-bit content hashes: BLAKE3 (Aumasson et al., 2020) truncated, with a domain in front.

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A 128-bit hash. Collisions are expected after about 2^64 values.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash128(pub [u8; 16]);

impl Hash128 {
    /// Hashes `parts` under `domain`. Lengths go in too, so ("ab","c") differs from ("a","bc").
    pub fn of(domain: &str, parts: &[&[u8]]) -> Self {
        if let Some(input) = Short::of(domain, parts) {
            return Self::cut(blake3::hash(input.bytes()));
        }
        let mut hasher = blake3::Hasher::new();
        absorb(domain, parts, &mut |bytes| {
            hasher.update(bytes);
        });
        Self::cut(hasher.finalize())
    }

    /// As [`Self::of`], under a 256-bit key: without the key the value tells nothing.
    pub fn keyed(key: &[u8; 32], domain: &str, parts: &[&[u8]]) -> Self {
        if let Some(input) = Short::of(domain, parts) {
            return Self::cut(blake3::keyed_hash(key, input.bytes()));
        }
        let mut hasher = blake3::Hasher::new_keyed(key);
        absorb(domain, parts, &mut |bytes| {
            hasher.update(bytes);
        });
        Self::cut(hasher.finalize())
    }

    fn cut(hash: blake3::Hash) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        Self(bytes)
    }

    /// The first eight bytes, little-endian: used for lanes and for choosing buckets.
    pub const fn low64(self) -> u64 {
        let b = self.0;
        u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
    }

    /// Parses 32 hexadecimal digits.
    pub fn parse_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            *byte = (high * 16 + low) as u8;
        }
        Some(Self(bytes))
    }

    /// 32 lowercase hexadecimal digits.
    pub fn to_hex(self) -> String {
        alloc::format!("{self}")
    }
}

/// Everything that is hashed, piece by piece.
fn absorb(domain: &str, parts: &[&[u8]], take: &mut dyn FnMut(&[u8])) {
    for part in core::iter::once(&domain.as_bytes()).chain(parts) {
        take(&(part.len() as u64).to_le_bytes());
        take(part);
    }
}

/// Longest input that is hashed in one go: a hasher that could take more would cost several times
/// the hash of an id.
const SHORT_BYTES: usize = 256;

/// A whole input, short as those of ids are.
struct Short {
    buffer: [u8; SHORT_BYTES],
    length: usize,
}

impl Short {
    fn of(domain: &str, parts: &[&[u8]]) -> Option<Self> {
        let sum = parts.iter().fold(8 + domain.len(), |sum, part| sum + 8 + part.len());
        if sum > SHORT_BYTES {
            return None;
        }
        let mut short = Self { buffer: [0; SHORT_BYTES], length: 0 };
        absorb(domain, parts, &mut |bytes| {
            let end = short.length + bytes.len();
            short.buffer[short.length..end].copy_from_slice(bytes);
            short.length = end;
        });
        Some(short)
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl fmt::Display for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash128 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Hash128 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            Self::parse_hex(&text)
                .ok_or_else(|| serde::de::Error::custom("a hash is 32 hexadecimal digits"))
        } else {
            Ok(Self(<[u8; 16]>::deserialize(deserializer)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Straight from the definition.
    fn expected(mut hasher: blake3::Hasher, domain: &str, parts: &[&[u8]]) -> Hash128 {
        for part in core::iter::once(&domain.as_bytes()).chain(parts) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Hash128::cut(hasher.finalize())
    }

    proptest! {
        #[test]
        fn short_and_long_inputs_hash_alike(
            domain in "[a-z]{0,20}", parts in vec(vec(any::<u8>(), 0..150), 0..4), key in any::<[u8; 32]>(),
        ) {
            let parts: std::vec::Vec<&[u8]> = parts.iter().map(std::vec::Vec::as_slice).collect();
            prop_assert_eq!(Hash128::of(&domain, &parts), expected(blake3::Hasher::new(), &domain, &parts));
            let keyed = expected(blake3::Hasher::new_keyed(&key), &domain, &parts);
            prop_assert_eq!(Hash128::keyed(&key, &domain, &parts), keyed);
        }
    }

    #[test]
    fn inputs_around_the_short_limit_hash_alike() {
        for length in SHORT_BYTES - 20..SHORT_BYTES + 20 {
            let part = std::vec![7; length];
            let hash = expected(blake3::Hasher::new(), "d", &[&part]);
            assert_eq!(Hash128::of("d", &[&part]), hash, "{length}");
        }
    }
}

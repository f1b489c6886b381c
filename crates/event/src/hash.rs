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
        let mut hasher = blake3::Hasher::new();
        absorb(&mut hasher, domain, parts);
        Self::finish(&hasher)
    }

    /// As [`Self::of`], under a 256-bit key: without the key the value tells nothing.
    pub fn keyed(key: &[u8; 32], domain: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        absorb(&mut hasher, domain, parts);
        Self::finish(&hasher)
    }

    fn finish(hasher: &blake3::Hasher) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
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

fn absorb(hasher: &mut blake3::Hasher, domain: &str, parts: &[&[u8]]) {
    hasher.update(&(domain.len() as u64).to_le_bytes());
    hasher.update(domain.as_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
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

//! Ids given out by the public plane: unique and unguessable.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millstream_event::Hash128;
use std::sync::atomic::{AtomicU64, Ordering};

/// Draws 128-bit ids: BLAKE3 keyed with 256 random bits over a counter. Each is as unguessable as
/// the key, none repeats within a process, and none costs a system call.
#[derive(Debug)]
pub(super) struct Tokens {
    key: [u8; 32],
    next: AtomicU64,
}

impl Tokens {
    /// A generator with a fresh key.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key, next: AtomicU64::new(0) })
    }

    /// The next 128 bits.
    pub(super) fn draw(&self) -> Hash128 {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        Hash128::keyed(&self.key, "token", &[&count.to_le_bytes()])
    }

    /// The next id as 22 characters of URL-safe base64.
    pub(super) fn draw_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.draw().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_are_equal_within_or_across_generators() {
        let (one, other) = (Tokens::new().unwrap(), Tokens::new().unwrap());
        let drawn: BTreeSet<String> =
            (0..1_000).flat_map(|_| [one.draw_text(), other.draw_text()]).collect();
        assert_eq!(drawn.len(), 2_000);
        assert!(drawn.iter().all(|text| text.len() == 22));
    }
}

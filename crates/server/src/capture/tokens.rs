//! Ids given out by the public plane: unique and unguessable.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millstream_event::Hash128;
use std::sync::{Mutex, PoisonError};

/// Ids made in one go: many together cost a fraction of as many one by one.
const STOCK: usize = 64;
/// Bytes of an id as text.
const TEXT_BYTES: usize = 22;

/// Draws 128-bit ids: the output of BLAKE3 keyed with 256 random bits over a counter. Each is as
/// unguessable as the key, none repeats within a process, and none costs a system call.
#[derive(Debug)]
pub(super) struct Tokens {
    key: [u8; 32],
    stock: Mutex<Stock>,
}

#[derive(Debug)]
struct Stock {
    made: [[u8; 16]; STOCK],
    drawn: usize,
    fills: u64,
}

impl Stock {
    fn fill(&mut self, key: &[u8; 32]) {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(b"token").update(&self.fills.to_le_bytes());
        hasher.finalize_xof().fill(self.made.as_flattened_mut());
        self.fills += 1;
        self.drawn = 0;
    }
}

impl Tokens {
    /// A generator with a fresh key.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        let empty = Stock { made: [[0; 16]; STOCK], drawn: STOCK, fills: 0 };
        Ok(Self { key, stock: Mutex::new(empty) })
    }

    /// The next 128 bits.
    pub(super) fn draw(&self) -> Hash128 {
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        if stock.drawn == STOCK {
            stock.fill(&self.key);
        }
        stock.drawn += 1;
        Hash128(stock.made[stock.drawn - 1])
    }

    /// The next id as 22 characters of URL-safe base64.
    pub(super) fn draw_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.draw().0)
    }

    /// The same, read as an id of the contract. `None` for one that such texts cannot be.
    pub(super) fn draw_as<Id>(&self, parse: impl FnOnce(&str) -> Option<Id>) -> Option<Id> {
        let mut text = [0; TEXT_BYTES];
        let written = URL_SAFE_NO_PAD.encode_slice(self.draw().0, &mut text).ok()?;
        parse(std::str::from_utf8(&text[..written]).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::EventId;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_are_equal_within_or_across_generators() {
        let (one, other) = (Tokens::new().unwrap(), Tokens::new().unwrap());
        let drawn: BTreeSet<String> =
            (0..1_000).flat_map(|_| [one.draw_text(), other.draw_text()]).collect();
        assert_eq!(drawn.len(), 2_000);
        assert!(drawn.iter().all(|text| text.len() == TEXT_BYTES));
        let id = one.draw_as(EventId::parse).unwrap();
        assert!(id.as_str().len() == TEXT_BYTES && !drawn.contains(id.as_str()));
    }
}

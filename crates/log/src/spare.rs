//! Buffers that were written and can be filled again.
//!
//! A large group is written from the buffer that its caller filled. Freed by the writer and made anew
//! by the caller, each would be fresh memory, which the system has to clear first.

use crate::guard::lock;
use std::sync::Mutex;

/// Buffers kept at most.
const KEPT_MAX: usize = 16;
/// Capacity of the largest buffer that is kept.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// The buffers, the one written last on top: it is the likeliest to be in the caches.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// An empty buffer with room for this many bytes.
    pub(crate) fn take(&self, bytes: usize) -> Vec<u8> {
        let kept = lock(&self.0).pop();
        // One that is too small makes way for one that is not.
        kept.filter(|kept| kept.capacity() >= bytes).unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// Keeps a buffer, emptied, if it is not too large and they are not too many.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut kept = lock(&self.0);
        if kept.len() < KEPT_MAX && buffer.capacity() <= KEPT_BYTES_MAX {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_large_enough_and_are_bounded() {
        let spare = Spare::default();
        spare.give(vec![7; 100]);
        let back = spare.take(80);
        assert!(back.is_empty() && back.capacity() == 100);
        assert!(spare.take(80).capacity() >= 80);
        spare.give(vec![7; 50]);
        assert!(spare.take(80).capacity() >= 80);
        for _ in 0..2 * KEPT_MAX {
            spare.give(Vec::with_capacity(KEPT_BYTES_MAX));
            spare.give(Vec::with_capacity(KEPT_BYTES_MAX + 1));
        }
        let kept = lock(&spare.0);
        assert_eq!(kept.len(), KEPT_MAX);
        assert!(kept.iter().all(|buffer| buffer.capacity() <= KEPT_BYTES_MAX));
    }
}

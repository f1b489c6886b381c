//! Bytes looked at sixteen at a time.

use wide::u8x16;

/// Where in a chunk a string of JSON may end or go wrong, a bit for each byte: quotes, backslashes and
/// control characters.
fn marks(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::new(chunk);
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    (quote | bytes.simd_eq(u8x16::splat(b'\\')) | control).to_bitmask()
}

/// The first quote, backslash or control character at or behind `at`.
#[inline]
pub(crate) fn find_mark(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let found = marks(*chunk);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 16;
    }
    let rest = bytes.get(at..)?;
    let is_mark = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    rest.iter().position(is_mark).map(|offset| at + offset)
}

/// True when a text has to be escaped in JSON.
pub(crate) fn has_mark(bytes: &[u8]) -> bool {
    any(bytes, |chunk| marks(chunk) != 0)
}

/// True when the byte is among them.
pub(crate) fn has(bytes: &[u8], byte: u8) -> bool {
    any(bytes, |chunk| equal(chunk, byte) != 0)
}

/// Where the byte first stands.
pub(crate) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let (chunks, rest) = bytes.as_chunks();
    for (number, chunk) in chunks.iter().enumerate() {
        let found = equal(*chunk, byte);
        if found != 0 {
            return Some(number * 16 + found.trailing_zeros() as usize);
        }
    }
    let before = bytes.len() - rest.len();
    rest.iter().position(|other| *other == byte).map(|offset| before + offset)
}

fn equal(chunk: [u8; 16], byte: u8) -> u32 {
    u8x16::new(chunk).simd_eq(u8x16::splat(byte)).to_bitmask()
}

/// True when `test` holds for some chunk; chunks overlap where their number is not whole.
fn any(bytes: &[u8], test: impl Fn([u8; 16]) -> bool) -> bool {
    let Some(last) = bytes.last_chunk() else {
        return !bytes.is_empty() && test(short(bytes));
    };
    let (chunks, rest) = bytes.as_chunks();
    chunks.iter().any(|chunk| test(*chunk)) || (!rest.is_empty() && test(*last))
}

/// All of fewer than 16 bytes, at least one, some of them more than once.
fn short(bytes: &[u8]) -> [u8; 16] {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let halves = [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
        return (u128::from(halves[0]) | u128::from(halves[1]) << 64).to_le_bytes();
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let [first, last] = [first, last].map(|half| u128::from(u32::from_le_bytes(*half)));
        let half = first | last << 32;
        return (half | half << 64).to_le_bytes();
    }
    let mut all = [bytes.first().copied().unwrap_or_default(); 16];
    for (place, byte) in all.iter_mut().zip(bytes) {
        *place = *byte;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_seen_wherever_it_stands_and_not_where_it_does_not() {
        for length in 0..70 {
            let plain = std::vec![b'x'; length];
            assert!(!has(&plain, b'"') && !has_mark(&plain), "{length}");
            assert_eq!(find_mark(&plain, 0), None, "{length}");
            for at in 0..length {
                for mark in [b'"', b'\\', 0, 0x1f] {
                    let mut bytes = plain.clone();
                    bytes[at] = mark;
                    assert!(has(&bytes, mark) && has_mark(&bytes), "{mark} at {at} of {length}");
                    assert_eq!(find(&bytes, mark), Some(at));
                    assert_eq!(find_mark(&bytes, 0), Some(at));
                    assert_eq!(find_mark(&bytes, at), Some(at));
                    assert_eq!(find_mark(&bytes, at + 1), None);
                }
            }
        }
        assert_eq!(find_mark(b"x", 2), None);
    }

    #[test]
    fn every_byte_is_judged_for_itself() {
        for byte in 0..=u8::MAX {
            let expected = byte < 0x20 || byte == b'"' || byte == b'\\';
            assert_eq!(has_mark(&[byte]), expected, "{byte}");
            assert_eq!(has_mark(&[byte; 16]), expected, "{byte}");
        }
    }
}

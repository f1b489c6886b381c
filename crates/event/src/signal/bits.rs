//! Bits of a text in base64url, most significant first.

use alloc::vec::Vec;

/// Longest text that is read.
pub const TEXT_BYTES_MAX: usize = 16 * 1_024;

/// A reader of bits. Reading past the end gives `None`.
#[derive(Clone, Debug)]
pub struct Bits {
    bytes: Vec<u8>,
    bits: usize,
    at: usize,
}

impl Bits {
    /// Of a text in base64url without padding; `None` when it is none, or too long. A last digit that
    /// is not a whole byte counts with its six bits, as consent frameworks write them.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('=');
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let mut bytes = Vec::with_capacity(text.len() * 3 / 4 + 1);
        let (mut kept, mut count) = (0_u32, 0);
        for digit in text.bytes() {
            kept = kept << 6 | u32::from(value(digit)?);
            count += 6;
            if count >= 8 {
                count -= 8;
                bytes.push((kept >> count) as u8);
                kept &= (1 << count) - 1;
            }
        }
        if count > 0 {
            bytes.push((kept << (8 - count)) as u8);
        }
        Some(Self { bytes, bits: text.len() * 6, at: 0 })
    }

    /// The next bit.
    pub fn bit(&mut self) -> Option<bool> {
        if self.at >= self.bits {
            return None;
        }
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// The next so many bits, at most 64, as a number.
    pub fn number(&mut self, count: usize) -> Option<u64> {
        let mut number = 0;
        for _ in 0..count {
            number = number << 1 | u64::from(self.bit()?);
        }
        Some(number)
    }

    /// A number in Fibonacci coding: a sum of Fibonacci numbers, ended by two ones.
    pub fn fibonacci(&mut self) -> Option<u64> {
        let (mut number, mut before, mut one, mut last) = (0_u64, 1_u64, 1_u64, false);
        loop {
            let bit = self.bit()?;
            if bit && last {
                return Some(number);
            }
            if bit {
                number = number.checked_add(one)?;
            }
            (before, one) = (one, before.checked_add(one)?);
            last = bit;
        }
    }
}

const fn value(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'-' | b'+' => 62,
        b'_' | b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_read_in_order() {
        let mut bits = Bits::of("DBAB").unwrap();
        // 000011 000001 000000 000001
        assert_eq!((bits.number(6), bits.number(6), bits.number(11)), (Some(3), Some(1), Some(0)));
        assert_eq!((bits.bit(), bits.bit()), (Some(true), None));
        assert!(Bits::of("a b").is_none() && Bits::of("").is_none());
        assert!(Bits::of(&"A".repeat(TEXT_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn fibonacci_numbers_add_up() {
        // 011 -> 2, 1011 -> 4, 11 -> 1: 011101111 padded.
        let mut bits = Bits::of("du8").unwrap();
        assert_eq!((bits.fibonacci(), bits.fibonacci()), (Some(2), Some(4)));
        assert!(Bits::of("AAAA").unwrap().fibonacci().is_none());
    }
}

//! The names of members that a format reads.

use alloc::string::String;

/// Buckets that names are spread over: several times their number, so that most other names fall into
/// an empty one.
const BUCKETS: usize = 128;
/// Ends a bucket.
const NONE: u8 = u8::MAX;

/// Names that are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Names<const N: usize> {
    texts: [&'static str; N],
    /// The first name in each bucket, and behind each name the next one of its bucket.
    first: [u8; BUCKETS],
    next: [u8; N],
}

impl<const N: usize> Names<N> {
    /// The names in their order, fewer than 255.
    pub const fn new(texts: [&'static str; N]) -> Self {
        const { assert!(N < NONE as usize, "a place is a byte") };
        let (mut first, mut next) = ([NONE; BUCKETS], [NONE; N]);
        let mut place = N;
        while place > 0 {
            place -= 1;
            let bucket = bucket(texts[place].as_bytes());
            next[place] = first[bucket];
            first[bucket] = place as u8;
        }
        Self { texts, first, next }
    }

    /// Which of the names it is.
    #[inline]
    pub fn place_of(&self, name: &[u8]) -> Option<usize> {
        let mut place = self.first[bucket(name)];
        while let Some(text) = self.texts.get(usize::from(place)) {
            if text.as_bytes() == name {
                return Some(usize::from(place));
            }
            place = self.next[usize::from(place)];
        }
        None
    }

    /// As [`Self::place_of`], of a name as it stands in JSON, between its quotes. `Some(None)` for
    /// another one, `None` for escapes that are no text.
    #[inline]
    pub fn find(&self, name: &[u8], escaped: bool) -> Option<Option<usize>> {
        if escaped { self.find_escaped(name) } else { Some(self.place_of(name)) }
    }

    fn find_escaped(&self, name: &[u8]) -> Option<Option<usize>> {
        let inner = core::str::from_utf8(name).ok()?;
        let name: String = serde_json::from_str(&alloc::format!("\"{inner}\"")).ok()?;
        Some(self.place_of(name.as_bytes()))
    }
}

/// By the length, the first and the last letter.
const fn bucket(name: &[u8]) -> usize {
    match name {
        [] => 0,
        [first, .., last] => (*first as usize * 5 + *last as usize * 3 + name.len() * 7) % BUCKETS,
        [only] => *only as usize % BUCKETS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_among_others_of_its_bucket() {
        const TEXTS: [&str; 6] = ["name", "nose", "event", "", "n", "nne"];
        let names = Names::new(TEXTS);
        for (place, name) in TEXTS.into_iter().enumerate() {
            assert_eq!(names.place_of(name.as_bytes()), Some(place), "{name}");
        }
        let long = std::format!("n{}e", "x".repeat(256));
        for other in ["nxxe", "note", "Event", "na", "m", long.as_str()] {
            assert_eq!(names.place_of(other.as_bytes()), None, "{other}");
        }
        assert_eq!(names.find(br"nam\u0065", true), Some(Some(0)));
        assert_eq!(names.find(br"nam\u0066", true), Some(None));
        assert_eq!(names.find(br"nam\ud800", true), None);
    }
}

//! Reading objects of JSON that is known to be well formed: no second check, only finding.
//!
//! On any other text the answers mean nothing, but nothing worse happens.

use alloc::string::String;

/// Names that are looked for, each with what tells most names apart: its first letter and its length.
#[derive(Clone, Copy, Debug)]
pub struct Names<const N: usize> {
    texts: [&'static str; N],
    marks: [u16; N],
}

impl<const N: usize> Names<N> {
    /// The names in their order.
    pub const fn new(texts: [&'static str; N]) -> Self {
        let mut marks = [0; N];
        let mut place = 0;
        while place < N {
            marks[place] = mark(texts[place]);
            place += 1;
        }
        Self { texts, marks }
    }

    /// Which of the names it is.
    fn place_of(&self, name: &str) -> Option<usize> {
        let wanted = mark(name);
        let mut marked = self.marks.iter().enumerate().filter(|(_, mark)| **mark == wanted);
        marked.find(|(place, _)| self.texts[*place] == name).map(|(place, _)| place)
    }
}

const fn mark(name: &str) -> u16 {
    match name.as_bytes() {
        [] => 0,
        [first, ..] => u16::from_le_bytes([*first, name.len() as u8]),
    }
}

/// The values of `names` in the object `text`, in the order of `names`; `null` counts as absent,
/// the last of a repeated name counts. `None` when `text` is no object, or a name with escapes is
/// no text.
pub fn read<'a, const N: usize>(text: &'a str, names: &Names<N>) -> Option<[Option<&'a str>; N]> {
    let mut slots = [None; N];
    read_at(text, skip_space(text.as_bytes(), 0), names, &mut |place, at| {
        let end = skip_value(text.as_bytes(), at)?;
        slots[place] = present(text.get(at..end)?);
        Some(end)
    })?;
    Some(slots)
}

/// Goes through the object at `at` of `text` and has `take` read the values of `names`, which is told
/// which name it is and where the value begins, and says where it ends. The place behind the object;
/// `None` as [`read`].
pub fn read_at<const N: usize>(
    text: &str,
    at: usize,
    names: &Names<N>,
    take: &mut impl FnMut(usize, usize) -> Option<usize>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut at = skip_space(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        let name_end = skip_string(bytes, at)?;
        let place = place_of(text.get(at..name_end)?, names)?;
        at = skip_space(bytes, name_end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(bytes, at + 1);
        at = match place {
            Some(place) => take(place, at)?,
            None => skip_value(bytes, at)?,
        };
        at = skip_space(bytes, at);
        match bytes.get(at)? {
            b',' => at = skip_space(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The value, unless it stands for none.
pub fn present(value: &str) -> Option<&str> {
    Some(value).filter(|value| *value != "null")
}

/// Which of `names` the quoted name is: `Some(None)` for another one, `None` for no text at all.
fn place_of<const N: usize>(quoted: &str, names: &Names<N>) -> Option<Option<usize>> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    let place = names.place_of(inner);
    if place.is_none() && inner.as_bytes().contains(&b'\\') {
        let name: String = serde_json::from_str(quoted).ok()?;
        return Some(names.place_of(&name));
    }
    Some(place)
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The place behind the string that starts at `at`.
fn skip_string(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        at = find_quote_or_escape(bytes, at)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The next `"` or `\`, eight bytes at a time.
fn find_quote_or_escape(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let found = zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|offset| at + offset)
}

/// The place behind the value that starts at `at`.
pub fn skip_value(bytes: &[u8], mut at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => return skip_string(bytes, at),
        b'{' | b'[' => {}
        _ => {
            let rest = bytes.get(at..)?;
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            return Some(at + rest.iter().position(ends).unwrap_or(rest.len()));
        }
    }
    let mut depth = 0usize;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = skip_string(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::members;
    use proptest::prelude::*;

    #[test]
    fn finds_what_the_checking_reader_finds() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":1}"#,
            r#"{"a": {"b": "}"}, "b" : [1,"]",{"a":2}] , "a":"x\"y\\","\u0063":true}"#,
            r#"{"a":null,"b":-1.5e3 ,"c":"0123456789abcdef\"0123456789"}"#,
        ] {
            let names = ["a", "b", "c"];
            let found = read(text, &Names::new(names));
            assert_eq!(found, members::check(text, &names).ok(), "{text}");
        }
        assert_eq!(read("[]", &Names::new(["a"])), None);
        assert_eq!(read(r#"{"\ud800":1}"#, &Names::new(["a"])), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_checking_reader(text in r#"\{("[ab\\"]{0,3}":("x\\"|[ab]|[\[{]|[\]}]|,| |1|null){0,4},?){0,4}\}?"#) {
            let names = ["a", "b"];
            let found = read(&text, &Names::new(names));
            if let Ok(checked) = members::check(&text, &names) {
                prop_assert_eq!(found, Some(checked));
            }
        }

        #[test]
        fn takes_any_text(text in "\\PC{0,40}") {
            let _ = read(&text, &Names::new(["a"]));
        }
    }
}

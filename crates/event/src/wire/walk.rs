//! One pass over a JSON text that checks its form (RFC 8259) and tells where its values stand.
//!
//! A batch is a quarter of its cost to a parser that checks, and then has to be gone through again for
//! what its events say. Here whoever checks the text is told of each member on the way. A test holds
//! what is accepted equal to `serde_json`, which also words the refusal of what is not.

use crate::sixteen::find_mark;
use alloc::vec::Vec;

/// Where a string stands, without its quotes.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    /// Behind the first quote.
    pub begin: usize,
    /// Before the last quote.
    pub end: usize,
    /// It holds escapes.
    pub escaped: bool,
}

/// A place in a text, and what has been counted up to there. Every step is `None` where the text is
/// not JSON; what was learnt before then means nothing.
#[derive(Debug)]
pub struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The containers that are open in the value being skipped: true for objects.
    open: Vec<bool>,
    /// Deepest nesting of containers since the last [`Walk::begin`].
    pub deepest: usize,
    /// Members of objects since the last [`Walk::begin`].
    pub named: usize,
}

impl<'a> Walk<'a> {
    /// Before the first value of a text.
    pub fn new(text: &'a str) -> Self {
        let mut walk =
            Self { bytes: text.as_bytes(), at: 0, open: Vec::new(), deepest: 0, named: 0 };
        walk.space();
        walk
    }

    /// Where it stands: at the first byte of a value, or behind the last one.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The byte at which it stands.
    pub fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Counts from here on.
    pub const fn begin(&mut self) {
        self.deepest = 0;
        self.named = 0;
    }

    /// Nothing but space is left.
    pub fn end(&mut self) -> Option<()> {
        self.space();
        (self.at == self.bytes.len()).then_some(())
    }

    /// Goes through the members of the object it stands at, the `depth`th around it. `visit` is told
    /// where the name stands, and has to go past the value.
    pub fn members(
        &mut self,
        depth: usize,
        visit: &mut impl FnMut(&mut Self, Quoted) -> Option<()>,
    ) -> Option<()> {
        self.deepest = self.deepest.max(depth);
        self.pass(b'{')?;
        self.space();
        if self.take(b'}') {
            return Some(());
        }
        loop {
            let name = self.name()?;
            visit(self, name)?;
            self.space();
            if self.take(b'}') {
                return Some(());
            }
            self.pass(b',')?;
            self.space();
        }
    }

    /// Goes through the elements of the array it stands at; `visit` has to go past each.
    pub fn elements(&mut self, visit: &mut impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.pass(b'[')?;
        self.space();
        if self.take(b']') {
            return Some(());
        }
        loop {
            visit(self)?;
            self.space();
            if self.take(b']') {
                return Some(());
            }
            self.pass(b',')?;
            self.space();
        }
    }

    /// Goes past a value inside `depth` containers. Depth costs no stack.
    pub fn skip(&mut self, depth: usize) -> Option<()> {
        self.open.clear();
        loop {
            match self.byte()? {
                b'{' => {
                    self.at += 1;
                    self.space();
                    self.open.push(true);
                    self.deepest = self.deepest.max(depth + self.open.len());
                    if self.byte()? != b'}' {
                        self.name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.space();
                    self.open.push(false);
                    self.deepest = self.deepest.max(depth + self.open.len());
                    if self.byte()? != b']' {
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            if self.close()? {
                return Some(());
            }
        }
    }

    /// Closes what ends behind a value that was skipped, up to the next one; true when all is closed.
    fn close(&mut self) -> Option<bool> {
        while let Some(object) = self.open.last().copied() {
            self.space();
            match (self.byte()?, object) {
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    self.open.pop();
                }
                (b',', true) => {
                    self.at += 1;
                    self.space();
                    self.name()?;
                    return Some(false);
                }
                (b',', false) => {
                    self.at += 1;
                    self.space();
                    return Some(false);
                }
                _ => return None,
            }
        }
        Some(true)
    }

    /// A member's name and colon, up to its value.
    fn name(&mut self) -> Option<Quoted> {
        let name = self.string()?;
        self.named += 1;
        self.space();
        self.pass(b':')?;
        self.space();
        Some(name)
    }

    fn scalar(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' => self.string().map(|_| ()),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, text: &[u8]) -> Option<()> {
        let found = self.bytes.get(self.at..)?.starts_with(text);
        self.at += text.len();
        found.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    #[inline]
    fn string(&mut self) -> Option<Quoted> {
        self.pass(b'"')?;
        let (begin, end) = (self.at, find_mark(self.bytes, self.at)?);
        if self.bytes.get(end) != Some(&b'"') {
            return self.escaped_string(begin, end);
        }
        self.at = end + 1;
        Some(Quoted { begin, end, escaped: false })
    }

    /// The rest of a string that holds a backslash, or what it must not hold, at `end`.
    #[cold]
    fn escaped_string(&mut self, begin: usize, mut end: usize) -> Option<Quoted> {
        loop {
            self.at = end + 1;
            match self.bytes.get(end)? {
                b'"' => return Some(Quoted { begin, end, escaped: true }),
                b'\\' => self.escape()?,
                _ => return None,
            }
            end = find_mark(self.bytes, self.at)?;
        }
    }

    /// Behind a backslash. Whether four digits name a character is for whoever decodes them.
    fn escape(&mut self) -> Option<()> {
        let length = match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' => {
                let digits = self.bytes.get(self.at + 1..self.at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(5)?
            }
            _ => return None,
        };
        self.at += length;
        Some(())
    }

    #[inline]
    fn space(&mut self) {
        // Hardly any client sends spaces between the parts of its JSON.
        if self.byte().is_none_or(|byte| byte > b' ') {
            return;
        }
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn pass(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn accepted(text: &str) -> bool {
        let mut walk = Walk::new(text);
        walk.skip(0).and_then(|()| walk.end()).is_some()
    }

    fn serde_accepts(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn every_byte_in_every_place_is_judged_as_serde_does() {
        let text = r#" {"a\u00e9\n":[0,-1.5e+3,{"":null}, [],"0123456789abcdef"] , "b" : {"c":true,"d":{}},"e":false} "#;
        assert!(accepted(text));
        for at in 0..text.len() {
            for byte in 0..=0x7f_u8 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = byte;
                let changed = core::str::from_utf8(&bytes).unwrap();
                assert_eq!(accepted(changed), serde_accepts(changed), "{changed}");
            }
            assert_eq!(accepted(&text[..at]), serde_accepts(&text[..at]), "{}", &text[..at]);
            let without = std::format!("{}{}", &text[..at], &text[at + 1..]);
            assert_eq!(accepted(&without), serde_accepts(&without), "{without}");
        }
    }

    #[test]
    fn numbers_and_literals_are_judged_as_serde_does() {
        for text in [
            "0",
            "-0",
            "00",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1.5",
            "1e",
            "1e5",
            "1E+05",
            "1e-",
            "1.e5",
            "--1",
            "0x1",
            "1 2",
            "tru",
            "true",
            "truex",
            "nul",
            "nullnull",
            "NaN",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\u12\"",
            "\"",
            "\"\\\"",
            "\u{7f}",
            "\"\u{7f}é\"",
            "",
        ] {
            assert_eq!(accepted(text), serde_accepts(text), "{text}");
        }
    }

    #[test]
    fn depth_is_counted_and_costs_no_stack() {
        let deep = std::format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let mut walk = Walk::new(&deep);
        assert_eq!(walk.skip(1).map(|()| walk.deepest), Some(100_001));
    }

    proptest! {
        #[test]
        fn any_text_of_the_right_letters_is_judged_as_serde_does(text in r#"([\[\]{}:," \\]|true|null|"a"|"[a-z\\"]{0,10}"|-?[0-9.eE+-]{1,3}){0,12}"#) {
            prop_assert_eq!(accepted(&text), serde_accepts(&text));
        }

        #[test]
        fn any_text_at_all_is_judged_as_serde_does(text in "\\PC{0,40}") {
            prop_assert_eq!(accepted(&text), serde_accepts(&text));
        }
    }
}

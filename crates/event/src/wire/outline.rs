//! Where the members of an object stand in its text: values stay text until someone needs them.

use super::names::Names;
use super::walk::{Quoted, Walk};
use alloc::vec::Vec;

/// Objects nested deeper than this are one value without members: no format reads so far down.
const DEPTH_MAX: usize = 4;

/// A member, by places in the text of the outermost object.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The name, without its quotes.
    name: [u32; 2],
    /// The name holds escapes.
    escaped: bool,
    /// The value.
    value: [u32; 2],
    /// How many of the members behind this one stand inside its value.
    inside: u32,
}

/// Goes past the value at which `walk` stands, and adds its members, and those of objects in it, to
/// `members`. Places are counted from the value's first byte, in 32 bits: of a text of more than 4 GiB the
/// answers mean nothing, but nothing worse happens.
pub fn outline(walk: &mut Walk<'_>, members: &mut Vec<Member>) -> Option<()> {
    walk.begin();
    Outline { from: walk.at(), members }.value(walk, 1)
}

struct Outline<'m> {
    from: usize,
    members: &'m mut Vec<Member>,
}

impl Outline<'_> {
    fn value(&mut self, walk: &mut Walk<'_>, depth: usize) -> Option<()> {
        if walk.byte() != Some(b'{') || depth > DEPTH_MAX {
            return walk.skip(depth - 1);
        }
        walk.members(depth, &mut |walk, Quoted { begin, end, escaped }| {
            let index = self.members.len();
            let name = [self.place(begin), self.place(end)];
            let begin = self.place(walk.at());
            self.members.push(Member { name, escaped, value: [begin, begin], inside: 0 });
            self.value(walk, depth + 1)?;
            let (end, inside) = (self.place(walk.at()), self.members.len() - index - 1);
            let member = self.members.get_mut(index)?;
            member.value[1] = end;
            member.inside = inside as u32;
            Some(())
        })
    }

    const fn place(&self, at: usize) -> u32 {
        (at - self.from) as u32
    }
}

/// An object whose members are known.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// The text of the outermost object.
    text: &'a str,
    members: &'a [Member],
}

/// Stands for a name that the object does not have.
const ABSENT: u32 = u32::MAX;

impl<'a> Object<'a> {
    /// An outermost object by its text and its outline.
    pub const fn new(text: &'a str, members: &'a [Member]) -> Self {
        Self { text, members }
    }

    /// The values of `names`, the last of a repeated name. `None` when a name with escapes is no text.
    pub fn read<const N: usize>(self, names: &Names<N>) -> Option<Found<'a, N>> {
        let mut places = [ABSENT; N];
        let mut at = 0;
        while let Some(member) = self.members.get(at) {
            let [begin, end] = member.name.map(|place| place as usize);
            let name = self.text.as_bytes().get(begin..end)?;
            if let Some(place) = names.find(name, member.escaped)? {
                places[place] = at as u32;
            }
            at += 1 + member.inside as usize;
        }
        Some(Found { object: self, places })
    }
}

/// The values that were found in an object, by the order of the names.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a, const N: usize> {
    object: Object<'a>,
    places: [u32; N],
}

impl<'a, const N: usize> Found<'a, N> {
    /// No object, nothing found.
    pub const NONE: Self = Self { object: Object { text: "", members: &[] }, places: [ABSENT; N] };

    /// The text of a value; `null` counts as absent.
    pub fn get(&self, place: usize) -> Option<&'a str> {
        let member = self.member(place)?;
        slice(self.object.text, member.value).filter(|value| *value != "null")
    }

    /// True when the name is there, whatever its value.
    pub fn has(&self, place: usize) -> bool {
        self.member(place).is_some()
    }

    /// The texts of all values.
    pub fn all(&self) -> [Option<&'a str>; N] {
        core::array::from_fn(|place| self.get(place))
    }

    /// A value that is an object.
    pub fn object(&self, place: usize) -> Option<Object<'a>> {
        self.get(place).filter(|text| text.starts_with('{'))?;
        let (begin, member) = (self.places[place] as usize + 1, self.member(place)?);
        let members = self.object.members.get(begin..begin + member.inside as usize)?;
        Some(Object { text: self.object.text, members })
    }

    /// What is found of `names` in a value, nothing if it is no object. `None` when a name in it is
    /// no text.
    pub fn inner<const M: usize>(&self, place: usize, names: &Names<M>) -> Option<Found<'a, M>> {
        self.object(place).map_or(Some(Found::NONE), |object| object.read(names))
    }

    fn member(&self, place: usize) -> Option<&'a Member> {
        self.object.members.get(self.places[place] as usize)
    }
}

fn slice(text: &str, [begin, end]: [u32; 2]) -> Option<&str> {
    text.get(begin as usize..end as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::members;
    use alloc::string::String;
    use proptest::prelude::*;

    fn read<const N: usize>(text: &str, names: [&'static str; N]) -> Option<Vec<Option<String>>> {
        let (mut walk, mut found) = (Walk::new(text), Vec::new());
        let begin = walk.at();
        outline(&mut walk, &mut found)?;
        let object = Object::new(&text[begin..walk.at()], &found);
        walk.end()?;
        let found = object.read(&Names::new(names))?;
        Some(found.all().into_iter().map(|value| value.map(Into::into)).collect())
    }

    fn checked<const N: usize>(
        text: &str,
        names: [&'static str; N],
    ) -> Option<Vec<Option<String>>> {
        let found = members::check(text, &names).ok()?;
        Some(found.into_iter().map(|value| value.map(Into::into)).collect())
    }

    #[test]
    fn finds_what_the_checking_reader_finds() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":1}"#,
            r#"{"a": {"b": "}"}, "b" : [1,"]",{"a":2}] , "a":"x\"y\\","\u0063":true}"#,
            r#"{"a":null,"b":-1.5e3 ,"c":"0123456789abcdef\"0123456789"}"#,
            r#"{"a":{"a":{"a":{"a":{"a":{"b":1}}}}},"b":2}"#,
            r#"{"\ud800":1}"#,
            r#"{"a":1"#,
        ] {
            assert_eq!(read(text, ["a", "b", "c"]), checked(text, ["a", "b", "c"]), "{text}");
        }
    }

    #[test]
    fn inner_objects_are_read_as_far_as_they_are_outlined() {
        let text = r#"{"x":[{"a":0}],"a":{"n":1,"a":{"a":{"a":{"a":5}}}},"b":7}"#;
        let (mut walk, mut found) = (Walk::new(text), Vec::new());
        outline(&mut walk, &mut found).unwrap();
        assert_eq!((walk.deepest, walk.named), (5, 9));
        let names = Names::new(["a", "b", "n"]);
        let mut object = Object::new(text, &found);
        for (n, b) in [(None, Some("7")), (Some("1"), None), (None, None), (None, None)] {
            let values = object.read(&names).unwrap();
            assert_eq!((values.get(2), values.get(1)), (n, b));
            object = values.object(0).unwrap();
        }
        assert_eq!(object.read(&names).unwrap().all(), [None; 3], "too deep to be outlined");
    }

    proptest! {
        #[test]
        fn agrees_with_the_checking_reader(text in r#"\{("[ab\\"]{0,3}":("x\\"|[ab]|[\[{]|[\]}]|,| |1|null){0,4},?){0,4}\}?"#) {
            prop_assert_eq!(read(&text, ["a", "b"]), checked(&text, ["a", "b"]));
        }
    }
}

//! A request's head, whoever read it: the HTTP library, or the express counter.

use super::express::head::NarrowHead;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

/// A head.
#[derive(Clone, Copy)]
pub(super) enum Head<'a> {
    /// Read by the HTTP library.
    Full(&'a Parts),
    /// Read at the express counter: a `GET` without a body.
    Narrow(NarrowHead<'a>),
}

impl<'a> Head<'a> {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Full(parts) => parts.method.clone(),
            Self::Narrow(_) => Method::GET,
        }
    }

    pub(super) fn query(self) -> &'a str {
        match self {
            Self::Full(parts) => parts.uri.query().unwrap_or_default(),
            Self::Narrow(head) => head.query,
        }
    }

    /// The authority in the request's target, where there is one.
    pub(super) fn authority(self) -> Option<&'a str> {
        match self {
            Self::Full(parts) => parts.uri.authority().map(|host| host.as_str()),
            Self::Narrow(_) => None,
        }
    }

    pub(super) const fn headers(self) -> Headers<'a> {
        match self {
            Self::Full(parts) => Headers::Map(&parts.headers),
            Self::Narrow(head) => Headers::List(head.headers),
        }
    }
}

/// The headers of a request.
#[derive(Clone, Copy)]
pub(super) enum Headers<'a> {
    /// With hashed names.
    Map(&'a HeaderMap),
    /// As they came.
    List(&'a [httparse::Header<'a>]),
}

impl<'a> Headers<'a> {
    /// The values of a header, in their order.
    pub(super) fn all(self, name: &'static str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let (map, list) = match self {
            Self::Map(map) => (Some(map.get_all(name).into_iter()), None),
            Self::List(list) => (None, Some(list)),
        };
        let listed = list.unwrap_or_default().iter();
        let named = listed.filter(move |header| header.name.eq_ignore_ascii_case(name));
        let mapped = map.into_iter().flatten().map(HeaderValue::as_bytes);
        mapped.chain(named.map(|header| header.value))
    }

    /// A header's first value.
    pub(super) fn first(self, name: &'static str) -> Option<&'a [u8]> {
        match self {
            Self::Map(map) => map.get(name).map(HeaderValue::as_bytes),
            Self::List(list) => {
                let named = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
                list.iter().find(named).map(|header| header.value)
            }
        }
    }
}

/// A header's value as text, when it holds visible ASCII, spaces and tabs alone.
pub(super) fn plain_text(value: &[u8]) -> Option<&str> {
    let plain = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    if plain { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_headers_answer_alike() {
        let sent: [(&str, &[u8]); 4] =
            [("cookie", b"a=1"), ("accept", b"\xfc"), ("cookie", b"b=2"), ("x-moz", b"")];
        let mut map = HeaderMap::new();
        for (name, value) in sent {
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let list = sent.map(|(name, value)| httparse::Header { name, value });
        let upper = [httparse::Header { name: "COOKIE", value: b"c" }];
        assert_eq!(Headers::List(&upper).first("cookie"), Some(&b"c"[..]));
        for name in ["cookie", "accept", "x-moz", "host"] {
            let (map, list) = (Headers::Map(&map), Headers::List(&list));
            assert_eq!(map.first(name), list.first(name), "{name}");
            assert!(map.all(name).eq(list.all(name)), "{name}");
            assert!(map.all(name).rev().eq(list.all(name).rev()), "{name}");
        }
    }

    #[test]
    fn plain_text_is_what_the_http_library_takes_for_it() {
        for byte in 0..=255 {
            let text = [b'a', byte];
            let Ok(value) = HeaderValue::from_bytes(&text) else { continue };
            assert_eq!(plain_text(&text), value.to_str().ok(), "{byte}");
        }
    }
}

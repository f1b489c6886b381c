//! Which requests are narrow enough for the express counter.

use std::mem::MaybeUninit;

/// Headers of a narrow request.
pub const HEADERS_MAX: usize = 64;

/// Room for the headers of one head.
pub type Room<'a> = [MaybeUninit<httparse::Header<'a>>; HEADERS_MAX];

/// Headers that change how a connection or an answer goes on, and how we answer.
const WIDE: [&str; 9] = [
    "content-length",
    "expect",
    "http2-settings",
    "origin",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The head of a `GET /r/...` without a body.
#[derive(Clone, Copy, Debug)]
pub struct NarrowHead<'a> {
    /// What follows `/r/`, without the query.
    pub slug: &'a str,
    /// The query without its `?`.
    pub query: &'a str,
    /// The headers as they came.
    pub headers: &'a [httparse::Header<'a>],
}

/// Room for [`read`].
#[must_use]
pub const fn room<'a>() -> Room<'a> {
    [const { MaybeUninit::uninit() }; HEADERS_MAX]
}

/// The head that `bytes` begin with and its length, when it is whole and narrow. Where the HTTP
/// library could see anything else in it, there is none.
pub fn read<'a>(bytes: &'a [u8], room: &'a mut Room<'a>) -> Option<(NarrowHead<'a>, usize)> {
    // Nothing else needs to be looked at closely.
    if !bytes.starts_with(b"GET /r/") {
        return None;
    }
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(bytes, room).ok()?;
    let httparse::Status::Complete(length) = parsed else { return None };
    let target = request.path?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let slug = path.strip_prefix("/r/")?;
    let plain = request.version == Some(1) && target.bytes().all(is_plain);
    let headers: &'a [httparse::Header<'a>] = request.headers;
    (plain && !headers.iter().any(is_wide)).then_some((NarrowHead { slug, query, headers }, length))
}

/// Bytes of a target that stand for themselves in every reading of it.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'/'
                | b'?'
                | b'&'
                | b'='
                | b'%'
                | b'+'
                | b':'
                | b'@'
                | b','
        )
}

fn is_wide(header: &httparse::Header<'_>) -> bool {
    if header.name.eq_ignore_ascii_case("connection") {
        return !header.value.eq_ignore_ascii_case(b"keep-alive");
    }
    WIDE.iter().any(|name| header.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue, Uri};
    use proptest::prelude::*;

    fn narrow(text: &str) -> bool {
        read(text.as_bytes(), &mut room()).is_some()
    }

    #[test]
    fn what_browsers_send_is_narrow_and_what_asks_for_more_is_not() {
        let with = |headers: &str| narrow(&format!("GET /r/a HTTP/1.1\r\n{headers}\r\n"));
        assert!(with("") && with("Host: a\r\nConnection: Keep-Alive\r\nCookie: a=b\r\n"));
        for name in WIDE.into_iter().chain(["connection"]) {
            assert!(!with(&format!("{name}: 0\r\n")), "{name}");
            assert!(!with(&format!("Host: a\r\n{}: x\r\n", name.to_uppercase())), "{name}");
        }
        assert!(with(&"a: b\r\n".repeat(HEADERS_MAX)));
        assert!(!with(&"a: b\r\n".repeat(HEADERS_MAX + 1)));
        for line in [
            "GET /r/a HTTP/1.0",
            "HEAD /r/a HTTP/1.1",
            "GET /R/a HTTP/1.1",
            "GET http://a/r/a HTTP/1.1",
            "GET /r/a#b HTTP/1.1",
            "GET /r/\u{e4} HTTP/1.1",
            "GET  /r/a HTTP/1.1",
            "GET /r/a",
        ] {
            assert!(!narrow(&format!("{line}\r\n\r\n")), "{line}");
        }
        assert!(!narrow("GET /r/a HTTP/1.1\r\nhost: a\r\n"), "not whole");
        assert!(!with("a\r\n") && !with("a : b\r\n") && !with("a: b\0\r\n"), "broken");
    }

    #[test]
    fn slug_query_and_length_are_told() {
        let text = b"GET /r/spring/x?a=1?b HTTP/1.1\r\nHost: a\r\n\r\nGET /";
        let mut room = room();
        let (head, length) = read(text, &mut room).unwrap();
        assert_eq!((head.slug, head.query, length), ("spring/x", "a=1?b", text.len() - 5));
        assert_eq!((head.headers[0].name, head.headers[0].value), ("Host", &b"a"[..]));
    }

    proptest! {
        #[test]
        fn the_http_library_reads_the_same(
            target in "[a-z0-9?&=%#/ \"<>\\\\\\[\\]^`{|}\u{7f}\u{e4}.:@,+~!$'()*;-]{0,12}",
            name in "[A-Za-z0-9 :_!-]{0,6}", value in "[ -~\t\u{e4}\u{1}]{0,8}",
        ) {
            let text = format!("GET /r/{target} HTTP/1.1\r\n{name}: {value}\r\n\r\n");
            let mut room = room();
            if let Some((head, length)) = read(text.as_bytes(), &mut room) {
                prop_assert_eq!(length, text.len());
                let uri: Uri = format!("/r/{target}").parse().unwrap();
                prop_assert_eq!(uri.path(), format!("/r/{}", head.slug));
                prop_assert_eq!(uri.query().unwrap_or_default(), head.query);
                for header in head.headers {
                    prop_assert!(HeaderName::from_bytes(header.name.as_bytes()).is_ok());
                    prop_assert!(HeaderValue::from_bytes(header.value).is_ok());
                }
            }
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let whole = [b"GET /r/", &*bytes].concat();
            let _ = read(&whole, &mut room());
        }
    }
}

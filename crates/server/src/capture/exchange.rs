//! One request: who sent it, what its head says, and how long it has taken.

use super::clients::{self, Hold};
use super::head::{Head, plain_text};
use super::plane::Plane;
use super::refusal::Refusal;
use super::sources::key_of_authorization;
use super::stopwatch::Stopwatch;
use super::trace::Trace;
use millstream_event::{SourceId, Timestamp};
use std::borrow::Cow;
use std::net::IpAddr;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// Its address.
    pub(super) address: IpAddr,
    /// True when the connection is encrypted by us.
    pub(super) tls: bool,
}

/// A request in progress.
pub(super) struct Exchange<'a> {
    pub(super) plane: &'a Plane,
    pub(super) peer: Peer,
    pub(super) head: Head<'a>,
    /// When the head was read.
    pub(super) started: Timestamp,
    pub(super) stopwatch: Stopwatch,
    pub(super) trace: Option<Trace>,
}

/// Longest `User-Agent` kept, as the contract says.
const USER_AGENT_BYTES_MAX: usize = 512;

impl<'a> Exchange<'a> {
    pub(super) fn begin(plane: &'a Plane, peer: Peer, head: Head<'a>) -> Self {
        let stopwatch = Stopwatch::start();
        let trace = head
            .headers()
            .first("traceparent")
            .and_then(plain_text)
            .and_then(|value| Trace::continued(value, &plane.tokens));
        let started = plane.clock.at(stopwatch.started());
        Self { plane, peer, head, started, stopwatch, trace }
    }

    /// A header's first value as text.
    pub(super) fn header(&self, name: &'static str) -> Option<&'a str> {
        std::str::from_utf8(self.head.headers().first(name)?).ok()
    }

    /// The client's address: believed through trusted proxies only.
    pub(super) fn client(&self) -> IpAddr {
        let trusted = &self.plane.options.trusted_proxies;
        clients::address(self.peer.address, self.head.headers(), trusted)
    }

    /// True when the visitor's side of the connection is encrypted, by us or by a trusted proxy.
    pub(super) fn secure(&self) -> bool {
        let forwarded = || {
            self.plane.options.trusted_proxies.contains(&self.peer.address)
                && self.header("x-forwarded-proto") == Some("https")
        };
        self.peer.tls || forwarded()
    }

    /// Every cookie. HTTP/2 clients may send each in a header of its own.
    pub(super) fn cookies(&self) -> Cow<'a, str> {
        let mut values = self.head.headers().all("cookie").filter_map(plain_text);
        let Some(first) = values.next() else { return Cow::Borrowed("") };
        let Some(second) = values.next() else { return Cow::Borrowed(first) };
        let mut joined = format!("{first}; {second}");
        for value in values {
            joined.push_str("; ");
            joined.push_str(value);
        }
        Cow::Owned(joined)
    }

    /// The source that the request's key belongs to. SDKs put it in the header, the query or the
    /// body, some a token of their own beside it: any one that is known will do.
    pub(super) fn source(&self, in_body: Option<&str>) -> Result<SourceId, Refusal> {
        let in_header = self.header("authorization").and_then(key_of_authorization);
        let in_query = || self.query_value("writeKey");
        let sources = &self.plane.sources;
        sources
            .find(in_header.as_deref())
            .or_else(|_| sources.find(in_body))
            .or_else(|_| sources.find(in_query().as_deref()))
    }

    /// Counts the request among those its client has in progress.
    pub(super) fn hold_client(&self) -> Result<Hold, Refusal> {
        let limit = self.plane.options.limits.requests_per_client;
        self.plane.requests_of.hold(self.client()).ok_or(Refusal::ClientBusy(limit))
    }

    /// The agent that sent the request, cut to what the contract keeps.
    pub(super) fn user_agent(&self) -> Option<&'a str> {
        self.header("user-agent").map(|agent| cut(agent, USER_AGENT_BYTES_MAX))
    }

    /// Country of the client address.
    pub(super) fn country(&self) -> Option<Box<str>> {
        (self.plane.parts.places.country)(self.client())
    }

    /// The authority that the client addressed.
    pub(super) fn host(&self) -> Option<&'a str> {
        self.header("host").or_else(|| self.head.authority())
    }

    /// True when the browser says that nobody looks at the page yet.
    pub(super) fn is_preview(&self) -> bool {
        ["purpose", "sec-purpose", "x-purpose", "x-moz"].iter().any(|name| {
            self.header(name).is_some_and(|value| {
                let value = value.to_ascii_lowercase();
                ["prefetch", "prerender", "preview"].iter().any(|word| value.contains(word))
            })
        })
    }

    /// Decoded query parameters in their order.
    pub(super) fn query(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        pairs(self.head.query())
    }

    /// The first query parameter with this name.
    pub(super) fn query_value(&self, name: &str) -> Option<Cow<'a, str>> {
        // Most redirects have none, and are asked for many.
        if self.head.query().is_empty() {
            return None;
        }
        self.query().find(|(found, _)| found == name).map(|(_, value)| value)
    }
}

/// Text cut to at most `bytes_max` bytes at a character boundary.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Pairs of an `application/x-www-form-urlencoded` text.
fn pairs(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
        Cow::Owned(decoded.into_owned())
    } else {
        percent_encoding::percent_decode_str(text).decode_utf8_lossy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_forms() {
        let found: Vec<_> = pairs("a=1&b=x+y%26z&&c&d=%ff=").collect();
        let expected = [("a", "1"), ("b", "x y&z"), ("c", ""), ("d", "\u{fffd}=")];
        assert!(found.iter().map(|(name, value)| (&**name, &**value)).eq(expected));
    }

    #[test]
    fn cutting_keeps_characters_whole() {
        assert_eq!(cut("aäb", 2), "a");
        assert_eq!(cut("aäb", 3), "aä");
        assert_eq!(cut("ab", 5), "ab");
    }
}

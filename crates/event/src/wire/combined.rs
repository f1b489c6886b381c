//! Web-server access logs in the combined format:
//! `address ident user [time] "request" status bytes "referrer" "agent"`.
//!
//! A line is accepted when it matches whole. Inside quotes `\"` and `\\` are escapes. Bytes that
//! are no UTF-8 become U+FFFD in what is stored, while the event's id is made from the line's own
//! bytes.

use super::landing::{self, Landing, set_landing};
use super::members;
use super::receipt::{Fault, Outcome, Parsed, Receipt};
use crate::envelope::{EventKind, Surface};
use crate::hash::Hash128;
use crate::ids::{AnonymousId, EventId};
use crate::json::RawJson;
use crate::quarantine::{Quarantine, QuarantineReason};
use crate::time::Timestamp;
use crate::url::{Address, plain_host};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;

/// Paths that end in one of these are no page views.
pub const ASSET_EXTENSIONS: [&str; 32] = [
    "css", "js", "mjs", "map", "json", "xml", "txt", "ico", "png", "jpg", "jpeg", "gif", "svg",
    "webp", "avif", "bmp", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "webm", "ogg",
    "pdf", "zip", "gz", "tgz", "bz2", "jar", "exe",
];

/// The fields of a line, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Client address or host name.
    pub address: &'a str,
    /// When the request was received.
    pub time: Timestamp,
    /// The request line, escapes not resolved.
    pub request: &'a str,
    /// HTTP status.
    pub status: u16,
    /// Bytes of the answer's body; none for `-`.
    pub bytes: Option<u64>,
    /// Referrer, escapes not resolved.
    pub referrer: &'a str,
    /// User agent, escapes not resolved.
    pub user_agent: &'a str,
}

impl<'a> Line<'a> {
    /// Splits a line without its line end.
    ///
    /// # Errors
    /// The first column that does not fit.
    pub fn split(line: &'a str) -> Result<Self, Fault> {
        let wrong = |column: &str| {
            let detail = alloc::format!("{column} does not fit the combined format");
            Fault::new(QuarantineReason::MalformedLine, &detail)
        };
        let (address, rest) = line.split_once(' ').ok_or_else(|| wrong("address"))?;
        let (ident_user, rest) = rest.split_once(" [").ok_or_else(|| wrong("user"))?;
        let (ident, user) = ident_user.split_once(' ').ok_or_else(|| wrong("user"))?;
        if address.is_empty() || ident.is_empty() || user.is_empty() {
            return Err(wrong("address or user"));
        }
        let (time, rest) = rest.split_once("] \"").ok_or_else(|| wrong("time"))?;
        let time = parse_time(time).ok_or_else(|| wrong("time"))?;
        let (request, rest) = quoted(rest).ok_or_else(|| wrong("request"))?;
        let (status, rest) = word(rest).ok_or_else(|| wrong("status"))?;
        let status = (status.len() == 3).then(|| status.parse().ok()).flatten();
        let status = status.ok_or_else(|| wrong("status"))?;
        let (bytes, rest) = word(rest).ok_or_else(|| wrong("bytes"))?;
        let bytes = match bytes {
            "-" => None,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| wrong("bytes"))?)
            }
            _ => return Err(wrong("bytes")),
        };
        let open = |rest: &'a str| rest.strip_prefix(" \"").and_then(quoted);
        let (referrer, rest) = open(rest).ok_or_else(|| wrong("referrer"))?;
        let (user_agent, rest) = open(rest).ok_or_else(|| wrong("agent"))?;
        if !rest.is_empty() {
            return Err(wrong("the end of the line"));
        }
        Ok(Self { address, time, request, status, bytes, referrer, user_agent })
    }
}

/// The time of a line that may be broken elsewhere.
fn time_of(line: &str) -> Option<Timestamp> {
    let (_, rest) = line.split_once('[')?;
    parse_time(rest.split_once(']')?.0)
}

/// `' word'` up to the next space.
fn word(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_prefix(' ')?;
    let end = rest.find(' ').unwrap_or(rest.len());
    Some(rest.split_at(end)).filter(|(word, _)| !word.is_empty())
}

/// What stands before the closing quote, and what behind it.
fn quoted(rest: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = rest.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    Some((&rest[..end], &rest[end + 1..]))
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        // Other escapes, such as `\x22`, stay as written.
        let keep = usize::from(!tail.starts_with(['"', '\\']));
        out.push_str(&rest[at..at + keep]);
        let taken = usize::from(keep == 0);
        out.push_str(&tail[..taken]);
        rest = &tail[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `17/May/2015:10:05:03 +0000`
fn parse_time(text: &str) -> Option<Timestamp> {
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let bytes: &[u8; 26] = text.as_bytes().try_into().ok()?;
    let number = |at: usize, length: usize| {
        bytes[at..at + length].iter().try_fold(0i64, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
        })
    };
    let signs = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if !signs.iter().all(|(at, sign)| bytes[*at] == *sign) {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == &bytes[3..6])? as i64 + 1;
    let days = super::clock::days_since_epoch(number(7, 4)?, month, number(0, 2)?)?;
    let (hour, minute, second) = (number(12, 2)?, number(15, 2)?, number(18, 2)?);
    let (zone_hours, zone_minutes) = (number(22, 2)?, number(24, 2)?);
    if hour > 23 || minute > 59 || second > 60 || zone_hours > 23 || zone_minutes > 59 {
        return None;
    }
    let zone = zone_hours * 3_600 + zone_minutes * 60;
    let zone = match bytes[21] {
        b'+' => zone,
        b'-' => -zone,
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - zone;
    Timestamp(seconds * 1_000_000).sane()
}

/// The parts of a request line: method and target, where it has them.
fn method_and_target(request: &str) -> Option<(&str, &str)> {
    let (method, rest) = request.split_once(' ')?;
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => rest,
    };
    let fits = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
    (fits && !target.is_empty()).then_some((method, target))
}

/// A GET answered 200 or 304 whose path does not end in an asset extension.
pub fn is_page_view(request: &str, status: u16) -> bool {
    let Some(("GET", target)) = method_and_target(request) else {
        return false;
    };
    matches!(status, 200 | 304) && !is_asset(path_of(target))
}

fn path_of(target: &str) -> &str {
    if target.starts_with('/') {
        return target.split(['?', '#']).next().unwrap_or(target);
    }
    Address::split(target).path
}

fn is_asset(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| {
        ASSET_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// One line to one event. `occurrence` counts equal lines over all files of one import, from 0,
/// so that the same import again gives the same ids. The client's address is given beside the
/// event, to look up its country; the event does not hold it.
///
/// # Errors
/// Quarantine, with the first column that does not fit.
pub fn parse(line: &[u8], occurrence: u64, receipt: &Receipt<'_>) -> Outcome {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = String::from_utf8_lossy(line);
    let read = Line::split(&text).map_err(|fault| {
        let broken = receipt.quarantine(&text, occurrence, fault);
        Quarantine { received: broken.received.or_else(|| time_of(&text)), ..broken }
    })?;
    let id = EventId::of_hash(Hash128::of("combined", &[line, &occurrence.to_le_bytes()]));
    let request = unescaped(read.request);
    let page_view = is_page_view(&request, read.status);
    let kind = if page_view { EventKind::Page } else { EventKind::Request };
    let mut event = receipt.event(id, kind, read.time);
    let device = [read.address.as_bytes(), read.user_agent.as_bytes()];
    event.anonymous_id = Some(AnonymousId::of_hash(Hash128::of("access log device", &device)));
    event.surface = Surface::Browser;
    event.user_agent = landing::user_agent(&unescaped(read.user_agent));
    event.properties = properties(&read, &request);
    let referrer = unescaped(read.referrer);
    let url = method_and_target(&request).map(|(_, target)| target);
    let page = Landing { url, referrer: Some(&referrer), ..Landing::default() };
    set_landing(&mut event, page, receipt);
    if !page_view {
        event.arrival = None;
    }
    let address = Some(Box::from(read.address));
    Ok(Parsed { event, stated: Default::default(), address })
}

fn properties(line: &Line<'_>, request: &str) -> Option<RawJson> {
    let mut object = String::with_capacity(64);
    let mut text = String::with_capacity(16);
    let (name, said) = match method_and_target(request) {
        Some((method, _)) => ("method", method),
        None => ("request", crate::campaign::truncated(request)),
    };
    members::push_text(&mut text, said);
    members::push_member(&mut object, name, &text);
    members::push_member(&mut object, "status", &alloc::format!("{}", line.status));
    if let Some(bytes) = line.bytes {
        members::push_member(&mut object, "bytes", &alloc::format!("{bytes}"));
    }
    object.push('}');
    RawJson::parse(&object)
}

/// Counts the hosts of referrers: the commonest is taken for the site's own.
#[derive(Clone, Debug, Default)]
pub struct ReferrerHosts(BTreeMap<Box<str>, u64>);

impl ReferrerHosts {
    /// Hosts counted at most; later ones are not taken up.
    pub const HOSTS_MAX: usize = 100_000;

    /// Takes one line of the log into account; a line that does not match changes nothing.
    pub fn add(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let host = Line::split(line.trim_end_matches(['\r', '\n']))
            .ok()
            .and_then(|line| Address::split(line.referrer).host);
        let Some(host) = host.map(plain_host) else {
            return;
        };
        if let Some(count) = self.0.get_mut(host.as_str()) {
            *count += 1;
        } else if self.0.len() < Self::HOSTS_MAX {
            self.0.insert(host.into(), 1);
        }
    }

    /// The commonest host, without `www.`; among equals the first in the alphabet.
    pub fn commonest(&self) -> Option<&str> {
        let most = self.0.iter().max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a)));
        most.map(|(host, _)| &**host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Settings;
    use crate::ids::SourceId;
    use std::format;

    const AGENT: &str = "Mozilla/5.0 (X11; \\\"quoted\\\" \\\\)";

    fn parse_line(line: &[u8]) -> Outcome {
        let settings =
            Settings { own_domains: [Box::from("own.example")].into(), ..Settings::default() };
        let source = SourceId::parse("log").unwrap();
        parse(line, 0, &Receipt::new(source, Timestamp(0), &settings))
    }

    fn line(request: &str, status: &str, bytes: &str, referrer: &str) -> String {
        format!(
            "2001:db8::1 - ann [17/May/2015:12:05:03 +0200] \"{request}\" {status} {bytes} \"{referrer}\" \"{AGENT}\""
        )
    }

    #[test]
    fn reads_a_page_view() {
        let text = line(
            "GET /a?utm_source=june&utm_medium=email HTTP/1.1",
            "200",
            "-",
            "https://own.example/",
        );
        let Parsed { event, address, .. } = parse_line(text.as_bytes()).unwrap();
        assert_eq!(address.as_deref(), Some("2001:db8::1"));
        assert_eq!(event.kind, EventKind::Page);
        assert_eq!(event.received.to_rfc3339(), "2015-05-17T10:05:03Z");
        assert_eq!(event.event_time, event.received);
        assert_eq!(event.user_agent.as_deref(), Some("Mozilla/5.0 (X11; \"quoted\" \\)"));
        assert_eq!(event.properties.unwrap().get(), r#"{"method":"GET","status":200}"#);
        assert_eq!(event.arrival.unwrap().channel.as_str(), "email");
    }

    #[test]
    fn tells_page_views_from_requests() {
        let check = |request: &str, status: &str, kind: EventKind| {
            let text = line(request, status, "12", "-");
            let parsed = parse_line(text.as_bytes()).unwrap();
            assert_eq!(parsed.event.kind, kind, "{request} {status}");
        };
        check("GET / HTTP/1.1", "304", EventKind::Page);
        check("GET /a.css/ HTTP/1.0", "200", EventKind::Page);
        check("GET /v1.2 HTTP/1.1", "200", EventKind::Page);
        check("GET /x?file=a.css HTTP/1.1", "200", EventKind::Page);
        check("GET http://own.example/ HTTP/1.1", "200", EventKind::Page);
        check("GET /a.CSS?v=1 HTTP/1.1", "200", EventKind::Request);
        check("GET //a.js HTTP/1.1", "200", EventKind::Request);
        check("GET / HTTP/1.1", "404", EventKind::Request);
        check("POST / HTTP/1.1", "200", EventKind::Request);
        check("\\x16\\x03", "400", EventKind::Request);
        check("-", "408", EventKind::Request);
    }

    #[test]
    fn what_does_not_match_whole_goes_to_quarantine() {
        let whole = line("GET / HTTP/1.1", "200", "1", "-");
        assert!(parse_line(whole.as_bytes()).is_ok());
        assert!(parse_line(format!("{whole}\r\n").as_bytes()).is_ok());
        for cut in 0..whole.len() {
            let fault = parse_line(&whole.as_bytes()[..cut]).unwrap_err();
            assert_eq!(fault.reason, QuarantineReason::MalformedLine, "{cut}");
        }
        assert!(parse_line(format!("{whole} \"more\"").as_bytes()).is_err());
        for (from, to) in [("May", "Mai"), ("17/", "32/"), ("\" 200", "\" 20x"), (" 1 ", " x ")] {
            assert!(parse_line(whole.replacen(from, to, 1).as_bytes()).is_err(), "{from} {to}");
        }
    }

    #[test]
    fn other_bytes_are_kept_as_replacements_and_ids_tell_them_apart() {
        let parsed = |byte: u8| {
            let mut text = line("GET /x HTTP/1.1", "200", "1", "-").into_bytes();
            let at = text.iter().position(|b| *b == b'x').unwrap();
            text[at] = byte;
            parse_line(&text).unwrap().event
        };
        let (first, second) = (parsed(0xff), parsed(0xfe));
        assert_eq!(first.page.url.as_deref(), Some("/\u{fffd}"));
        assert_ne!(first.id, second.id);
    }

    #[test]
    fn the_commonest_referrer_host_is_found() {
        let mut hosts = ReferrerHosts::default();
        assert_eq!(hosts.commonest(), None);
        for referrer in ["-", "http://www.own.example/a", "http://b.example/", "http://Own.example"]
        {
            hosts.add(line("GET / HTTP/1.1", "200", "1", referrer).as_bytes());
        }
        assert_eq!(hosts.commonest(), Some("own.example"));
    }
}

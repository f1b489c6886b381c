//! Web addresses as they really come: absolute, relative or broken. Nothing here fails; what
//! cannot be read is simply not there. See WHATWG URL for the form that is meant.

use crate::campaign::NETWORK_CLICK_PARAMETERS;
use crate::sixteen;
use crate::wire::scalar::trim;
use alloc::borrow::Cow;
use alloc::string::String;

/// The parameter that carries our own signed click.
pub const CLICK_PARAMETER: &str = "ms_click";

/// The parts of an address that are looked at, as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Address<'a> {
    /// Host without user information and port; none in a relative address.
    pub host: Option<&'a str>,
    /// From the slash behind the host up to `?` or `#`.
    pub path: &'a str,
    /// Behind `?`, without it.
    pub query: &'a str,
    /// Behind `#`, without it.
    pub fragment: &'a str,
}

impl<'a> Address<'a> {
    /// Splits an address; a text without `scheme://` or leading `//` is a relative one.
    pub fn split(text: &'a str) -> Self {
        let (text, fragment) = split_at_first(trim(text), b'#');
        let (text, query) = split_at_first(text, b'?');
        // A scheme holds no colon, so that only the first one can end it.
        let scheme =
            text.bytes().position(|byte| !is_of_scheme(byte)).map(|end| text.split_at(end));
        let rest = match scheme.and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("://")?)))
        {
            Some((scheme, rest)) if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                Some(rest)
            }
            _ => text.strip_prefix("//"),
        };
        let Some(rest) = rest else {
            return Self { host: None, path: text, query, fragment };
        };
        let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'\\'));
        let (authority, path) = rest.split_at(end.unwrap_or(rest.len()));
        Self { host: host_of(authority), path, query, fragment }
    }
}

/// What stands before and behind the first of this ASCII character.
fn split_at_first(text: &str, mark: u8) -> (&str, &str) {
    match sixteen::find(text.as_bytes(), mark) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

const fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

fn host_of(authority: &str) -> Option<&str> {
    let user =
        sixteen::has(authority.as_bytes(), b'@').then(|| authority.rsplit_once('@')).flatten();
    let host = user.map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => split_at_first(host, b':').0,
    };
    let host = host.trim_end_matches('.');
    // Without an early end compilers turn this into vector code.
    let wrong = |byte: u8| byte <= b' ' || matches!(byte, 0x7f | b'<' | b'>' | b'"' | b'\'');
    let clean = !host.bytes().fold(host.is_empty(), |found, byte| found | wrong(byte));
    clean.then_some(host)
}

/// A host in lower case without leading `www.`, as hosts are compared and shown.
pub fn plain_host(host: &str) -> String {
    bare_host(host).to_ascii_lowercase()
}

/// A host without leading `www.` and final dots.
pub(crate) fn bare_host(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    match host.split_at_checked(4) {
        Some((www, rest)) if www.eq_ignore_ascii_case("www.") => rest,
        _ => host,
    }
}

/// True when `host` is `domain` or below it; `www.` and letter case do not matter.
pub fn host_within(host: &str, domain: &str) -> bool {
    let bare = |text: &str| -> usize {
        let www = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
        if www { 4 } else { 0 }
    };
    let domain = domain.trim().trim_end_matches('.');
    let domain = &domain[bare(domain)..];
    let host = &host[bare(host)..];
    let Some(cut) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    let (below, tail) = host.as_bytes().split_at(cut);
    !domain.is_empty()
        && tail.eq_ignore_ascii_case(domain.as_bytes())
        && (below.is_empty() || below.last() == Some(&b'.'))
}

/// The parameters of a query, decoded, in order. `+` is a space; broken escapes stay as written;
/// `&amp;` left over from markup counts as `&`.
pub fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter_map(|pair| {
        let pair = pair.strip_prefix("amp;").unwrap_or(pair);
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (!name.is_empty()).then(|| (decoded(name), decoded(value)))
    })
}

/// Percent-decoded text; bytes that are no UTF-8 become U+FFFD.
pub fn decoded(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if !bytes.contains(&b'%') && !bytes.contains(&b'+') {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// True for `ms_click` and the click parameters of advertising networks, in any letter case.
pub fn is_click_parameter(name: &str) -> bool {
    name.eq_ignore_ascii_case(CLICK_PARAMETER)
        || NETWORK_CLICK_PARAMETERS.iter().any(|(known, ..)| name.eq_ignore_ascii_case(known))
}

/// True when a decoded text still holds `name=` of a click parameter, however deep it is escaped.
fn mentions_click_parameter(text: &str) -> bool {
    let mut text = Cow::Borrowed(text);
    loop {
        let holds = text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .zip(text.match_indices(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
            .any(|(word, (_, separator))| separator == "=" && is_click_parameter(word));
        if holds {
            return true;
        }
        // Each round removes one level of escaping, so the text shrinks until nothing changes.
        let next = decoded(&text).into_owned();
        if next.len() >= text.len() {
            return false;
        }
        text = Cow::Owned(next);
    }
}

/// The address without any click identifier: their parameters go, from query and fragment alike,
/// and so does a parameter that carries another address holding one.
pub fn without_click_ids(address: &str) -> Cow<'_, str> {
    let parts = (address.find(['?', '#'])).map(|at| address.split_at(at));
    let Some((base, tail)) = parts else {
        return strip_base(address);
    };
    let tail_is_clean = tail.split(['?', '#', '&']).all(keeps);
    let base_clean = strip_base(base);
    if tail_is_clean && base_clean.len() == base.len() {
        return Cow::Borrowed(address);
    }
    let mut out = String::with_capacity(address.len());
    out.push_str(&base_clean);
    let (query, fragment) = match tail.split_once('#') {
        Some((query, fragment)) => (query, Some(fragment)),
        None => (tail, None),
    };
    if let Some(query) = query.strip_prefix('?') {
        push_kept(&mut out, '?', query);
    }
    if let Some(fragment) = fragment {
        push_kept(&mut out, '#', fragment);
    }
    Cow::Owned(out)
}

/// A path that itself holds an escaped query with a click identifier is cut before it.
fn strip_base(base: &str) -> Cow<'_, str> {
    if !mentions_click_parameter(base) {
        return Cow::Borrowed(base);
    }
    let cut = base.find(['%', '=', '&', ';']).unwrap_or(0);
    let cut = base[..cut].rfind('/').map_or(0, |slash| slash + 1);
    Cow::Borrowed(&base[..cut])
}

fn push_kept(out: &mut String, mark: char, pairs: &str) {
    let mut separator = mark;
    for part in pairs.split(['&', '?', '#']).filter(|pair| keeps(pair)) {
        out.push(separator);
        out.push_str(part);
        separator = '&';
    }
}

fn keeps(pair: &str) -> bool {
    let pair = pair.strip_prefix("amp;").unwrap_or(pair);
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    !is_click_parameter(decoded(name).trim()) && !mentions_click_parameter(pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn splits_what_browsers_and_logs_send() {
        let full = Address::split("https://user@WWW.Example.com:8443/a/b?x=1&y=2#frag");
        assert_eq!(full.host, Some("WWW.Example.com"));
        assert_eq!((full.path, full.query, full.fragment), ("/a/b", "x=1&y=2", "frag"));
        assert_eq!(Address::split("/x?utm_source=a").host, None);
        assert_eq!(Address::split("/x?u=http://a.b/").query, "u=http://a.b/");
        assert_eq!(Address::split("//cdn.example/x").host, Some("cdn.example"));
        assert_eq!(Address::split("http://[2001:db8::1]:80/").host, Some("2001:db8::1"));
        assert_eq!(Address::split("http:///x").host, None);
        assert_eq!(Address::split("about:blank").host, None);
        assert_eq!(
            Address::split("android-app://com.google.android.gm/").host,
            Some("com.google.android.gm")
        );
    }

    #[test]
    fn subdomains_belong_and_lookalikes_do_not() {
        assert!(host_within("www.Example.com", "example.com"));
        assert!(host_within("shop.example.com", "www.example.com"));
        assert!(!host_within("notexample.com", "example.com"));
        assert!(!host_within("example.com", "shop.example.com"));
        assert!(!host_within("example.com", ""));
    }

    #[test]
    fn decodes_parameters_and_keeps_broken_escapes() {
        let read: Vec<_> = parameters("a=1+2&amp;b=%C3%A9&c=%zz&&=x&d")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let expected = [("a", "1 2"), ("b", "é"), ("c", "%zz"), ("d", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.into(), value.into())));
    }

    #[test]
    fn click_ids_go_and_the_rest_stays() {
        let check = |before: &str, after: &str| assert_eq!(without_click_ids(before), after);
        check("https://a.b/c?utm_source=g&gclid=1&x=2#top", "https://a.b/c?utm_source=g&x=2#top");
        check("/c?GCLID=1", "/c");
        check("/c?%67clid=1&x", "/c?x");
        check("/c#a=1&ms_click=zz", "/c#a=1");
        check("/c?next=https%3A%2F%2Fa.b%2F%3Ffbclid%3D1&k=v", "/c?k=v");
        check("/c?q=what+is+gclid", "/c?q=what+is+gclid");
    }
}

//! Limits per client address, and which address a request really comes from.

use super::head::{Headers, plain_text};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what each client holds (connections, or requests in progress) against a limit.
#[derive(Debug)]
pub(super) struct Clients {
    limit: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One thing held by a client; given back when dropped.
#[derive(Debug)]
pub(super) struct Hold {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Clients {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, held: Mutex::default() })
    }

    /// Takes one more for the client, or `None` at its limit.
    pub(super) fn hold(self: &Arc<Self>, client: IpAddr) -> Option<Hold> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(client).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Hold { clients: Arc::clone(self), client })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.clients.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

/// The address a request comes from: the connection's own, unless that is a trusted proxy; then the
/// last address in `X-Forwarded-For` that is not a trusted proxy itself. Whatever stands further
/// left was written by someone who is not trusted.
pub(super) fn address(peer: IpAddr, headers: Headers<'_>, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let mut nearest = peer;
    for value in headers.all("x-forwarded-for").rev() {
        let Some(value) = plain_text(value) else { return nearest };
        for hop in value.rsplit(',') {
            let Some(hop) = parse_hop(hop) else { return nearest };
            nearest = hop;
            if !trusted.contains(&hop) {
                return hop;
            }
        }
    }
    nearest
}

/// An address with or without a port, IPv6 with or without brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.parse::<IpAddr>().ok();
    let address = plain
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn from(peer: &str, forwarded: &[&str]) -> IpAddr {
        let mut headers = http::HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        address(ip(peer), Headers::Map(&headers), &[ip("10.0.0.1"), ip("10.0.0.2")])
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(from("192.0.2.9", &["198.51.100.7"]), ip("192.0.2.9"));
        assert_eq!(from("10.0.0.1", &["198.51.100.7"]), ip("198.51.100.7"));
        assert_eq!(from("10.0.0.1", &["203.0.113.1, 198.51.100.7"]), ip("198.51.100.7"));
        assert_eq!(from("10.0.0.1", &["198.51.100.7, 10.0.0.2"]), ip("198.51.100.7"));
        assert_eq!(from("10.0.0.1", &["198.51.100.7", "10.0.0.2"]), ip("198.51.100.7"));
        assert_eq!(from("10.0.0.1", &["198.51.100.7:4711"]), ip("198.51.100.7"));
        assert_eq!(from("10.0.0.1", &["[2001:db8::1]:80"]), ip("2001:db8::1"));
        assert_eq!(from("10.0.0.1", &["203.0.113.1, nonsense"]), ip("10.0.0.1"));
        assert_eq!(from("10.0.0.1", &[]), ip("10.0.0.1"));
    }

    #[test]
    fn a_client_holds_up_to_its_limit() {
        let clients = Clients::new(2);
        let first = clients.hold(ip("192.0.2.1"));
        let second = clients.hold(ip("192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(clients.hold(ip("192.0.2.1")).is_none());
        assert!(clients.hold(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(clients.hold(ip("192.0.2.1")).is_some());
        drop(second);
        assert!(clients.held.lock().unwrap().is_empty());
    }
}

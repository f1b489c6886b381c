//! The answer as bytes: what the HTTP library would write for the same redirect.

use super::serve::Visit;
use crate::capture::plane::Plane;
use std::time::Instant;

/// Appends the answer, complete at `now`; `last` says that the connection ends with it.
pub(super) fn write_answer(
    out: &mut Vec<u8>,
    plane: &Plane,
    visit: &Visit,
    (now, last): (Instant, bool),
) {
    let status = visit.destination.status();
    let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
    put("HTTP/1.1 ");
    put(status.as_str());
    put(" ");
    put(status.canonical_reason().unwrap_or_default());
    put("\r\nlocation: ");
    match &visit.token {
        Some(token) => visit.destination.pieces(token).into_iter().for_each(&mut put),
        None => out.extend_from_slice(visit.destination.plain().as_bytes()),
    }
    let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
    put("\r\ncache-control: no-store\r\n");
    if let Some(cookie) = &visit.cookie {
        put("set-cookie: ");
        put(cookie);
        put("\r\n");
    }
    put("server-timing: ");
    visit.stopwatch.write_timing(visit.stopwatch.until(now), out);
    let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
    if last {
        put("\r\nconnection: close");
    }
    put("\r\ncontent-length: 0\r\ndate: ");
    plane.date.write(out, now);
    out.extend_from_slice(b"\r\n\r\n");
}

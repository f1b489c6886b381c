//! Bodies: read within a time and a size, unpacked within the same size, whatever the label says.

use super::counters::add;
use super::exchange::Exchange;
use super::in_flight::Reservation;
use super::refusal::Refusal;
use bytes::{Bytes, BytesMut};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io::Read;

/// A body that is refused is read on, and thrown away, up to this many times the limit: a client
/// that is cut off while it writes sees a reset connection instead of the 413 or 503.
const DRAIN_FACTOR: usize = 8;

/// Once this share of an announced body has come, room is made for all of it.
const EARNEST_SHARE: usize = 8;

/// An unpacked body and the bytes reserved for it.
#[derive(Debug)]
pub(super) struct Body {
    /// The content.
    pub(super) bytes: Bytes,
    /// What is reserved for it.
    pub(super) held: Held,
}

/// The bytes reserved for a body, as long as it is in progress.
#[derive(Debug)]
pub(super) struct Held {
    reservation: Reservation,
    bytes: usize,
}

impl Held {
    /// Reserves so many bytes more, for what is made of the content.
    pub(super) fn add(&mut self, more: usize) -> Result<(), Refusal> {
        self.bytes = self.bytes.saturating_add(more);
        self.reservation.reach(self.bytes)
    }
}

/// Reads and unpacks the body of a request.
pub(super) async fn read(exchange: &Exchange<'_>, body: Incoming) -> Result<Body, Refusal> {
    let limits = &exchange.plane.options.limits;
    let limit = limits.body_bytes;
    let announced = exchange.header("content-length").and_then(|text| text.parse::<usize>().ok());
    let counters = &exchange.plane.counters;
    // What is over the limit is thrown away as it comes, and holds nothing. Nor does what is announced
    // and does not come: else a few slow clients could turn all others away.
    let expected = announced.filter(|bytes| *bytes <= limit).unwrap_or(0);
    let mut reservation = Reservation::take(counters, limits.in_flight_bytes, 0)?;
    let patience = exchange.plane.options.timeouts.body;
    let collected = collect(body, (limit, expected), &mut reservation);
    let packed = tokio::time::timeout(patience, collected)
        .await
        .map_err(|_| Refusal::BodyTimeout(patience.as_secs()))??;
    add(&counters.body_bytes, packed.len() as u64);
    let label = exchange.header("content-encoding");
    let held = packed.len();
    let bytes = unpack(packed, label, limit)?;
    // Events are held twice: as they came, and as they are logged.
    let held = held.max(bytes.len()).saturating_mul(2);
    reservation.reach(held)?;
    Ok(Body { bytes, held: Held { reservation, bytes: held } })
}

/// All frames of a body, which is `expected` to have so many bytes, or a refusal once they are more
/// than `limit` bytes.
async fn collect(
    mut body: Incoming,
    (limit, expected): (usize, usize),
    reservation: &mut Reservation,
) -> Result<Bytes, Refusal> {
    let mut first: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    let mut length = 0_usize;
    let mut refused = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length > limit.saturating_mul(DRAIN_FACTOR) {
            break;
        }
        if refused.is_none() {
            refused = reservation.reach(length).err();
        }
        if length > limit || refused.is_some() {
            reservation.give_back();
            first = None;
            joined = BytesMut::new();
            continue;
        }
        match first.take() {
            None if joined.is_empty() => first = Some(data),
            earlier => {
                if length >= expected / EARNEST_SHARE {
                    joined.reserve(expected.saturating_sub(joined.len()));
                }
                joined.extend_from_slice(earlier.as_deref().unwrap_or_default());
                joined.extend_from_slice(&data);
            }
        }
    }
    if length > limit {
        return Err(Refusal::BodyTooLarge(limit));
    }
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    Ok(first.unwrap_or_else(|| joined.freeze()))
}

/// What a body is packed in, by its first bytes and by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zlib,
    RawDeflate,
    Unsupported,
}

/// The first bytes decide where they are unmistakable: SDKs mislabel packed and plain bodies alike.
fn packing(bytes: &[u8], label: Option<&str>) -> Packing {
    let text = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match bytes {
        [0x1f, 0x8b, ..] => return Packing::Gzip,
        [first, second, ..]
            if first & 0x0f == 8
                && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31)
                && *first >> 4 <= 7 =>
        {
            return Packing::Zlib;
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return Packing::Unsupported,
        _ if matches!(text, None | Some(b'{' | b'[' | b'"')) => return Packing::Plain,
        _ => {}
    }
    match label.map(|label| label.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") => Packing::Plain,
        Some("gzip" | "x-gzip") => Packing::Gzip,
        Some("deflate") => Packing::RawDeflate,
        Some(_) => Packing::Unsupported,
    }
}

/// The content of a body, at most `limit` bytes.
fn unpack(bytes: Bytes, label: Option<&str>, limit: usize) -> Result<Bytes, Refusal> {
    match packing(&bytes, label) {
        Packing::Plain => Ok(bytes),
        Packing::Gzip => inflate(MultiGzDecoder::new(&*bytes), "gzip", limit),
        Packing::Zlib => inflate(ZlibDecoder::new(&*bytes), "deflate", limit),
        Packing::RawDeflate => inflate(DeflateDecoder::new(&*bytes), "deflate", limit),
        Packing::Unsupported => Err(Refusal::UnsupportedEncoding),
    }
}

/// Reads one byte past the limit at most: a bomb costs no more than an honest body.
fn inflate(packed: impl Read, name: &'static str, limit: usize) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    packed
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| Refusal::BrokenEncoding(name))?;
    if out.len() > limit {
        return Err(Refusal::BodyTooLarge(limit));
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write;

    const JSON: &[u8] = br#"{"batch":[],"sentAt":"2026-01-01T00:00:00Z"}"#;
    const LIMIT: usize = 4_096;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn check(packed: Bytes, label: Option<&str>) {
        assert_eq!(unpack(packed, label, LIMIT).unwrap(), JSON, "{label:?}");
    }

    #[test]
    fn the_content_counts_not_the_label() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(JSON).unwrap();
        let zlib: Bytes = zlib.finish().unwrap().into();
        for label in
            [None, Some("gzip"), Some("deflate"), Some("identity"), Some("br"), Some("GZIP")]
        {
            check(gzip(JSON), label);
            check(zlib.clone(), label);
            check(Bytes::from_static(JSON), label);
        }
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(JSON).unwrap();
        check(raw.finish().unwrap().into(), Some("deflate"));
    }

    #[test]
    fn what_cannot_be_unpacked_is_refused() {
        let whole = gzip(JSON);
        let cut = whole.slice(..whole.len() - 9);
        assert_eq!(unpack(cut, Some("gzip"), LIMIT), Err(Refusal::BrokenEncoding("gzip")));
        let noise = Bytes::from_static(b"\xff\xfe\xfd\xfc");
        assert_eq!(
            unpack(noise.clone(), Some("gzip"), LIMIT),
            Err(Refusal::BrokenEncoding("gzip"))
        );
        assert_eq!(
            unpack(noise.clone(), Some("deflate"), LIMIT),
            Err(Refusal::BrokenEncoding("deflate"))
        );
        assert_eq!(unpack(noise, Some("br"), LIMIT), Err(Refusal::UnsupportedEncoding));
        let zstandard = Bytes::from_static(&[0x28, 0xb5, 0x2f, 0xfd, 0]);
        assert_eq!(unpack(zstandard, None, LIMIT), Err(Refusal::UnsupportedEncoding));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let at = gzip(&vec![b' '; LIMIT]);
        assert_eq!(unpack(at, None, LIMIT).unwrap().len(), LIMIT);
        let over = gzip(&vec![b' '; LIMIT + 1]);
        assert_eq!(unpack(over, None, LIMIT), Err(Refusal::BodyTooLarge(LIMIT)));
        let bomb = gzip(&vec![0; 64 << 20]);
        assert_eq!(unpack(bomb, None, LIMIT), Err(Refusal::BodyTooLarge(LIMIT)));
    }
}

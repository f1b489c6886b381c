//! What a message costs on the wire: segments, records, frames, acknowledgements.

use libm::ceil;

/// Ethernet around an IP packet: header 14, check sequence 4, preamble 8, gap 12. [IEEE 802.3]
pub const FRAME_OVERHEAD: f64 = 38.0;
/// Smallest Ethernet payload: shorter packets are padded.
pub const FRAME_PAYLOAD_MIN: f64 = 46.0;
/// Bytes of a TLS 1.3 record besides its content: header 5, content type 1, tag 16. [RFC 8446]
pub const TLS_RECORD_OVERHEAD: f64 = 22.0;
/// Most content of a TLS record. [RFC 8446]
pub const TLS_RECORD_MAX: f64 = 16_384.0;
/// Segments that one acknowledgement covers. [RFC 9293, delayed ACK]
pub const SEGMENTS_PER_ACK: f64 = 2.0;

/// Headers below the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Headers {
    /// Largest IP packet.
    pub mtu: f64,
    /// IP header: 20, or 40 for version 6.
    pub ip: f64,
    /// TCP header with options: 20, or 32 with timestamps [RFC 7323]; 8 for UDP.
    pub transport: f64,
    /// VLAN tag: 0 or 4.
    pub tag: f64,
}

impl Headers {
    /// TCP over IPv4 with timestamps.
    pub fn tcp(mtu: f64) -> Self {
        Self { mtu, ip: 20.0, transport: 32.0, tag: 0.0 }
    }

    /// UDP over IPv4.
    pub fn udp(mtu: f64) -> Self {
        Self { mtu, ip: 20.0, transport: 8.0, tag: 0.0 }
    }

    /// Most bytes of content in one packet.
    pub fn segment_max(&self) -> f64 {
        (self.mtu - self.ip - self.transport).max(1.0)
    }

    /// Bytes on the wire of a packet that carries so many bytes of content.
    pub fn frame(&self, content: f64) -> f64 {
        (self.ip + self.transport + content).max(FRAME_PAYLOAD_MIN) + FRAME_OVERHEAD + self.tag
    }

    /// Share of the wire that content gets when all packets are full.
    pub fn goodput_share(&self) -> f64 {
        self.segment_max() / self.frame(self.segment_max())
    }
}

/// One message on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WireMessage {
    /// Packets in its direction.
    pub segments: f64,
    /// Bytes on the wire in its direction.
    pub bytes: f64,
    /// Acknowledgements in the other direction.
    pub acks: f64,
    /// Their bytes on the wire.
    pub ack_bytes: f64,
}

/// Whether a message's bytes are wrapped in TLS records, and whether they are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// Datagrams: nothing is acknowledged.
    Datagram,
    /// TCP.
    Plain,
    /// TCP under TLS 1.3.
    Encrypted,
}

/// A message of so many bytes (heads included) on the wire; nothing at all for zero bytes.
pub fn wire_message(content: f64, headers: Headers, wrapping: Wrapping) -> WireMessage {
    if content <= 0.0 {
        return WireMessage { segments: 0.0, bytes: 0.0, acks: 0.0, ack_bytes: 0.0 };
    }
    let records =
        if wrapping == Wrapping::Encrypted { ceil(content / TLS_RECORD_MAX) } else { 0.0 };
    let stream = content + records * TLS_RECORD_OVERHEAD;
    let segment = headers.segment_max();
    let segments = ceil(stream / segment);
    let last = stream - (segments - 1.0) * segment;
    let bytes = (segments - 1.0) * headers.frame(segment) + headers.frame(last);
    let acks = if wrapping == Wrapping::Datagram { 0.0 } else { ceil(segments / SEGMENTS_PER_ACK) };
    WireMessage { segments, bytes, acks, ack_bytes: acks * headers.frame(0.0) }
}

/// Ethernet packets per second that fit a line: `frame` counts header and check sequence (64 the least).
pub fn packets_per_second(bits_per_second: f64, frame: f64) -> f64 {
    bits_per_second / (8.0 * (frame.max(64.0) + 20.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_and_fifty() {
        let headers = Headers::tcp(1500.0);
        let one = wire_message(1024.0 + 350.0, headers, Wrapping::Encrypted);
        assert_eq!((one.segments, one.bytes, one.acks, one.ack_bytes), (1.0, 1486.0, 1.0, 90.0));
        let fifty = wire_message(50.0 * 1024.0 + 350.0, headers, Wrapping::Encrypted);
        assert_eq!((fifty.segments, fifty.bytes / 50.0, fifty.acks), (36.0, 1097.56, 18.0));
        assert_eq!(wire_message(0.0, headers, Wrapping::Plain).segments, 0.0);
        assert_eq!(wire_message(1.0, Headers::udp(1500.0), Wrapping::Datagram).bytes, 84.0);
    }
}

//! What one TCP connection can carry.

use libm::sqrt;

/// Mathis's constant, every packet acknowledged: sqrt(3/2). [CCR 27(3) 1997]
pub const MATHIS: f64 = 1.224_744_871_391_589;
/// Mathis's constant under delayed acknowledgement: sqrt(3/4).
pub const MATHIS_DELAYED: f64 = 0.866_025_403_784_438_6;
/// The constant of RFC 3649: window = 1.2 / sqrt(p).
pub const RFC_3649: f64 = 1.2;

/// Bytes in flight that fill a path.
pub fn bandwidth_delay_bytes(bits_per_second: f64, round_trip: f64) -> f64 {
    bits_per_second * round_trip / 8.0
}

/// Bits per second of a connection whose window is the limit: W / RTT. [RFC 7323]
pub fn window_limited(window_bytes: f64, round_trip: f64) -> f64 {
    window_bytes * 8.0 / round_trip
}

/// Packets in flight that a rate needs.
pub fn window_packets(bits_per_second: f64, round_trip: f64, segment_bytes: f64) -> f64 {
    bits_per_second * round_trip / (8.0 * segment_bytes)
}

/// The loss at which standard TCP can just hold a window: (1.2 / W)^2. [RFC 3649]
pub fn loss_for_window(window_packets: f64) -> f64 {
    let ratio = RFC_3649 / window_packets;
    ratio * ratio
}

/// Bits per second of a Reno connection under random loss: (MSS / RTT) C / sqrt(p). Good below two per
/// cent of loss; CUBIC and BBR do better, so it is a floor. [Mathis, Semke, Mahdavi, Ott 1997]
pub fn loss_limited(segment_bytes: f64, round_trip: f64, loss: f64, constant: f64) -> f64 {
    segment_bytes * 8.0 / round_trip * constant / sqrt(loss)
}

/// Bits per second of a Reno connection with timeouts taken into account, for loss over two per cent:
/// MSS / (RTT sqrt(2bp/3) + T0 min(1, 3 sqrt(3bp/8)) p (1 + 32 p^2)), b = 2. [Padhye et al. 1998]
pub fn loss_limited_with_timeouts(segment_bytes: f64, round_trip: f64, loss: f64) -> f64 {
    let per_ack = 2.0;
    let timeout = (4.0 * round_trip).max(0.2);
    let recover = round_trip * sqrt(2.0 * per_ack * loss / 3.0);
    let wait = timeout
        * (3.0 * sqrt(3.0 * per_ack * loss / 8.0)).min(1.0)
        * loss
        * (1.0 + 32.0 * loss * loss);
    segment_bytes * 8.0 / (recover + wait)
}

//! From which probability on two devices are linked.

use millstream_event::Span;
use serde::{Deserialize, Serialize};

/// Two probabilities that divide pairs into links, possible ones and others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// From here on a pair is linked.
    pub link: f64,
    /// From here on it is possible.
    pub possible: f64,
}

impl Thresholds {
    /// While events arrive in time.
    pub const USUAL: Self = Self { link: 0.95, possible: 0.5 };
    /// While one event in twenty arrives more than a minute after it happened.
    pub const STRICT: Self = Self { link: 0.98, possible: 0.7 };
    /// While one event in twenty arrives more than five minutes after it happened.
    pub const STRICTEST: Self = Self { link: 0.995, possible: 0.9 };

    /// The thresholds while 95 % of events arrive within `skew` of happening: what arrives late blurs
    /// when and where a device was, and logins that would prove a link may be under way.
    pub fn under(skew: Option<Span>) -> Self {
        match skew {
            Some(skew) if skew > Span::minutes(5) => Self::STRICTEST,
            Some(skew) if skew > Span::minutes(1) => Self::STRICT,
            _ => Self::USUAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_rise_with_skew() {
        let link = |skew| Thresholds::under(skew).link;
        assert_eq!(Thresholds::under(None), Thresholds::USUAL);
        assert_eq!(link(Some(Span::minutes(1))), Thresholds::USUAL.link);
        assert!(link(Some(Span::seconds(61))) > Thresholds::USUAL.link);
        assert!(link(Some(Span::seconds(301))) > link(Some(Span::seconds(300))));
    }
}

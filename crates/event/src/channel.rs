//! Channels: the one documented grouping of (source, medium, click parameter, referrer).

use alloc::boxed::Box;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A channel's stable name, such as `paid_search`; imported data may bring its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channel(Box<str>);

impl Channel {
    /// The name for arrivals without campaign or external referrer.
    pub const DIRECT: &'static str = "direct";
    /// The name that takes the credit of conversions without any touch.
    pub const UNATTRIBUTED: &'static str = "(unattributed)";

    /// A channel by name, cut to 64 bytes.
    pub fn new(name: &str) -> Self {
        Self(crate::campaign::truncated(name.trim()).into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

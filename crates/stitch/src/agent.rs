//! What a user agent says of the device. Recognition itself needs pattern lists and lives outside;
//! this is the shape of its answer.

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

/// Classes of devices.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum DeviceClass {
    /// A personal computer.
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A known automaton.
    Bot,
    /// Not told, or something else.
    #[default]
    Other,
}

impl DeviceClass {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Bot => "bot",
            Self::Other => "other",
        }
    }
}

/// A recognised user agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agent {
    /// Class of device.
    pub device: DeviceClass,
    /// Browser family, empty when unknown.
    pub browser: Box<str>,
    /// Operating system family, empty when unknown.
    pub os: Box<str>,
    /// True for known crawlers, link previews, scanners and headless tools.
    pub bot: bool,
}

impl Agent {
    /// True when nothing known tells the two devices apart.
    pub fn is_alike(&self, other: &Self) -> bool {
        self.device == other.device && self.browser == other.browser && self.os == other.os
    }
}

/// Recognises user agents from a list of a fixed version. The list belongs to the generation: the
/// same text must give the same answer as long as the generation lasts.
pub trait Agents {
    /// What the user agent says.
    fn classify(&self, user_agent: &str) -> Agent;
}

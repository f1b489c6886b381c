//! What kind of thing an event is, and where it was made: closed lists with stable names.

use serde::{Deserialize, Serialize};

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A page was viewed.
    Page,
    /// An app screen was viewed.
    Screen,
    /// A named action.
    Track,
    /// A device told which user it belongs to.
    Identify,
    /// A user told which group it belongs to.
    Group,
    /// Two user ids name one person.
    Alias,
    /// Our own redirect was followed.
    Click,
    /// A web server answered something that is no page view (assets, errors, other methods).
    Request,
    /// A touch known from elsewhere: an impression or arrival in imported path data.
    Touch,
    /// A conversion known from elsewhere, whatever its name.
    Conversion,
    /// A consent choice.
    Consent,
    /// Browser timings.
    Timing,
    /// Content was decided.
    Decision,
    /// Decided content was shown.
    Exposure,
    /// A device and a user belong together no longer.
    Unlink,
}

impl EventKind {
    /// The stable name, as it stands in payloads.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Track => "track",
            Self::Identify => "identify",
            Self::Group => "group",
            Self::Alias => "alias",
            Self::Click => "click",
            Self::Request => "request",
            Self::Touch => "touch",
            Self::Conversion => "conversion",
            Self::Consent => "consent",
            Self::Timing => "timing",
            Self::Decision => "decision",
            Self::Exposure => "exposure",
            Self::Unlink => "unlink",
        }
    }
}

/// Where the event was made.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// A web page.
    Browser,
    /// An app.
    App,
    /// A server: joins the person, not a session.
    #[default]
    Server,
}

impl Surface {
    /// The stable name, as it stands in payloads.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::App => "app",
            Self::Server => "server",
        }
    }
}

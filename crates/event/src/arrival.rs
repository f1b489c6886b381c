//! Arrivals: does this event start a touch, and from where did the visitor come?

use crate::channel::Channel;
use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

/// What a referrer host is known as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferrerKind {
    /// A search engine.
    Search,
    /// A social network.
    Social,
    /// A web mailer.
    Email,
    /// Any other site.
    Referral,
}

/// A campaign-bearing arrival, classified once, before the event is logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Arrival {
    /// `utm_source`, else the network of the click parameter, else the referrer's name or host.
    #[serde(rename = "s")]
    pub source: Box<str>,
    /// `utm_medium`, else what the click parameter or referrer stands for.
    #[serde(rename = "m")]
    pub medium: Box<str>,
    /// The channel by the documented table.
    #[serde(rename = "ch")]
    pub channel: Channel,
}

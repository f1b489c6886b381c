//! `ms_click`: a click that travels with the visitor, signed, telling all that is needed to
//! rebuild it should its record never have been written.

use crate::ids::{AnonymousId, ClickId};
use crate::time::Timestamp;
use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

/// A verified click of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClickReference {
    /// The click's id: its identity as an event, too.
    #[serde(rename = "i")]
    pub id: ClickId,
    /// When the redirect was answered.
    #[serde(rename = "t")]
    pub issued: Timestamp,
    /// The link's slug.
    #[serde(rename = "l")]
    pub link: Box<str>,
    /// The link's version at that time.
    #[serde(rename = "v")]
    pub link_version: u32,
    /// The first-party id cookie at the redirect, where consent allowed one.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub ms_id: Option<AnonymousId>,
}

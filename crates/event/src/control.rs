//! Control records: links, settings, money spent. One ordered history in the control lane, stored as JSON.

use crate::campaign::Campaign;
use crate::ledger::Ledger;
use crate::mending::Mending;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One change of what the whole installation knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control {
    /// A link was made or changed: the whole link as it now is.
    Link(Link),
    /// The configuration that reports and rules depend on was changed.
    Settings(Settings),
    /// Spend, budgets or rates were imported.
    Ledger(Ledger),
    /// The rules that mend what is in quarantine were replaced.
    Mending(Mending),
    /// An instance was started with another configuration file than before.
    Configuration(Configuration),
}

/// A configuration file. What the environment says over it is not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Its text; empty where an instance was started without one.
    pub text: Box<str>,
    /// When it was first started with.
    pub changed: Timestamp,
}

/// A governed link: where `/r/{slug}` leads. Each change is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Path segment: 1 to 64 of `A-Z a-z 0-9 - _`.
    pub slug: Box<str>,
    /// 1 for the first, one more with each change.
    pub version: u32,
    /// Absolute http or https URL, before the campaign values are added.
    pub destination: Box<str>,
    /// UTM values added to the destination and stamped on the click.
    pub campaign: Campaign,
    /// 302 unless the link says otherwise (301, 302, 303, 307, 308).
    pub status: u16,
    /// Who answers for it.
    pub owner: Box<str>,
    /// From this instant on it answers 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What visitors are told about consent where the link is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_text: Option<Box<str>>,
    /// Disabled links answer 404 and keep their history.
    pub enabled: bool,
    /// When this version was made.
    pub changed: Timestamp,
}

impl Link {
    /// True when it sends visitors on at this instant.
    pub fn leads_at(&self, now: Timestamp) -> bool {
        self.enabled && self.expires.is_none_or(|end| now < end)
    }
}

/// Settings that stand in the control history because answers depend on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Hosts that are ours: they and their subdomains are never referrers. `www.` is ignored.
    pub own_domains: Vec<Box<str>>,
    /// Hosts of payment providers and the like: never referrers.
    pub excluded_referrers: Vec<Box<str>>,
    /// Rules that were disabled, as `own_domain:HOST`, `excluded_referrer:HOST`, `conversion:NAME`: neither a
    /// configuration file nor an import brings them back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disabled: Vec<Box<str>>,
}

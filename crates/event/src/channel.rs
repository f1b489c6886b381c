//! Channels: the one documented grouping of (source, medium, kind of site).
//!
//! The rules are tried from top to bottom; the first that holds names the channel. Letter case
//! and the signs `-`, `_` and space do not matter in a medium.
//!
//! | medium | source | channel |
//! | --- | --- | --- |
//! | `affiliate`, `affiliates`, `partner` | any | `affiliate` |
//! | `email`, `mail`, `newsletter` | any | `email` |
//! | `sms`, `mms`, `text message` | any | `sms` |
//! | `push`, `notification`, any ending in `push` | any | `push` |
//! | any with `video` | any | `video` |
//! | `paid social`, `social paid`, `cpc social` | any | `paid_social` |
//! | `display`, `banner`, `cpm`, `interstitial`, `expandable`, `programmatic`, `native`, `gdn` | any | `display` |
//! | `cpc`, `ppc`, `sem`, `cpv`, `cpa`, `cpp`, `retargeting`, `remarketing`, any with `paid` | social | `paid_social` |
//! | the same | video site | `video` |
//! | `cpc`, `ppc`, `sem`, `paid search`; the others with a search source | any, search | `paid_search` |
//! | the rest of the paid ones | any | `paid_other` |
//! | `audio`, `podcast` | any | `audio` |
//! | `social`, `sm`, any with `social` | any | `organic_social` |
//! | `organic`, `organic search`, `seo` | any | `organic_search` |
//! | `direct`, `none`, `(none)` or nothing | `direct`, `(direct)` | `direct` |
//! | `referral`, `link`, or nothing | social, search, mailer, video site | `organic_social`, `organic_search`, `email`, `video` |
//! | `referral`, `link` | any | `referral` |
//! | all else | any | `other` |

use crate::referrer::{ReferrerKind, known_source};
use alloc::boxed::Box;
use alloc::string::String;
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
    /// Every name that [`Channel::of`] gives.
    pub const ALL: [&'static str; 15] = [
        "affiliate",
        "audio",
        "direct",
        "display",
        "email",
        "organic_search",
        "organic_social",
        "other",
        "paid_other",
        "paid_search",
        "paid_social",
        "push",
        "referral",
        "sms",
        "video",
    ];

    /// A channel by name, cut to 64 bytes.
    pub fn new(name: &str) -> Self {
        let name = crate::campaign::truncated_to(name.trim(), 64);
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The channel of a source and medium by the table of this module.
    pub fn of(source: &str, medium: &str) -> Self {
        Self::new(name_of(source, medium))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn name_of(source: &str, medium: &str) -> &'static str {
    let medium: String = medium
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | ' ' | '(' | ')'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let medium = medium.as_str();
    let site = known_source(source);
    let named = match medium {
        "affiliate" | "affiliates" | "partner" => Some("affiliate"),
        "email" | "mail" | "newsletter" => Some("email"),
        "sms" | "mms" | "textmessage" => Some("sms"),
        "notification" => Some("push"),
        _ if medium.ends_with("push") => Some("push"),
        _ if medium.contains("video") => Some("video"),
        "paidsocial" | "socialpaid" | "cpcsocial" => Some("paid_social"),
        "display" | "banner" | "cpm" | "interstitial" | "expandable" | "programmatic"
        | "native" | "gdn" => Some("display"),
        _ => None,
    };
    named.or_else(|| paid(medium, site)).unwrap_or_else(|| unpaid(source, medium, site))
}

fn paid(medium: &str, site: Option<ReferrerKind>) -> Option<&'static str> {
    let search_like = matches!(medium, "cpc" | "ppc" | "sem" | "paidsearch");
    let other = matches!(medium, "cpv" | "cpa" | "cpp" | "retargeting" | "remarketing");
    if !search_like && !other && !medium.contains("paid") {
        return None;
    }
    Some(match site {
        Some(ReferrerKind::Social) => "paid_social",
        Some(ReferrerKind::Video) => "video",
        Some(ReferrerKind::Search) => "paid_search",
        _ if search_like => "paid_search",
        _ => "paid_other",
    })
}

fn unpaid(source: &str, medium: &str, site: Option<ReferrerKind>) -> &'static str {
    let unsaid = matches!(medium, "" | "none" | "direct" | "notset");
    if unsaid && matches!(source.trim(), "direct" | "(direct)") {
        return Channel::DIRECT;
    }
    let by_site = match site {
        Some(ReferrerKind::Social) => Some("organic_social"),
        Some(ReferrerKind::Search) => Some("organic_search"),
        Some(ReferrerKind::Email) => Some("email"),
        Some(ReferrerKind::Video) => Some("video"),
        Some(ReferrerKind::Referral) | None => None,
    };
    match medium {
        "audio" | "podcast" => "audio",
        "sm" => "organic_social",
        _ if medium.contains("social") => "organic_social",
        "organic" | "organicsearch" | "seo" => "organic_search",
        "referral" | "link" => by_site.unwrap_or("referral"),
        _ if unsaid => by_site.unwrap_or("other"),
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_table() {
        let cases = [
            ("google", "cpc", "paid_search"),
            ("newsletter-partner", "CPC", "paid_search"),
            ("facebook", "cpc", "paid_social"),
            ("facebook", "Paid Social", "paid_social"),
            ("taboola", "cpa", "paid_other"),
            ("bing", "paid", "paid_search"),
            ("youtube", "cpv", "video"),
            ("google", "organic", "organic_search"),
            ("facebook", "social", "organic_social"),
            ("facebook.com", "referral", "organic_social"),
            ("blog.example", "referral", "referral"),
            ("june", "e-mail", "email"),
            ("newsletter", "", "email"),
            ("google", "display", "display"),
            ("x", "web_push", "push"),
            ("x", "SMS", "sms"),
            ("shareasale", "affiliate", "affiliate"),
            ("feedburner", "feed", "other"),
            ("(direct)", "(none)", "direct"),
            ("(not set)", "(not set)", "other"),
        ];
        for (source, medium, expected) in cases {
            assert_eq!(Channel::of(source, medium).as_str(), expected, "{source} / {medium}");
            assert!(Channel::ALL.contains(&expected));
        }
    }
}

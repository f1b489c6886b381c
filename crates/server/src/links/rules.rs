//! What a link must hold before anyone can click it.

use super::governance::expiry;
use millstream_event::control::Link;
use millstream_event::{Campaign, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest slug.
pub const SLUG_BYTES_MAX: usize = 64;
/// Longest destination, before the campaign values are added.
pub const DESTINATION_BYTES_MAX: usize = 2_048;
/// Longest owner.
pub const OWNER_BYTES_MAX: usize = 128;
/// Longest text on consent.
pub const CONSENT_TEXT_BYTES_MAX: usize = 1_024;
/// Redirect statuses that a link may answer with.
pub const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// A link as someone asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Path segment behind `/r/`.
    pub slug: String,
    /// Absolute http or https URL.
    pub destination: String,
    /// `utm_source`
    #[serde(default, alias = "utm_source", skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`
    #[serde(default, alias = "utm_medium", skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// `utm_campaign`
    #[serde(default, alias = "utm_campaign", skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// `utm_term`
    #[serde(default, alias = "utm_term", skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    /// `utm_content`
    #[serde(default, alias = "utm_content", skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// `utm_adgroup`
    #[serde(default, alias = "utm_adgroup", skip_serializing_if = "Option::is_none")]
    pub ad_group: Option<String>,
    /// Redirect status; 302 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Who answers for it.
    pub owner: String,
    /// The last day, `YYYY-MM-DD`, or the instant from which on it answers 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What visitors are told about consent where the link is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_text: Option<String>,
    /// The template that fills what is not said here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// A rule that a proposal breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The field.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub rule: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)
    }
}

/// Every rule that a proposal breaks, never just the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link breaks {} rule(s): {}", .broken.len(), listed(.broken))]
pub struct RefusedLink {
    /// The rules, in the order of the fields.
    pub broken: Vec<Broken>,
}

fn listed(broken: &[Broken]) -> String {
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Proposal {
    /// The link, as the given version.
    ///
    /// # Errors
    /// [`RefusedLink`] with every rule that is broken.
    pub fn into_link(self, version: u32, changed: Timestamp) -> Result<Link, RefusedLink> {
        let broken = self.broken();
        if !broken.is_empty() {
            return Err(RefusedLink { broken });
        }
        let campaign = self.campaign_values();
        Ok(Link {
            slug: self.slug.into(),
            version,
            destination: self.destination.into(),
            campaign,
            status: self.status.unwrap_or(302),
            owner: self.owner.trim().into(),
            expires: self.expires.as_deref().and_then(expiry),
            consent_text: self.consent_text.map(|text| text.trim().into()),
            enabled: true,
            changed,
        })
    }

    /// Every rule this proposal breaks.
    pub fn broken(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let mut check = |field, result: Result<(), String>| {
            if let Err(rule) = result {
                broken.push(Broken { field, rule });
            }
        };
        check("slug", slug(&self.slug));
        check("destination", destination(&self.destination));
        for (field, value) in self.values() {
            if let Some(value) = value {
                check(field, campaign_value(value));
            }
        }
        check("destination", self.no_conflict());
        check("source", self.named_whole());
        check("status", status(self.status.unwrap_or(302)));
        check("owner", owner(&self.owner));
        check("expires", self.expires.as_deref().map_or(Ok(()), expires));
        check("consent_text", self.consent_text.as_deref().map_or(Ok(()), consent_text));
        broken
    }

    /// A field that house rules can be about, and what is said of it.
    pub(super) fn field(&self, name: &str) -> (&'static str, Option<&str>) {
        let values = self.values();
        let found = values.into_iter().find(|(field, _)| *field == name);
        found.unwrap_or(("slug", Some(&self.slug)))
    }

    fn values(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("source", self.source.as_deref()),
            ("medium", self.medium.as_deref()),
            ("campaign", self.campaign.as_deref()),
            ("term", self.term.as_deref()),
            ("content", self.content.as_deref()),
            ("ad_group", self.ad_group.as_deref()),
        ]
    }

    fn campaign_values(&self) -> Campaign {
        let value = |text: &Option<String>| text.as_deref().map(|text| text.trim().into());
        Campaign {
            source: value(&self.source),
            medium: value(&self.medium),
            name: value(&self.campaign),
            term: value(&self.term),
            content: value(&self.content),
            ad_group: value(&self.ad_group),
            network_click: None,
        }
    }

    /// A campaign without a source cannot be credited to anything.
    fn named_whole(&self) -> Result<(), String> {
        let any = self.values().iter().any(|(_, value)| value.is_some());
        if any && self.source.is_none() {
            return Err(
                "campaign values without a source cannot be credited; give the source, too".into(),
            );
        }
        Ok(())
    }

    /// A destination that already says something else would give two answers for one click.
    fn no_conflict(&self) -> Result<(), String> {
        let Ok(url) = url::Url::parse(&self.destination) else { return Ok(()) };
        let mut said = Campaign::default();
        for (name, value) in url.query_pairs() {
            said.take_parameter(&name, &value);
        }
        let mine = self.campaign_values();
        let pairs = [
            ("utm_source", &said.source, &mine.source),
            ("utm_medium", &said.medium, &mine.medium),
            ("utm_campaign", &said.name, &mine.name),
            ("utm_term", &said.term, &mine.term),
            ("utm_content", &said.content, &mine.content),
            ("utm_adgroup", &said.ad_group, &mine.ad_group),
        ];
        let clash =
            pairs.iter().find(|(_, said, mine)| said.is_some() && mine.is_some() && said != mine);
        clash.map_or(Ok(()), |(name, ..)| {
            Err(format!(
                "its query already has another {name}; remove it there or leave it out here"
            ))
        })
    }
}

/// 1 to 64 of `A-Z a-z 0-9 - _`.
fn slug(slug: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if slug.is_empty() || slug.len() > SLUG_BYTES_MAX || !slug.bytes().all(plain) {
        return Err(format!("use 1 to {SLUG_BYTES_MAX} letters, digits, hyphens or underscores"));
    }
    Ok(())
}

/// Absolute, http or https, with a host, without credentials; nothing a browser would read
/// differently from us.
fn destination(text: &str) -> Result<(), String> {
    if text.len() > DESTINATION_BYTES_MAX {
        return Err(format!(
            "it has {} bytes, at most {DESTINATION_BYTES_MAX} are allowed",
            text.len()
        ));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("spaces, control characters and backslashes are read differently by browsers; encode or remove them".into());
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err("write an absolute address that begins with https:// or http://".into());
    }
    let url = url::Url::parse(text)
        .map_err(|error| format!("it is no address ({error}); write https://host/path"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it names no host; write https://host/path".into());
    }
    let authority = text.split('/').nth(2).unwrap_or_default();
    if authority.contains('@') {
        return Err("it carries credentials before the host; remove them".into());
    }
    Ok(())
}

fn campaign_value(value: &str) -> Result<(), String> {
    if value.trim().is_empty() {
        return Err("it is empty; give a value or leave it out".into());
    }
    if value.len() > Campaign::VALUE_BYTES_MAX {
        return Err(format!(
            "it has {} bytes, at most {} are allowed",
            value.len(),
            Campaign::VALUE_BYTES_MAX
        ));
    }
    if value.chars().any(char::is_control) {
        return Err("control characters are not allowed; remove them".into());
    }
    Ok(())
}

fn status(status: u16) -> Result<(), String> {
    if STATUSES.contains(&status) {
        return Ok(());
    }
    Err(format!("{status} is no redirect; use 301, 302, 303, 307 or 308"))
}

fn owner(owner: &str) -> Result<(), String> {
    if owner.trim().is_empty()
        || owner.len() > OWNER_BYTES_MAX
        || owner.chars().any(char::is_control)
    {
        return Err(format!("say who answers for the link, in 1 to {OWNER_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn expires(text: &str) -> Result<(), String> {
    let wanted = "write the last day as YYYY-MM-DD, or an instant such as 2026-11-30T18:00:00Z";
    expiry(text).map(drop).ok_or_else(|| format!("{text:?} cannot be read; {wanted}"))
}

fn consent_text(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.len() > CONSENT_TEXT_BYTES_MAX {
        return Err(format!("write 1 to {CONSENT_TEXT_BYTES_MAX} bytes, or leave it out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal() -> Proposal {
        Proposal {
            slug: "spring".into(),
            destination: "https://shop.example/sale?x=1".into(),
            source: Some("newsletter".into()),
            medium: Some("email".into()),
            owner: "ann".into(),
            ..Proposal::default()
        }
    }

    fn fields(proposal: &Proposal) -> Vec<&'static str> {
        proposal.broken().iter().map(|broken| broken.field).collect()
    }

    #[test]
    fn a_good_proposal_becomes_a_link() {
        let link = proposal().into_link(1, Timestamp(7)).unwrap();
        assert_eq!((link.status, link.enabled, link.version), (302, true, 1));
        assert_eq!(link.campaign.source.as_deref(), Some("newsletter"));
    }

    #[test]
    fn slugs_hold_at_the_limit_and_break_over_it() {
        let with = |slug: &str| fields(&Proposal { slug: slug.into(), ..proposal() });
        assert!(with(&"a".repeat(SLUG_BYTES_MAX)).is_empty());
        for bad in ["", "a b", "a/b", "ä", "..", "%41", &"a".repeat(SLUG_BYTES_MAX + 1)] {
            assert_eq!(with(bad), ["slug"], "{bad:?}");
        }
    }

    #[test]
    fn destinations_that_leave_the_owners_hand_are_refused() {
        let with =
            |destination: &str| fields(&Proposal { destination: destination.into(), ..proposal() });
        for good in [
            "http://a.example",
            "HTTPS://a.example/x?y#z",
            "https://a.example/p@q",
            "https://[::1]:8080/",
        ] {
            assert!(with(good).is_empty(), "{good}");
        }
        let filler = "a".repeat(DESTINATION_BYTES_MAX - "https://a.example/".len());
        assert!(with(&format!("https://a.example/{filler}")).is_empty());
        assert_eq!(with(&format!("https://a.example/{filler}a")), ["destination"]);
        let bad = [
            "",
            "//a.example",
            "/path",
            "javascript:alert(1)",
            "ftp://a.example",
            "https:a.example",
            "https:\\\\a.example",
            "https://user@a.example",
            "https://u:p@a.example/",
            "https://",
            "https://a.example/\r\nSet-Cookie: x",
            "https://a.example/a b",
            "data:text/html,x",
        ];
        for bad in bad {
            assert_eq!(with(bad), ["destination"], "{bad:?}");
        }
    }

    #[test]
    fn the_query_must_not_contradict_the_campaign() {
        let with =
            |destination: &str| fields(&Proposal { destination: destination.into(), ..proposal() });
        assert!(with("https://a.example/?utm_source=newsletter").is_empty());
        assert_eq!(with("https://a.example/?utm_source=other"), ["destination"]);
    }

    #[test]
    fn every_broken_rule_is_named_at_once() {
        let bad = Proposal {
            slug: "a b".into(),
            destination: "mailto:a@b".into(),
            medium: Some("\u{7}".into()),
            status: Some(200),
            owner: " ".into(),
            ..Proposal::default()
        };
        assert_eq!(fields(&bad), ["slug", "destination", "medium", "source", "status", "owner"]);
        let refused = bad.into_link(1, Timestamp(0)).unwrap_err().to_string();
        assert!(refused.starts_with("the link breaks 6 rule(s)"), "{refused}");
    }

    #[test]
    fn campaign_values_hold_at_the_limit() {
        let with = |value: String| fields(&Proposal { campaign: Some(value), ..proposal() });
        assert!(with("c".repeat(Campaign::VALUE_BYTES_MAX)).is_empty());
        assert_eq!(with("c".repeat(Campaign::VALUE_BYTES_MAX + 1)), ["campaign"]);
        assert_eq!(with("  ".into()), ["campaign"]);
    }
}

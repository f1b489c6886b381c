//! The house rules of links, beyond what every link must hold: which values must stand, which may,
//! where links may lead.

use super::rules::{Broken, Proposal};
use millstream_event::Timestamp;
use millstream_event::url::host_within;
use regex::Regex;
use serde::{Deserialize, Serialize};

/// Longest pattern of a rule.
pub const PATTERN_BYTES_MAX: usize = 512;
/// Hosts that only send on: behind one of them nobody sees where a link leads.
pub const SHORTENERS: [&str; 16] = [
    "bit.ly",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "lnkd.in",
    "ow.ly",
    "rb.gy",
    "rebrand.ly",
    "s.id",
    "short.io",
    "shorturl.at",
    "t.co",
    "t.ly",
    "tiny.cc",
    "tinyurl.com",
];
/// Fields that a rule can be about.
const FIELDS: [&str; 7] = ["slug", "source", "medium", "campaign", "term", "content", "ad_group"];

/// What one field of a link must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldRule {
    /// slug, source, medium, campaign, term, content or `ad_group`.
    pub field: String,
    /// It must be given.
    pub required: bool,
    /// Its letters must be small.
    pub lowercase: bool,
    /// The values it may take; empty: any.
    pub allowed: Vec<String>,
    /// A regular expression that matches the whole value; empty: any.
    pub pattern: String,
}

/// Values that a proposal takes where it says nothing itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Template {
    /// What proposals name it by.
    pub name: String,
    /// `utm_source`
    pub source: Option<String>,
    /// `utm_medium`
    pub medium: Option<String>,
    /// `utm_campaign`
    pub campaign: Option<String>,
    /// Text on consent.
    pub consent_text: Option<String>,
}

/// The rules as they are written in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HouseRules {
    /// Destinations must be https.
    pub https_only: bool,
    /// Hosts that links may lead to, subdomains included; empty: any.
    pub hosts: Vec<String>,
    /// Further hosts that only send on.
    pub shorteners: Vec<String>,
    /// Rules of fields.
    pub rules: Vec<FieldRule>,
    /// Templates.
    pub templates: Vec<Template>,
}

/// Why house rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HouseRulesError {
    /// No such field.
    #[error(
        "there is no field {0:?}: use slug, source, medium, campaign, term, content or ad_group"
    )]
    Field(String),
    /// No regular expression.
    #[error(
        "the pattern {pattern:?} cannot be used ({why}): write a regular expression of at most {PATTERN_BYTES_MAX} bytes"
    )]
    Pattern {
        /// As it is written.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
}

/// House rules, ready to be applied.
#[derive(Clone, Debug, Default)]
pub struct Governance {
    written: HouseRules,
    /// For each rule, its pattern.
    patterns: Vec<Option<Regex>>,
}

impl Governance {
    /// Checks what was written.
    ///
    /// # Errors
    /// See [`HouseRulesError`].
    pub fn new(written: HouseRules) -> Result<Self, HouseRulesError> {
        let mut patterns = Vec::new();
        for rule in &written.rules {
            if !FIELDS.contains(&rule.field.as_str()) {
                return Err(HouseRulesError::Field(rule.field.clone()));
            }
            patterns.push(compiled(&rule.pattern)?);
        }
        Ok(Self { written, patterns })
    }

    /// As it was written.
    pub const fn written(&self) -> &HouseRules {
        &self.written
    }

    /// The proposal with what its template says where it says nothing itself.
    ///
    /// # Errors
    /// When there is no such template.
    pub fn fill(&self, mut proposal: Proposal) -> Result<Proposal, Broken> {
        let Some(name) = proposal.template.take() else { return Ok(proposal) };
        let Some(template) = self.written.templates.iter().find(|one| one.name == name) else {
            let known: Vec<&str> =
                self.written.templates.iter().map(|one| one.name.as_str()).collect();
            let rule = format!("there is no template {name:?}; known are: {}", known.join(", "));
            return Err(Broken { field: "template", rule });
        };
        let fill = |mine: &mut Option<String>, theirs: &Option<String>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        fill(&mut proposal.source, &template.source);
        fill(&mut proposal.medium, &template.medium);
        fill(&mut proposal.campaign, &template.campaign);
        fill(&mut proposal.consent_text, &template.consent_text);
        Ok(proposal)
    }

    /// Every rule that a proposal breaks, those of every link included.
    pub fn broken(&self, proposal: &Proposal, own_domains: &[Box<str>]) -> Vec<Broken> {
        let filled = match self.fill(proposal.clone()) {
            Ok(filled) => filled,
            Err(broken) => return vec![broken],
        };
        let mut broken = filled.broken();
        for (rule, pattern) in self.written.rules.iter().zip(&self.patterns) {
            let (field, value) = filled.field(&rule.field);
            let rules = of_field(rule, pattern.as_ref(), value).into_iter();
            broken.extend(rules.map(|rule| Broken { field, rule }));
        }
        if let Ok(url) = url::Url::parse(&filled.destination) {
            let rules = self.of_destination(&url, own_domains);
            broken.extend(rules.into_iter().map(|rule| Broken { field: "destination", rule }));
        }
        broken
    }

    fn of_destination(&self, url: &url::Url, own_domains: &[Box<str>]) -> Vec<String> {
        let mut broken = Vec::new();
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let within = |known: &[String]| known.iter().any(|known| host_within(host, known));
        if self.written.https_only && url.scheme() != "https" {
            broken.push("links lead to https:// alone; use it".to_owned());
        }
        if !self.written.hosts.is_empty() && !within(&self.written.hosts) {
            let known = self.written.hosts.join(", ");
            broken.push(format!("links may lead to {known} alone; ask for {host} to be added"));
        }
        let shortens = SHORTENERS.iter().any(|known| host_within(host, known));
        if shortens || within(&self.written.shorteners) {
            broken.push(format!("{host} only sends on; give the address that it leads to"));
        }
        let ours = own_domains.iter().any(|own| host_within(host, own));
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if (ours || local) && url.path().starts_with("/r/") {
            broken
                .push("it leads to a link of ours, which may lead back; give the page".to_owned());
        }
        broken
    }
}

fn compiled(pattern: &str) -> Result<Option<Regex>, HouseRulesError> {
    if pattern.is_empty() {
        return Ok(None);
    }
    let refused = |why: String| HouseRulesError::Pattern { pattern: pattern.to_owned(), why };
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(refused(format!("it has {} bytes", pattern.len())));
    }
    let whole = Regex::new(&format!("^(?:{pattern})$"));
    whole.map(Some).map_err(|error| refused(error.to_string().replace('\n', " ")))
}

fn of_field(rule: &FieldRule, pattern: Option<&Regex>, value: Option<&str>) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else {
        if rule.required {
            broken.push("it is required here; give it".to_owned());
        }
        return broken;
    };
    if rule.lowercase && value.chars().any(char::is_uppercase) {
        broken.push(format!("write {value:?} in small letters"));
    }
    if !rule.allowed.is_empty() && !rule.allowed.iter().any(|allowed| allowed == value) {
        broken.push(format!("{value:?} is not one of {}", rule.allowed.join(", ")));
    }
    if pattern.is_some_and(|pattern| !pattern.is_match(value)) {
        broken.push(format!("{value:?} does not follow the pattern {}", rule.pattern));
    }
    broken
}

/// The instant an expiry names: a day ends with it.
pub fn expiry(text: &str) -> Option<Timestamp> {
    let day = text.len() == 10;
    let stamp = if day { format!("{text}T23:59:59.999999Z") } else { text.to_owned() };
    Timestamp::parse_rfc3339(&stamp)?.sane()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn governance() -> Governance {
        let field = |field: &str| FieldRule { field: field.into(), ..FieldRule::default() };
        Governance::new(HouseRules {
            https_only: true,
            hosts: vec!["shop.example".into()],
            shorteners: vec!["go.example".into()],
            rules: vec![
                FieldRule { required: true, lowercase: true, ..field("campaign") },
                FieldRule { allowed: vec!["email".into(), "cpc".into()], ..field("medium") },
                FieldRule { pattern: "[a-z]{2}-[a-z0-9-]+".into(), ..field("slug") },
            ],
            templates: vec![Template {
                name: "letter".into(),
                source: Some("newsletter".into()),
                medium: Some("email".into()),
                ..Template::default()
            }],
        })
        .unwrap()
    }

    fn proposal() -> Proposal {
        Proposal {
            slug: "de-spring".into(),
            destination: "https://www.shop.example/sale".into(),
            campaign: Some("spring".into()),
            template: Some("letter".into()),
            owner: "ann".into(),
            ..Proposal::default()
        }
    }

    fn rules(proposal: &Proposal) -> Vec<String> {
        let own = ["shop.example".into()];
        governance().broken(proposal, &own).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_template_fills_what_is_not_said() {
        assert_eq!(rules(&proposal()), [""; 0]);
        let own = Proposal { source: Some("partner".into()), ..proposal() };
        let filled = governance().fill(own).unwrap();
        assert_eq!(
            (filled.source.as_deref(), filled.medium.as_deref()),
            (Some("partner"), Some("email"))
        );
        let unknown = Proposal { template: Some("poster".into()), ..proposal() };
        assert!(rules(&unknown)[0].starts_with("template: there is no template \"poster\""));
    }

    #[test]
    fn every_house_rule_is_told_at_once() {
        let bad = Proposal {
            slug: "Spring".into(),
            medium: Some("E-Mail".into()),
            campaign: None,
            source: Some("x".into()),
            ..proposal()
        };
        let told = rules(&bad);
        assert_eq!(told.len(), 3, "{told:#?}");
        let loud = Proposal { campaign: Some("SPRING".into()), ..proposal() };
        assert_eq!(rules(&loud), ["campaign: write \"SPRING\" in small letters"]);
    }

    #[test]
    fn destinations_stay_where_links_may_lead() {
        let with = |destination: &str| {
            rules(&Proposal { destination: destination.into(), ..proposal() }).len()
        };
        assert_eq!(with("https://shop.example/p"), 0);
        for (bad, rules) in [
            ("http://shop.example/p", 1),
            ("https://evil.example/", 1),
            ("https://shop.example.evil.example/", 1),
            ("https://evilshop.example/", 1),
            ("https://shop.example/r/other", 1),
            ("https://bit.ly/x", 2),
            ("https://go.example/x", 2),
            ("https://BIT.LY./x", 2),
            ("http://localhost/r/x", 3),
        ] {
            assert_eq!(with(bad), rules, "{bad}");
        }
    }

    #[test]
    fn rules_are_checked_when_they_are_read() {
        let with = |rule: FieldRule| {
            Governance::new(HouseRules { rules: vec![rule], ..HouseRules::default() }).map(drop)
        };
        let field = |field: &str, pattern: &str| FieldRule {
            field: field.into(),
            pattern: pattern.into(),
            ..FieldRule::default()
        };
        assert!(matches!(with(field("colour", "")), Err(HouseRulesError::Field(_))));
        assert!(matches!(with(field("slug", "(")), Err(HouseRulesError::Pattern { .. })));
        assert!(with(field("slug", &"a".repeat(PATTERN_BYTES_MAX))).is_ok());
        assert!(with(field("slug", &"a".repeat(PATTERN_BYTES_MAX + 1))).is_err());
    }

    #[test]
    fn a_link_ends_with_its_last_day() {
        assert_eq!(
            expiry("2026-11-30").map(|at| at.utc_day()),
            expiry("2026-11-30T00:00:00Z").map(|at| at.utc_day())
        );
        assert!(expiry("2026-11-30") > expiry("2026-11-30T23:59:59Z"));
        assert_eq!(expiry("soon"), None);
    }
}

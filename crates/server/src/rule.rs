//! Rules that can be taken out of force at once, whatever the configuration file says.

use millstream_event::control::Settings;
use std::fmt;
use std::str::FromStr;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// A host is ours: never a referrer.
    OwnDomain,
    /// A host is a payment provider's or the like: never a referrer.
    ExcludedReferrer,
    /// A business event is a conversion.
    Conversion,
}

impl RuleKind {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::OwnDomain, Self::ExcludedReferrer, Self::Conversion];

    /// The word that is typed and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnDomain => "own_domain",
            Self::ExcludedReferrer => "excluded_referrer",
            Self::Conversion => "conversion",
        }
    }
}

/// A rule by its kind and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// What it does.
    pub kind: RuleKind,
    /// The host, or the folded name of the event.
    pub about: String,
}

/// Text that names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no rule: write own_domain:HOST, excluded_referrer:HOST or conversion:EVENT, as `millstream rules list` shows them"
)]
pub struct RuleError(String);

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError(text.chars().take(64).collect());
        let (kind, about) = text.split_once(':').ok_or_else(wrong)?;
        let named = |known: &RuleKind| known.as_str() == kind;
        let kind = RuleKind::ALL.into_iter().find(named).ok_or_else(wrong)?;
        let about = match kind {
            RuleKind::Conversion => millstream_attribute::conversion::folded(about),
            _ => about.trim().to_ascii_lowercase(),
        };
        if about.is_empty() { Err(wrong()) } else { Ok(Self { kind, about }) }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.about)
    }
}

impl Rule {
    /// That a host is ours.
    pub fn own_domain(host: &str) -> Self {
        Self { kind: RuleKind::OwnDomain, about: host.to_ascii_lowercase() }
    }

    /// That a host is never a referrer.
    pub fn excluded_referrer(host: &str) -> Self {
        Self { kind: RuleKind::ExcludedReferrer, about: host.to_ascii_lowercase() }
    }

    /// Those that were disabled.
    pub fn disabled(settings: &Settings) -> impl Iterator<Item = Self> {
        settings.disabled.iter().filter_map(|text| text.parse().ok())
    }

    /// True when it was disabled.
    pub fn is_disabled(&self, settings: &Settings) -> bool {
        Self::disabled(settings).any(|one| one == *self)
    }

    /// The settings with the rule out of force, or in force again.
    pub fn switched(&self, settings: &Settings, on: bool) -> Settings {
        let mut settings = settings.clone();
        let hosts = match self.kind {
            RuleKind::OwnDomain => Some(&mut settings.own_domains),
            RuleKind::ExcludedReferrer => Some(&mut settings.excluded_referrers),
            RuleKind::Conversion => None,
        };
        if let Some(hosts) = hosts {
            hosts.retain(|host| !host.eq_ignore_ascii_case(&self.about));
            hosts.extend(on.then(|| self.about.as_str().into()));
        }
        let name = self.to_string();
        settings.disabled.retain(|one| **one != *name);
        settings.disabled.extend((!on).then(|| name.into()));
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_alike_however_it_is_written() {
        for text in ["conversion:Add to Cart", "conversion:add_to_cart", "conversion:ADDTOCART"] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), "conversion:addtocart");
        }
        assert_eq!("own_domain: Shop.Example".parse(), Ok(Rule::own_domain("shop.example")));
        for wrong in ["", "own_domain", "own_domain:", "link:a", "conversion:--"] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_disabled_and_enabled_is_as_it_was() {
        let settings = Settings {
            own_domains: vec!["A.example".into(), "b.example".into()],
            ..Settings::default()
        };
        let rule = Rule::own_domain("a.example");
        let off = rule.switched(&settings, false);
        assert_eq!(off.own_domains, ["b.example".into()]);
        assert!(rule.is_disabled(&off) && !rule.is_disabled(&settings));
        assert_eq!(rule.switched(&off, false), off);
        let on = rule.switched(&off, true);
        assert_eq!((on.own_domains.len(), on.disabled.len()), (2, 0));
    }
}

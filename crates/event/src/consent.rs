//! Consent: purposes, what was granted, and who said so.

use serde::{Deserialize, Serialize};

/// What data may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Counting and crediting. Without it nothing identifying is stored, only an aggregate count.
    Measurement,
    /// Reading a profile to choose content.
    Personalization,
    /// Click ids, advertising destinations.
    Advertising,
}

/// The set of purposes granted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Purposes(u8);

impl Purposes {
    /// Nothing granted.
    pub const NONE: Self = Self(0);
    /// Everything granted.
    pub const ALL: Self = Self(0b111);

    const fn bit(purpose: Purpose) -> u8 {
        match purpose {
            Purpose::Measurement => 0b001,
            Purpose::Personalization => 0b010,
            Purpose::Advertising => 0b100,
        }
    }

    /// True when the purpose was granted.
    pub const fn allows(self, purpose: Purpose) -> bool {
        self.0 & Self::bit(purpose) != 0
    }

    /// With the purpose granted.
    #[must_use]
    pub const fn with(self, purpose: Purpose) -> Self {
        Self(self.0 | Self::bit(purpose))
    }

    /// With the purpose denied.
    #[must_use]
    pub const fn without(self, purpose: Purpose) -> Self {
        Self(self.0 & !Self::bit(purpose))
    }

    /// What both grant.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The bits: 1 measurement, 2 personalization, 4 advertising.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From bits; those without a meaning are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }
}

/// Where the decision came from, most binding first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ConsentSource {
    /// The event itself said so, or the signed choice cookie.
    Explicit,
    /// A consent framework: a TCF or GPP string, Google's consent mode.
    Framework,
    /// `Sec-GPC: 1` denied advertising (Global Privacy Control).
    GlobalPrivacyControl,
    /// The configured default of the region.
    Regional,
    /// The configured default.
    #[default]
    Default,
}

impl ConsentSource {
    /// The stable name, as it stands in payloads.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Framework => "framework",
            Self::GlobalPrivacyControl => "global_privacy_control",
            Self::Regional => "regional",
            Self::Default => "default",
        }
    }
}

/// What holds for one event: stamped at capture, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Purposes granted.
    pub granted: Purposes,
    /// Who said so.
    pub source: ConsentSource,
}

impl Consent {
    /// Everything granted by the configured default.
    pub const DEFAULT_ALL: Self = Self { granted: Purposes::ALL, source: ConsentSource::Default };
}

/// What an event itself says of consent; a purpose it does not mention is left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatedConsent {
    /// Purposes it grants.
    pub granted: Purposes,
    /// Purposes it denies; denial is stronger where both are said.
    pub denied: Purposes,
    /// Purposes that consent frameworks' strings beside it grant.
    pub framework_granted: Purposes,
    /// Purposes that they deny.
    pub framework_denied: Purposes,
}

impl StatedConsent {
    /// True when it says nothing.
    pub const fn is_silent(self) -> bool {
        self.granted.bits() == 0 && self.denied.bits() == 0
    }

    /// With what frameworks' strings state, which is less binding.
    #[must_use]
    pub const fn with_framework(self, stated: Self) -> Self {
        Self { framework_granted: stated.granted, framework_denied: stated.denied, ..self }
    }

    /// With what somebody else states, too: denial is stronger.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            granted: Purposes::from_bits(self.granted.bits() | other.granted.bits()),
            denied: Purposes::from_bits(self.denied.bits() | other.denied.bits()),
            ..self
        }
    }

    /// That everything is denied.
    pub const fn nothing() -> Self {
        Self {
            granted: Purposes::NONE,
            denied: Purposes::ALL,
            framework_granted: Purposes::NONE,
            framework_denied: Purposes::NONE,
        }
    }

    /// With one more statement.
    #[must_use]
    pub const fn saying(self, purpose: Purpose, granted: bool) -> Self {
        if granted {
            Self { granted: self.granted.with(purpose), ..self }
        } else {
            Self { denied: self.denied.with(purpose), ..self }
        }
    }
}

impl Consent {
    /// This consent, known outside the event, overridden by what the event states. Where both are
    /// explicit the more restrictive of the two holds for each purpose.
    #[must_use]
    pub const fn overridden(self, stated: StatedConsent) -> Self {
        let known = self.framed(stated.framework_granted, stated.framework_denied);
        if stated.is_silent() {
            return known;
        }
        known.explicitly(stated)
    }

    /// Overridden by frameworks' strings, unless an explicit choice is known: that is more binding.
    #[must_use]
    pub const fn framed(self, granted: Purposes, denied: Purposes) -> Self {
        let silent = granted.bits() == 0 && denied.bits() == 0;
        if silent || matches!(self.source, ConsentSource::Explicit) {
            return self;
        }
        let open = self.granted.bits() | granted.bits();
        let granted = Purposes::from_bits(open & !denied.bits());
        Self { granted, source: ConsentSource::Framework }
    }

    const fn explicitly(self, stated: StatedConsent) -> Self {
        let open = match self.source {
            ConsentSource::Explicit => self.granted,
            _ => Purposes::from_bits(self.granted.bits() | stated.granted.bits()),
        };
        let granted = Purposes::from_bits(open.bits() & !stated.denied.bits());
        Self { granted, source: ConsentSource::Explicit }
    }
}

pub use crate::restriction::{Aggregate, AggregateKey, Outcome, restrict};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_overrides_defaults_and_never_widens_an_explicit_choice() {
        let stated = StatedConsent::default()
            .saying(Purpose::Measurement, true)
            .saying(Purpose::Advertising, false);
        let regional = Consent { granted: Purposes::NONE, source: ConsentSource::Regional };
        let granted = regional.overridden(stated);
        assert_eq!(granted.source, ConsentSource::Explicit);
        assert_eq!(granted.granted, Purposes::NONE.with(Purpose::Measurement));

        let choice = Consent { granted: Purposes::NONE, source: ConsentSource::Explicit };
        assert_eq!(choice.overridden(stated).granted, Purposes::NONE);
        assert_eq!(regional.overridden(StatedConsent::default()), regional);
        let open = Consent::DEFAULT_ALL.overridden(stated);
        assert!(open.granted.allows(Purpose::Personalization), "unmentioned purposes stay");
        assert!(!open.granted.allows(Purpose::Advertising));
    }
}

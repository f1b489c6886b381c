//! The consent gate: what may be stored is decided, and enforced, before anything is.

use super::cookies;
use super::exchange::Exchange;
use millstream_event::{Consent, ConsentSource, Purpose, Purposes};

/// What is known of consent outside the events of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    /// What holds for an event that says nothing itself; what it says is weighed by its parser.
    pub(super) standing: Consent,
}

impl Gate {
    /// Most binding first: the signed choice cookie, Global Privacy Control, the country's default,
    /// the configured default.
    pub(super) fn of(exchange: &Exchange<'_>, cookies: &str, country: Option<&str>) -> Self {
        let plane = exchange.plane;
        let choice = cookies::choice(cookies, exchange.secure(), &plane.parts.keys.cookie);
        let defaults = &plane.options.consent;
        let regional = country.and_then(|country| {
            defaults.regions.iter().find(|(region, _)| **region == *country).map(|(_, it)| *it)
        });
        let objects = exchange.header("sec-gpc").is_some_and(|value| value.trim() == "1");
        Self::decide(choice, objects, regional, defaults.granted)
    }

    fn decide(
        choice: Option<Purposes>,
        objects: bool,
        regional: Option<Purposes>,
        default: Purposes,
    ) -> Self {
        let (granted, source) = match (choice, regional) {
            (Some(choice), _) => (choice, ConsentSource::Explicit),
            (None, Some(regional)) => (regional, ConsentSource::Regional),
            (None, None) => (default, ConsentSource::Default),
        };
        let standing = if objects && choice.is_none() {
            Consent {
                granted: granted.without(Purpose::Advertising),
                source: ConsentSource::GlobalPrivacyControl,
            }
        } else {
            Consent { granted, source }
        };
        Self { standing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURED: Purposes = Purposes::NONE.with(Purpose::Measurement);

    #[test]
    fn the_most_binding_word_holds() {
        let all = Purposes::ALL;
        let standing = |choice, objects, regional| {
            let Consent { granted, source } = Gate::decide(choice, objects, regional, all).standing;
            (granted, source)
        };
        assert_eq!(standing(None, false, None), (all, ConsentSource::Default));
        assert_eq!(standing(None, false, Some(MEASURED)), (MEASURED, ConsentSource::Regional));
        let no_ads = all.without(Purpose::Advertising);
        assert_eq!(standing(None, true, None), (no_ads, ConsentSource::GlobalPrivacyControl));
        assert_eq!(
            standing(None, true, Some(Purposes::NONE)),
            (Purposes::NONE, ConsentSource::GlobalPrivacyControl)
        );
        assert_eq!(standing(Some(all), true, Some(MEASURED)), (all, ConsentSource::Explicit));
        assert_eq!(
            standing(Some(Purposes::NONE), false, None),
            (Purposes::NONE, ConsentSource::Explicit)
        );
    }
}

//! The consent gate: what may be stored is decided, and enforced, before anything is.

use super::cookies;
use super::exchange::Exchange;
use super::options::ConsentDefaults;
use millstream_event::{Consent, ConsentSource, Purpose, Purposes};

/// What the visitor said of consent outside the events of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    choice: Option<Purposes>,
    objects: bool,
}

impl Gate {
    /// Reads the signed choice cookie and Global Privacy Control.
    pub(super) fn of(exchange: &Exchange<'_>, cookies: &str) -> Self {
        let key = &exchange.plane.parts.keys.cookie;
        Self {
            choice: cookies::choice(cookies, exchange.secure(), key),
            objects: exchange.header("sec-gpc").is_some_and(|value| value.trim() == "1"),
        }
    }

    /// What holds for an event from this country that says nothing itself. Most binding first: the
    /// choice, Global Privacy Control, the country's default, the configured default.
    pub(super) fn standing(self, defaults: &ConsentDefaults, country: Option<&str>) -> Consent {
        if let Some(choice) = self.choice {
            return Consent { granted: choice, source: ConsentSource::Explicit };
        }
        let default = defaults.of(country);
        if !self.objects {
            return default;
        }
        let (granted, source) =
            (default.granted.without(Purpose::Advertising), ConsentSource::GlobalPrivacyControl);
        Consent { granted, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURED: Purposes = Purposes::NONE.with(Purpose::Measurement);

    #[test]
    fn the_most_binding_word_holds() {
        let all = Purposes::ALL;
        let defaults = ConsentDefaults {
            granted: all,
            regions: vec![("FR".into(), MEASURED), ("XX".into(), Purposes::NONE)],
        };
        let standing = |choice, objects, country| {
            let Consent { granted, source } = Gate { choice, objects }.standing(&defaults, country);
            (granted, source)
        };
        assert_eq!(standing(None, false, None), (all, ConsentSource::Default));
        assert_eq!(standing(None, false, Some("US")), (all, ConsentSource::Default));
        assert_eq!(standing(None, false, Some("FR")), (MEASURED, ConsentSource::Regional));
        let no_ads = all.without(Purpose::Advertising);
        let objecting = ConsentSource::GlobalPrivacyControl;
        assert_eq!(standing(None, true, None), (no_ads, objecting));
        assert_eq!(standing(None, true, Some("XX")), (Purposes::NONE, objecting));
        let chosen = |granted| (granted, ConsentSource::Explicit);
        assert_eq!(standing(Some(all), true, Some("FR")), chosen(all));
        assert_eq!(standing(Some(Purposes::NONE), false, None), chosen(Purposes::NONE));
    }
}

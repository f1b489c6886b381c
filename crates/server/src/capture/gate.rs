//! The consent gate: what may be stored is decided, and enforced, before anything is.

use super::cookies;
use super::exchange::Exchange;
use super::options::ConsentDefaults;
use millstream_event::consent::StatedConsent;
use millstream_event::signal::Signals;
use millstream_event::{Consent, ConsentSource, Purpose, Purposes};

/// What the visitor said of consent outside the events of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    choice: Option<Purposes>,
    objects: bool,
    framework: StatedConsent,
}

/// The cookie that European consent managers keep their string in.
const TCF_COOKIE: &str = "euconsent-v2";

impl Gate {
    /// Reads the signed choice cookie and Global Privacy Control.
    pub(super) fn of(exchange: &Exchange<'_>, cookies: &str) -> Self {
        let key = &exchange.plane.parts.keys.cookie;
        Self {
            choice: cookies::choice(cookies, exchange.secure(), key),
            objects: exchange.header("sec-gpc").is_some_and(|value| value.trim() == "1"),
            framework: framework(exchange, cookies),
        }
    }

    /// What holds for an event from this country that says nothing itself. Most binding first: the
    /// choice, consent frameworks, Global Privacy Control, the country's default, the configured
    /// default.
    pub(super) fn standing(self, defaults: &ConsentDefaults, country: Option<&str>) -> Consent {
        if let Some(choice) = self.choice {
            return Consent { granted: choice, source: ConsentSource::Explicit };
        }
        let mut standing = defaults.of(country);
        if self.objects {
            let granted = standing.granted.without(Purpose::Advertising);
            standing = Consent { granted, source: ConsentSource::GlobalPrivacyControl };
        }
        standing.framed(self.framework.granted, self.framework.denied)
    }
}

/// What strings of consent frameworks in the query (as their parameters are named for calls of
/// pixels and links) or in their cookie say.
fn framework(exchange: &Exchange<'_>, cookies: &str) -> StatedConsent {
    let value = |name| exchange.query_value(name);
    let (tcf, applies) = (value("gdpr_consent"), value("gdpr"));
    let (gpp, sections, gcs) = (value("gpp"), value("gpp_sid"), value("gcs"));
    let signals = Signals {
        tcf: tcf.as_deref().or_else(|| cookies::find(cookies, TCF_COOKIE)),
        gdpr_applies: applies.as_deref().map(|text| text != "0"),
        gpp: gpp.as_deref(),
        gpp_sections: sections.as_deref(),
        gcs: gcs.as_deref(),
        google: StatedConsent::default(),
    };
    signals.stated(exchange.plane.options.consent.tcf_vendor)
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
            tcf_vendor: None,
        };
        let standing = |choice, objects, country| {
            let gate = Gate { choice, objects, framework: StatedConsent::default() };
            let Consent { granted, source } = gate.standing(&defaults, country);
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

//! Consent as frameworks write it: TCF and GPP strings, Google's consent mode.

mod bits;
pub mod google;
pub mod gpp;
pub mod tcf;

use crate::consent::StatedConsent;

/// What a visitor's consent manager sent along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals<'a> {
    /// A TCF string.
    pub tcf: Option<&'a str>,
    /// Whether the law that it is about applies; not said counts as yes.
    pub gdpr_applies: Option<bool>,
    /// A GPP string.
    pub gpp: Option<&'a str>,
    /// Its sections that apply, by number, separated by commas or underscores.
    pub gpp_sections: Option<&'a str>,
    /// Google's `gcs`.
    pub gcs: Option<&'a str>,
    /// Google's signals by name, read already.
    pub google: StatedConsent,
}

impl Signals<'_> {
    /// What all of them say together: denial is stronger. `vendor` is ours in the European list, where
    /// we have one.
    pub fn stated(&self, vendor: Option<u64>) -> StatedConsent {
        let mut all = self.google;
        if let Some(text) = self.tcf.filter(|_| self.gdpr_applies != Some(false)) {
            // A string that cannot be read, or names no disclosed vendors, grants nothing.
            let said = tcf::Tcf::decode(text);
            all = all.and(said.map_or(StatedConsent::nothing(), |tcf| tcf.stated(vendor)));
        }
        if let Some(text) = self.gpp {
            let sections = self.gpp_sections.unwrap_or_default().split([',', '_']);
            let applying: alloc::vec::Vec<u64> =
                sections.filter_map(|id| id.trim().parse().ok()).collect();
            all = all.and(gpp::stated(text, &applying, vendor));
        }
        if let Some(text) = self.gcs {
            all = all.and(google::gcs(text));
        }
        all
    }
}

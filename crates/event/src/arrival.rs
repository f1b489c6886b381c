//! Arrivals: does this event start a touch, and from where did the visitor come?

use crate::campaign::{Campaign, NETWORK_CLICK_PARAMETERS, truncated};
use crate::channel::Channel;
use crate::control::Settings;
pub use crate::referrer::ReferrerKind;
use crate::referrer::known_host;
use crate::url::{Address, bare_host, host_within, plain_host};
use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// A campaign-bearing arrival, classified once, before the event is logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Arrival {
    /// `utm_source`, else the network of the click parameter, else the referrer's name or host.
    #[serde(rename = "s")]
    pub source: Box<str>,
    /// `utm_medium`, else what the click parameter or referrer stands for.
    #[serde(rename = "m")]
    pub medium: Box<str>,
    /// The channel by the documented table.
    #[serde(rename = "ch")]
    pub channel: Channel,
}

/// Stands for a source or medium that a campaign leaves out.
pub const NOT_SET: &str = "(not set)";

impl Arrival {
    /// An arrival from a source by a medium, its channel by the table of [`crate::channel`].
    pub fn new(source: &str, medium: &str) -> Self {
        Self {
            source: truncated(source).into(),
            medium: truncated(medium).into(),
            channel: Channel::of(source, medium),
        }
    }

    /// The arrival that a campaign names by itself, with source and medium.
    pub fn of_campaign(campaign: &Campaign) -> Option<Self> {
        let (source, medium) = (campaign.source.as_deref()?, campaign.medium.as_deref()?);
        Some(Self::new(source, medium))
    }

    /// Classifies a page. `None` when it bears no campaign and its referrer is absent, the page's
    /// own site, one of `own_domains` or one of `excluded_referrers`.
    pub fn classify(
        campaign: &Campaign,
        page: Option<&str>,
        referrer: Option<&str>,
        settings: &Settings,
    ) -> Option<Self> {
        if let Some(arrival) = Self::of_campaign(campaign) {
            return Some(arrival);
        }
        let external = referrer.and_then(|referrer| external_host(referrer, page, settings));
        if campaign.is_empty() && external.is_none() {
            return None;
        }
        let network = campaign.network_click.as_ref().and_then(|click| {
            NETWORK_CLICK_PARAMETERS.iter().find(|(name, ..)| *name == &*click.parameter)
        });
        // What the click parameter stands for goes before what the referrer stands for.
        let (source, medium) = match (network, &external) {
            (Some((_, source, medium)), _) => (*source, *medium),
            (None, Some(host)) => site(host),
            (None, None) => (NOT_SET, NOT_SET),
        };
        let own_source = campaign.source.as_deref();
        let medium = match (campaign.medium.as_deref(), own_source) {
            (Some(medium), _) => medium,
            (None, Some(_)) if network.is_none() => medium_of_source(own_source, medium),
            (None, _) => medium,
        };
        Some(Self::new(own_source.unwrap_or(source), medium))
    }
}

/// `utm_source` without `utm_medium`: the kind of site it names says how, else the referrer does.
fn medium_of_source<'a>(source: Option<&str>, of_referrer: &'a str) -> &'a str {
    source.and_then(crate::referrer::known_source).map_or(of_referrer, |kind| medium_of(kind))
}

const fn medium_of(kind: ReferrerKind) -> &'static str {
    match kind {
        ReferrerKind::Search => "organic",
        ReferrerKind::Social => "social",
        ReferrerKind::Email => "email",
        ReferrerKind::Video => "video",
        ReferrerKind::Referral => "referral",
    }
}

/// Source and medium of an external host.
fn site(host: &str) -> (&str, &'static str) {
    known_host(host).map_or((host, "referral"), |(name, kind)| (name, medium_of(kind)))
}

/// The referrer's host, plain, when it is another site's.
fn external_host(referrer: &str, page: Option<&str>, settings: &Settings) -> Option<String> {
    let host = Address::split(referrer).host?;
    let same_site = page
        .and_then(|page| Address::split(page).host)
        .is_some_and(|own| bare_host(own).eq_ignore_ascii_case(bare_host(host)));
    let listed = |domains: &[Box<str>]| domains.iter().any(|domain| host_within(host, domain));
    let internal =
        same_site || listed(&settings.own_domains) || listed(&settings.excluded_referrers);
    (!internal).then(|| plain_host(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn check(url: &str, referrer: &str, expected: Option<(&str, &str, &str)>) {
        let settings = Settings {
            own_domains: vec!["www.shop.example".into()],
            excluded_referrers: vec!["paypal.com".into()],
            ..Settings::default()
        };
        let mut campaign = Campaign::default();
        for (name, value) in crate::url::parameters(Address::split(url).query) {
            campaign.take_parameter(&name, &value);
        }
        let arrival = Arrival::classify(&campaign, Some(url), Some(referrer), &settings);
        let told = arrival.as_ref().map(|a| (&*a.source, &*a.medium, a.channel.as_str()));
        assert_eq!(told, expected, "{url} from {referrer}");
    }

    #[test]
    fn classifies_pages() {
        let google = "https://www.google.fr/";
        check("/", "-", None);
        check("/", "", None);
        check("/", "https://shop.example/a", None);
        check("/", "https://checkout.shop.example/", None);
        check("/", "https://www.paypal.com/pay", None);
        check("https://other.example/a", "https://www.other.example/b", None);
        check("/", google, Some(("google", "organic", "organic_search")));
        check("/", "https://t.co/abc", Some(("twitter", "social", "organic_social")));
        check("/", "https://www.Blog.example/x", Some(("blog.example", "referral", "referral")));
        check("/?gclid=1", google, Some(("google", "cpc", "paid_search")));
        check("/?fbclid=1", "-", Some(("facebook", "social", "organic_social")));
        check("/?utm_source=june&utm_medium=email", "-", Some(("june", "email", "email")));
        check("/?utm_source=facebook", "-", Some(("facebook", "social", "organic_social")));
        check("/?utm_campaign=x", "-", Some((NOT_SET, NOT_SET, "other")));
        check("/?utm_campaign=x", google, Some(("google", "organic", "organic_search")));
        check(
            "/?utm_source=a&utm_medium=cpc",
            "https://shop.example/",
            Some(("a", "cpc", "paid_search")),
        );
    }
}

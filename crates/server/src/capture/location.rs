//! Where a link leads: its own destination with the campaign values, and nothing a visitor added.

use http::{HeaderValue, StatusCode};
use millstream_event::control::{Link, Settings};
use millstream_event::{Arrival, Campaign, Click, ClickForm};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// Everything but the unreserved characters of RFC 3986.
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Links whose rendered destination is kept.
const RENDERED_LINKS_MAX: usize = 65_536;

/// A link's destination, rendered once.
#[derive(Debug)]
pub(super) struct Destination {
    link: Arc<Link>,
    /// Without a click: the whole `Location`.
    plain: HeaderValue,
    /// Up to and including `ms_click=`.
    before_click: Box<str>,
    /// The fragment with its `#`, or empty.
    after_click: Box<str>,
    /// Where the link's campaign says it all.
    arrival: Option<Arrival>,
    /// Made of the first click.
    form: OnceLock<ClickForm>,
}

impl Destination {
    /// `None` when the link's destination is no absolute http(s) URL that fits into a header: such
    /// a link leads nowhere.
    fn render(link: Arc<Link>) -> Option<Self> {
        let destination: &str = &link.destination;
        let scheme_is_web = ["http://", "https://"].iter().any(|scheme| {
            destination.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let printable =
            destination.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'\\');
        if !scheme_is_web || !printable {
            return None;
        }
        let (address, fragment) = match destination.find('#') {
            Some(at) => destination.split_at(at),
            None => (destination, ""),
        };
        let mut url = String::from(address);
        for (name, value) in campaign_values(&link.campaign) {
            if !has_parameter(address, name) {
                add_parameter(&mut url, name, value);
            }
        }
        let mut before_click = url.clone();
        add_parameter(&mut before_click, "ms_click", "");
        url.push_str(fragment);
        let plain =
            HeaderValue::from_str(&url).or_else(|_| HeaderValue::from_bytes(url.as_bytes()));
        Some(Self {
            plain: plain.ok()?,
            before_click: before_click.into(),
            after_click: fragment.into(),
            arrival: Arrival::of_campaign(&link.campaign),
            form: OnceLock::new(),
            link,
        })
    }

    /// Where a link leads that names another destination than its own; rendered for this visit alone.
    pub(super) fn instead(link: &Link, destination: &str) -> Option<Arc<Self>> {
        let link = Link { destination: destination.into(), ..link.clone() };
        Self::render(Arc::new(link)).map(Arc::new)
    }

    /// The link it was rendered from.
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// What a click on the link arrives as, coming from `referrer`.
    pub(super) fn arrival(
        &self,
        referrer: Option<&str>,
        settings: &Settings,
    ) -> Option<Cow<'_, Arrival>> {
        let classified = || Arrival::classify(&self.link.campaign, None, referrer, settings);
        self.arrival.as_ref().map(Cow::Borrowed).or_else(|| classified().map(Cow::Owned))
    }

    /// What the records of clicks on it have in common, where all of them arrive as this one does.
    pub(super) fn form(&self, click: &Click<'_>) -> Option<&ClickForm> {
        let alike = self.arrival.is_some() && click.arrival == self.arrival.as_ref();
        alike.then(|| self.form.get_or_init(|| ClickForm::of(click)))
    }

    /// The address without a click.
    pub(super) fn plain(&self) -> HeaderValue {
        self.plain.clone()
    }

    /// The address with a click token; the plain one should the token not fit into a header.
    pub(super) fn with_click(&self, token: &str) -> HeaderValue {
        let url = self.pieces(token).concat();
        HeaderValue::from_maybe_shared(bytes::Bytes::from(url)).unwrap_or_else(|_| self.plain())
    }

    /// The address with a click token, in pieces. A token is base64 of the URL alphabet: nothing in
    /// it needs escaping.
    pub(super) fn pieces<'a>(&'a self, token: &'a str) -> [&'a str; 3] {
        [&self.before_click, token, &self.after_click]
    }

    /// The status that sends visitors there.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.link.status)
            .ok()
            .filter(StatusCode::is_redirection)
            .unwrap_or(StatusCode::FOUND)
    }
}

/// UTM parameters of a campaign, in the usual order.
fn campaign_values(campaign: &Campaign) -> impl Iterator<Item = (&'static str, &str)> {
    [
        ("utm_source", &campaign.source),
        ("utm_medium", &campaign.medium),
        ("utm_campaign", &campaign.name),
        ("utm_term", &campaign.term),
        ("utm_content", &campaign.content),
        ("utm_adgroup", &campaign.ad_group),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
}

/// True when the query of `address` holds the parameter already: what stands there stays.
fn has_parameter(address: &str, name: &str) -> bool {
    address.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|pair| pair.split('=').next().is_some_and(|found| found == name))
    })
}

fn add_parameter(url: &mut String, name: &str, value: &str) {
    match url.find('?') {
        None => url.push('?'),
        Some(at) if at + 1 < url.len() && !url.ends_with('&') => url.push('&'),
        Some(_) => {}
    }
    url.push_str(name);
    url.push('=');
    url.extend(utf8_percent_encode(value, QUERY_VALUE));
}

/// Rendered destinations by slug, each valid for exactly the version it was rendered from.
#[derive(Debug)]
pub(super) struct Destinations {
    rendered: quick_cache::sync::Cache<Box<str>, Arc<Destination>>,
}

impl Destinations {
    pub(super) fn new() -> Self {
        Self { rendered: quick_cache::sync::Cache::new(RENDERED_LINKS_MAX) }
    }

    /// The destination of a link, rendered anew when the link has changed.
    pub(super) fn of(&self, link: &Arc<Link>) -> Option<Arc<Destination>> {
        if let Some(found) = self.rendered.get(&*link.slug)
            && Arc::ptr_eq(found.link(), link)
        {
            return Some(found);
        }
        let rendered = Arc::new(Destination::render(Arc::clone(link))?);
        self.rendered.insert(link.slug.clone(), Arc::clone(&rendered));
        Some(rendered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::Timestamp;

    fn link(destination: &str) -> Arc<Link> {
        Arc::new(Link {
            slug: "spring".into(),
            version: 1,
            destination: destination.into(),
            campaign: Campaign {
                source: Some("news letter".into()),
                medium: Some("e-mail".into()),
                name: Some("spring&summer=#1".into()),
                ..Campaign::default()
            },
            status: 302,
            owner: "ann".into(),
            expires: None,
            consent_text: None,
            enabled: true,
            changed: Timestamp(0),
        })
    }

    fn location(destination: &str) -> Option<String> {
        let rendered = Destination::render(link(destination))?;
        Some(rendered.with_click("a.b-c").to_str().unwrap().to_owned())
    }

    const VALUES: &str =
        "utm_source=news%20letter&utm_medium=e-mail&utm_campaign=spring%26summer%3D%231";

    #[test]
    fn values_are_merged_and_what_stands_there_is_not_touched() {
        for (destination, expected) in [
            ("https://a.example/", format!("https://a.example/?{VALUES}&ms_click=a.b-c")),
            ("https://a.example", format!("https://a.example?{VALUES}&ms_click=a.b-c")),
            ("https://a.example/?", format!("https://a.example/?{VALUES}&ms_click=a.b-c")),
            (
                "https://a.example/p?x=%2f+%20&",
                format!("https://a.example/p?x=%2f+%20&{VALUES}&ms_click=a.b-c"),
            ),
            (
                "https://a.example/p?x=1#top",
                format!("https://a.example/p?x=1&{VALUES}&ms_click=a.b-c#top"),
            ),
            (
                "https://a.example/#/route?x=1",
                format!("https://a.example/?{VALUES}&ms_click=a.b-c#/route?x=1"),
            ),
        ] {
            assert_eq!(location(destination).as_deref(), Some(expected.as_str()));
        }
    }

    #[test]
    fn a_value_that_stands_there_is_not_added_again() {
        let found = location("https://a.example/?utm_source=own").unwrap();
        assert_eq!(found.matches("utm_source").count(), 1);
        assert!(found.contains("utm_source=own&utm_medium="));
    }

    #[test]
    fn destinations_that_are_no_web_address_lead_nowhere() {
        for destination in [
            "javascript:alert(1)",
            "//evil.example/",
            "/path",
            "",
            "https://a.example/\r\nSet-Cookie: x=1",
            "https://a.example/ b",
            "https://a.example\\@evil.example/",
            "ftp://a.example/",
        ] {
            assert!(location(destination).is_none(), "{destination}");
        }
    }

    #[test]
    fn a_changed_link_is_rendered_anew() {
        let destinations = Destinations::new();
        let first = link("https://one.example/");
        let second = link("https://two.example/");
        let read = |link: &Arc<Link>| {
            destinations.of(link).unwrap().plain().to_str().unwrap().starts_with(&*link.destination)
        };
        assert!(read(&first) && read(&second) && read(&first));
    }
}

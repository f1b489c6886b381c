//! `context`: where and on what the event happened.

use super::call::Call;
use super::page::PageFields;
use crate::campaign::{Campaign, truncated, truncated_to};
use crate::consent::{Purpose, StatedConsent};
use crate::envelope::{DeviceHints, Event, Surface};
use crate::json::RawJson;
use crate::signal::{Signals, google};
use crate::wire::names::Names;
use crate::wire::outline::{Found, Object};
use crate::wire::receipt::Receipt;
use crate::wire::{landing, members, scalar};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

/// The member that holds the client address, which is never stored.
const ADDRESS: &str = "ip";

/// A context as it is kept, and the client address that it named.
#[derive(Debug, Default)]
pub(super) struct Merged<'a> {
    pub context: Option<Cow<'a, str>>,
    pub address: Option<Box<str>>,
}

impl<'a> Merged<'a> {
    /// The item's context, what the batch's context adds to it, and no client address.
    pub(super) fn of(
        text: Option<&'a str>,
        own: &Context<'_>,
        of_batch: Option<&'a str>,
    ) -> Result<Self, serde_json::Error> {
        let (Some(first), second) = (text.or(of_batch), text.and(of_batch)) else {
            return Ok(Self::default());
        };
        let plain = if text.is_some() { !own.names_address() } else { !may_name_address(first) };
        if plain && second.is_none() {
            return Ok(Self { context: Some(Cow::Borrowed(first)), address: None });
        }
        let mut all = members::all(first)?;
        for (name, value) in second.map_or(Ok(alloc::vec![]), members::all)? {
            if !all.iter().any(|(known, _)| *known == name) {
                all.push((name, value));
            }
        }
        let mut text = String::with_capacity(first.len());
        let mut address = None;
        for (name, value) in all {
            if name == ADDRESS {
                address = scalar::some_text(Some(value)).map(|text| text.trim().into());
            } else {
                members::push_member(&mut text, &name, value);
            }
        }
        text.push_str(if text.is_empty() { "{}" } else { "}" });
        Ok(Self { context: Some(Cow::Owned(text)), address })
    }
}

/// True unless a context surely names no address; an escape could spell its name.
fn may_name_address(context: &str) -> bool {
    context.as_bytes().contains(&b'\\') || context.contains("\"ip\"")
}

const PAGE: usize = 0;
const CAMPAIGN: usize = 1;
const USER_AGENT: usize = 2;
const APP: usize = 3;
const DEVICE: usize = 4;
const OS: usize = 5;
const SCREEN: usize = 6;
const LOCALE: usize = 7;
const TIMEZONE: usize = 8;
const NETWORK: usize = 9;
const LOCATION: usize = 10;
const CONSENT: usize = 11;
const TRAITS: usize = 12;
const ADDRESS_PLACE: usize = 13;

/// The members of a context that are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a>(Found<'a, 14>);

impl<'a> Context<'a> {
    const NAMES: Names<14> = Names::new([
        "page",
        "campaign",
        "userAgent",
        "app",
        "device",
        "os",
        "screen",
        "locale",
        "timezone",
        "network",
        "location",
        "consent",
        "traits",
        ADDRESS,
    ]);

    /// Of the object at this place, if it is one; `None` when a name in it is no text.
    pub(super) fn within<const N: usize>(item: &Found<'a, N>, place: usize) -> Option<Self> {
        item.inner(place, &Self::NAMES).map(Self)
    }

    /// Of an object; `None` when a name in it is no text.
    pub(super) fn read(object: Object<'a>) -> Option<Self> {
        object.read(&Self::NAMES).map(Self)
    }

    /// What stands in an object of it, nothing if there is none that can be read.
    fn object<const N: usize>(&self, place: usize, names: &Names<N>) -> [Option<&'a str>; N] {
        self.0.inner(place, names).unwrap_or(Found::NONE).all()
    }

    /// True when the client address is a member of it, whatever its value.
    fn names_address(&self) -> bool {
        self.0.has(ADDRESS_PLACE)
    }

    /// Traits of the user that are sent along.
    pub(super) fn traits(&self) -> Option<RawJson> {
        let told = |text: &&str| scalar::is_object(text) && !scalar::is_empty(text);
        self.0.get(TRAITS).filter(told).map(RawJson::checked)
    }

    /// Where it was made: a page says browser, an app or device says app, a browser's agent says
    /// browser, and without any of these it was a server.
    pub(super) fn surface(&self, call: Call, receipt: &Receipt<'_>) -> Surface {
        let told = |member: Option<&str>| member.is_some_and(|text| !scalar::is_empty(text));
        let browser = |agent: &str| agent.starts_with("Mozilla/") || agent.starts_with("Opera/");
        let agent = scalar::some_text(self.0.get(USER_AGENT));
        let agent = agent.as_deref().or(receipt.user_agent.filter(|_| !receipt.imported()));
        if call == Call::Screen {
            Surface::App
        } else if call == Call::Page || told(self.0.get(PAGE)) {
            Surface::Browser
        } else if told(self.0.get(APP)) || told(self.0.get(DEVICE)) {
            Surface::App
        } else if agent.is_some_and(browser) {
            Surface::Browser
        } else {
            Surface::Server
        }
    }

    /// Sets agent, place and device hints. What the request itself tells counts only where the
    /// request came from the very device: not from a server that speaks for another.
    pub(super) fn describe(&self, event: &mut Event, receipt: &Receipt<'_>, relayed: bool) {
        let direct = !relayed && event.surface != Surface::Server;
        let stated_agent = scalar::some_text(self.0.get(USER_AGENT));
        let agent = stated_agent.as_deref().or(receipt.user_agent.filter(|_| direct));
        event.user_agent = agent.and_then(landing::user_agent);
        if direct {
            event.country = receipt.country.map(|country| truncated_to(country, 2).into());
            event.region = receipt.region.map(|region| truncated(region).into());
        }
        let [country, region] = self.object(LOCATION, &const { Names::new(["country", "region"]) });
        let code = scalar::some_text(country)
            .filter(|text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()));
        event.country = event.country.take().or(code.map(|text| text.to_ascii_uppercase().into()));
        event.region = event.region.take().or_else(|| kept(region));
        let [round_trip] = self.object(NETWORK, &const { Names::new(["rtt"]) });
        event.round_trip_ms = round_trip
            .and_then(scalar::whole)
            .and_then(|milliseconds| u32::try_from(milliseconds).ok());
        let hints = self.hints();
        event.device_hints = (hints != DeviceHints::default()).then_some(hints);
    }

    fn hints(&self) -> DeviceHints {
        let [width, height] = self.object(SCREEN, &const { Names::new(["width", "height"]) });
        let pixels = |value: Option<&str>| value.and_then(scalar::whole);
        let screen = pixels(width).zip(pixels(height));
        let screen = screen.map(|(width, height)| alloc::format!("{width}x{height}").into());
        const LINKS: [&str; 3] = ["wifi", "cellular", "bluetooth"];
        let links = self.object(NETWORK, &const { Names::new(LINKS) });
        let mut on = LINKS.iter().zip(links).filter(|(_, link)| *link == Some("true"));
        let connection = on.next().map(|(name, _)| (*name).into());
        let [os] = self.object(OS, &const { Names::new(["name"]) });
        let os = kept(os);
        DeviceHints {
            locale: kept(self.0.get(LOCALE)),
            timezone: kept(self.0.get(TIMEZONE)),
            screen,
            connection,
            os,
        }
    }

    /// Sets the campaign fields that the client read itself.
    pub(super) fn set_campaign(&self, event: &mut Event) {
        const NAMES: Names<7> =
            Names::new(["source", "medium", "name", "term", "content", "ad_group", "adgroup"]);
        let [source, medium, name, term, content, group, group_joined] =
            self.object(CAMPAIGN, &NAMES);
        event.campaign = Campaign {
            source: kept(source),
            medium: kept(medium),
            name: kept(name),
            term: kept(term),
            content: kept(content),
            ad_group: kept(group.or(group_joined)),
            network_click: None,
        };
    }

    /// The page, as far as the context tells.
    pub(super) fn page(&self) -> PageFields<'a> {
        PageFields::of(self.object(PAGE, &PageFields::NAMES))
    }

    /// What `consent` says: by our purposes' names, or by the categories of consent managers.
    /// Strings of frameworks stand beside them.
    pub(super) fn stated_consent(&self, vendor: Option<u64>) -> StatedConsent {
        let [categories] = self.object(CONSENT, &const { Names::new(["categoryPreferences"]) });
        let mut stated = StatedConsent::default();
        for object in [self.0.get(CONSENT), categories].into_iter().flatten() {
            for (name, value) in members::all(object).unwrap_or_default() {
                if let (Some(purpose), Some(granted)) = (purpose_of(&name), scalar::boolean(value))
                {
                    stated = stated.saying(purpose, granted);
                }
            }
        }
        stated.with_framework(self.framework(vendor))
    }

    /// What the strings of consent frameworks say.
    fn framework(&self, vendor: Option<u64>) -> StatedConsent {
        const NAMES: Names<6> =
            Names::new(["tcString", "gdprApplies", "gppString", "gppSid", "gcs", "google"]);
        let [tcf, applies, gpp, sections, gcs, google] = self.object(CONSENT, &NAMES);
        let (tcf, gpp, gcs) =
            (scalar::some_text(tcf), scalar::some_text(gpp), scalar::some_text(gcs));
        let sections = sections.map(|text| text.trim_matches(['[', ']', '"']));
        let named = google.filter(|text| scalar::is_object(text)).map(members::all);
        let named = named.and_then(Result::ok).unwrap_or_default();
        let google = named.iter().fold(StatedConsent::default(), |stated, (name, value)| {
            let granted = scalar::some_text(Some(value)).and_then(|text| google::granted(&text));
            match (google::purpose(name), granted) {
                (Some(purpose), Some(granted)) => stated.saying(purpose, granted),
                _ => stated,
            }
        });
        let signals = Signals {
            tcf: tcf.as_deref(),
            gdpr_applies: applies.and_then(scalar::boolean),
            gpp: gpp.as_deref(),
            gpp_sections: sections,
            gcs: gcs.as_deref(),
            google,
        };
        signals.stated(vendor)
    }
}

/// A category of a consent manager by its usual names, OneTrust's numbers included.
fn purpose_of(category: &str) -> Option<Purpose> {
    Some(match category.to_ascii_lowercase().as_str() {
        "measurement" | "analytics" | "performance" | "statistics" | "c0002" => {
            Purpose::Measurement
        }
        "personalization" | "personalisation" | "functional" | "preferences" | "c0003" => {
            Purpose::Personalization
        }
        "advertising" | "marketing" | "targeting" | "ads" | "c0004" => Purpose::Advertising,
        _ => return None,
    })
}

fn kept(value: Option<&str>) -> Option<Box<str>> {
    scalar::some_text(value).map(|text| truncated(scalar::trim(&text)).into())
}

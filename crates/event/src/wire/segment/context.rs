//! `context`: where and on what the event happened.

use super::call::Call;
use super::page::PageFields;
use crate::campaign::{Campaign, truncated, truncated_to};
use crate::consent::{Purpose, StatedConsent};
use crate::envelope::{DeviceHints, Event, Surface};
use crate::json::RawJson;
use crate::wire::receipt::Receipt;
use crate::wire::scan::Names;
use crate::wire::{landing, members, scalar, scan};
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
        own: Option<&'a str>,
        of_batch: Option<&'a str>,
    ) -> Result<Self, serde_json::Error> {
        let (Some(first), second) = (own.or(of_batch), own.and(of_batch)) else {
            return Ok(Self::default());
        };
        // An escape could spell the name of the address; then the members are looked at.
        let escapes = first.as_bytes().contains(&b'\\');
        let plain = !escapes && !first.contains("\"ip\"");
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

const NAMES: Names<13> = Names::new([
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
]);
const PAGE: usize = 0;

/// The members of a context that are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'a> {
    page: Option<&'a str>,
    /// What stands in the page.
    of_page: [Option<&'a str>; 5],
    campaign: Option<&'a str>,
    user_agent: Option<&'a str>,
    app: Option<&'a str>,
    device: Option<&'a str>,
    os: Option<&'a str>,
    screen: Option<&'a str>,
    locale: Option<&'a str>,
    timezone: Option<&'a str>,
    network: Option<&'a str>,
    location: Option<&'a str>,
    consent: Option<&'a str>,
    traits: Option<&'a str>,
}

impl<'a> Context<'a> {
    /// Reads a context; `None` when a name in it is no text.
    pub(super) fn read(context: Option<&'a str>) -> Option<Self> {
        let Some(context) = context else {
            return Some(Self::default());
        };
        Self::read_at(context, 0).map(|(found, _)| found)
    }

    /// Reads the object at `at`, its page included, and says where it ends.
    pub(super) fn read_at(text: &'a str, at: usize) -> Option<(Self, usize)> {
        let bytes = text.as_bytes();
        let (mut slots, mut of_page) = ([None; 13], [None; 5]);
        let end = scan::read_at(text, at, &NAMES, &mut |place, at| {
            let mut end = None;
            if place == PAGE {
                of_page = [None; 5];
                end = scan::read_at(text, at, &PageFields::NAMES, &mut |place, at| {
                    let end = scan::skip_value(bytes, at)?;
                    of_page[place] = scan::present(text.get(at..end)?);
                    Some(end)
                });
                if end.is_none() {
                    of_page = [None; 5];
                }
            }
            let end = end.or_else(|| scan::skip_value(bytes, at))?;
            slots[place] = scan::present(text.get(at..end)?);
            Some(end)
        })?;
        let [
            page,
            campaign,
            user_agent,
            app,
            device,
            os,
            screen,
            locale,
            timezone,
            network,
            location,
            consent,
            traits,
        ] = slots;
        let found = Self {
            page,
            of_page,
            campaign,
            user_agent,
            app,
            device,
            os,
            screen,
            locale,
            timezone,
            network,
            location,
            consent,
            traits: traits.filter(|text| scalar::is_object(text) && !scalar::is_empty(text)),
        };
        Some((found, end))
    }

    /// Traits of the user that are sent along.
    pub(super) fn traits(&self) -> Option<RawJson> {
        self.traits.map(RawJson::checked)
    }

    /// Where it was made: a page says browser, an app or device says app, a browser's agent says
    /// browser, and without any of these it was a server.
    pub(super) fn surface(&self, call: Call, receipt: &Receipt<'_>) -> Surface {
        let told = |member: Option<&str>| member.is_some_and(|text| !scalar::is_empty(text));
        let browser = |agent: &str| agent.starts_with("Mozilla/") || agent.starts_with("Opera/");
        let agent = scalar::some_text(self.user_agent);
        let agent = agent.as_deref().or(receipt.user_agent.filter(|_| !receipt.imported()));
        if call == Call::Screen {
            Surface::App
        } else if call == Call::Page || told(self.page) {
            Surface::Browser
        } else if told(self.app) || told(self.device) {
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
        let stated_agent = scalar::some_text(self.user_agent);
        let agent = stated_agent.as_deref().or(receipt.user_agent.filter(|_| direct));
        event.user_agent = agent.and_then(landing::user_agent);
        if direct {
            event.country = receipt.country.map(|country| truncated_to(country, 2).into());
            event.region = receipt.region.map(|region| truncated(region).into());
        }
        if let Some([country, region]) =
            object(self.location, &const { Names::new(["country", "region"]) })
        {
            let code = scalar::some_text(country)
                .filter(|text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()));
            event.country =
                event.country.take().or(code.map(|text| text.to_ascii_uppercase().into()));
            event.region = event.region.take().or_else(|| kept(region));
        }
        let hints = self.hints();
        event.device_hints = (hints != DeviceHints::default()).then_some(hints);
    }

    fn hints(&self) -> DeviceHints {
        let screen = object(self.screen, &const { Names::new(["width", "height"]) }).and_then(
            |[width, height]| {
                let (width, height) = (scalar::whole(width?)?, scalar::whole(height?)?);
                Some(alloc::format!("{width}x{height}").into())
            },
        );
        let network =
            object(self.network, &const { Names::new(["wifi", "cellular", "bluetooth"]) });
        let connection = network.and_then(|links| {
            let names = ["wifi", "cellular", "bluetooth"];
            let mut on = names.iter().zip(links).filter(|(_, link)| *link == Some("true"));
            on.next().map(|(name, _)| (*name).into())
        });
        let os = object(self.os, &const { Names::new(["name"]) }).and_then(|[name]| kept(name));
        DeviceHints {
            locale: kept(self.locale),
            timezone: kept(self.timezone),
            screen,
            connection,
            os,
        }
    }

    /// Sets the campaign fields that the client read itself.
    pub(super) fn set_campaign(&self, event: &mut Event) {
        const NAMES: Names<7> =
            Names::new(["source", "medium", "name", "term", "content", "ad_group", "adgroup"]);
        let Some([source, medium, name, term, content, group, group_joined]) =
            object(self.campaign, &NAMES)
        else {
            return;
        };
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
        PageFields::of(self.of_page)
    }

    /// What `consent` says: by our purposes' names, or by the categories of consent managers.
    pub(super) fn stated_consent(&self) -> StatedConsent {
        let Some(consent) = self.consent.filter(|text| scalar::is_object(text)) else {
            return StatedConsent::default();
        };
        let categories = object(Some(consent), &const { Names::new(["categoryPreferences"]) })
            .and_then(|[inner]| inner);
        let mut stated = StatedConsent::default();
        for object in [Some(consent), categories].into_iter().flatten() {
            for (name, value) in members::all(object).unwrap_or_default() {
                if let (Some(purpose), Some(granted)) = (purpose_of(&name), scalar::boolean(value))
                {
                    stated = stated.saying(purpose, granted);
                }
            }
        }
        stated
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

fn object<'a, const N: usize>(
    value: Option<&'a str>,
    names: &Names<N>,
) -> Option<[Option<&'a str>; N]> {
    let text = value.filter(|text| scalar::is_object(text))?;
    scan::read(text, names)
}

fn kept(value: Option<&str>) -> Option<Box<str>> {
    scalar::some_text(value).map(|text| truncated(scalar::trim(&text)).into())
}

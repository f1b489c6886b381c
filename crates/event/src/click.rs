//! A click on one of our links: what its record says, and the token that travels on.
//!
//! Of a click's record most is the same for every click on the link. Capture writes clicks faster
//! than anything else, so a [`ClickForm`] holds that part as it will stand in the record, and only
//! what is the visitor's own is filled in.

use crate::arrival::Arrival;
use crate::click_token::{self, ClickReference};
use crate::consent::{Consent, Purpose};
use crate::control::Link;
use crate::encoding::{
    member, nullable, put, write_arrival, write_campaign, write_consent, write_flags,
    write_integer, write_number, write_text,
};
use crate::envelope::{Event, Flags, Page};
use crate::ids::{AnonymousId, ClickId, EntityId, EventId, SourceId};
use crate::kind::{EventKind, Surface};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Digits of most stamps: microseconds since the epoch.
const STAMP_BYTES: usize = 20;
/// Bytes that every visitor's own part of a record takes, beside the texts of their browser.
const OWN_BYTES: usize = 384;

/// A click, borrowed from the request and the link that it consists of.
#[derive(Clone, Copy, Debug)]
pub struct Click<'a> {
    /// The link.
    pub link: &'a Link,
    /// The source of clicks.
    pub source: &'a SourceId,
    /// What it arrives as, where the link or the referrer tells.
    pub arrival: Option<&'a Arrival>,
    /// Its id: as a click, and as an event.
    pub id: &'a ClickId,
    /// When its request's head had been read: its time.
    pub at: Timestamp,
    /// When its record was handed to the log.
    pub queued: Timestamp,
    /// The first-party id of the visitor.
    pub ms_id: Option<&'a AnonymousId>,
    /// Where the visitor comes from.
    pub referrer: Option<&'a str>,
    /// `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// ISO 3166-1 alpha-2 country.
    pub country: Option<&'a str>,
    /// What may be done with it.
    pub consent: Consent,
    /// Flags "of which".
    pub flags: Flags,
}

impl Click<'_> {
    /// Whose event it is: the click's own.
    pub fn subject(&self) -> EntityId {
        EntityId::click(self.id)
    }

    /// The signed token that travels with the visitor. `None` when the link's slug is over
    /// [`click_token::TOKEN_LINK_BYTES_MAX`], which no governed link has.
    pub fn to_token(&self, key: &[u8; 32]) -> Option<String> {
        let texts = [self.id.as_str(), &self.link.slug, self.ms_id.map_or("", AnonymousId::as_str)];
        click_token::write(key, (self.at, self.link.version), texts)
    }

    /// True when consent takes nothing away from its record.
    pub fn is_whole(&self) -> bool {
        let granted = self.consent.granted;
        granted.allows(Purpose::Measurement) && granted.allows(Purpose::Advertising)
    }

    /// The event, as if consent allowed everything.
    pub fn to_event(&self) -> Event {
        let id = EventId::from(self.id);
        let mut event = Event::new(id, EventKind::Click, self.source.clone(), self.at);
        event.anonymous_id = self.ms_id.cloned();
        event.surface = Surface::Browser;
        event.page = Page {
            url: Some(self.link.destination.clone()),
            referrer: self.referrer.map(Into::into),
            title: None,
        };
        event.campaign = self.link.campaign.clone();
        event.arrival = self.arrival.cloned();
        event.click = Some(ClickReference {
            id: self.id.clone(),
            issued: self.at,
            link: self.link.slug.clone(),
            link_version: self.link.version,
            ms_id: self.ms_id.cloned(),
        });
        event.user_agent = self.user_agent.map(Into::into);
        event.country = self.country.map(Into::into);
        event.consent = self.consent;
        event.flags = self.flags;
        event.hops.request = Some(self.at);
        event.hops.queued = Some(self.queued);
        event
    }
}

/// What the records of all clicks on a link's version have in common.
#[derive(Clone, Debug)]
pub struct ClickForm {
    /// From the kind to the source.
    kind: Box<[u8]>,
    /// From the correction to the page's address.
    page: Box<[u8]>,
    /// From the campaign to the beginning of the click.
    campaign: Box<[u8]>,
    /// The link within the click.
    link: Box<[u8]>,
}

impl ClickForm {
    /// The form of clicks like this one: on its link, from its source, arriving as it does.
    pub fn of(click: &Click<'_>) -> Self {
        let Click { link, source, arrival, .. } = click;
        let made = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out.into_boxed_slice()
        };
        Self {
            kind: made(&|out| {
                nullable(out, ",\"k\":", Some(EventKind::Click.as_str()));
                nullable(out, ",\"src\":", Some(source.as_str()));
            }),
            page: made(&|out| {
                nullable(out, ",\"cor\":{},\"sf\":", Some(Surface::Browser.as_str()));
                nullable(out, ",\"pg\":{\"u\":", Some(&link.destination));
            }),
            campaign: made(&|out| {
                put(out, "}");
                write_campaign(out, &link.campaign);
                write_arrival(out, *arrival);
                put(out, ",\"ck\":{\"i\":");
            }),
            link: made(&|out| {
                nullable(out, ",\"l\":", Some(&link.slug));
                put(out, ",\"v\":");
                write_number(out, link.version.into());
            }),
        }
    }

    /// Appends the payload of a click's record: what [`Event::encode`] writes of
    /// [`Click::to_event`], for a click like the one that the form was made of.
    pub fn fill(&self, out: &mut Vec<u8>, click: &Click<'_>) {
        let common = [&self.kind, &self.page, &self.campaign, &self.link];
        let texts = [click.referrer, click.user_agent].into_iter().flatten().map(str::len);
        let common = common.into_iter().map(|part| part.len());
        out.reserve(OWN_BYTES + common.chain(texts).sum::<usize>());
        // A stamp stands in four places.
        let mut stamp = Vec::with_capacity(STAMP_BYTES);
        write_integer(&mut stamp, click.at.0);
        let (id, ms_id) = (click.id.as_str(), click.ms_id.map(AnonymousId::as_str));
        put(out, "{\"id\":");
        write_text(out, id);
        out.extend_from_slice(&self.kind);
        member(out, ",\"a\":", ms_id);
        put(out, ",\"t\":");
        out.extend_from_slice(&stamp);
        put(out, ",\"rx\":");
        out.extend_from_slice(&stamp);
        out.extend_from_slice(&self.page);
        member(out, ",\"r\":", click.referrer);
        out.extend_from_slice(&self.campaign);
        write_text(out, id);
        put(out, ",\"t\":");
        out.extend_from_slice(&stamp);
        out.extend_from_slice(&self.link);
        nullable(out, ",\"m\":", ms_id);
        put(out, "}");
        member(out, ",\"ua\":", click.user_agent);
        member(out, ",\"co\":", click.country);
        write_consent(out, click.consent);
        write_flags(out, click.flags);
        put(out, ",\"h\":{\"r\":");
        out.extend_from_slice(&stamp);
        put(out, ",\"q\":");
        write_integer(out, click.queued.0);
        put(out, "}}");
    }
}

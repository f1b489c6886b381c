//! The page of an event: address, campaign, click of ours, arrival.

use super::receipt::Receipt;
use super::scalar;
use crate::arrival::Arrival;
use crate::campaign::{Campaign, truncated, truncated_to};
use crate::click_token::ClickReference;
use crate::envelope::{Event, Flags, Page};
use crate::url::{Address, CLICK_PARAMETER, parameters};
use alloc::boxed::Box;

/// Longest `User-Agent` kept, in bytes.
pub const USER_AGENT_BYTES_MAX: usize = 512;

/// A page as a client tells it; empty texts and `-` count as absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Landing<'a> {
    /// Address, absolute or relative.
    pub url: Option<&'a str>,
    /// The query alone, where the client sends it apart.
    pub search: Option<&'a str>,
    /// Referrer.
    pub referrer: Option<&'a str>,
    /// Title.
    pub title: Option<&'a str>,
}

/// Sets page, campaign, click and arrival of the event. Campaign fields that the event already
/// has stay and are filled up from the address. A click of ours that does not verify is left out
/// and the event flagged [`Flags::DEGRADED`].
pub fn set_landing(event: &mut Event, landing: Landing<'_>, receipt: &Receipt<'_>) {
    let said = |text: Option<&'_ str>| -> Option<Box<str>> {
        let text = scalar::trim(text?);
        (!text.is_empty() && text != "-").then(|| truncated_to(text, Page::URL_BYTES_MAX).into())
    };
    let address = Address::split(landing.url.unwrap_or_default());
    let search = landing.search.unwrap_or_default().trim_start_matches('?');
    let queries = if address.query == search { [search, ""] } else { [address.query, search] };
    for query in queries {
        read_query(event, query, receipt);
    }
    event.page = Page {
        url: said(landing.url),
        referrer: said(landing.referrer),
        title: landing
            .title
            .map(scalar::trim)
            .filter(|title| !title.is_empty())
            .map(|title| truncated(title).into()),
    };
    let page = &event.page;
    event.arrival = Arrival::classify(
        &event.campaign,
        page.url.as_deref(),
        page.referrer.as_deref(),
        receipt.settings,
    );
}

fn read_query(event: &mut Event, query: &str, receipt: &Receipt<'_>) {
    let mut told = Campaign::default();
    for (name, value) in parameters(query) {
        if name != CLICK_PARAMETER {
            told.take_parameter(&name, &value);
        } else if event.click.is_none()
            && let Some(key) = receipt.click_key
        {
            match ClickReference::from_token(key, &value) {
                Ok(click) => event.click = Some(click),
                Err(_) => event.flags = event.flags.degraded_by(Flags::CLICK_UNBELIEVED),
            }
        }
    }
    if !told.is_empty() {
        event.campaign.fill_from(told);
    }
}

/// A `User-Agent` as it is kept; empty and `-` count as absent.
pub fn user_agent(text: &str) -> Option<Box<str>> {
    let text = scalar::trim(text);
    (!text.is_empty() && text != "-").then(|| truncated_to(text, USER_AGENT_BYTES_MAX).into())
}

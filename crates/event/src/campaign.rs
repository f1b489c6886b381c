//! Campaign fields: UTM values and known click identifiers of advertising networks.

use crate::wire::scalar::trim;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

/// What a link said of the campaign behind it. Values are kept as sent, trimmed, at most
/// [`Campaign::VALUE_BYTES_MAX`] bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Campaign {
    /// `utm_source`
    #[serde(rename = "s")]
    pub source: Option<Box<str>>,
    /// `utm_medium`
    #[serde(rename = "m")]
    pub medium: Option<Box<str>>,
    /// `utm_campaign`
    #[serde(rename = "n")]
    pub name: Option<Box<str>>,
    /// `utm_term`
    #[serde(rename = "t")]
    pub term: Option<Box<str>>,
    /// `utm_content`
    #[serde(rename = "c")]
    pub content: Option<Box<str>>,
    /// `utm_adgroup` or `ad_group`
    #[serde(rename = "g")]
    pub ad_group: Option<Box<str>>,
    /// The first known network click identifier: (parameter name, value).
    #[serde(rename = "k")]
    pub network_click: Option<NetworkClick>,
}

/// A click identifier set by an advertising network, such as `gclid`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NetworkClick {
    /// The parameter's name, lower case: one of [`NETWORK_CLICK_PARAMETERS`].
    pub parameter: Box<str>,
    /// Its value. Empty where consent removed it and only the fact remains.
    pub value: Box<str>,
}

/// Known click parameters, with the source and medium they stand for.
pub const NETWORK_CLICK_PARAMETERS: [(&str, &str, &str); 12] = [
    ("gclid", "google", "cpc"),
    ("gbraid", "google", "cpc"),
    ("wbraid", "google", "cpc"),
    ("dclid", "google", "display"),
    ("msclkid", "bing", "cpc"),
    ("fbclid", "facebook", "social"),
    ("ttclid", "tiktok", "paid_social"),
    ("twclid", "twitter", "paid_social"),
    ("li_fat_id", "linkedin", "paid_social"),
    ("yclid", "yandex", "cpc"),
    ("rdt_cid", "reddit", "paid_social"),
    ("epik", "pinterest", "paid_social"),
];

impl Campaign {
    /// Longest value kept, in bytes; longer ones are cut at a character boundary.
    pub const VALUE_BYTES_MAX: usize = 256;

    /// True when nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads one decoded query parameter; unknown names change nothing. The first value of a
    /// repeated parameter counts.
    pub fn take_parameter(&mut self, name: &str, value: &str) {
        let value = trim(value);
        if value.is_empty() {
            return;
        }
        let name: Cow<'_, str> = if name.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        let slot = match name.as_ref() {
            "utm_source" => &mut self.source,
            "utm_medium" => &mut self.medium,
            "utm_campaign" => &mut self.name,
            "utm_term" => &mut self.term,
            "utm_content" => &mut self.content,
            "utm_adgroup" | "ad_group" => &mut self.ad_group,
            other => {
                self.take_network_click(other, value);
                return;
            }
        };
        slot.get_or_insert_with(|| truncated(value).into());
    }

    fn take_network_click(&mut self, name: &str, value: &str) {
        if let Some((known, ..)) =
            NETWORK_CLICK_PARAMETERS.iter().find(|(known, ..)| *known == name)
        {
            self.network_click.get_or_insert_with(|| NetworkClick {
                parameter: (*known).into(),
                value: truncated(value).into(),
            });
        }
    }

    /// Fills empty fields from another reading of the same arrival.
    pub fn fill_from(&mut self, other: Self) {
        let fill = |mine: &mut Option<Box<str>>, theirs: Option<Box<str>>| {
            if mine.is_none() {
                *mine = theirs;
            }
        };
        fill(&mut self.source, other.source);
        fill(&mut self.medium, other.medium);
        fill(&mut self.name, other.name);
        fill(&mut self.term, other.term);
        fill(&mut self.content, other.content);
        fill(&mut self.ad_group, other.ad_group);
        if self.network_click.is_none() {
            self.network_click = other.network_click;
        }
    }
}

/// `text` cut to [`Campaign::VALUE_BYTES_MAX`] at a character boundary.
pub fn truncated(text: &str) -> &str {
    truncated_to(text, Campaign::VALUE_BYTES_MAX)
}

/// `text` cut to at most `bytes_max` bytes at a character boundary.
pub fn truncated_to(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

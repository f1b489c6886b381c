//! Google's consent mode: the parameter `gcs`, and the signals by name.

use crate::consent::{Purpose, StatedConsent};

/// What `gcs=G1xy` says: x for storage by advertising, y by analytics; `-` where it was not asked.
pub fn gcs(text: &str) -> StatedConsent {
    let said = |stated: StatedConsent, purpose, digit| match digit {
        b'1' => stated.saying(purpose, true),
        b'0' => stated.saying(purpose, false),
        _ => stated,
    };
    match text.as_bytes() {
        [b'G', b'1', ads, analytics] => {
            let stated = said(StatedConsent::default(), Purpose::Advertising, *ads);
            said(stated, Purpose::Measurement, *analytics)
        }
        _ => StatedConsent::default(),
    }
}

/// The purpose that a named signal is of.
pub fn purpose(name: &str) -> Option<Purpose> {
    match name {
        "ad_storage" | "ad_user_data" | "ad_personalization" => Some(Purpose::Advertising),
        "analytics_storage" => Some(Purpose::Measurement),
        "personalization_storage" => Some(Purpose::Personalization),
        _ => None,
    }
}

/// Whether a named signal is granted; `None` when it says neither.
pub fn granted(value: &str) -> Option<bool> {
    match value.to_ascii_uppercase().as_str() {
        "GRANTED" => Some(true),
        "DENIED" => Some(false),
        _ => None,
    }
}

//! Receipts of consent choices: what was chosen, when, on which text, who recorded it, under a signature.
//!
//! The visitor is given the receipt, the log keeps the same beside the choice. Whoever shows one can be told
//! whether this installation gave it and nothing in it was changed. Without consent to measurement
//! nothing of it is kept: the visitor's copy is then the only one.

use millstream_event::{Event, EventKind, Hash128, Purpose, Purposes, RawJson};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// Longest name and longest version of a text.
pub const TEXT_BYTES_MAX: usize = 128;
/// Longest receipt that is read.
pub const RECEIPT_BYTES_MAX: usize = 4_096;
/// Purposes with their names, in the order in which they are told.
const PURPOSES: [(Purpose, &str); 3] = [
    (Purpose::Measurement, "measurement"),
    (Purpose::Personalization, "personalization"),
    (Purpose::Advertising, "advertising"),
];

/// See the module. Every field is signed as the text it is shown as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The choice's event id.
    pub id: String,
    /// When it was received.
    pub made: String,
    /// Purposes granted; the others were denied.
    pub granted: Vec<String>,
    /// Which text was shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Which version of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text_version: String,
    /// The source that it came from.
    pub recorded_by: String,
    /// The device.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub anonymous_id: String,
    /// The user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_id: String,
    /// Over all of that.
    pub signature: String,
}

/// What the choice's event keeps of its receipt; the rest is in the event.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    text_version: String,
    receipt: String,
}

/// True for what may name a text or a version of it: no address with parameters, nothing that consent
/// would have to clean.
pub fn names_a_text(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./: ".contains(&byte);
    name.len() <= TEXT_BYTES_MAX && name.bytes().all(fits)
}

/// The names of purposes.
pub fn names(granted: Purposes) -> Vec<String> {
    let named = PURPOSES.iter().filter(|(purpose, _)| granted.allows(*purpose));
    named.map(|(_, name)| (*name).to_owned()).collect()
}

impl Receipt {
    /// Gives a receipt for a choice and leaves it on its event.
    pub fn give(event: &mut Event, (text, text_version): (&str, &str), key: &[u8; 32]) -> Self {
        let mut receipt = Self::of(
            event,
            Kept {
                text: text.to_owned(),
                text_version: text_version.to_owned(),
                receipt: String::new(),
            },
        );
        receipt.signature = receipt.signed(key).to_hex();
        let kept = Kept {
            text: receipt.text.clone(),
            text_version: receipt.text_version.clone(),
            receipt: receipt.signature.clone(),
        };
        event.properties = serde_json::to_string(&kept).ok().and_then(|text| RawJson::parse(&text));
        receipt
    }

    /// The receipt of a logged choice; none of one that came without.
    pub fn read(event: &Event) -> Option<Self> {
        let properties = event.properties.as_ref().filter(|_| event.kind == EventKind::Consent)?;
        let kept: Kept = serde_json::from_str(properties.get()).ok()?;
        (!kept.receipt.is_empty()).then(|| Self::of(event, kept))
    }

    /// Reads one that somebody shows.
    ///
    /// # Errors
    /// When it is none, told as what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > RECEIPT_BYTES_MAX {
            return Err(format!("it is longer than {RECEIPT_BYTES_MAX} bytes"));
        }
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn of(event: &Event, kept: Kept) -> Self {
        Self {
            id: event.id.as_str().to_owned(),
            made: event.received.to_rfc3339(),
            granted: names(event.consent.granted),
            text: kept.text,
            text_version: kept.text_version,
            recorded_by: event.source.as_str().to_owned(),
            anonymous_id: event.anonymous_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            user_id: event.user_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            signature: kept.receipt,
        }
    }

    /// True when this installation gave it and nothing was changed.
    pub fn is_ours(&self, key: &[u8; 32]) -> bool {
        let Some(given) = Hash128::parse_hex(&self.signature) else { return false };
        bool::from(given.0.ct_eq(&self.signed(key).0))
    }

    fn signed(&self, key: &[u8; 32]) -> Hash128 {
        let granted = self.granted.join(" ");
        let parts = [
            &self.id,
            &self.made,
            &granted,
            &self.text,
            &self.text_version,
            &self.recorded_by,
            &self.anonymous_id,
            &self.user_id,
        ];
        Hash128::keyed(key, "consent receipt", &parts.map(|part| part.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::consent::{Outcome, restrict};
    use millstream_event::{
        AnonymousId, Consent, ConsentSource, EventId, SourceId, Timestamp, UserId,
    };

    const KEY: [u8; 32] = [5; 32];

    fn choice(granted: Purposes) -> Event {
        let (id, source) = (EventId::parse("c1").unwrap(), SourceId::parse("web").unwrap());
        let mut event =
            Event::new(id, EventKind::Consent, source, Timestamp(1_790_000_000_123_456));
        event.anonymous_id = AnonymousId::parse("a");
        event.user_id = UserId::parse("u");
        event.consent = Consent { granted, source: ConsentSource::Explicit };
        event
    }

    #[test]
    fn what_the_log_keeps_says_what_the_visitor_was_given() {
        let granted = Purposes::NONE.with(Purpose::Measurement);
        let mut event = choice(granted);
        let given = Receipt::give(&mut event, ("banner", "2026-11"), &KEY);
        assert_eq!(
            (given.made.as_str(), &given.granted[..]),
            ("2026-09-21T14:13:20.123456Z", &["measurement".to_owned()][..])
        );
        assert!(given.is_ours(&KEY) && !given.is_ours(&[6; 32]));
        let Outcome::Keep(kept) = restrict(event) else { panic!("measurement was granted") };
        let stored = kept.encode().unwrap();
        let read = millstream_event::envelope::decode(1, &stored).unwrap();
        assert_eq!(Receipt::read(&read), Some(given.clone()));
        let shown = serde_json::to_string(&given).unwrap();
        assert_eq!(Receipt::parse(&shown), Ok(given));
    }

    #[test]
    fn a_changed_receipt_is_not_ours() {
        let given = Receipt::give(&mut choice(Purposes::NONE), ("banner", "1"), &KEY);
        let shown = serde_json::to_string(&given).unwrap();
        for (from, to) in [
            ("\"granted\":[]", "\"granted\":[\"advertising\"]"),
            ("\"banner\"", "\"banners\""),
            ("\"text_version\":\"1\"", "\"text_version\":\"2\""),
            ("\"web\"", "\"app\""),
            (":20.1", ":21.1"),
            ("\"anonymous_id\":\"a\"", "\"anonymous_id\":\"b\""),
        ] {
            let changed = shown.replacen(from, to, 1);
            assert_ne!(changed, shown, "{from}");
            assert!(!Receipt::parse(&changed).unwrap().is_ours(&KEY), "{from}");
        }
        assert!(Receipt::parse(&" ".repeat(RECEIPT_BYTES_MAX + 1)).is_err());
        assert!(Receipt::parse(&shown.replacen("\"web\"", "\"web\",\"more\":1", 1)).is_err());
    }

    #[test]
    fn only_plain_words_name_a_text() {
        assert!(names_a_text("https://a.example/consent/v3") && names_a_text(""));
        assert!(!names_a_text("/?gclid=x") && !names_a_text("ü") && !names_a_text("a\nb"));
        assert!(names_a_text(&"x".repeat(TEXT_BYTES_MAX)));
        assert!(!names_a_text(&"x".repeat(TEXT_BYTES_MAX + 1)));
    }
}

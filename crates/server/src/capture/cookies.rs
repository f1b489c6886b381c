//! Cookies: the first-party id, and the visitor's consent choice, signed.

use millstream_event::{AnonymousId, Hash128, Purposes, Timestamp};
use subtle::ConstantTimeEq;

const ID: &str = "ms_id";
const ID_SECURE: &str = "__Host-ms_id";
const CHOICE: &str = "ms_consent";
const CHOICE_SECURE: &str = "__Host-ms_consent";
/// What both cookies are given: the browser keeps them for 390 days (it caps at 400).
const ATTRIBUTES: &str = "; Path=/; Max-Age=33696000; HttpOnly; SameSite=Lax";
/// Most digits of a stamp in a choice.
const STAMP_DIGITS_MAX: usize = 19;

/// The value of the first cookie with this name in a `Cookie` header.
pub(super) fn find<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// Of the two names only the one that fits the connection is believed: on TLS a cookie without the
/// `__Host-` prefix could have been set by anyone on the way.
fn find_fitting<'a>(header: &'a str, secure: bool, names: (&str, &str)) -> Option<&'a str> {
    find(header, if secure { names.1 } else { names.0 })
}

fn set(name: &str, value: &str, secure: bool) -> String {
    [name, "=", value, ATTRIBUTES, if secure { "; Secure" } else { "" }].concat()
}

/// Length of a first-party id: 128 bits as base64 without padding.
const ID_BYTES: usize = 22;

/// The first-party id in a `Cookie` header, when it is one that we could have given.
pub(super) fn first_party_id(header: &str, secure: bool) -> Option<AnonymousId> {
    let value = find_fitting(header, secure, (ID, ID_SECURE))?;
    let ours = value.len() == ID_BYTES
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if ours { AnonymousId::parse(value) } else { None }
}

/// `Set-Cookie` for a first-party id.
pub(super) fn set_first_party_id(id: &AnonymousId, secure: bool) -> String {
    set(if secure { ID_SECURE } else { ID }, id.as_str(), secure)
}

/// The signed consent choice in a `Cookie` header; `None` when there is none or the signature does
/// not fit.
pub(super) fn choice(header: &str, secure: bool, key: &[u8; 32]) -> Option<Purposes> {
    let value = find_fitting(header, secure, (CHOICE, CHOICE_SECURE))?;
    let mut parts = value.split('.');
    let (bits, stamp, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || stamp.len() > STAMP_DIGITS_MAX {
        return None;
    }
    let signature = Hash128::parse_hex(signature)?;
    let expected = sign(key, bits, stamp);
    if !bool::from(signature.0.ct_eq(&expected.0)) {
        return None;
    }
    bits.parse().ok().map(Purposes::from_bits)
}

/// `Set-Cookie` for a choice made at `made`.
pub(super) fn set_choice(
    granted: Purposes,
    made: Timestamp,
    secure: bool,
    key: &[u8; 32],
) -> String {
    let (bits, stamp) = (granted.bits().to_string(), made.0.to_string());
    let signature = sign(key, &bits, &stamp);
    let name = if secure { CHOICE_SECURE } else { CHOICE };
    set(name, &format!("{bits}.{stamp}.{signature}"), secure)
}

fn sign(key: &[u8; 32], bits: &str, stamp: &str) -> Hash128 {
    Hash128::keyed(key, "consent choice", &[bits.as_bytes(), stamp.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::Purpose;

    const KEY: [u8; 32] = [7; 32];

    fn sent_back(set_cookie: &str) -> String {
        set_cookie.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_choice_comes_back_as_it_was_signed() {
        let granted = Purposes::ALL.without(Purpose::Advertising);
        for secure in [false, true] {
            let cookie = set_choice(granted, Timestamp(1_790_000_000_000_000), secure, &KEY);
            assert_eq!(cookie.contains("; Secure"), secure);
            assert_eq!(cookie.starts_with("__Host-"), secure);
            let header = format!("a=b; {}; c=d", sent_back(&cookie));
            assert_eq!(choice(&header, secure, &KEY), Some(granted));
            assert_eq!(choice(&header, !secure, &KEY), None);
            assert_eq!(choice(&header, secure, &[8; 32]), None);
        }
    }

    #[test]
    fn a_changed_choice_is_not_believed() {
        let cookie = sent_back(&set_choice(Purposes::NONE, Timestamp(5), false, &KEY));
        assert_eq!(choice(&cookie, false, &KEY), Some(Purposes::NONE));
        assert_eq!(choice(&cookie.replacen("=0.", "=7.", 1), false, &KEY), None);
        assert_eq!(choice(&cookie.replacen(".5.", ".6.", 1), false, &KEY), None);
        assert_eq!(choice(&format!("{cookie}.x"), false, &KEY), None);
        for broken in ["", "ms_consent", "ms_consent=", "ms_consent=1", "ms_consent=1.2.3"] {
            assert_eq!(choice(broken, false, &KEY), None, "{broken}");
        }
    }

    #[test]
    fn only_ids_of_our_own_shape_are_taken_back() {
        let id = AnonymousId::parse("AbCdEfGhIjKlMnOpQrSt_-").unwrap();
        let cookie = set_first_party_id(&id, true);
        assert!(
            cookie.starts_with("__Host-ms_id=AbC")
                && cookie.contains("HttpOnly; SameSite=Lax; Secure")
        );
        assert_eq!(first_party_id(&sent_back(&cookie), true), Some(id));
        assert_eq!(first_party_id("ms_id=short", false), None);
        assert_eq!(first_party_id("ms_id=<script>alert(1)</scr", false), None);
        assert_eq!(first_party_id("xms_id=AbCdEfGhIjKlMnOpQrSt_-", false), None);
    }
}

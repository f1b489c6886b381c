//! Identifiers in the form that vendors hash them in.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256_hex(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// An address as vendors compare it: without surrounding spaces, in lower case. `None` for what is
/// no address.
pub fn email(text: &str) -> Option<String> {
    let address = text.trim().to_lowercase();
    let (local, domain) = address.split_once('@')?;
    let plausible =
        !local.is_empty() && domain.contains('.') && !address.contains(char::is_whitespace);
    plausible.then_some(address)
}

/// A telephone number with its country's code, as digits alone. `None` when nothing is left.
pub fn digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let bare = digits.strip_prefix("00").unwrap_or(&digits);
    (!bare.is_empty()).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_normalised_before_they_are_hashed() {
        // The example in Meta's documentation of customer information parameters.
        assert_eq!(
            sha256_hex(&email(" John_Smith@gmail.com ").unwrap()),
            "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
        );
        assert_eq!(digits("+1 (650) 555-1212").as_deref(), Some("16505551212"));
        assert_eq!(digits("0049 30 1").as_deref(), Some("49301"));
        assert_eq!((digits("none"), email("nobody"), email("a b@c.d")), (None, None, None));
    }
}

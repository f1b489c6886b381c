//! Heads at the express counter: what it takes, the HTTP library reads the same.
#![no_main]

use http::{HeaderName, HeaderValue, Uri};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/server/src/capture/express/head.rs"]
mod head;

fuzz_target!(|bytes: &[u8]| {
    for whole in [bytes.to_vec(), [b"GET /r/", bytes].concat()] {
        let mut room = head::room();
        let Some((head, length)) = head::read(&whole, &mut room) else { continue };
        assert!(whole[..length].ends_with(b"\n"));
        let target = format!("/r/{}?{}", head.slug, head.query);
        let uri: Uri = target.parse().expect("a plain target");
        assert_eq!(uri.path()["/r/".len()..], *head.slug);
        assert_eq!(uri.query().unwrap_or_default(), head.query);
        for header in head.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes()).expect("a name");
            assert!(!["content-length", "transfer-encoding", "upgrade"].contains(&name.as_str()));
            HeaderValue::from_bytes(header.value).expect("a value");
        }
    }
});

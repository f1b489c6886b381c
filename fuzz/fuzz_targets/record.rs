//! Record headers and event payloads as they are read back from a log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::envelope::decode;
use millstream_event::record::{HEADER_BYTES, Header};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = Header::decode(bytes) {
        let again = Header::decode(&header.encode(bytes.len() - HEADER_BYTES));
        assert_eq!(again, Ok(header));
        let payload = bytes.get(HEADER_BYTES..).unwrap_or_default();
        let _ = decode(header.contract_version, payload);
    }
    if let Ok(event) = decode(1, bytes) {
        let payload = event.encode().expect("an event encodes");
        assert_eq!(decode(1, &payload).expect("it decodes"), event);
        let _ = event.subject();
    }
});

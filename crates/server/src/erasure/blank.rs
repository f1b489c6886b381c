//! What an erased record looks like.

use millstream_event::{Hash128, Record};

/// The payload that the log's blanks are put around: nothing.
pub(super) const REPLACEMENT: &[u8] = b"";

/// True when the record was erased already.
pub(super) fn is_blank(record: &Record) -> bool {
    record.header.subject == Hash128::default() && record.payload.iter().all(|byte| *byte == b' ')
}

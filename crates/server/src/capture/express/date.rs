//! The `Date` header, written once a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT`
const DATE_BYTES: usize = 29;

#[derive(Clone, Copy)]
struct Written {
    text: [u8; DATE_BYTES],
    until: Instant,
}

/// The text of the current second.
pub(in crate::capture) struct DateHeader(Mutex<Option<Written>>);

impl DateHeader {
    pub(in crate::capture) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Appends the date; `now` was read a moment ago.
    pub(super) fn write(&self, out: &mut Vec<u8>, now: Instant) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = match *written {
            Some(current) if now < current.until => current,
            _ => *written.insert(Written::at(SystemTime::now(), now)),
        };
        out.extend_from_slice(&current.text);
    }
}

impl Written {
    fn at(time: SystemTime, now: Instant) -> Self {
        let mut text = [b' '; DATE_BYTES];
        let formatted = httpdate::fmt_http_date(time);
        for (byte, letter) in text.iter_mut().zip(formatted.bytes()) {
            *byte = letter;
        }
        let begun = time.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        let left = Duration::from_secs(1).saturating_sub(Duration::from_nanos(begun.into()));
        Self { text, until: now + left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_holds_until_its_second_is_over() {
        let now = Instant::now();
        let written = Written::at(UNIX_EPOCH + Duration::from_millis(784_111_777_250), now);
        assert_eq!(&written.text, b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(written.until - now, Duration::from_millis(750));

        let date = DateHeader(Mutex::new(Some(written)));
        let text = |at: Instant| {
            let mut out = Vec::new();
            date.write(&mut out, at);
            out
        };
        assert_eq!(text(now + Duration::from_millis(749)), written.text);
        assert_ne!(text(now + Duration::from_millis(750)), written.text);
    }
}

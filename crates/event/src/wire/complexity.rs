//! Depth and size of a JSON value, measured without building it and without recursion.

use super::receipt::{Fault, Limits};
use crate::quarantine::QuarantineReason;

/// How large and complex one event's JSON text is.
#[derive(Clone, Copy, Debug)]
pub struct Complexity {
    /// Its length.
    pub bytes: usize,
    /// Greatest nesting of objects and arrays.
    pub depth: usize,
    /// Members of all its objects.
    pub members: usize,
}

impl Complexity {
    /// Compares with the limits.
    ///
    /// # Errors
    /// The fault that sends the event to quarantine.
    pub fn within(self, limits: &Limits) -> Result<(), Fault> {
        let Self { bytes, depth, members } = self;
        let (reason, detail) = if bytes > limits.event_bytes {
            let limit = limits.event_bytes;
            let detail = alloc::format!("{bytes} bytes, the limit of one event is {limit}");
            (QuarantineReason::TooLarge, detail)
        } else if depth > limits.depth {
            let detail = alloc::format!("nested {depth} deep, the limit is {}", limits.depth);
            (QuarantineReason::TooComplex, detail)
        } else if members > limits.members {
            let detail = alloc::format!("{members} members, the limit is {}", limits.members);
            (QuarantineReason::TooComplex, detail)
        } else {
            return Ok(());
        };
        Err(Fault::new(reason, &detail))
    }
}

/// Checks one event's JSON text, known to be well formed, against `limits`.
///
/// # Errors
/// The fault that sends the event to quarantine.
pub fn check(text: &str, limits: &Limits) -> Result<(), Fault> {
    // Counting bytes is several times cheaper than following the nesting, and bounds it.
    let most = Complexity {
        bytes: text.len(),
        depth: count(text, |byte| matches!(byte, b'{' | b'[')),
        members: count(text, |byte| byte == b':'),
    };
    most.within(limits).or_else(|fault| {
        if most.bytes > limits.event_bytes {
            return Err(fault);
        }
        let (depth, members) = measure(text);
        Complexity { depth, members, ..most }.within(limits)
    })
}

/// Counts bytes in short runs whose count fits one byte, which compilers turn into vector code.
fn count(text: &str, counts: impl Fn(u8) -> bool + Copy) -> usize {
    let of_run = |run: &[u8]| run.iter().map(|byte| u8::from(counts(*byte))).sum::<u8>();
    text.as_bytes().chunks(192).map(|run| usize::from(of_run(run))).sum()
}

/// Greatest nesting and number of members of well-formed JSON.
fn measure(text: &str) -> (usize, usize) {
    let (mut depth, mut deepest, mut members) = (0usize, 0usize, 0usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' => members += 1,
            _ => {}
        }
    }
    (deepest, members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, string::String, vec::Vec};

    fn judge(text: &str, limits: &Limits) -> Option<QuarantineReason> {
        check(text, limits).err().map(|fault| fault.reason)
    }

    #[test]
    fn holds_each_limit_and_no_more() {
        let limits = Limits { event_bytes: 100, batch_events: 1, depth: 3, members: 4 };
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(judge(&nested(3), &limits), None);
        assert_eq!(judge(&nested(4), &limits), Some(QuarantineReason::TooComplex));
        let object = |members: usize| {
            let members: Vec<String> = (0..members).map(|i| format!("\"{i}\":[{i}]")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(judge(&object(4), &limits), None);
        assert_eq!(judge(&object(5), &limits), Some(QuarantineReason::TooComplex));
        assert_eq!(judge(&format!("\"{}\"", "{".repeat(98)), &limits), None);
        assert_eq!(
            judge(&format!("\"{}\"", "x".repeat(99)), &limits),
            Some(QuarantineReason::TooLarge)
        );
    }
}

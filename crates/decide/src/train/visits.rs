//! Visits: runs of items that one device looked at.

use crate::candidate::ItemId;
use crate::profile::Seen;
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{Span, Timestamp};

/// Most items of one visit; of a longer one the latest count.
pub const ITEMS_MAX: usize = 50;

/// One visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// When it ended.
    pub ended: Timestamp,
    /// The anonymous segment it belongs to; empty where unknown.
    pub segment: Box<str>,
    /// What was looked at, first to last, the same item not twice in a row.
    pub items: Vec<ItemId>,
}

/// The visits of one device, from what it did, latest first; a gap of more than `gap` ends one.
pub fn visits(seen: &[Seen], gap: Span) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    let mut before: Option<Timestamp> = None;
    for seen in seen.iter().rev() {
        if before.is_none_or(|before| seen.at - before > gap) {
            visits.push(Visit::default());
        }
        before = Some(seen.at);
        if let Some(visit) = visits.last_mut() {
            visit.ended = seen.at;
            if visit.items.last() != Some(&seen.item) {
                visit.items.push(seen.item);
            }
            if visit.items.len() > ITEMS_MAX {
                visit.items.remove(0);
            }
        }
    }
    visits
}

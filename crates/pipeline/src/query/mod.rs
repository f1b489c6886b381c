//! Queries: rows and sums read off the state. Reports look up, exports walk.

mod campaigns;
mod controls;
mod conversion;
pub mod deliveries;
mod duplicate_sessions;
mod history;
mod lags;
mod ledger;
mod lookup;
mod open_sessions;
mod person_trace;
mod profiles;
mod retention;
mod rows;
mod stitching;
mod tables;
mod visitors;

pub use campaigns::{
    By, CampaignQuery, CampaignSum, RevenueDays, SessionDay, campaigns, goods, revenue_days,
    session_days, weights,
};
pub use controls::{controls, last_control, logged_controls};
pub use conversion::{Chain, OUTSIDE_MAX, conversion, touch_event};
pub use duplicate_sessions::duplicate_sessions;
pub use history::{claims, recredits};
pub use lags::lags;
pub use ledger::{budgets, rates, spend, unit_costs};
pub use lookup::{
    Counting, EventName, EventTrace, Outcome, copies, counting_at, device, landed_by, members,
    person, quarantine,
};
pub use open_sessions::open_sessions;
pub use person_trace::{LinkTrace, MemberTrace, STATEMENTS_MAX, person_of, person_trace};
pub use profiles::profiles;
pub use retention::{EventsKept, Leftovers, kept, leftovers};
pub(crate) use rows::{between, device_sessions, session_at};
pub use stitching::{StitchingSums, stitching};
pub use tables::{Kin, clicks, conversions, credits, credits_among, people, sessions, touches};
pub use visitors::{Visitors, visitors};

use crate::key::{Key, KeyKind};
use crate::rollup::Counts;
use crate::value::{Stored, Value, ValueError};
use alloc::string::String;
use alloc::vec::Vec;
use millstream_event::{Hash128, Lane};

/// Reads committed state; implemented over a store by the shell.
pub trait StateRead {
    /// The value under a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;

    /// Visits every key that begins with `prefix`, in byte order, until the visitor returns false.
    ///
    /// # Errors
    /// When the store cannot be read, or what the visitor returned.
    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ReadError>;

    /// Visits every key from `from` to `to`, both included, in byte order, until the visitor
    /// returns false.
    ///
    /// # Errors
    /// When the store cannot be read, or what the visitor returned.
    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), ReadError>;

    /// The greatest key from `from` to `to`, both included, with its value.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, ReadError>;
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Visits one (key, value) of a scan.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, ReadError>;

/// Visits one row; returns false to stop.
pub type Rows<'a, T> = &'a mut dyn FnMut(T) -> Result<bool, ReadError>;

/// Why a query failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store failed; its own words.
    #[error("the state store cannot be read: {0}")]
    Store(String),
    /// The state is damaged.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Whoever took the rows could not go on; their own words.
    #[error("{0}")]
    Sink(String),
}

pub(crate) fn read<T: Stored>(state: &dyn StateRead, key: &Key) -> Result<Option<T>, ReadError> {
    match state.get(key.as_bytes())? {
        Some(bytes) => Ok(T::take(Value::decode(&bytes)?)),
        None => Ok(None),
    }
}

/// Walks every value of one kind, lane by lane, in key order.
pub(crate) fn walk<T: Stored>(
    state: &dyn StateRead,
    generation: u16,
    kind: KeyKind,
    visit: &mut dyn FnMut(Key, T) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    let mut go_on = true;
    for lane in Lane::all() {
        state.scan(&Key::prefix(generation, lane, kind), &mut |key, bytes| {
            if let (Some(key), Some(value)) = (Key::from_bytes(key), T::take(Value::decode(bytes)?))
            {
                go_on = visit(key, value)?;
            }
            Ok(go_on)
        })?;
        if !go_on {
            break;
        }
    }
    Ok(())
}

/// The counts of all lanes together.
///
/// # Errors
/// When the state cannot be read.
pub fn counts(state: &dyn StateRead, generation: u16) -> Result<Counts, ReadError> {
    let mut total = Counts::default();
    for lane in Lane::all() {
        let key = Key::new(generation, lane, KeyKind::Counts, Hash128::default());
        if let Some(counts) = read::<Counts>(state, &key)? {
            total.add(&counts);
        }
    }
    Ok(total)
}

//! How a conversion came to be what it is: the claims on its order, and each change of its credit.

use super::{ReadError, StateRead, read};
use crate::item::Claim;
use crate::key::{Key, KeyKind};
use crate::recredit::Recredit;
use crate::state::{Order, living};
use crate::value::{Stored, Value};
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Lane, OrderId};

/// Every change of a conversion's credit, in the order in which it came about.
///
/// # Errors
/// When the state cannot be read.
pub fn recredits(
    state: &dyn StateRead,
    generation: u16,
    conversion: Hash128,
) -> Result<Vec<Recredit>, ReadError> {
    let mut found: Vec<(Hash128, Recredit)> = Vec::new();
    for lane in Lane::all() {
        let shelf = Key::new(generation, lane, KeyKind::Recredit, conversion);
        let prefix = shelf.as_bytes().get(..Key::SHELF_BYTES).unwrap_or_default();
        state.scan(prefix, &mut |key, bytes| {
            if let (Some(key), Some(row)) =
                (Key::from_bytes(key), Recredit::take(Value::decode(bytes)?))
            {
                found.push((key.suffix(), row));
            }
            Ok(true)
        })?;
    }
    found.sort_by_key(|(name, _)| *name);
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

/// What events say of an order, in the order in which they count.
///
/// # Errors
/// When the state cannot be read.
pub fn claims(
    state: &dyn StateRead,
    generation: u16,
    order: &OrderId,
) -> Result<Vec<Claim>, ReadError> {
    let key = Key::entity(generation, KeyKind::Order, EntityId::order(order));
    let order = read::<Order>(state, &key)?.unwrap_or_default();
    let mut claims: Vec<Claim> = living(&order.claims).cloned().collect();
    claims.sort();
    Ok(claims)
}

//! Forwarding as a whole, in virtual time and against servers on loopback addresses.

mod addresses;
mod answers;
mod outage;
pub(crate) mod parts;
mod presets;
mod versions;

//! Forwarding as a whole, in virtual time and against servers on loopback addresses.

mod addresses;
mod answers;
mod outage;
mod parts;
mod presets;
mod versions;

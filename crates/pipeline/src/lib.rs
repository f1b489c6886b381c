//! The heart: a pure fold from logged records to state, items and rollups.
#![no_std]

extern crate alloc;

pub mod rows;

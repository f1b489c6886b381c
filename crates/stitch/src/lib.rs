//! Dedup, sessions, identity graph, late policy: pure functions over one device, one component.
#![no_std]

extern crate alloc;

//! Tests of the wire formats from outside: golden files, limits, hostile input.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod csv_map;
mod ga4;
mod properties;
mod segment;
mod signals;
mod snowplow;
mod source;

//! Tests of the wire formats from outside: golden files, limits, hostile input.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod segment;
mod source;

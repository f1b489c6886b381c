//! Touches, conversions, windows, credit models, exact rounding.
#![no_std]

extern crate alloc;

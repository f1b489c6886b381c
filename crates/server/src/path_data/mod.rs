//! Path data from files: one row for each path that people took, with how often it converted.

mod columns;
mod number;
mod read;

pub use columns::{Names, Role};
pub use read::{FILE_BYTES_MAX, PathFile, PathFileError, Refusal, Refused, UNIT_DIGITS, read};

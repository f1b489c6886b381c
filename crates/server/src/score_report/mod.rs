//! The build-or-buy scorecard for people: tables for a terminal, one HTML file.

mod html;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use html::render as html;
pub use table::render as table;

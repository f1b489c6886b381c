//! A plan's report for people: tables for a terminal, one HTML file with the topology drawn.

mod bands;
mod hops;
mod ladder;
mod layout;
mod options;
mod page;
mod risks;
mod table;
#[cfg(test)]
mod tests;
mod topology;
mod units;
mod view;

pub use page::render as html;
pub use table::render as table;

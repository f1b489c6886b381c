//! A plan's report for people: tables for a terminal, one HTML file with the topology drawn.

mod bands;
mod difference;
mod hops;
mod ladder;
mod layout;
mod lists;
mod makeup;
mod options;
mod page;
mod reviews;
mod risks;
mod sharing;
mod stage;
mod table;
#[cfg(test)]
mod tests;
mod topology;
mod units;
mod view;
mod worth;

pub use difference::render as difference;
pub use page::{render as html, render_review as review_html};
pub use reviews::table as review_table;
pub use table::render as table;

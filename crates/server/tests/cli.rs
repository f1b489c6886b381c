//! The binary as its users meet it: what it prints, how it ends, what it leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

#[path = "cli/attributions.rs"]
mod attributions;
#[path = "cli/command.rs"]
mod command;
#[path = "cli/earlier.rs"]
mod earlier;
#[path = "cli/endings.rs"]
mod endings;
#[path = "cli/generations.rs"]
mod generations;
#[path = "cli/guides.rs"]
mod guides;
#[path = "cli/imports.rs"]
mod imports;
#[path = "cli/instances.rs"]
mod instances;
#[path = "cli/link_tables.rs"]
mod link_tables;
#[path = "cli/margin.rs"]
mod margin;
#[path = "cli/people.rs"]
mod people;
#[path = "cli/recovery.rs"]
mod recovery;
#[path = "cli/replays.rs"]
mod replays;
#[path = "cli/scorecards.rs"]
mod scorecards;
#[path = "cli/shop.rs"]
mod shop;
#[path = "cli/signing.rs"]
mod signing;
#[path = "cli/spend.rs"]
mod spend;

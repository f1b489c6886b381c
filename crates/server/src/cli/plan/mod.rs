//! `plan`: the bottleneck before it happens.

mod file;
mod verify;

use super::failure::{Ended, Failure};
use clap::{Args, Subcommand};

/// Plans capacity: what breaks first, for whom, what the delay costs, which remedy is worth its money.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    Verify(verify::Verify),
}

impl Plan {
    /// Does what was asked.
    pub fn run(&self) -> Result<Ended, Failure> {
        match &self.action {
            Action::Verify(verify) => verify.run(),
        }
    }
}

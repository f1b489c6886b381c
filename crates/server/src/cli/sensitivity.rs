//! `sensitivity`: the batch / session / edge answer from the experiment arms.

use super::failure::{Ended, Failure};
use super::place::Place;
use super::report::Report;
use clap::Args;

/// Tells what delay and stale profiles cost by the arms of experiments that vary them, and whether
/// edge is needed: the same as `report sensitivity`.
#[derive(Args, Clone, Debug)]
pub struct Sensitivity {
    /// First day of the first exposures that count, YYYY-MM-DD.
    #[arg(long)]
    pub from: Option<String>,
    /// Last day of these, YYYY-MM-DD.
    #[arg(long)]
    pub to: Option<String>,
    /// table, json, csv or html.
    #[arg(long, default_value = "table")]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Sensitivity {
    /// Prints it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let Self { from, to, format, place } = self.clone();
        let (by, model, order, window) = (None, None, None, None);
        let (bots, currency, links, as_of) = (false, None, None, None);
        let kind = "sensitivity".to_owned();
        Report {
            kind,
            by,
            model,
            order,
            window,
            from,
            to,
            bots,
            currency,
            links,
            as_of,
            format,
            place,
        }
        .run()
    }
}

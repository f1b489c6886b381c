//! `spend`: what was spent, what may be spent, what currencies were worth, what goods cost.

use super::failure::{Ended, Failure};
use super::output::{self, Shown};
use super::place::{Place, Target};
use crate::ledger::{FILE_BYTES_MAX, LedgerKind, LedgerOutcome};
use crate::load::connection;
use crate::report::page::plain;
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Takes in spend, budgets, rates of currencies and costs of goods.
#[derive(Args, Clone, Debug)]
pub struct Spend {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Takes a CSV table in: cost by date and campaign, or budgets, rates, costs of goods. A row about the same
    /// takes the place of the earlier one; the same table again changes nothing.
    Import(Import),
}

#[derive(Args, Clone, Debug)]
struct Import {
    /// A CSV file with a header, or - for standard input. Spend: date, campaign (or source, medium,
    /// channel, ad_group), cost or cost_minor, currency.
    file: PathBuf,
    /// The rows are budgets: campaign, from, to, amount, currency, target_roas.
    #[arg(long, conflicts_with_all = ["rates", "goods"])]
    budgets: bool,
    /// The rows are rates: date, base, currency, rate (one base = rate of the currency).
    #[arg(long, conflicts_with = "goods")]
    rates: bool,
    /// The rows tell what a unit of a product costs from a day on: product, from, cost, currency.
    #[arg(long)]
    goods: bool,
    /// Only tell what would change.
    #[arg(long)]
    dry_run: bool,
    /// How to print the outcome.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,
    #[command(flatten)]
    place: Place,
}

impl Spend {
    /// Does what was asked.
    pub fn run(&self) -> Result<Ended, Failure> {
        let Action::Import(import) = &self.action;
        import.run()
    }
}

impl Import {
    const fn kind(&self) -> LedgerKind {
        match (self.budgets, self.rates, self.goods) {
            (true, ..) => LedgerKind::Budgets,
            (_, true, _) => LedgerKind::Rates,
            (.., true) => LedgerKind::Goods,
            _ => LedgerKind::Spend,
        }
    }

    fn run(&self) -> Result<Ended, Failure> {
        let (text, kind) = (self.text()?, self.kind());
        let failed = |error: &dyn std::fmt::Display| Failure::new("the table was not taken", error);
        let outcome: LedgerOutcome = match self.place.open(true)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let outcome = engine.import_ledger(kind, &text, self.dry_run);
                let outcome = outcome.map_err(|error| failed(&error))?;
                if outcome.refolds {
                    engine.drain().map_err(|error| failed(&error))?;
                }
                outcome
            }
            Target::Remote(mut remote) => {
                let path = format!("/api/spend?kind={}&dry_run={}", kind.as_str(), self.dry_run);
                let answer = remote.stream(&path, connection::whole(text.into()))?;
                serde_json::from_slice(&answer)
                    .map_err(|error| Failure::new("the instance's answer cannot be read", error))?
            }
        };
        match self.format {
            Shown::Json => output::print_json(&outcome)?,
            Shown::Table => output::print(&told(&outcome, self.dry_run))?,
        }
        Ok(if outcome.broken.is_empty() { Ended::Done } else { Ended::DoneWithRefusals })
    }

    fn text(&self) -> Result<Vec<u8>, Failure> {
        let shown = self.file.display().to_string();
        let failed = |error: std::io::Error| {
            Failure::known(format!("cannot read {shown}"), error.to_string(), "check the path")
        };
        let stream: Box<dyn Read> = match shown.as_str() {
            "-" => Box::new(std::io::stdin()),
            _ => Box::new(File::open(&self.file).map_err(failed)?),
        };
        let mut text = Vec::new();
        // One byte more than may be, so that the reader of the table can tell.
        stream.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut text).map_err(failed)?;
        Ok(text)
    }
}

fn told(outcome: &LedgerOutcome, dry_run: bool) -> String {
    let mut text = String::new();
    if outcome.refolds {
        text.push_str("the log is folded anew, so that orders keep what they sold; margins are told once that is done\n");
    }
    for row in &outcome.broken {
        text.push_str(&format!("line {}: {}\n", row.line, row.rule));
    }
    for name in &outcome.unmatched {
        let near = match name.nearest.as_slice() {
            [] => String::new(),
            near => format!(
                "; close to it: {}",
                near.iter().map(|n| plain(n)).collect::<Vec<_>>().join(", ")
            ),
        };
        text.push_str(&format!("no touch or click has {}{near}\n", plain(&name.name)));
    }
    if outcome.broken.is_empty() {
        let LedgerOutcome { rows, added, changed, same, .. } = outcome;
        let verb = if dry_run { "would be" } else { "were" };
        text.push_str(&format!(
            "{rows} row(s): {added} {verb} added, {changed} replaced, {same} as they were\n"
        ));
    } else {
        let lines: std::collections::BTreeSet<u64> =
            outcome.broken.iter().map(|row| row.line).collect();
        text.push_str(&format!(
            "{} rule(s) broken in {} of {} row(s); nothing was written\n",
            outcome.broken.len(),
            lines.len(),
            outcome.rows
        ));
    }
    text
}

//! `report`: figures with their freshness.

use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use crate::report::{self, Format, ReportError, ReportKind, ReportQuery};
use clap::Args;
use std::sync::Arc;

/// Prints a report over the whole range of the data, or over the days given.
#[derive(Args, Clone, Debug)]
pub struct Report {
    /// campaigns, budgets, sessions, delivery, stitching, personalization, sensitivity or forecast.
    pub kind: String,
    /// Group campaigns by channel, source, campaign or link; stitching by source, country, region,
    /// device, browser, connection or event.
    #[arg(long)]
    pub by: Option<String>,
    /// Share conversions by first, last, last_non_direct, linear, position, time_decay, markov
    /// or shapley.
    #[arg(long)]
    pub model: Option<String>,
    /// Touches that a state of the Markov chain remembers, 1 to 3.
    #[arg(long)]
    pub order: Option<String>,
    /// How long before a conversion a touch counts, such as 30d.
    #[arg(long)]
    pub window: Option<String>,
    /// First day, YYYY-MM-DD.
    #[arg(long)]
    pub from: Option<String>,
    /// Last day, YYYY-MM-DD.
    #[arg(long)]
    pub to: Option<String>,
    /// Count the touches and clicks of bots, too.
    #[arg(long)]
    pub bots: bool,
    /// The one currency of all amounts, such as EUR, by the imported rates of each day.
    #[arg(long)]
    pub currency: Option<String>,
    /// Which links make devices one person's in the session and campaign reports: certain, or
    /// probable, too.
    #[arg(long)]
    pub links: Option<String>,
    /// The figures as they were at an earlier instant or at the end of a day, by the rules in force:
    /// without anything received later. Folds the log up to there, which takes time.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// table, json, csv or html.
    #[arg(long, default_value = "table")]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Report {
    /// Prints it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let (query, format) = self.query().map_err(|error| asked_wrongly(&error))?;
        match self.place.open(false)? {
            Target::Local(engine) => {
                let engine = Arc::from(engine);
                output::print(&local(&engine, &query, format)?)?;
            }
            Target::Remote(mut remote) => {
                let mut path = format!("/api/report/{}?format={format}", query.kind);
                for (name, value) in self.parameters() {
                    path.push_str(&format!("&{name}={}", encoded(&value)));
                }
                output::print_bytes(&remote.get(&path)?)?;
            }
        }
        Ok(Ended::Done)
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("by", &self.by),
            ("model", &self.model),
            ("order", &self.order),
            ("window", &self.window),
            ("from", &self.from),
            ("to", &self.to),
            ("currency", &self.currency),
            ("links", &self.links),
            ("as_of", &self.as_of),
        ];
        let mut all: Vec<_> =
            given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        if self.bots {
            all.push(("bots", "true".to_owned()));
        }
        all
    }

    fn query(&self) -> Result<(ReportQuery, Format), ReportError> {
        let mut query = ReportQuery::new(self.kind.parse::<ReportKind>()?);
        for (name, value) in self.parameters() {
            query.set(name, &value)?;
        }
        Ok((query, self.format.parse()?))
    }
}

/// Usage is told as such.
pub fn asked_wrongly(error: &ReportError) -> Failure {
    let text = error.to_string();
    let (why, fix) = text.split_once(": ").unwrap_or((text.as_str(), "see --help"));
    Failure::usage("this cannot be reported", why, fix)
}

/// A report of an opened directory, with everything logged counted.
pub fn local(
    engine: &Arc<super::engine::Engine>,
    query: &ReportQuery,
    format: Format,
) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new("the report cannot be made", error);
    engine.drain().map_err(|error| failed(&error))?;
    let parts = engine.admin_parts(None);
    let freshness = parts.progress.standing().freshness();
    let report =
        report::build(&*parts.figures, query, freshness).map_err(|error| failed(&error))?;
    report::render(&report, format, output::terminal_width()).map_err(|error| failed(&error))
}

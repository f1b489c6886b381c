//! `audit`: the whole chain behind one thing.

use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use crate::audit::Subject;
use clap::{Args, ValueEnum};
use std::sync::Arc;

/// How a chain is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// A tree for a person.
    Tree,
    /// JSON.
    Json,
}

/// Prints what stands behind a conversion, click, event, link or person.
#[derive(Args, Clone, Debug)]
pub struct Audit {
    /// conversion, click, event, link or person.
    pub subject: String,
    /// Its id; for a conversion also its order number or event id; for a link its slug; for a person
    /// also a device's or user's id.
    pub id: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Tree, alias = "as")]
    pub format: Shown,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Audit {
    /// Prints it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let subject: Subject =
            self.subject.parse().map_err(|error| super::report::asked_wrongly(&error))?;
        let engine = match self.place.open(false)? {
            Target::Local(engine) => Arc::from(engine),
            Target::Remote(mut remote) => {
                let format = if self.format == Shown::Json { "json" } else { "tree" };
                let path = format!(
                    "/api/audit/{}/{}?format={format}",
                    subject.as_str(),
                    encoded(&self.id)
                );
                output::print_bytes(&remote.get(&path)?)?;
                return Ok(Ended::Done);
            }
        };
        let engine: Arc<super::engine::Engine> = engine;
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("the audit cannot be made", error);
        engine.drain().map_err(|error| failed(&error))?;
        let chain = engine
            .admin_parts(None)
            .evidence
            .chain(subject, &self.id)
            .map_err(|error| failed(&error))?;
        let Some(chain) = chain else {
            return Err(Failure::known(
                format!("there is no {} {}", subject.as_str(), self.id),
                "nothing with this id was ever counted",
                "list what there is with `millstream export`",
            ));
        };
        match self.format {
            Shown::Tree => output::print(&chain.to_tree())?,
            Shown::Json => output::print_json(&chain)?,
        }
        Ok(Ended::Done)
    }
}

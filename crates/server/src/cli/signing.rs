//! `links sign`: a signed link to a destination that no stored link leads to.

use super::failure::{Ended, Failure};
use super::house::House;
use super::output;
use super::place::Place;
use crate::links::Proposal;
use clap::Args;

/// Signs a destination that no stored link leads to.
#[derive(Args, Clone, Debug)]
pub struct Sign {
    /// The link whose campaign, owner and expiry hold.
    slug: String,
    /// Absolute http or https address.
    #[arg(value_name = "DESTINATION")]
    destination: String,
    /// The key to sign with; the first one configured when not given.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    place: Place,
}

impl Sign {
    /// Prints path and query of the link.
    pub fn run(&self) -> Result<Ended, Failure> {
        let keys = self.place.config()?.capture.signed_links;
        let refused = |why: &str| Failure::new("the link cannot be signed", why.to_owned());
        let first = || keys.ids().next().map(str::to_owned);
        let id = self.key.clone().or_else(first).ok_or_else(|| {
            refused("no key is configured; name one with [[signed_links]] in the file of --config")
        })?;
        let proposal = Proposal {
            slug: self.slug.clone(),
            destination: self.destination.clone(),
            owner: "signed".to_owned(),
            ..Proposal::default()
        };
        // Values and owner are those of the stored link: here it is about where the link leads.
        let broken = House::of(&self.place)?.broken(&proposal).into_iter();
        let broken: Vec<String> = broken
            .filter(|broken| broken.field == "slug" || broken.field == "destination")
            .map(|broken| broken.to_string())
            .collect();
        if !broken.is_empty() {
            let fix = "sign another destination, or change the rules in [links]";
            return Err(Failure::known("the link cannot be signed", broken.join(", "), fix));
        }
        let link = keys.sign(&id, &self.slug, &self.destination);
        let link = link.ok_or_else(|| {
            let known: Vec<&str> = keys.ids().collect();
            refused(&format!("there is no key {id:?}; sign with one of {}", known.join(", ")))
        })?;
        output::print(&format!("{link}\n"))?;
        Ok(Ended::Done)
    }
}

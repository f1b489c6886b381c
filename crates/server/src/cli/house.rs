//! The house rules that a command checks links against: those of the instance that will make them.

use super::failure::Failure;
use super::place::{Place, Target};
use crate::admin::links::HouseBody;
use crate::links::{Broken, Governance, Proposal};

/// House rules, and the hosts that are ours.
pub struct House {
    governance: Governance,
    own_domains: Vec<Box<str>>,
}

impl House {
    /// Those of the place; of its configuration alone where there is no data yet.
    pub fn of(place: &Place) -> Result<Self, Failure> {
        let config = place.config()?;
        if place.url.is_none() && !config.data_dir.join("log").is_dir() {
            let own_domains = config.settings.own_domains;
            return Ok(Self { governance: config.governance, own_domains });
        }
        match place.open(false)? {
            Target::Local(engine) => Ok(Self {
                governance: engine.editor.governance().clone(),
                own_domains: engine.registry.settings().own_domains.clone(),
            }),
            Target::Remote(mut remote) => {
                let unreadable = |error: &dyn std::fmt::Display| {
                    Failure::new("the house rules cannot be read", error)
                };
                let body: HouseBody = serde_json::from_slice(&remote.get("/api/link-rules")?)
                    .map_err(|error| unreadable(&error))?;
                let governance = Governance::new(body.house).map_err(|error| unreadable(&error))?;
                Ok(Self { governance, own_domains: body.own_domains })
            }
        }
    }

    /// Every rule that a proposal breaks.
    pub fn broken(&self, proposal: &Proposal) -> Vec<Broken> {
        self.governance.broken(proposal, &self.own_domains)
    }

    /// The proposal as its template completes it; as it is, where that is unknown.
    pub fn filled(&self, proposal: Proposal) -> Proposal {
        self.governance.fill(proposal.clone()).unwrap_or(proposal)
    }
}

//! What somebody wrote down: components, flows, policies.

mod component;
mod flow;
mod policy;

pub use component::{Buffer, Component, Domains, Duplex, Kind, Plane, PriceStep, Scheduling};
pub use flow::{Archetype, Class, DelayCost, FanOut, Flow, Protocol, Risk};
pub use policy::{ForecastLine, Headroom, Investment, Lift, Peak, Policies, Rung};

use alloc::collections::BTreeMap;
use alloc::string::String;

/// A whole plan. Ordered by name, so that the order of lines in a file changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What the plan is of.
    pub title: String,
    /// Components by name.
    pub components: BTreeMap<String, Component>,
    /// Flows by name.
    pub flows: BTreeMap<String, Flow>,
    /// What holds for all.
    pub policies: Policies,
}

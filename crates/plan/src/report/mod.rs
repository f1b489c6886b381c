//! What the planner answers. Everything serialises; every number is finite.

mod flow;
mod hop;
mod remedy;
mod scenario;

pub use flow::{Fate, FlowReport, PacketReport, StageReport};
pub use hop::{GrowthDate, HopReport, Overflow, Resource, ResourceUse, State};
pub use remedy::{
    BudgetOverrun, Effect, HiddenFlow, InvestmentReport, Metastability, Remedy, RemedyKind,
    Sensitivity, Settled, SharedHop,
};
pub use scenario::{
    Bottleneck, BottleneckType, FailureReport, Fault, FirstFailure, FlowShift, HopShift, MixLine,
    RungReport, ScenarioKind, ScenarioReport,
};

use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// The whole answer to a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanReport {
    /// The plan's title.
    pub title: String,
    /// Currency of all costs.
    pub currency: String,
    /// The day the figures are of.
    pub as_of: Option<String>,
    /// `mean`, then `peak` where flows have one, then the named peaks by name.
    pub scenarios: Vec<ScenarioReport>,
    /// The scenario in which failures were tried.
    pub failures_at: String,
    /// Each single failure, then domains, then pairs.
    pub failures: Vec<FailureReport>,
    /// Hops in the order in which rising load breaks them: (hop, multiple of the mean at which it is full).
    pub fails_in_order: Vec<(String, f64)>,
    /// Hops on several paths.
    pub shared_hops: Vec<SharedHop>,
    /// What to make of the options; empty when none were asked for.
    pub advice: String,
    /// Options, best first.
    pub options: Vec<Remedy>,
    /// Budgets that are overspent.
    pub overruns: Vec<BudgetOverrun>,
    /// Retry storms that would last.
    pub metastable: Vec<Metastability>,
    /// Flows nobody listed.
    pub hidden: Vec<HiddenFlow>,
    /// Inputs that move the answer, most first.
    pub sensitivity: Vec<Sensitivity>,
    /// Investments and whether they pay.
    pub investments: Vec<InvestmentReport>,
    /// What the simulator settled.
    pub settled: Vec<Settled>,
    /// Everything else a reader should know, in words.
    pub warnings: Vec<String>,
    /// What was assumed because nobody said.
    pub assumptions: Vec<String>,
}

impl PlanReport {
    /// The scenario of this name.
    pub fn scenario(&self, name: &str) -> Option<&ScenarioReport> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }
}

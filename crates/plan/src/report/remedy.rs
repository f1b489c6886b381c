//! What could be done, and what it would bring.

use super::hop::Resource;
use crate::confidence::Figure;
use crate::named::named;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

named! {
    /// Kinds of remedy.
    RemedyKind {
        /// More capacity.
        Capacity = "capacity",
        /// More events in a request.
        Batching = "batching",
        /// Fewer bytes for the same events.
        Compression = "compression",
        /// A class gets a hop of its own.
        Isolation = "isolation",
        /// Who matters most goes first.
        Priority = "priority",
        /// What can wait runs at another time.
        Staggering = "staggering",
        /// Buffer, batch and compress near the users.
        EdgeAggregation = "edge_aggregation",
        /// Fewer attempts.
        RetryBudget = "retry_budget",
        /// The buffer holds less than a timeout of work, or expired work is dropped.
        Shedding = "shedding",
        /// Another component takes over.
        Failover = "failover",
        /// Nothing: the delay costs less than its cure.
        Tolerate = "tolerate",
    }
}

/// Figures that a remedy changes, before and after. They are what `plan --what-if` shows when the
/// remedy's overlay is applied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The load it is judged under.
    pub scenario: String,
    /// Utilisation of the hop it is for, before.
    pub utilisation_before: f64,
    /// And after.
    pub utilisation_after: f64,
    /// The flow whose tail it improves most or hurts least.
    pub flow: Option<String>,
    /// Its p99 before, seconds; `None` when unstable.
    pub p99_before_s: Option<f64>,
    /// And after.
    pub p99_after_s: Option<f64>,
    /// Cost of delay of all flows per month before; `None` when it is without limit (unstable).
    pub cost_of_delay_before: Option<f64>,
    /// And after.
    pub cost_of_delay_after: Option<f64>,
    /// The bottleneck after it.
    pub bottleneck_after: Option<String>,
}

/// One option.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remedy {
    /// What kind.
    pub kind: RemedyKind,
    /// The hop it is for.
    pub hop: String,
    /// In words, with numbers.
    pub what: String,
    /// The overlay that does it: a TOML text for `--what-if`.
    pub overlay: String,
    /// Added cost per month, in the plan's currency; `None` when no price is known.
    pub cost_per_month: Option<f64>,
    /// Saved cost of delay per month; `None` when it cannot be said (nothing priced, or unstable before).
    pub saves_per_month: Option<f64>,
    /// Measured effect.
    pub effect: Effect,
    /// Whether the hop is inside its headroom policy afterwards.
    pub cures: bool,
}

/// How much an input moves the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// The input: `components.edge.service`.
    pub input: String,
    /// Relative change of the answer for a relative change of the input (elasticity).
    pub elasticity: f64,
    /// How uncertain the input is taken to be, relative: 0.5 for defaults nobody stated, 0.1 for stated ones.
    pub uncertainty: f64,
    /// Elasticity times uncertainty: what measuring it would settle.
    pub worth_measuring: f64,
    /// The answer that moves.
    pub answer: String,
}

/// A flow that usually exists and that nobody listed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HiddenFlow {
    /// What: metadata sync, schema registry, monitoring, replication.
    pub what: String,
    /// Where it would run.
    pub hops: Vec<String>,
    /// What it usually takes, in words.
    pub usual: String,
}

/// A hop that takes more of a flow's deadline than it may.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetOverrun {
    /// The flow.
    pub flow: String,
    /// The hop, or `(sum)` when the allowances themselves exceed the deadline.
    pub hop: String,
    /// Under which load.
    pub scenario: String,
    /// What it may take, seconds.
    pub allowed_s: f64,
    /// What it takes, seconds; `None` when unstable.
    pub taken_s: Option<f64>,
}

/// A retry storm that would keep itself alive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metastability {
    /// The hop.
    pub hop: String,
    /// Under which load.
    pub scenario: String,
    /// Load without retries over capacity: below 1.
    pub load: f64,
    /// Load with every attempt used over capacity: above 1.
    pub load_with_retries: f64,
    /// Load over capacity at which it comes to rest while nothing disturbs it, the retries of late answers
    /// included; `None` when it does not: retries alone fill it.
    pub calm_at: Option<f64>,
    /// Seconds of work that the queue can hold; `None` when it is unlimited.
    pub queue_holds_s: Option<f64>,
    /// The shortest timeout of the flows.
    pub timeout_s: f64,
    /// What breaks the loop, in words.
    pub breaks_it: Vec<String>,
}

/// A hop that several flows share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SharedHop {
    /// The hop.
    pub hop: String,
    /// The flows, each with its part of the hop's fullest resource, largest first.
    pub flows: Vec<(String, f64)>,
    /// Its fullest resource.
    pub resource: Resource,
    /// Different classes meet here without separation.
    pub mixed_classes: bool,
}

/// What saving time is worth (a row for each investment in the plan).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InvestmentReport {
    /// Its name.
    pub name: String,
    /// What it costs per month.
    pub cost_per_month: f64,
    /// Milliseconds it saves.
    pub saves_ms: f64,
    /// What they are worth per month: cost of delay saved, and lift.
    pub worth_per_month: f64,
    /// Lower and upper end, from the interval of the lift.
    pub worth_low: f64,
    /// Upper end.
    pub worth_high: f64,
    /// Worth at least what it costs at the lower end.
    pub pays: bool,
    /// Milliseconds that would pay for it; `None` when a millisecond is worth nothing.
    pub break_even_ms: Option<f64>,
    /// True when the lift was measured, false when it is an assumption.
    pub measured: bool,
}

/// A figure that the simulator settled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settled {
    /// Of what: `flow replication: p99 of the quorum`.
    pub what: String,
    /// What it asks.
    pub question: String,
    /// The figure with its interval.
    pub figure: Figure,
    /// What the formula says, where there is one.
    pub formula: Option<f64>,
    /// Events simulated.
    pub events: u64,
}

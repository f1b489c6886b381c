//! One load on the whole network, and what a failure does to it.

use super::flow::FlowReport;
use super::hop::{HopReport, Resource};
use crate::confidence::Figure;
use crate::named::named;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

named! {
    /// What kind of load.
    ScenarioKind {
        /// Every flow at its mean.
        Mean = "mean",
        /// Every flow at its own peak.
        Peak = "peak",
        /// A peak of the plan's policies.
        NamedPeak = "named_peak",
        /// Something has failed.
        Failure = "failure",
    }
}

named! {
    /// The first thing to give way.
    FirstFailure {
        /// Bits per second.
        BitRate = "bit_rate",
        /// Packets per second.
        PacketRate = "packet_rate",
        /// Servers' time or a ceiling of events.
        Service = "service",
        /// Room for waiting work.
        Buffer = "buffer",
        /// Retries that keep an overload alive.
        RetryStorm = "retry_storm",
        /// A limit that no money moves.
        VendorLimit = "vendor_limit",
    }
}

named! {
    /// The five kinds of bottleneck.
    BottleneckType {
        /// More comes in than the front can take.
        IngestSaturation = "ingest_saturation",
        /// Copies compete with what they copy.
        ReplicationContention = "replication_contention",
        /// Means are fine, percentiles are not.
        TailLatencySpikes = "tail_latency_spikes",
        /// Old data slows new.
        BackfillInterference = "backfill_interference",
        /// A stage cannot follow and everything behind it waits.
        StreamCollapse = "real_time_stream_collapse",
    }
}

/// Where it will hurt first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bottleneck {
    /// The hop.
    pub hop: String,
    /// Its fullest resource.
    pub resource: Resource,
    /// What gives way.
    pub fails_first: FirstFailure,
    /// Which of the five kinds it is.
    pub bottleneck_type: BottleneckType,
    /// The metric that shows it first.
    pub priority_metric: &'static str,
    /// The usual cure of that kind.
    pub usual_fix: &'static str,
    /// Its utilisation.
    pub utilisation: f64,
    /// The load, as a multiple of this scenario's, at which it is full.
    pub full_at: Option<f64>,
    /// Flows that suffer together, worst first.
    pub flows: Vec<String>,
    /// In words.
    pub because: String,
}

/// One part of a flow's load in a named peak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MixLine {
    /// The flow.
    pub flow: String,
    /// The kind of campaign; `None` for what comes without any.
    pub campaign_type: Option<String>,
    /// The channel it comes through.
    pub channel: Option<String>,
    /// Events per second.
    pub events_per_s: f64,
    /// Part of the flow's load.
    pub share: f64,
}

/// A degradation rung that this scenario needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RungReport {
    /// Its name.
    pub name: String,
    /// The fullest hop before it is taken.
    pub hop: String,
    /// Highest utilisation before it is taken.
    pub utilisation_before: f64,
    /// And after.
    pub utilisation_after: f64,
    /// Flows refused.
    pub refused: Vec<String>,
    /// Their events per second.
    pub refused_events_per_s: f64,
    /// Their value per hour, in the plan's currency.
    pub refused_value_per_hour: f64,
    /// Part of the payload that is left of what remains.
    pub payload: f64,
    /// The rung on which this load comes to rest: it fits then, and no further rung is needed.
    pub holds: bool,
    /// All of that in a sentence.
    pub says: String,
}

/// All figures under one load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioReport {
    /// `mean`, `peak`, a peak's name, or `failure of X`.
    pub name: String,
    /// What kind.
    pub kind: ScenarioKind,
    /// Of what a named peak with a forecast is made, by flow, the largest part first.
    pub mix: Vec<MixLine>,
    /// Every component, by name.
    pub hops: Vec<HopReport>,
    /// Every flow, by name.
    pub flows: Vec<FlowReport>,
    /// Where it hurts first; `None` when nothing has a capacity.
    pub bottleneck: Option<Bottleneck>,
    /// Degradation that this load needs, in order.
    pub rungs: Vec<RungReport>,
    /// Cost of delay and loss of all flows in a month.
    pub cost_of_delay_per_month: Option<Figure>,
}

/// What fails together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Fault {
    /// A component with one instance, or all of its instances.
    Component {
        /// Its name.
        name: String,
    },
    /// One instance of several.
    Instance {
        /// Of which component.
        name: String,
    },
    /// A rack.
    Rack {
        /// Its name.
        name: String,
    },
    /// A zone.
    Zone {
        /// Its name.
        name: String,
    },
    /// A region.
    Region {
        /// Its name.
        name: String,
    },
    /// Two components at once.
    Pair {
        /// One.
        name: String,
        /// The other.
        other: String,
    },
}

/// A hop that a failure changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HopShift {
    /// The hop.
    pub hop: String,
    /// Utilisation before.
    pub before: f64,
    /// Utilisation with the failure; `None` when the hop itself is down.
    pub after: Option<f64>,
    /// The fullest resource then.
    pub limit: Option<Resource>,
}

/// A flow that takes another way round a failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlowShift {
    /// The flow.
    pub flow: String,
    /// The path it takes then.
    pub path: Vec<String>,
    /// Mean end to end on that path, seconds; `None` when a hop there is unstable.
    pub mean_s: Option<f64>,
    /// 99th percentile.
    pub p99_s: Option<f64>,
}

/// The blast radius of one failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailureReport {
    /// What fails.
    #[serde(flatten)]
    pub fault: Fault,
    /// Hops whose load changes, by name.
    pub hops: Vec<HopShift>,
    /// Flows that end: no other path, no failover.
    pub lost: Vec<String>,
    /// Flows on another path.
    pub rerouted: Vec<FlowShift>,
    /// Flows that keep their path but cross a hop that becomes unstable.
    pub degraded: Vec<String>,
    /// Hops that become unstable.
    pub unstable: Vec<String>,
    /// Highest utilisation that is left.
    pub utilisation_max: f64,
    /// Where.
    pub fullest: Option<String>,
    /// Events per second that no longer arrive.
    pub lost_events_per_s: f64,
    /// Value of those events per hour, in the plan's currency.
    pub lost_value_per_hour: f64,
    /// Time until failover is complete, seconds, where it is known.
    pub failover_s: Option<f64>,
    /// Some flow's tolerance is shorter than the failover, or a flow with a tolerance is lost.
    pub intolerable: Vec<String>,
}

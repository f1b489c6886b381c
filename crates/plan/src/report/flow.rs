//! Figures of one flow in one scenario.

use crate::confidence::Figure;
use crate::inventory::{Class, Risk};
use crate::named::named;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

named! {
    /// How a flow fares.
    Fate {
        /// It arrives, in time where it has a deadline.
        Ok = "ok",
        /// It arrives, but later than its deadline allows (p99).
        Late = "late",
        /// Not all of it arrives.
        Throttled = "throttled",
        /// It takes another path.
        Rerouted = "rerouted",
        /// Nothing of it arrives.
        Lost = "lost",
    }
}

/// One stage of a flow's path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageReport {
    /// The component.
    pub hop: String,
    /// Mean seconds spent there; `None` when it is unstable.
    pub mean_s: Option<Figure>,
    /// What the plan allows it.
    pub budget_s: Option<f64>,
}

/// The packets of one request of a flow, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PacketReport {
    /// Events in one request, after linger and rate are considered.
    pub batch: f64,
    /// Bytes on the wire for one event, towards the receiver.
    pub forward_bytes_per_event: f64,
    /// Bytes on the wire for one event, back.
    pub reverse_bytes_per_event: f64,
    /// Packets for one event, towards the receiver.
    pub forward_packets_per_event: f64,
    /// Packets for one event, back.
    pub reverse_packets_per_event: f64,
}

/// One flow in one scenario. Times count from the event to the last component, or to the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlowReport {
    /// The flow's name.
    pub name: String,
    /// What it is for.
    pub class: Class,
    /// How bad its loss is.
    pub risk: Risk,
    /// How it fares.
    pub fate: Fate,
    /// The components it takes in this scenario.
    pub path: Vec<String>,
    /// Events per second that its senders want through.
    pub offered_per_s: f64,
    /// Events per second that arrive.
    pub goodput_per_s: Figure,
    /// What limits it: a hop's name, `tcp window`, `tcp loss`; `None` when nothing does.
    pub limited_by: Option<String>,
    /// Requests sent for one request wanted, at the end of the path where it is largest.
    pub amplification: Figure,
    /// Share of events that arrive after all attempts.
    pub success: Figure,
    /// Bytes and packets.
    pub packets: PacketReport,
    /// Mean wait for a batch to fill, seconds.
    pub batching_s: Figure,
    /// Each stage.
    pub stages: Vec<StageReport>,
    /// End to end, mean, seconds; `None` when a hop on the path is unstable.
    pub mean_s: Option<Figure>,
    /// Median.
    pub p50_s: Option<Figure>,
    /// 95th percentile.
    pub p95_s: Option<Figure>,
    /// 99th percentile.
    pub p99_s: Option<Figure>,
    /// Worst case (network calculus); `None` when there is none.
    pub bound_s: Option<Figure>,
    /// Deadline less recovery margin.
    pub deadline_s: Option<f64>,
    /// Chance that an event misses it (lost ones included).
    pub miss: Option<Figure>,
    /// TCP's ceiling in events per second, from window, round trip and loss.
    pub tcp_ceiling_per_s: Option<Figure>,
    /// Cost of delay and loss in a month of this scenario, in the plan's currency.
    pub cost_of_delay_per_month: Option<Figure>,
    /// What saving one millisecond is worth in a month of this scenario.
    pub millisecond_worth_per_month: Option<Figure>,
    /// Tolerated jitter is exceeded by p99 - p50.
    pub jitter_exceeded: bool,
}

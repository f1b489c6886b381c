//! Figures of one component in one scenario.

use crate::confidence::Figure;
use crate::inventory::{Kind, Plane};
use crate::named::named;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

named! {
    /// What of a component can become full.
    Resource {
        /// Bits per second from senders to receivers.
        ForwardBits = "forward_bits",
        /// Bits per second of answers and acknowledgements.
        ReverseBits = "reverse_bits",
        /// Packets per second.
        Packets = "packets",
        /// Time of its servers.
        Service = "service",
        /// A ceiling of events per second.
        Events = "events",
        /// A limit that no money moves.
        VendorLimit = "vendor_limit",
    }
}

named! {
    /// How a component stands.
    State {
        /// Inside its headroom policy.
        Ok = "ok",
        /// Stable, but with less headroom than the policy asks for.
        Tight = "tight",
        /// More arrives than it can serve.
        Unstable = "unstable",
        /// It carries nothing because it failed.
        Failed = "failed",
        /// Nothing crosses it.
        Idle = "idle",
    }
}

/// How full one resource is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ResourceUse {
    /// Which.
    pub resource: Resource,
    /// Load over capacity; over 1 it is unstable.
    pub utilisation: f64,
    /// Capacity in the resource's unit: bit/s, packets/s, events/s; servers for `service`.
    pub capacity: f64,
}

/// What a limited overload does: the fluid model of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Overflow {
    /// Requests waiting when the burst ends.
    pub backlog: Figure,
    /// Longest wait, seconds.
    pub delay_s: Figure,
    /// Seconds after the burst until the backlog is gone; `None` when the mean does not fit, either.
    pub drain_s: Option<Figure>,
    /// Requests lost because the buffer is smaller than the backlog.
    pub lost: Figure,
}

/// When growth uses up a component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrowthDate {
    /// Months until the headroom policy is broken; zero when it is already.
    pub headroom_months: Option<f64>,
    /// The day, when the plan says of which day its figures are.
    pub headroom_date: Option<String>,
    /// Months until it is full.
    pub full_months: Option<f64>,
    /// The day.
    pub full_date: Option<String>,
}

/// One component in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HopReport {
    /// The component's name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its network.
    pub plane: Plane,
    /// How it stands.
    pub state: State,
    /// In words, where it is not `ok`: `unstable at 1.07: service; ...` with what would fix it.
    pub verdict: Option<String>,
    /// Events per second that are offered, retries and copies included.
    pub events_per_s: f64,
    /// Requests per second that are offered.
    pub requests_per_s: f64,
    /// Bits per second on the wire in the direction of the flows.
    pub forward_bits_per_s: f64,
    /// Bits per second on the wire in the other direction.
    pub reverse_bits_per_s: f64,
    /// Packets per second in the direction of the flows, acknowledgements of answers included.
    pub forward_packets_per_s: f64,
    /// Packets per second in the other direction, acknowledgements included.
    pub reverse_packets_per_s: f64,
    /// Each resource that has a capacity, fullest first.
    pub resources: Vec<ResourceUse>,
    /// Utilisation of the fullest resource; zero when none has a capacity.
    pub utilisation: f64,
    /// The same with the retries that timeouts and full buffers add under this load; `None` when they add none.
    pub utilisation_with_retries: Option<f64>,
    /// The fullest resource: what fails first here.
    pub limit: Option<Resource>,
    /// Share of capacity that the policy keeps free, by the riskiest flow.
    pub headroom_policy: f64,
    /// Share of capacity that is free: 1 - utilisation, negative when unstable.
    pub headroom: f64,
    /// Share of requests lost because the buffer is full.
    pub loss: Option<Figure>,
    /// Mean wait of a request for service, seconds; `None` when unstable.
    pub wait_mean_s: Option<Figure>,
    /// 99th percentile of that wait.
    pub wait_p99_s: Option<Figure>,
    /// Mean number of requests waiting.
    pub queue_mean: Option<Figure>,
    /// What a burst of limited length does when it does not fit.
    pub overflow: Option<Overflow>,
    /// Worst-case delay under the flows' bursts (network calculus), seconds.
    pub delay_bound_s: Option<Figure>,
    /// Cost of what leaves it in a month of this load, where it has a price a gigabyte.
    pub egress_cost_per_month: Option<Figure>,
    /// When growth uses it up; only in the mean scenario.
    pub growth: Option<GrowthDate>,
    /// Names of the flows that cross it, largest part of its fullest resource first.
    pub flows: Vec<String>,
}

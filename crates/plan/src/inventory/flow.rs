//! A flow: events of one kind that take one path for one purpose.

use crate::named::named;
use crate::quantity::{Bytes, Cost, Count, PerSecond, Ratio, Seconds, Share};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

named! {
    /// What a flow is for. Classes are kept apart where a hop allows it.
    Class {
        /// Events in.
        Ingest = "ingest",
        /// Copies for durability or other regions.
        Replication = "replication",
        /// Questions that somebody waits for.
        Query = "query",
        /// Configuration, coordination, metadata.
        Control = "control",
        /// Old data sent again.
        Backfill = "backfill",
        /// Events on to other systems.
        Forward = "forward",
        /// Decisions inside a page's budget.
        Decision = "decision",
        /// Metrics, logs and traces.
        Telemetry = "telemetry",
        /// Messages to people.
        Alert = "alert",
    }
}

named! {
    /// The shape of a flow over time; it fills in what was not said.
    Archetype {
        /// All day, evenly.
        SteadyIngest = "steady_ingest",
        /// Quiet, then everything at once.
        BurstIngest = "burst_ingest",
        /// Large, patient, repeatable.
        Backfill = "backfill",
        /// Follows the ingest it copies.
        Replication = "replication",
        /// Small questions, somebody waits.
        InteractiveQuery = "interactive_query",
        /// One cause, many messages.
        AlertFanOut = "alert_fan_out",
    }
}

named! {
    /// What runs on the wire.
    Protocol {
        /// UDP datagrams.
        Udp = "udp",
        /// Plain TCP.
        Tcp = "tcp",
        /// TCP under TLS 1.3.
        Tls = "tls",
        /// HTTP/1.1 without TLS.
        Http1 = "http1",
        /// HTTP/1.1 under TLS 1.3.
        Https1 = "https1",
        /// HTTP/2 under TLS 1.3.
        Https2 = "https2",
    }
}

named! {
    /// How bad it is when a flow is late or lost; it chooses the headroom that its hops keep.
    Risk {
        /// Nobody minds.
        Low = "low",
        /// Somebody minds.
        Medium = "medium",
        /// Business is hurt.
        High = "high",
        /// Must not happen.
        Critical = "critical",
    }
}

impl Protocol {
    /// True when TLS records wrap the bytes.
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https1 | Self::Https2)
    }

    /// Bytes of a typical request head: 350 B for HTTP/1.1, 60 B for HTTP/2 with a warm HPACK table.
    pub const fn head_bytes(self) -> f64 {
        match self {
            Self::Http1 | Self::Https1 => 350.0,
            Self::Https2 => 60.0,
            _ => 0.0,
        }
    }
}

/// What a second or a missed deadline costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DelayCost {
    /// Cost of one event being one second older.
    pub per_event_second: Option<Cost>,
    /// Cost of one event that misses its deadline.
    pub at_deadline: Option<Cost>,
}

/// Copies of each event, and how many must be there before the event counts as done.
#[derive(Clone, Debug, PartialEq)]
pub struct FanOut {
    /// Copies sent at the same time.
    pub copies: Count,
    /// Copies waited for.
    pub quorum: Count,
    /// The component that sends the copies: those after it on the path carry all of them. When
    /// absent, the last component receives them.
    pub from: Option<String>,
}

/// One flow, as written down. What is `None` was not said.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Unique name.
    pub name: String,
    /// Components in the order in which events pass them.
    pub path: Vec<String>,
    /// Other paths, used in order when a component of the first one fails.
    pub alternates: Vec<Vec<String>>,
    /// What it is for.
    pub class: Class,
    /// Shape over time.
    pub archetype: Option<Archetype>,
    /// Order under strict priority; 1 goes first.
    pub priority: Count,
    /// Part under weighted sharing.
    pub weight: Ratio,
    /// Mean events per second.
    pub rate: PerSecond,
    /// Events per second while it bursts.
    pub peak: Option<PerSecond>,
    /// How long a burst lasts.
    pub burst: Option<Seconds>,
    /// Squared coefficient of variation of the times between requests; 1 is Poisson.
    pub arrival_scv: Option<Ratio>,
    /// Bytes of one event.
    pub payload: Bytes,
    /// Bytes of one answer.
    pub response: Bytes,
    /// Head of a request; the protocol's usual size where absent.
    pub head: Option<Bytes>,
    /// Most events in one request.
    pub batch: Count,
    /// Longest wait for a batch to fill, from its first event; unlimited where absent.
    pub linger: Option<Seconds>,
    /// Independent senders: each fills its own batches.
    pub senders: Count,
    /// Bytes before compression over bytes after.
    pub compression: Ratio,
    /// What runs on the wire.
    pub protocol: Protocol,
    /// Connections in parallel.
    pub concurrency: Count,
    /// Bytes in flight that one connection allows; no limit where absent.
    pub window: Option<Bytes>,
    /// How long the sender waits for an answer.
    pub timeout: Option<Seconds>,
    /// Times a request is sent before the sender gives up; 1 is no retry.
    pub attempts: Count,
    /// The component that answers the sender: timeouts and retries count to there. The last one where absent.
    pub acknowledged_by: Option<String>,
    /// Share of packets lost on the way.
    pub loss: Share,
    /// Copies and quorum.
    pub fan_out: Option<FanOut>,
    /// The time counted to the answer, instead of to the last component.
    pub round_trip: bool,
    /// End-to-end budget.
    pub deadline: Option<Seconds>,
    /// The part of the budget that each component may use.
    pub budget: BTreeMap<String, Seconds>,
    /// The part of the budget kept free for recovery.
    pub recovery_margin: Seconds,
    /// Longest tolerable p99 over the median.
    pub jitter_tolerance: Option<Seconds>,
    /// What happens when it fails, in words.
    pub failure_impact: Option<String>,
    /// How long it may be away before anyone minds.
    pub tolerance: Option<Seconds>,
    /// Worth of one event that arrives.
    pub value_per_event: Option<Cost>,
    /// What lateness costs.
    pub cost_of_delay: DelayCost,
    /// How bad it is when it is late or lost.
    pub risk: Risk,
}

impl Flow {
    /// A flow of which nothing but its name is known.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            path: Vec::new(),
            alternates: Vec::new(),
            class: Class::Ingest,
            archetype: None,
            priority: Count(1),
            weight: Ratio(1.0),
            rate: PerSecond(0.0),
            peak: None,
            burst: None,
            arrival_scv: None,
            payload: Bytes(1024.0),
            response: Bytes(0.0),
            head: None,
            batch: Count(1),
            linger: None,
            senders: Count(1),
            compression: Ratio(1.0),
            protocol: Protocol::Https1,
            concurrency: Count(1),
            window: None,
            timeout: None,
            attempts: Count(1),
            acknowledged_by: None,
            loss: Share(0.0),
            fan_out: None,
            round_trip: false,
            deadline: None,
            budget: BTreeMap::new(),
            recovery_margin: Seconds(0.0),
            jitter_tolerance: None,
            failure_impact: None,
            tolerance: None,
            value_per_event: None,
            cost_of_delay: DelayCost::default(),
            risk: Risk::Medium,
        }
    }

    /// The budget that the path may use: the deadline less the recovery margin.
    pub fn usable_deadline(&self) -> Option<f64> {
        self.deadline.map(|deadline| deadline.0 - self.recovery_margin.0)
    }
}

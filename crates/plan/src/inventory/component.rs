//! A component: anything that events pass and that can become full.

use crate::named::named;
use crate::quantity::{BitRate, Bytes, Cost, Count, PerSecond, Ratio, Seconds, Share};
use alloc::string::String;
use alloc::vec::Vec;

named! {
    /// What a component is.
    Kind {
        /// A library in somebody's page, application or server.
        Sdk = "sdk",
        /// A node near users.
        Edge = "edge",
        /// Spreads requests over servers.
        LoadBalancer = "load_balancer",
        /// A message broker.
        Broker = "broker",
        /// A stream processor.
        Stream = "stream",
        /// A database, cache or key-value store.
        Store = "store",
        /// An analytical database.
        Warehouse = "warehouse",
        /// Dashboards and reports.
        Bi = "bi",
        /// Customer relations.
        Crm = "crm",
        /// Jobs that move tables.
        Etl = "etl",
        /// Object storage.
        ObjectStore = "object_store",
        /// From the warehouse back into tools.
        ReverseEtl = "reverse_etl",
        /// Where message schemas are kept.
        SchemaRegistry = "schema_registry",
        /// Metrics, logs, traces.
        Monitoring = "monitoring",
        /// A content delivery network.
        Cdn = "cdn",
        /// Somebody else's system that events are sent to.
        Destination = "destination",
        /// A switch or router.
        Switch = "switch",
        /// A line between two places.
        Link = "link",
        /// An optical transceiver.
        Transceiver = "transceiver",
        /// A passive cable.
        Cable = "cable",
        /// An active electrical cable.
        Aec = "aec",
        /// A direct-attach copper cable.
        Dac = "dac",
    }
}

named! {
    /// Which of the networks a component belongs to.
    Plane {
        /// Users in, answers out.
        FrontEnd = "front_end",
        /// Inside one machine or rack: accelerators to each other.
        ScaleUp = "scale_up",
        /// Between machines that work on the same thing.
        ScaleOut = "scale_out",
        /// Storage, streams, warehouses.
        BackEnd = "back_end",
        /// Management, monitoring, audit.
        OutOfBand = "out_of_band",
    }
}

named! {
    /// In which order waiting work is served.
    Scheduling {
        /// First come, first served.
        Fifo = "fifo",
        /// The highest priority present is served first; work begun is finished.
        StrictPriority = "strict_priority",
        /// Each flow gets at least its weight's part.
        WeightedFair = "weighted_fair",
    }
}

named! {
    /// Whether both directions share one capacity.
    Duplex {
        /// Each direction has the whole capacity.
        Full = "full",
        /// Both directions share it.
        Half = "half",
    }
}

/// How much waiting work a component holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Buffer {
    /// This many requests, those in service included.
    Requests(Count),
    /// This many bytes of request bodies.
    Bytes(Bytes),
}

/// More capacity that can be bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceStep {
    /// Capacity in bits per second after the step; the old one where absent.
    pub bandwidth: Option<BitRate>,
    /// Servers after the step; the old number where absent.
    pub servers: Option<Count>,
    /// Events per second after the step; the old limit where absent.
    pub events: Option<PerSecond>,
    /// Cost per month after the step, in the plan's currency.
    pub cost_per_month: Cost,
}

/// The failure domains that a component's instances stand in; instances are spread evenly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Domains {
    /// Racks.
    pub racks: Vec<String>,
    /// Zones.
    pub zones: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
}

/// One component, as written down. What is `None` was not said.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Unique name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The network it belongs to.
    pub plane: Plane,
    /// Failure domains.
    pub domains: Domains,
    /// Equal parts that share the work and fail one at a time. Capacities below are of one instance.
    pub instances: Count,
    /// Bits per second of one instance in each direction.
    pub bandwidth: Option<BitRate>,
    /// Packets per second of one instance, both directions together.
    pub packets: Option<PerSecond>,
    /// A ceiling of events per second of one instance (a quota, a licence, a measured limit).
    pub events: Option<PerSecond>,
    /// Parallel servers (threads, cores, connections) of one instance.
    pub servers: Count,
    /// Mean service time of one event on one server.
    pub service: Option<Seconds>,
    /// Service time of a request apart from its events.
    pub service_per_request: Option<Seconds>,
    /// Squared coefficient of variation of an event's service time; 1 is exponential, 0 constant.
    pub service_scv: Option<Ratio>,
    /// Longest service time of one event, for worst cases; without it only constant service times have one.
    pub service_max: Option<Seconds>,
    /// Room for waiting work; unlimited where absent.
    pub buffer: Option<Buffer>,
    /// One-way propagation delay of passing it.
    pub propagation: Seconds,
    /// Order of service.
    pub scheduling: Scheduling,
    /// Directions apart or together.
    pub duplex: Duplex,
    /// Ports offered over capacity behind them: 4 means a quarter of `bandwidth` is really there.
    pub oversubscription: Ratio,
    /// Largest IP packet, where it differs from the plan's.
    pub mtu: Option<Bytes>,
    /// Chance that a request fails here for reasons other than load.
    pub failure: Share,
    /// Times it calls the next component before it gives up; 1 is no retry.
    pub attempts: Count,
    /// Expired work is dropped instead of served.
    pub drops_expired: bool,
    /// Cost per month, all instances.
    pub cost_per_month: Option<Cost>,
    /// Capacity that can be bought.
    pub price_steps: Vec<PriceStep>,
    /// Events per second that no money buys more of.
    pub vendor_limit: Option<PerSecond>,
    /// Cost of a gigabyte (10^9 B) that leaves it.
    pub egress_cost_per_gb: Option<Cost>,
    /// Components that take its traffic when it fails, in order.
    pub failover: Vec<String>,
    /// Time until they have taken over.
    pub failover_time: Option<Seconds>,
}

impl Component {
    /// A component of which nothing but its name is known.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Link,
            plane: Plane::BackEnd,
            domains: Domains::default(),
            instances: Count(1),
            bandwidth: None,
            packets: None,
            events: None,
            servers: Count(1),
            service: None,
            service_per_request: None,
            service_scv: None,
            service_max: None,
            buffer: None,
            propagation: Seconds(0.0),
            scheduling: Scheduling::Fifo,
            duplex: Duplex::Full,
            oversubscription: Ratio(1.0),
            mtu: None,
            failure: Share(0.0),
            attempts: Count(1),
            drops_expired: false,
            cost_per_month: None,
            price_steps: Vec::new(),
            vendor_limit: None,
            egress_cost_per_gb: None,
            failover: Vec::new(),
            failover_time: None,
        }
    }

    /// The plane a kind of component is usually in.
    pub fn usual_plane(kind: Kind) -> Plane {
        match kind {
            Kind::Sdk | Kind::Edge | Kind::LoadBalancer | Kind::Cdn => Plane::FrontEnd,
            Kind::SchemaRegistry | Kind::Monitoring => Plane::OutOfBand,
            Kind::Transceiver | Kind::Cable | Kind::Aec | Kind::Dac => Plane::ScaleOut,
            _ => Plane::BackEnd,
        }
    }
}

//! A plan with names resolved to positions, and what each component can carry.

use crate::inventory::{Component, Duplex, Flow, Plan};
use crate::report::{Resource, ResourceUse};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A plan ready to be computed with. Positions follow the order of names.
pub(super) struct Topology<'p> {
    pub(super) plan: &'p Plan,
    pub(super) components: Vec<&'p Component>,
    pub(super) flows: Vec<&'p Flow>,
    pub(super) paths: Vec<Vec<usize>>,
    /// No flow states anything but a Poisson process.
    pub(super) sends_poisson: bool,
    positions: BTreeMap<&'p str, usize>,
}

impl<'p> Topology<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let components: Vec<&Component> = plan.components.values().collect();
        let flows: Vec<&Flow> = plan.flows.values().collect();
        let named = |(at, component): (usize, &&'p Component)| (component.name.as_str(), at);
        let positions: BTreeMap<&str, usize> = components.iter().enumerate().map(named).collect();
        let path = |flow: &&Flow| {
            flow.path.iter().filter_map(|name| positions.get(name.as_str()).copied()).collect()
        };
        let paths = flows.iter().map(path).collect();
        let poisson = |flow: &&Flow| flow.arrival_scv.is_none_or(|scv| scv.0 == 1.0);
        let sends_poisson = flows.iter().all(poisson);
        Self { plan, components, flows, paths, sends_poisson, positions }
    }

    /// The position of a component.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// The positions of the components of a path; names that do not exist are left out.
    pub(super) fn resolve(&self, names: &[alloc::string::String]) -> Vec<usize> {
        names.iter().filter_map(|name| self.position(name)).collect()
    }

    /// Largest IP packet that passes a path.
    pub(super) fn path_mtu(&self, path: &[usize]) -> f64 {
        let usual = self.plan.policies.mtu.0;
        let least =
            |least: f64, at: &usize| self.components[*at].mtu.map_or(least, |mtu| least.min(mtu.0));
        path.iter().fold(usual, least)
    }
}

/// What a component can carry with a part of its instances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Capacity {
    /// Bits per second in each direction, all instances.
    pub(super) bits: Option<f64>,
    /// Bits per second of one message: that of one instance.
    pub(super) line_bits: Option<f64>,
    pub(super) packets: Option<f64>,
    pub(super) events: Option<f64>,
    pub(super) servers: u32,
    pub(super) vendor: Option<f64>,
}

impl Capacity {
    /// With `lost` of its instances gone; `None` when none is left.
    pub(super) fn of(component: &Component, lost: u32) -> Option<Self> {
        let left = component.instances.0.checked_sub(lost).filter(|left| *left > 0)?;
        let instances = f64::from(left);
        let line_bits =
            component.bandwidth.map(|bandwidth| bandwidth.0 / component.oversubscription.0);
        Some(Self {
            bits: line_bits.map(|bits| bits * instances),
            line_bits,
            packets: component.packets.map(|packets| packets.0 * instances),
            events: component.events.map(|events| events.0 * instances),
            servers: component.servers.0.saturating_mul(left),
            vendor: component.vendor_limit.map(|limit| limit.0),
        })
    }
}

/// True when its servers take time that is known.
pub(super) fn has_service(component: &Component) -> bool {
    let some = |time: Option<crate::quantity::Seconds>| time.is_some_and(|time| time.0 > 0.0);
    some(component.service) || some(component.service_per_request)
}

/// Everything that goes through one component.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct HopLoad {
    pub(super) events: f64,
    pub(super) requests: f64,
    pub(super) forward_bits: f64,
    pub(super) reverse_bits: f64,
    pub(super) forward_packets: f64,
    pub(super) reverse_packets: f64,
    /// Server-seconds per second.
    pub(super) work: f64,
    /// Sum of requests per second times E\[S^2\].
    pub(super) second: f64,
    /// Bytes of request bodies per second.
    pub(super) body_bytes: f64,
}

impl HopLoad {
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.requests += other.requests;
        self.forward_bits += other.forward_bits;
        self.reverse_bits += other.reverse_bits;
        self.forward_packets += other.forward_packets;
        self.reverse_packets += other.reverse_packets;
        self.work += other.work;
        self.second += other.second;
        self.body_bytes += other.body_bytes;
    }

    /// The same requests so many times, and so many times their work.
    pub(super) fn repeat(&mut self, times: f64, work: f64) {
        self.events *= times;
        self.requests *= times;
        self.forward_bits *= times;
        self.reverse_bits *= times;
        self.forward_packets *= times;
        self.reverse_packets *= times;
        self.body_bytes *= times;
        self.work *= work;
        self.second *= work;
    }

    /// Load over capacity of each resource that has one, fullest first; equal ones in a fixed order.
    pub(super) fn utilisations(
        &self,
        component: &Component,
        capacity: &Capacity,
    ) -> Vec<ResourceUse> {
        let mut uses = Vec::with_capacity(4);
        let mut add = |resource: Resource, load: f64, capacity: Option<f64>| {
            if let Some(capacity) = capacity {
                uses.push(ResourceUse { resource, utilisation: load / capacity, capacity });
            }
        };
        if component.duplex == Duplex::Half {
            add(Resource::ForwardBits, self.forward_bits + self.reverse_bits, capacity.bits);
        } else {
            add(Resource::ForwardBits, self.forward_bits, capacity.bits);
            add(Resource::ReverseBits, self.reverse_bits, capacity.bits);
        }
        add(Resource::Packets, self.forward_packets + self.reverse_packets, capacity.packets);
        let servers = has_service(component).then_some(f64::from(capacity.servers));
        add(Resource::Service, self.work, servers);
        add(Resource::Events, self.events, capacity.events);
        add(Resource::VendorLimit, self.events, capacity.vendor);
        uses.sort_by(|one, two| {
            two.utilisation
                .total_cmp(&one.utilisation)
                .then_with(|| one.resource.cmp(&two.resource))
        });
        uses
    }

    /// Utilisation of the fullest resource, and which it is; allocates nothing.
    pub(super) fn fullest(
        &self,
        component: &Component,
        capacity: &Capacity,
    ) -> (f64, Option<Resource>) {
        let mut most = (0.0, None);
        let mut offer = |resource: Resource, load: f64, capacity: Option<f64>| {
            if let Some(capacity) = capacity
                && (most.1.is_none() || load / capacity > most.0)
            {
                most = (load / capacity, Some(resource));
            }
        };
        if component.duplex == Duplex::Half {
            offer(Resource::ForwardBits, self.forward_bits + self.reverse_bits, capacity.bits);
        } else {
            offer(Resource::ForwardBits, self.forward_bits, capacity.bits);
            offer(Resource::ReverseBits, self.reverse_bits, capacity.bits);
        }
        offer(Resource::Packets, self.forward_packets + self.reverse_packets, capacity.packets);
        if has_service(component) {
            offer(Resource::Service, self.work, Some(f64::from(capacity.servers)));
        }
        offer(Resource::Events, self.events, capacity.events);
        offer(Resource::VendorLimit, self.events, capacity.vendor);
        most
    }

    /// This load's part of one resource.
    pub(super) fn part_of(
        &self,
        resource: Resource,
        component: &Component,
        capacity: &Capacity,
    ) -> f64 {
        let over =
            |load: f64, capacity: Option<f64>| capacity.map_or(0.0, |capacity| load / capacity);
        match resource {
            Resource::ForwardBits if component.duplex == Duplex::Half => {
                over(self.forward_bits + self.reverse_bits, capacity.bits)
            }
            Resource::ForwardBits => over(self.forward_bits, capacity.bits),
            Resource::ReverseBits => over(self.reverse_bits, capacity.bits),
            Resource::Packets => {
                over(self.forward_packets + self.reverse_packets, capacity.packets)
            }
            Resource::Service => over(self.work, Some(f64::from(capacity.servers))),
            Resource::Events => over(self.events, capacity.events),
            Resource::VendorLimit => over(self.events, capacity.vendor),
        }
    }
}

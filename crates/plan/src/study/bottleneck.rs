//! Where it hurts first, and of which kind it is.

use super::hop_report::parts;
use super::loaded::Loaded;
use super::storms::storm_at;
use crate::inventory::{Class, Kind, Plane};
use crate::report::{Bottleneck, BottleneckType, FirstFailure, Resource};
use alloc::format;
use alloc::string::String;

/// Loss at a full buffer that counts as the buffer giving way.
const LOSS_NOTICED: f64 = 0.001;
/// Part of a hop from which copies, or old data, are the cause.
const PART_NOTICED: f64 = 0.25;
/// Below this utilisation slow percentiles are not a matter of capacity.
const CALM: f64 = 0.7;
/// Squared coefficient of variation of service from which means hide what users see.
const VARIABLE: f64 = 2.0;

/// The hop with the fullest resource; `None` when nothing that is used has a capacity.
pub(super) fn bottleneck(loaded: &Loaded<'_, '_>) -> Option<Bottleneck> {
    let used = (0..loaded.loads.len()).filter(|hop| !loaded.present[*hop].is_empty());
    let fullest = used.filter_map(|hop| {
        let (component, capacity) = (loaded.topology.components[hop], &loaded.capacities[hop]);
        let (utilisation, resource) = loaded.loads[hop].fullest(component, capacity);
        resource.map(|resource| (hop, utilisation, resource))
    });
    let (hop, utilisation, resource) =
        fullest.max_by(|one, two| one.1.total_cmp(&two.1).then(two.0.cmp(&one.0)))?;
    let component = loaded.topology.components[hop];
    let shares = parts(loaded, hop, Some(resource));
    let kind = kind(loaded, hop, utilisation, &shares);
    let (priority_metric, usual_fix) = cure(kind);
    let fails_first = first_failure(loaded, hop, resource, utilisation);
    let biggest = shares.first().map_or(String::new(), |(flow, part)| {
        format!("; `{}` alone takes {:.0} %", loaded.flow(*flow).name, part * 100.0)
    });
    let because = format!(
        "{} of `{}` is {:.0} % used by {} flow{}{biggest}",
        resource.name(),
        component.name,
        utilisation * 100.0,
        shares.len(),
        if shares.len() == 1 { "" } else { "s" },
    );
    Some(Bottleneck {
        hop: component.name.clone(),
        resource,
        fails_first,
        bottleneck_type: kind,
        priority_metric,
        usual_fix,
        utilisation,
        full_at: (utilisation > 0.0).then(|| 1.0 / utilisation),
        flows: shares.iter().map(|(flow, _)| loaded.flow(*flow).name.clone()).collect(),
        because,
    })
}

fn first_failure(
    loaded: &Loaded<'_, '_>,
    hop: usize,
    resource: Resource,
    utilisation: f64,
) -> FirstFailure {
    if utilisation < 1.0 && storm_at(loaded, hop).is_some_and(|storm| storm.lasts()) {
        return FirstFailure::RetryStorm;
    }
    if loaded.queues[hop].loss.is_some_and(|loss| loss.value > LOSS_NOTICED) {
        return FirstFailure::Buffer;
    }
    match resource {
        Resource::ForwardBits | Resource::ReverseBits => FirstFailure::BitRate,
        Resource::Packets => FirstFailure::PacketRate,
        Resource::Service | Resource::Events => FirstFailure::Service,
        Resource::VendorLimit => FirstFailure::VendorLimit,
    }
}

fn kind(
    loaded: &Loaded<'_, '_>,
    hop: usize,
    utilisation: f64,
    parts: &[(usize, f64)],
) -> BottleneckType {
    let total: f64 = parts.iter().map(|(_, part)| part).sum();
    let part_of = |class: Class| -> f64 {
        let of = parts.iter().filter(|(flow, _)| loaded.flow(*flow).class == class);
        of.map(|(_, part)| part).sum::<f64>() / total.max(1e-300)
    };
    let component = loaded.topology.components[hop];
    let mixed = |class: Class| part_of(class) > PART_NOTICED && part_of(class) < 1.0 - 1e-9;
    let load = &loaded.loads[hop];
    let mean = load.work / load.requests.max(1e-300);
    let scv = load.second / load.requests.max(1e-300) / (mean * mean).max(1e-300) - 1.0;
    let variable = mean > 0.0 && scv > VARIABLE;
    let behind = matches!(
        component.kind,
        Kind::Stream | Kind::Warehouse | Kind::Etl | Kind::Store | Kind::Broker
    );
    if mixed(Class::Backfill) {
        BottleneckType::BackfillInterference
    } else if mixed(Class::Replication) || part_of(Class::Replication) > 0.5 {
        BottleneckType::ReplicationContention
    } else if utilisation < CALM && variable {
        BottleneckType::TailLatencySpikes
    } else if component.plane == Plane::BackEnd && behind {
        BottleneckType::StreamCollapse
    } else if component.plane == Plane::FrontEnd || part_of(Class::Ingest) > 0.5 {
        BottleneckType::IngestSaturation
    } else if component.plane == Plane::BackEnd {
        BottleneckType::StreamCollapse
    } else {
        BottleneckType::TailLatencySpikes
    }
}

/// The metric to watch, and the usual cure, of each of the five kinds.
fn cure(kind: BottleneckType) -> (&'static str, &'static str) {
    match kind {
        BottleneckType::IngestSaturation => (
            "events refused or delayed at the front, bit/s and packets/s of the first hop",
            "batch and compress at the edge, then add capacity",
        ),
        BottleneckType::ReplicationContention => {
            ("replication backlog", "give copies a class, a rate limit or a line of their own")
        }
        BottleneckType::TailLatencySpikes => (
            "p99 over p50 of the hop",
            "priority for what is waited for, less variable work, more servers",
        ),
        BottleneckType::BackfillInterference => (
            "lag of the live flows while a backfill runs",
            "throttle backfill in a lane of its own, or run it off peak",
        ),
        BottleneckType::StreamCollapse => (
            "lag of the stream and its growth",
            "more servers for the slow stage, drop expired work, retry budgets",
        ),
    }
}

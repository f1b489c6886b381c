//! Hops at which a retry storm would keep itself alive.

use super::hop_queue::room;
use super::loaded::Loaded;
use crate::queue::retry::Storm;
use crate::report::Metastability;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The storm that retrying senders could make at a hop; `None` when nobody who crosses it retries on a timeout.
pub(super) fn storm_at(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Storm> {
    let component = loaded.topology.components[hop];
    let utilisation = loaded.queues[hop].utilisation;
    let (mut retried, mut timeout) = (0.0, f64::INFINITY);
    let servers = f64::from(loaded.capacities[hop].servers);
    let (mut plain, mut worst) = (0.0, 0.0);
    for (flow, visit) in loaded.visits(hop) {
        let described = loaded.flow(flow);
        let part = visit.load.work / servers / loaded.journeys[flow].sender_attempts;
        let most = f64::from(described.attempts.0);
        plain += part;
        worst += part * if described.timeout.is_some() { most } else { 1.0 };
        if let Some(limit) = described.timeout.filter(|_| most > 1.0) {
            retried += part;
            timeout = timeout.min(limit.0);
        }
    }
    if retried <= 0.0 || plain <= 0.0 || utilisation <= 0.0 {
        return None;
    }
    let work = loaded.loads[hop].work / loaded.loads[hop].requests.max(1e-300);
    let held = room(component, &loaded.loads[hop], &loaded.capacities[hop]);
    Some(Storm {
        load: plain,
        attempts: worst / plain,
        queue_holds: held.map(|requests| requests * work / servers),
        timeout,
        serves_expired: !component.drops_expired,
    })
}

/// Every hop where a storm would last, with what breaks it.
pub(super) fn metastable(loaded: &Loaded<'_, '_>) -> Vec<Metastability> {
    let at = |hop: usize| {
        let storm = storm_at(loaded, hop).filter(Storm::lasts)?;
        let component = loaded.topology.components[hop];
        let capacity = loaded.capacities[hop].servers;
        let work = loaded.loads[hop].work / loaded.loads[hop].requests.max(1e-300);
        let holds = libm::floor(
            storm.timeout / work * f64::from(capacity) / f64::from(component.instances.0),
        )
        .max(1.0);
        let breaks_it = Vec::from([
            format!(
                "a retry budget: at most {:.2} attempts a request on average",
                1.0 / storm.load
            ),
            format!(
                "buffer = {holds:.0} requests in each instance: no more than a timeout of work"
            ),
            String::from("drops_expired = true: work whose sender has gone is not done"),
            format!("load below {:.0} % of capacity", 100.0 / storm.attempts),
        ]);
        Some(Metastability {
            hop: component.name.clone(),
            scenario: loaded.scenario.name.clone(),
            load: storm.load,
            load_with_retries: storm.load * storm.attempts,
            queue_holds_s: storm.queue_holds,
            timeout_s: storm.timeout,
            breaks_it,
        })
    };
    (0..loaded.loads.len()).filter_map(at).collect()
}

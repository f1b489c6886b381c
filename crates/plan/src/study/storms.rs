//! Hops at which a retry storm would keep itself alive.

use super::feedback::{From, settle};
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
    for (flow, at) in &loaded.present[hop] {
        let (described, journey) = (loaded.flow(*flow as usize), &loaded.journeys[*flow as usize]);
        let part = journey.visits[*at as usize].load.work / servers / journey.sender_attempts;
        let most = f64::from(described.attempts.0);
        plain += part;
        // Who is answered before this hop does not notice that it is slow.
        let waits = *at as usize <= journey.acknowledged;
        let timeout_of = described.timeout.filter(|_| waits);
        worst += part * if timeout_of.is_some() { most } else { 1.0 };
        if let Some(limit) = timeout_of.filter(|_| most > 1.0) {
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

/// Every hop where a storm would last, with what breaks it: the load has two states then, the calm one and the
/// storm, or the storm alone.
pub(super) fn metastable(loaded: &Loaded<'_, '_>) -> Vec<Metastability> {
    let lasting = |hop: usize| storm_at(loaded, hop).is_some_and(|storm| storm.lasts());
    if !(0..loaded.loads.len()).any(lasting) {
        return Vec::new();
    }
    let (calm, stormy) = (settle(loaded, From::Calm), settle(loaded, From::Storm));
    let at = |hop: usize| {
        let storm = storm_at(loaded, hop).filter(Storm::lasts)?;
        let component = loaded.topology.components[hop];
        let capacity = loaded.capacities[hop].servers;
        let work = loaded.loads[hop].work / loaded.loads[hop].requests.max(1e-300);
        let holds = libm::floor(
            storm.timeout / work * f64::from(capacity) / f64::from(component.instances.0),
        )
        .max(1.0);
        let calm = calm.as_ref().unwrap_or(loaded).utilisation(hop);
        let in_storm = stormy.as_ref().map_or(0.0, |stormy| stormy.utilisation(hop));
        let mut breaks_it = Vec::from([
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
        if calm >= 1.0 {
            breaks_it.insert(0, String::from("a longer timeout, or more capacity: answers come later than senders wait even without an overload"));
        }
        Some(Metastability {
            hop: component.name.clone(),
            scenario: loaded.scenario.name.clone(),
            load: storm.load,
            load_with_retries: in_storm.max(storm.load * storm.attempts),
            calm_at: (calm < 1.0).then_some(calm),
            queue_holds_s: storm.queue_holds,
            timeout_s: storm.timeout,
            breaks_it,
        })
    };
    (0..loaded.loads.len()).filter_map(at).collect()
}

//! How far degradation has to go under a load.

use super::loaded::{Loaded, Scenario};
use super::topology::Topology;
use crate::report::RungReport;
use alloc::vec::Vec;

fn fullest(loaded: &Loaded<'_, '_>) -> f64 {
    (0..loaded.loads.len()).map(|hop| loaded.utilisation(hop)).fold(0.0, f64::max)
}

/// Takes rung after rung while the fullest hop is above the next one's threshold.
pub(super) fn rungs(topology: &Topology<'_>, loaded: &Loaded<'_, '_>) -> Vec<RungReport> {
    let mut taken = Vec::new();
    let mut scenario: Scenario = loaded.scenario.clone();
    let mut before = fullest(loaded);
    for rung in &topology.plan.policies.rungs {
        if before <= rung.above.0 {
            break;
        }
        let mut refused = Vec::new();
        for (flow, offer) in topology.flows.iter().zip(&mut scenario.offers) {
            if rung.sheds.contains(&flow.class) && offer.rate > 0.0 {
                offer.rate = 0.0;
                refused.push(flow.name.clone());
            }
            offer.payload *= rung.payload.0;
        }
        let after = fullest(&Loaded::new(topology, &scenario));
        taken.push(RungReport {
            name: rung.name.clone(),
            utilisation_before: before,
            utilisation_after: after,
            refused,
        });
        before = after;
    }
    taken
}

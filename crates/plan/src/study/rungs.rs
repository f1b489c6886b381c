//! How far degradation has to go under a load, and what it gives up.

use super::loaded::{Loaded, Scenario};
use super::topology::Topology;
use crate::report::RungReport;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Names in one sentence.
const NAMES_MAX: usize = 6;

/// The fullest hop and how full it is.
fn fullest(loaded: &Loaded<'_, '_>) -> (f64, Option<usize>) {
    let mut most = (0.0, None);
    for hop in 0..loaded.loads.len() {
        let utilisation = loaded.utilisation(hop);
        if utilisation > most.0 {
            most = (utilisation, Some(hop));
        }
    }
    most
}

/// Takes rung after rung while the fullest hop is above the next one's threshold.
pub(super) fn rungs(topology: &Topology<'_>, loaded: &Loaded<'_, '_>) -> Vec<RungReport> {
    let mut taken: Vec<RungReport> = Vec::new();
    let mut scenario: Scenario = loaded.scenario.clone();
    let (mut before, mut place) = fullest(loaded);
    for rung in &topology.plan.policies.rungs {
        if before <= rung.above.0 {
            break;
        }
        let (mut refused, mut events, mut value) = (Vec::new(), 0.0, 0.0);
        for (flow, offer) in topology.flows.iter().zip(&mut scenario.offers) {
            if rung.sheds.contains(&flow.class) && offer.rate > 0.0 {
                events += offer.rate;
                value += offer.rate * flow.value_per_event.map_or(0.0, |value| value.0);
                offer.rate = 0.0;
                refused.push(flow.name.clone());
            }
            offer.payload *= rung.payload.0;
        }
        let (after, next) = fullest(&Loaded::new(topology, &scenario));
        let hop = place.map_or_else(String::new, |hop| topology.components[hop].name.clone());
        taken.push(RungReport {
            name: rung.name.clone(),
            hop,
            utilisation_before: before,
            utilisation_after: after,
            refused,
            refused_events_per_s: events,
            refused_value_per_hour: value * 3600.0,
            payload: rung.payload.0,
            holds: false,
            says: String::new(),
        });
        (before, place) = (after, next);
    }
    if let Some(last) = taken.last_mut() {
        last.holds = last.utilisation_after < 1.0;
    }
    for rung in &mut taken {
        rung.says = says(rung);
    }
    taken
}

fn says(rung: &RungReport) -> String {
    if rung.refused.is_empty() && rung.payload >= 1.0 && !rung.holds {
        return format!("rung `{}` has nothing to refuse here", rung.name);
    }
    let (before, after) = (rung.utilisation_before * 100.0, rung.utilisation_after * 100.0);
    let role = if rung.holds { "holds this load" } else { "is taken and not enough" };
    let mut given_up = Vec::new();
    if !rung.refused.is_empty() {
        let shown = rung.refused.iter().take(NAMES_MAX).map(|name| format!("`{name}`"));
        let mut names = shown.collect::<Vec<_>>().join(", ");
        if rung.refused.len() > NAMES_MAX {
            names.push_str(&format!(" and {} more", rung.refused.len() - NAMES_MAX));
        }
        given_up.push(format!("{names} refused, {:.0} events/s", rung.refused_events_per_s));
    }
    if rung.payload < 1.0 {
        given_up.push(format!("{:.0} % of every payload left out", 100.0 - rung.payload * 100.0));
    }
    if given_up.is_empty() {
        given_up.push(String::from("nothing"));
    }
    format!(
        "rung `{}` {role}: the fullest hop goes from {before:.0} % (`{}`) to {after:.0} %; given up: {}",
        rung.name,
        rung.hop,
        given_up.join("; ")
    )
}

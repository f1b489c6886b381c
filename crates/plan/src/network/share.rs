//! How flows share what they pass: max-min by progressive filling, weighted, strict priority.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

/// Something that wants a part of several capacities.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// How much it wants.
    pub wants: f64,
    /// Its weight; more weight, more of a full capacity.
    pub weight: f64,
    /// The capacities it uses, each with how much of it one unit takes.
    pub uses: Vec<(usize, f64)>,
}

/// Weighted max-min fair parts: all levels rise together until a capacity is full or a demand is met,
/// which then stands still. [Bertsekas and Gallager 1992, 6.5.2]
pub fn progressive_filling(capacities: &[f64], demands: &[Demand]) -> Vec<f64> {
    let mut given = vec![0.0; demands.len()];
    let mut left: Vec<f64> = capacities.iter().map(|capacity| capacity.max(0.0)).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); capacities.len()];
    let mut pull = vec![0.0; capacities.len()];
    let mut rising: BTreeSet<usize> = BTreeSet::new();
    for (at, demand) in demands.iter().enumerate() {
        if demand.wants <= 0.0 || demand.weight <= 0.0 {
            continue;
        }
        rising.insert(at);
        for (capacity, factor) in &demand.uses {
            users[*capacity].push(at);
            pull[*capacity] += demand.weight * factor;
        }
    }
    while !rising.is_empty() {
        let room =
            left.iter().zip(&pull).filter(|(_, pull)| **pull > 0.0).map(|(left, pull)| left / pull);
        let full = room.fold(f64::INFINITY, f64::min);
        let met = |at: &usize| (demands[*at].wants - given[*at]) / demands[*at].weight;
        let step = rising.iter().map(met).fold(full, f64::min).max(0.0);
        for at in &rising {
            given[*at] += step * demands[*at].weight;
        }
        for (left, pull) in left.iter_mut().zip(&pull) {
            *left = (*left - step * pull).max(0.0);
        }
        let mut still: BTreeSet<usize> = rising
            .iter()
            .copied()
            .filter(|at| given[*at] >= demands[*at].wants * (1.0 - 1e-12))
            .collect();
        for (capacity, left) in left.iter().enumerate() {
            if pull[capacity] > 0.0 && *left <= capacities[capacity] * 1e-12 {
                still.extend(users[capacity].iter().filter(|at| rising.contains(at)));
            }
        }
        if still.is_empty() {
            break;
        }
        for at in still {
            rising.remove(&at);
            for (capacity, factor) in &demands[at].uses {
                pull[*capacity] -= demands[at].weight * factor;
                if users[*capacity].iter().all(|user| !rising.contains(user)) {
                    pull[*capacity] = 0.0;
                }
            }
        }
    }
    given.iter().zip(demands).map(|(given, demand)| given.min(demand.wants)).collect()
}

/// Parts of one capacity under strict priority: each class takes what the ones before it left, and
/// shares it max-min by weight inside the class. `wants` are (priority, demand, weight); 1 goes first.
pub fn strict_priority(capacity: f64, wants: &[(u32, f64, f64)]) -> Vec<f64> {
    let mut given = vec![0.0; wants.len()];
    let mut left = capacity;
    let classes: BTreeSet<u32> = wants.iter().map(|(priority, _, _)| *priority).collect();
    for class in classes {
        let members: Vec<usize> = (0..wants.len()).filter(|at| wants[*at].0 == class).collect();
        let demands: Vec<Demand> = members
            .iter()
            .map(|at| Demand { wants: wants[*at].1, weight: wants[*at].2, uses: vec![(0, 1.0)] })
            .collect();
        for (at, part) in members.iter().zip(progressive_filling(&[left], &demands)) {
            given[*at] = part;
            left = (left - part).max(0.0);
        }
    }
    given
}

/// The rate that weighted fair queueing guarantees: w C / sum of weights. [Parekh and Gallager 1993]
pub fn guaranteed(capacity: f64, weight: f64, weights: f64) -> f64 {
    capacity * weight / weights
}

/// The delay bound of packetised weighted fair queueing over several hops, for a flow with burst b, rate
/// guarantee g and largest packet L: b/g + (K - 1) L/g + sum over hops of Lmax/C. [Parekh and Gallager 1994]
pub fn fair_queueing_delay(burst: f64, guarantee: f64, packet: f64, hops: &[(f64, f64)]) -> f64 {
    let other = hops.len().saturating_sub(1) as f64;
    let waits: f64 = hops.iter().map(|(largest, capacity)| largest / capacity).sum();
    burst / guarantee + other * packet / guarantee + waits
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::fabs;

    fn one_line(capacity: f64, wants: &[f64]) -> Vec<f64> {
        let demand = |wants: &f64| Demand { wants: *wants, weight: 1.0, uses: vec![(0, 1.0)] };
        progressive_filling(&[capacity], &wants.iter().map(demand).collect::<Vec<_>>())
    }

    #[test]
    fn the_textbook_example() {
        let given = one_line(10.0, &[2.0, 2.6, 4.0, 5.0]);
        let expected = [2.0, 2.6, 2.7, 2.7];
        assert!(given.iter().zip(expected).all(|(given, expected)| fabs(given - expected) < 1e-12));
    }

    #[test]
    fn a_long_flow_gets_what_its_narrowest_line_leaves() {
        let demand = |uses: Vec<(usize, f64)>, weight| Demand { wants: 100.0, weight, uses };
        let demands = [
            demand(vec![(0, 1.0), (1, 1.0)], 1.0),
            demand(vec![(0, 1.0)], 1.0),
            demand(vec![(1, 1.0)], 3.0),
        ];
        let given = progressive_filling(&[10.0, 8.0], &demands);
        assert!(
            fabs(given[0] - 2.0) < 1e-12
                && fabs(given[1] - 8.0) < 1e-12
                && fabs(given[2] - 6.0) < 1e-12
        );
    }

    #[test]
    fn priority_serves_the_first_first() {
        let given = strict_priority(10.0, &[(2, 5.0, 1.0), (1, 7.0, 1.0), (2, 5.0, 2.0)]);
        assert!(
            fabs(given[1] - 7.0) < 1e-12
                && fabs(given[0] - 1.0) < 1e-12
                && fabs(given[2] - 2.0) < 1e-12
        );
    }
}

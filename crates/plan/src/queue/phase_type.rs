//! Phase-type times: how long a Markov chain runs until it stops. Exact, by uniformisation.

use super::special::quantile_of_tail;
use alloc::vec;
use alloc::vec::Vec;
use libm::{exp, lgamma, log};

/// Share of probability that may be left out of a sum over Poisson steps.
const NEGLECTED: f64 = 1e-17;
/// Most steps summed. Beyond it the slowest and fastest phases differ so much that the fast ones do
/// not matter for a tail.
const STEPS_MAX: f64 = 5e6;

/// A chain of phases that is left at `rates[i]`, goes on to phase j with probability `moves[i][j]`
/// and stops with the rest.
#[derive(Clone, Debug)]
pub struct PhaseType {
    start: Vec<f64>,
    rates: Vec<f64>,
    moves: Vec<Vec<(usize, f64)>>,
}

impl PhaseType {
    /// One phase after the other: the end-to-end time of M/M/1 queues in tandem, whose times are
    /// independent. [Burke 1956, Reich 1957]
    pub fn in_series(rates: &[f64]) -> Self {
        let count = rates.len();
        let mut start = vec![0.0; count];
        if let Some(first) = start.first_mut() {
            *first = 1.0;
        }
        let next = |at: usize| if at + 1 < count { vec![(at + 1, 1.0)] } else { Vec::new() };
        Self { start, rates: rates.to_vec(), moves: (0..count).map(next).collect() }
    }

    /// The wait of M/G/1 with hyperexponential service: a geometric number of residual services,
    /// then, where `service` is true, a service. `branches` are (probability, rate). [Pollaczek, Khinchine]
    pub fn hyperexponential_queue(
        branches: &[(f64, f64)],
        arrivals: f64,
        with: WithService,
    ) -> Option<Self> {
        let mean: f64 = branches.iter().map(|(chance, rate)| chance / rate).sum();
        let utilisation = arrivals * mean;
        if !(0.0..1.0).contains(&utilisation) {
            return None;
        }
        let count = branches.len();
        let residual: Vec<f64> =
            branches.iter().map(|(chance, rate)| chance / rate / mean).collect();
        let service: Vec<f64> = match with {
            WithService::Yes => branches.iter().map(|(chance, _)| *chance).collect(),
            WithService::No => Vec::new(),
        };
        let mut start: Vec<f64> = residual.iter().map(|share| utilisation * share).collect();
        start.extend(service.iter().map(|share| (1.0 - utilisation) * share));
        let after: Vec<(usize, f64)> = residual
            .iter()
            .map(|share| utilisation * share)
            .chain(service.iter().map(|share| (1.0 - utilisation) * share))
            .enumerate()
            .collect();
        let mut rates: Vec<f64> = branches.iter().map(|(_, rate)| *rate).collect();
        rates.extend(branches.iter().take(service.len()).map(|(_, rate)| *rate));
        let moves = (0..rates.len())
            .map(|at| if at < count { after.clone() } else { Vec::new() })
            .collect();
        Some(Self { start, rates, moves })
    }

    fn fastest(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    /// P(time > t): Poisson-weighted sum of the chance to be still running after n steps. All terms
    /// are positive, so nothing cancels.
    pub fn tail(&self, time: f64) -> f64 {
        let clock = self.fastest();
        let expected = clock * time;
        if expected > STEPS_MAX {
            return 0.0;
        }
        let mut state = self.start.clone();
        let mut next = vec![0.0; state.len()];
        let (mut sum, mut step) = (0.0, 0.0_f64);
        loop {
            let alive: f64 = state.iter().sum();
            let weight = exp(step * log(expected.max(1e-300)) - expected - lgamma(step + 1.0));
            sum += weight * alive;
            let past_the_peak = step > expected;
            if alive < NEGLECTED || (past_the_peak && weight * alive < NEGLECTED * sum.max(1e-300))
            {
                return sum;
            }
            next.fill(0.0);
            for (at, share) in state.iter().enumerate() {
                let leaves = self.rates[at] / clock;
                next[at] += share * (1.0 - leaves);
                for (to, chance) in &self.moves[at] {
                    next[*to] += share * leaves * chance;
                }
            }
            core::mem::swap(&mut state, &mut next);
            step += 1.0;
        }
    }

    /// The time exceeded with probability 1 - q.
    pub fn quantile(&self, q: f64) -> f64 {
        let slowest = self.rates.iter().copied().fold(f64::INFINITY, f64::min);
        quantile_of_tail(1.0 - q, 1.0 / slowest, |time| self.tail(time))
    }
}

/// Whether a time in a queue includes the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithService {
    /// Time in the system.
    Yes,
    /// Wait alone.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::fabs;

    #[test]
    fn one_phase_is_exponential_and_equal_phases_are_erlang() {
        let one = PhaseType::in_series(&[3.0]);
        assert!(fabs(one.tail(0.7) - exp(-2.1)) < 1e-15);
        let three = PhaseType::in_series(&[3.0; 3]);
        let x = 3.0 * 0.7;
        assert!(fabs(three.tail(0.7) - exp(-x) * (1.0 + x + x * x / 2.0)) < 1e-14);
    }

    #[test]
    fn a_hyperexponential_with_equal_branches_is_markovian() {
        let queue = super::super::markovian::Markovian::new(6.0, 10.0, 1).unwrap();
        let same = [(0.3, 10.0), (0.7, 10.0)];
        let wait = PhaseType::hyperexponential_queue(&same, 6.0, WithService::No).unwrap();
        let sojourn = PhaseType::hyperexponential_queue(&same, 6.0, WithService::Yes).unwrap();
        assert!(fabs(wait.tail(0.2) - queue.wait_tail(0.2)) < 1e-14);
        assert!(fabs(sojourn.quantile(0.95) - queue.sojourn_quantile(0.95)) < 1e-10);
    }
}

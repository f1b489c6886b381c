//! Who goes first: one server, several classes. Exact means for M/G/1.

use super::general::Service;
use alloc::vec::Vec;

/// One class of work; the first of a list has the highest priority.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkClass {
    /// Poisson arrivals per unit of time.
    pub arrivals: f64,
    /// Service time.
    pub service: Service,
}

impl WorkClass {
    /// Its part of the server.
    pub fn utilisation(&self) -> f64 {
        self.arrivals * self.service.mean
    }

    fn residual(&self) -> f64 {
        0.5 * self.arrivals * self.service.second
    }
}

/// Mean wait of each class when work begun is finished first: Wq(k) = W0 / ((1 - s(k-1)) (1 - s(k))),
/// W0 = sum of lambda E\[S^2\] / 2 over all classes. `None` for a class that the ones before it starve.
/// [Cobham 1954]
pub fn non_preemptive_waits(classes: &[WorkClass]) -> Vec<Option<f64>> {
    let residual: f64 = classes.iter().map(WorkClass::residual).sum();
    let mut above = 0.0;
    classes
        .iter()
        .map(|class| {
            let with = above + class.utilisation();
            let wait = (with < 1.0).then(|| residual / ((1.0 - above) * (1.0 - with)));
            above = with;
            wait
        })
        .collect()
}

/// Mean time in system of each class when a higher one interrupts and the work resumes later:
/// T(k) = E\[S(k)\] / (1 - s(k-1)) + sum up to k of lambda E\[S^2\] / 2 / ((1 - s(k-1)) (1 - s(k))).
/// [Kleinrock 1976]
pub fn preemptive_sojourns(classes: &[WorkClass]) -> Vec<Option<f64>> {
    let (mut above, mut residual) = (0.0, 0.0);
    classes
        .iter()
        .map(|class| {
            let with = above + class.utilisation();
            residual += class.residual();
            let served = class.service.mean / (1.0 - above);
            let sojourn = (with < 1.0).then(|| served + residual / ((1.0 - above) * (1.0 - with)));
            above = with;
            sojourn
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::general::poisson_wait_mean;
    use libm::fabs;

    #[test]
    fn the_conservation_law_holds() {
        // sum of rho(k) Wq(k) = rho W0 / (1 - rho), whatever the order. [Kleinrock 1965]
        let class = |arrivals, mean, scv| WorkClass { arrivals, service: Service::new(mean, scv) };
        let classes = [class(100.0, 0.002, 1.0), class(300.0, 0.001, 0.0), class(50.0, 0.004, 3.0)];
        let waits = non_preemptive_waits(&classes);
        let sum: f64 = classes
            .iter()
            .zip(&waits)
            .map(|(class, wait)| class.utilisation() * wait.unwrap())
            .sum();
        let load: f64 = classes.iter().map(WorkClass::utilisation).sum();
        let residual: f64 = classes.iter().map(WorkClass::residual).sum();
        assert!(fabs(sum - load * residual / (1.0 - load)) < 1e-15);
    }

    #[test]
    fn the_highest_class_is_alone_under_preemption_and_starved_ones_have_no_time() {
        let class = |arrivals| WorkClass { arrivals, service: Service::new(0.001, 1.0) };
        let sojourns = preemptive_sojourns(&[class(300.0), class(500.0), class(400.0)]);
        let alone = poisson_wait_mean(300.0, Service::new(0.001, 1.0)).unwrap() + 0.001;
        assert!(fabs(sojourns[0].unwrap() - alone) < 1e-15);
        assert!(sojourns[2].is_none());
    }
}

//! Attempts, and the storms they can make.

use super::special::power;

/// Mean attempts of one request when each fails with probability p and m are made at most:
/// (1 - p^m) / (1 - p). Exact for independent failures. Layers multiply.
pub fn attempts_mean(failure: f64, most: u32) -> f64 {
    if failure >= 1.0 {
        return f64::from(most);
    }
    if failure <= 0.0 {
        return 1.0;
    }
    -libm::expm1(f64::from(most) * libm::log(failure)) / (1.0 - failure)
}

/// Chance that one of m attempts succeeds: 1 - p^m.
pub fn success(failure: f64, most: u32) -> f64 {
    1.0 - power(failure.clamp(0.0, 1.0), most)
}

/// A queue with clients that give up and try again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storm {
    /// Load without retries over capacity.
    pub load: f64,
    /// Most attempts of one request.
    pub attempts: f64,
    /// Seconds of work the queue can hold; `None` when it is unlimited.
    pub queue_holds: Option<f64>,
    /// Seconds until a client gives up.
    pub timeout: f64,
    /// Work whose client has given up is still done.
    pub serves_expired: bool,
}

impl Storm {
    /// True when an overload, once begun, keeps itself alive. All must hold: the load fits, the load
    /// times attempts does not, the queue can hold more than a timeout of work, and expired work is
    /// still served. Break any one. [after Bronson et al. 2021, Huang et al. 2022]
    pub fn lasts(&self) -> bool {
        self.load < 1.0
            && self.load * self.attempts > 1.0
            && self.queue_holds.is_none_or(|held| held > self.timeout)
            && self.serves_expired
    }
}

/// The fluid model of a burst: what comes in is more than what goes out, for a while. Exact for a fluid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// What waits when it ends.
    pub backlog: f64,
    /// Longest wait.
    pub delay_max: f64,
    /// Time until it has drained; `None` when it never does.
    pub drain: Option<f64>,
    /// Events that waited; `None` when it never drains.
    pub affected: Option<f64>,
}

impl Burst {
    /// `base` before and after, `peak` for `lasting`, served at `capacity`: all per unit of time.
    pub fn new(base: f64, peak: f64, lasting: f64, capacity: f64) -> Self {
        let backlog = ((peak - capacity) * lasting).max(0.0);
        let drain = if backlog <= 0.0 {
            Some(0.0)
        } else {
            (base < capacity).then(|| backlog / (capacity - base))
        };
        let affected =
            drain.map(|drain| if backlog > 0.0 { peak * lasting + base * drain } else { 0.0 });
        Self { backlog, delay_max: backlog / capacity, drain, affected }
    }

    /// The delay that a share q of the affected events stays below: it is uniform up to the longest.
    pub fn delay_quantile(&self, q: f64) -> f64 {
        q * self.delay_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::fabs;

    #[test]
    fn attempts_at_the_ends() {
        assert!(fabs(attempts_mean(0.5, 3) - 1.75) < 1e-15);
        assert!(attempts_mean(0.0, 3) == 1.0 && attempts_mean(1.0, 3) == 3.0);
        assert!(fabs(attempts_mean(1.0 - 1e-12, 3) - 3.0) < 1e-9);
    }

    #[test]
    fn each_condition_breaks_a_storm() {
        let storm = Storm {
            load: 0.6,
            attempts: 3.0,
            queue_holds: None,
            timeout: 1.0,
            serves_expired: true,
        };
        assert!(storm.lasts());
        assert!(!Storm { load: 0.3, ..storm }.lasts());
        assert!(!Storm { attempts: 1.0, ..storm }.lasts());
        assert!(!Storm { queue_holds: Some(0.5), ..storm }.lasts());
        assert!(!Storm { serves_expired: false, ..storm }.lasts());
    }
}

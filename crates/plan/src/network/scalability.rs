//! Little's law and the universal scalability law.

use libm::sqrt;

/// L = lambda W. [Little 1961]
pub fn little(arrivals: f64, time: f64) -> f64 {
    arrivals * time
}

/// Throughput of N workers: gamma N / (1 + alpha (N - 1) + beta N (N - 1)); alpha is contention, beta
/// coherence. [Gunther 1993, 2007]
pub fn scaled_throughput(one: f64, contention: f64, coherence: f64, workers: f64) -> f64 {
    one * workers / (1.0 + contention * (workers - 1.0) + coherence * workers * (workers - 1.0))
}

/// The number of workers beyond which more do less: sqrt((1 - alpha) / beta); `None` without coherence cost.
pub fn best_workers(contention: f64, coherence: f64) -> Option<f64> {
    (coherence > 0.0).then(|| sqrt((1.0 - contention).max(0.0) / coherence))
}

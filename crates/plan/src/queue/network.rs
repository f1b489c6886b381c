//! Networks of queues with a product form: Jackson's and those of Baskett, Chandy, Muntz and Palacios.

use alloc::vec;
use alloc::vec::Vec;
use libm::fabs;

/// Arrival rate of each node: lambda = gamma + lambda P, `routes[i][j]` the chance to go from i to j.
/// `None` when work never leaves. [Jackson 1957]
pub fn traffic(entering: &[f64], routes: &[Vec<f64>]) -> Option<Vec<f64>> {
    let count = entering.len();
    // (I - P^T) lambda = gamma, by elimination with the largest pivot.
    let mut rows: Vec<Vec<f64>> = (0..count)
        .map(|node| {
            let mut row: Vec<f64> = (0..count)
                .map(|from| {
                    let chance =
                        routes.get(from).and_then(|row| row.get(node)).copied().unwrap_or(0.0);
                    f64::from(u8::from(from == node)) - chance
                })
                .collect();
            row.push(entering[node]);
            row
        })
        .collect();
    for pivot in 0..count {
        let best = (pivot..count)
            .max_by(|one, two| fabs(rows[*one][pivot]).total_cmp(&fabs(rows[*two][pivot])))?;
        rows.swap(pivot, best);
        if fabs(rows[pivot][pivot]) < 1e-12 {
            return None;
        }
        for row in 0..count {
            if row != pivot {
                let factor = rows[row][pivot] / rows[pivot][pivot];
                let above = rows[pivot].clone();
                for (value, above) in rows[row].iter_mut().zip(&above).skip(pivot) {
                    *value -= factor * above;
                }
            }
        }
    }
    let solved: Vec<f64> = (0..count).map(|node| rows[node][count] / rows[node][node]).collect();
    solved.iter().all(|rate| *rate >= -1e-9).then_some(solved)
}

/// How a station of a product-form network serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// Processor sharing, last-come-first-served with preemption, or first-come-first-served with one
    /// exponential service time for all classes.
    Queue,
    /// As many servers as there is work: a delay.
    Delay,
}

/// Utilisation of each station: the sum over classes of arrivals times demand.
pub fn station_utilisation(arrivals: &[f64], demands: &[Vec<f64>]) -> Vec<f64> {
    demands
        .iter()
        .map(|row| row.iter().zip(arrivals).map(|(demand, rate)| demand * rate).sum())
        .collect()
}

/// Mean response time of each class over all stations: D / (1 - U) at queues, D at delays; `None`
/// when a station with work for the class is full. [Baskett, Chandy, Muntz, Palacios 1975]
pub fn class_responses(
    arrivals: &[f64],
    demands: &[Vec<f64>],
    stations: &[Station],
) -> Vec<Option<f64>> {
    let utilisation = station_utilisation(arrivals, demands);
    let mut responses = vec![Some(0.0); arrivals.len()];
    for ((row, station), load) in demands.iter().zip(stations).zip(&utilisation) {
        for (response, demand) in responses.iter_mut().zip(row) {
            let time = match station {
                Station::Delay => Some(*demand),
                Station::Queue if *demand == 0.0 => Some(0.0),
                Station::Queue => (*load < 1.0).then(|| demand / (1.0 - load)),
            };
            *response = response.zip(time).map(|(sum, time)| sum + time);
        }
    }
    responses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_conserved() {
        let routes = [vec![0.1, 0.6, 0.2], vec![0.0, 0.0, 0.9], vec![0.3, 0.0, 0.0]];
        let entering = [5.0, 1.0, 0.0];
        let rates = traffic(&entering, &routes).unwrap();
        let leaving: f64 = rates
            .iter()
            .zip(&routes)
            .map(|(rate, row)| rate * (1.0 - row.iter().sum::<f64>()))
            .sum();
        assert!(fabs(leaving - 6.0) < 1e-12);
        assert!(traffic(&[1.0], &[vec![1.0]]).is_none());
    }
}

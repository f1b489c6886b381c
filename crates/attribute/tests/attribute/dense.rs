//! The Markov model solved another way: states by name, Gaussian elimination with pivots.

use crate::data::{Row, rows};
use millstream_attribute::{Order, ReportModel, Settings, analyse};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

struct Dense {
    states: Vec<Vec<String>>,
    /// Row by row: the probability of each state after each state.
    next: Vec<Vec<f64>>,
    start: Vec<f64>,
    converts: Vec<f64>,
    value: Vec<f64>,
}

fn windows(path: &str, order: usize) -> Vec<Vec<String>> {
    let touches: Vec<String> = path.split('>').map(str::to_owned).collect();
    let size = order.min(touches.len());
    touches.windows(size).map(<[String]>::to_vec).collect()
}

impl Dense {
    /// Self-loops are kept: the solver under test passes over them.
    fn new(data: &[Row], order: usize) -> Self {
        let walks: Vec<Vec<Vec<String>>> =
            data.iter().map(|(path, ..)| windows(path, order)).collect();
        let states: BTreeSet<Vec<String>> = walks.iter().flatten().cloned().collect();
        let number: BTreeMap<&Vec<String>, usize> =
            states.iter().enumerate().map(|(at, state)| (state, at)).collect();
        let count = states.len();
        let mut next = vec![vec![0.0; count]; count];
        let (mut start, mut converts) = (vec![0.0; count], vec![0.0; count]);
        let (mut value, mut out) = (vec![0.0; count], vec![0.0; count]);
        for ((_, conversions, nulls, worth), walk) in data.iter().zip(&walks) {
            let journeys = (conversions + nulls) as f64;
            start[number[&walk[0]]] += journeys;
            for pair in walk.windows(2) {
                next[number[&pair[0]]][number[&pair[1]]] += journeys;
                out[number[&pair[0]]] += journeys;
            }
            let last = number[walk.last().unwrap()];
            converts[last] += *conversions as f64;
            value[last] += *worth as f64;
            out[last] += journeys;
        }
        let all: f64 = start.iter().sum();
        for state in 0..count {
            if out[state] > 0.0 {
                next[state].iter_mut().for_each(|edge| *edge /= out[state]);
                converts[state] /= out[state];
                value[state] /= out[state];
            }
            start[state] /= if all > 0.0 { all } else { 1.0 };
        }
        Self { states: states.iter().cloned().collect(), next, start, converts, value }
    }

    /// The mean reward of a walk that is lost where it meets `removed`.
    fn reward(&self, removed: Option<&str>, reward: &[f64]) -> f64 {
        let gone = |state: usize| {
            removed.is_some_and(|removed| self.states[state].iter().any(|one| one == removed))
        };
        let count = self.states.len();
        let mut matrix: Vec<Vec<f64>> = (0..count)
            .map(|row| {
                let edge = |column: usize| if gone(row) { 0.0 } else { self.next[row][column] };
                let mut line: Vec<f64> =
                    (0..count).map(|column| f64::from(row == column) - edge(column)).collect();
                line.push(if gone(row) { 0.0 } else { reward[row] });
                line
            })
            .collect();
        for column in 0..count {
            let pivot = (column..count)
                .max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()));
            matrix.swap(column, pivot.unwrap());
            for row in 0..count {
                let factor = matrix[row][column] / matrix[column][column];
                if row != column && factor != 0.0 {
                    let pivot = matrix[column].clone();
                    let cells = matrix[row].iter_mut().zip(pivot);
                    cells.for_each(|(cell, pivot)| *cell -= factor * pivot);
                }
            }
        }
        let solved = (0..count).map(|row| matrix[row][count] / matrix[row][row]);
        solved.zip(&self.start).map(|(reward, start)| reward * start).sum()
    }
}

proptest! {
    #[test]
    fn the_sparse_solver_agrees_with_elimination(data in rows(), number in 1u8..=3) {
        let journeys: u64 = data.iter().map(|row| row.1 + row.2).sum();
        // Paths that nobody took make a singular matrix; the sparse solver never visits them.
        let data: Vec<Row> = data.into_iter().filter(|row| row.1 + row.2 > 0).collect();
        prop_assume!(journeys > 0);
        let paths = crate::data::paths(&data);
        let order = Order::new(number).unwrap();
        let found = analyse(&paths, ReportModel::Markov(order), &Settings::default()).unwrap();
        let dense = Dense::new(&data, usize::from(number));
        let (all, worth) = (dense.reward(None, &dense.converts), dense.reward(None, &dense.value));
        let observed = paths.total.conversions as f64 / journeys as f64;
        prop_assert!((all - observed).abs() < 1e-12, "the chain converts as often as the data");
        let effect = |removed: &str, all: f64, reward: &[f64]| {
            if all > 0.0 { 1.0 - dense.reward(Some(removed), reward) / all } else { 0.0 }
        };
        let values: Vec<f64> =
            paths.channels.iter().map(|name| effect(name, worth, &dense.value)).collect();
        let sum: f64 = values.iter().sum();
        let effects = found.earned.removal_effect.unwrap();
        for (at, name) in paths.channels.iter().enumerate() {
            let expected = effect(name, all, &dense.converts);
            prop_assert!((effects[at] - expected).abs() < 1e-11, "{name} {} {expected}", effects[at]);
            let value = if sum > 0.0 { values[at] / sum * paths.total.value as f64 } else { 0.0 };
            prop_assert!((found.earned.value[at] - value).abs() < 1e-9 * paths.total.value.max(1) as f64);
        }
    }
}

//! How long the heavy ranking takes: 100 trees of 31 leaves over 300 candidates, as JSON. The same
//! integers are asked for by masks and node by node.
#![allow(clippy::unwrap_used, reason = "a measure that cannot start should say so at once")]

use millstream_decide::exploration::uniform;
use millstream_decide::forest::Forest;
use millstream_decide::lightgbm::{Missing, Split, Tree};
use millstream_event::Hash128;
use std::hint::black_box;
use std::time::Instant;

const TREES: u64 = 100;
const LEAVES: usize = 31;
const FEATURES: usize = 20;
const ITEMS: u64 = 300;
const ROUNDS: usize = 2_000;

fn draw(what: &str, number: u64) -> f64 {
    uniform(what, Hash128::of("speed", &[&number.to_le_bytes()]))
}

/// A tree whose leaves are split in turn, so that none lies deep.
fn tree(number: u64) -> Tree {
    let mut splits: Vec<Split> = Vec::new();
    let mut open: Vec<Option<(usize, bool)>> = vec![None];
    while open.len() < LEAVES {
        let parent = open.remove(0);
        let place = splits.len();
        let name = number << 16 | place as u64;
        if let Some((parent, left)) = parent {
            let child = i32::try_from(place).unwrap();
            if left { splits[parent].left = child } else { splits[parent].right = child }
        }
        splits.push(Split {
            feature: (draw("feature", name) * FEATURES as f64) as usize,
            threshold: draw("threshold", name),
            missing: Missing::None,
            missing_left: false,
            left: 0,
            right: 0,
        });
        open.extend([Some((place, true)), Some((place, false))]);
    }
    for (leaf, (parent, left)) in open.iter().flatten().enumerate() {
        let child = !i32::try_from(leaf).unwrap();
        if *left { splits[*parent].left = child } else { splits[*parent].right = child }
    }
    let leaves = (0..LEAVES as u64).map(|leaf| draw("leaf", number << 16 | leaf) - 0.5).collect();
    Tree { splits, leaves }
}

/// The median of so many rounds, in microseconds.
fn measured(mut round: impl FnMut()) -> f64 {
    let mut took: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            round();
            started.elapsed().as_nanos()
        })
        .collect();
    took.sort_unstable();
    took[ROUNDS / 2] as f64 / 1_000.0
}

fn main() {
    let trees: Vec<Tree> = (0..TREES).map(tree).collect();
    let forest = Forest::new(FEATURES, &trees).unwrap();
    let item = |item: u64| -> Vec<f32> {
        (0..FEATURES as u64).map(|at| draw("value", item << 16 | at) as f32).collect()
    };
    let items: Vec<Vec<f32>> = (0..ITEMS).map(item).collect();
    let masks = measured(|| {
        black_box(forest.scores(items.iter().map(Vec::as_slice)));
    });
    let nodes = measured(|| {
        for item in &items {
            black_box(forest.walk(&forest.ranks(item)));
        }
    });
    println!(
        "{{\"trees\":{TREES},\"leaves\":{LEAVES},\"items\":{ITEMS},\"masks_us\":{masks:.1},\"nodes_us\":{nodes:.1}}}"
    );
}

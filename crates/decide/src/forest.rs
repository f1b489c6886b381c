//! Gradient-boosted trees on integers: features become ranks of thresholds, leaves fixed-point.
//!
//! A comparison `x <= t` holds exactly when the number of thresholds below `x` is at most the place
//! of `t` among them, so ranks lose nothing. Leaves are multiples of 2^-32 summed in 64 bits: the
//! order of trees cannot change a score.
//!
//! Trees of up to 32 leaves are scored by masks (after QuickScorer: Lucchese et al., 2015): for each
//! feature and rank one row says for every tree which leaves stay reachable. Rows of all features
//! are and-ed, and the lowest bit left is the leaf. Four rows are taken at a time, so that what is left
//! of each tree is loaded and stored a quarter as often.

use crate::lightgbm::{Missing, Tree};
use alloc::vec::Vec;

/// Leaves of a tree that masks can hold.
const MASK_LEAVES: usize = 32;
/// Most bytes of masks: larger forests are walked node by node.
const MASK_BYTES_MAX: usize = 16 << 20;
/// What stands for a missing value.
const MISSING: u16 = u16::MAX;
/// Most different thresholds of one feature.
pub const RANKS_MAX: usize = 65_000;
/// Values below this in size are zero to LightGBM.
pub(crate) const ZERO: f64 = 1e-35;
/// Leaves are multiples of one over this.
const SCALE: f64 = 4_294_967_296.0;

/// A forest ready to score.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    pub(crate) features: Vec<Feature>,
    pub(crate) trees: Vec<Ranked>,
    masks: Option<Masks>,
}

/// The thresholds of a feature, ascending, and what counts as missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Feature {
    pub(crate) thresholds: Vec<f64>,
    pub(crate) missing: Missing,
}

/// A tree over ranks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ranked {
    pub(crate) nodes: Vec<Node>,
    pub(crate) leaves: Vec<i64>,
}

/// Children are nodes, or leaves as `!leaf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) feature: u16,
    pub(crate) rank: u16,
    pub(crate) missing_left: bool,
    pub(crate) left: i32,
    pub(crate) right: i32,
}

/// Rows by feature and rank, each of one mask for every tree.
#[derive(Clone, Debug, PartialEq)]
struct Masks {
    /// Where the rows of a feature begin.
    starts: Vec<usize>,
    /// The last one takes nothing away.
    rows: Vec<u32>,
    leaves: Vec<i64>,
}

/// Why a forest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForestError {
    /// Too many thresholds.
    #[error("feature {0} has over {RANKS_MAX} thresholds; train with fewer bins (max_bin)")]
    TooManyThresholds(usize),
    /// LightGBM never writes this.
    #[error("feature {0} treats missing values in two ways; train the model anew")]
    MixedMissing(usize),
    /// A child points nowhere.
    #[error("tree {0} is damaged: a child points nowhere; write the model file anew")]
    Broken(usize),
}

impl Feature {
    fn rank(&self, value: f32) -> u16 {
        let mut value = f64::from(value);
        if value.is_nan() && self.missing != Missing::Nan {
            value = 0.0;
        }
        let missing = match self.missing {
            Missing::None => false,
            Missing::Zero => value.abs() <= ZERO,
            Missing::Nan => value.is_nan(),
        };
        if missing {
            return MISSING;
        }
        self.thresholds.partition_point(|threshold| *threshold < value) as u16
    }
}

impl Node {
    const fn next(&self, rank: u16) -> i32 {
        let left = if rank == MISSING { self.missing_left } else { rank <= self.rank };
        if left { self.left } else { self.right }
    }
}

impl Forest {
    /// From the trees of a model over `features` features.
    ///
    /// # Errors
    /// See [`ForestError`].
    pub fn new(features: usize, trees: &[Tree]) -> Result<Self, ForestError> {
        let features = features_of(features, trees)?;
        let ranked = trees.iter().enumerate().map(|(place, tree)| {
            checked(tree).map_err(|()| ForestError::Broken(place))?;
            Ok(ranked(&features, tree))
        });
        let trees = ranked.collect::<Result<Vec<_>, ForestError>>()?;
        let masks = Masks::of(&features, &trees);
        Ok(Self { features, trees, masks })
    }

    /// How many features it reads.
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// How many trees it has.
    pub fn len(&self) -> usize {
        self.trees.len()
    }

    /// True without trees.
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// The ranks of an item's features; missing ones are NaN.
    pub fn ranks(&self, values: &[f32]) -> Vec<u16> {
        let mut ranks = Vec::new();
        self.rank(values, &mut ranks);
        ranks
    }

    fn rank(&self, values: &[f32], ranks: &mut Vec<u16>) {
        let values = values.iter().copied().chain(core::iter::repeat(f32::NAN));
        ranks.clear();
        ranks.extend(self.features.iter().zip(values).map(|(feature, value)| feature.rank(value)));
    }

    /// A score for each item, in multiples of 2^-32 of the model's own unit.
    pub fn scores<'a>(&self, items: impl Iterator<Item = &'a [f32]>) -> Vec<i64> {
        let (mut ranks, mut left) = (Vec::new(), Vec::new());
        items
            .map(|values| {
                self.rank(values, &mut ranks);
                match &self.masks {
                    Some(masks) => masks.score(&self.features, &ranks, &mut left),
                    None => self.walk(&ranks),
                }
            })
            .collect()
    }

    /// The score of one item, node by node.
    pub fn walk(&self, ranks: &[u16]) -> i64 {
        self.trees.iter().map(|tree| tree.walk(ranks)).fold(0, i64::wrapping_add)
    }
}

impl Ranked {
    fn walk(&self, ranks: &[u16]) -> i64 {
        let mut at = if self.nodes.is_empty() { !0 } else { 0 };
        while at >= 0 {
            let node = &self.nodes[at as usize];
            at = node.next(ranks[usize::from(node.feature)]);
        }
        self.leaves[!at as usize]
    }
}

fn features_of(count: usize, trees: &[Tree]) -> Result<Vec<Feature>, ForestError> {
    let mut features: Vec<(Vec<f64>, Option<Missing>)> = Vec::new();
    features.resize_with(count, Default::default);
    for split in trees.iter().flat_map(|tree| &tree.splits) {
        let (thresholds, missing) = &mut features[split.feature];
        if missing.is_some_and(|known| known != split.missing) {
            return Err(ForestError::MixedMissing(split.feature));
        }
        *missing = Some(split.missing);
        thresholds.push(split.threshold);
    }
    let features = features.into_iter().enumerate().map(|(place, (mut thresholds, missing))| {
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        if thresholds.len() > RANKS_MAX {
            return Err(ForestError::TooManyThresholds(place));
        }
        Ok(Feature { thresholds, missing: missing.unwrap_or(Missing::None) })
    });
    features.collect()
}

/// Every child exists and comes after its parent, so that a walk ends.
fn checked(tree: &Tree) -> Result<(), ()> {
    for (place, split) in tree.splits.iter().enumerate() {
        for child in [split.left, split.right] {
            let fits = match usize::try_from(child) {
                Ok(node) => node > place && node < tree.splits.len(),
                Err(_) => (!child as usize) < tree.leaves.len(),
            };
            if !fits {
                return Err(());
            }
        }
    }
    if tree.leaves.is_empty() { Err(()) } else { Ok(()) }
}

fn ranked(features: &[Feature], tree: &Tree) -> Ranked {
    let node = |split: &crate::lightgbm::Split| Node {
        feature: split.feature as u16,
        rank: features[split.feature].thresholds.partition_point(|t| *t < split.threshold) as u16,
        missing_left: split.missing_left,
        left: split.left,
        right: split.right,
    };
    let leaf = |value: &f64| libm::rint(value * SCALE) as i64;
    Ranked {
        nodes: tree.splits.iter().map(node).collect(),
        leaves: tree.leaves.iter().map(leaf).collect(),
    }
}

impl Masks {
    fn of(features: &[Feature], trees: &[Ranked]) -> Option<Self> {
        // Each rank, one above them all, and one for what is missing.
        let ranks: usize = features.iter().map(|feature| feature.thresholds.len() + 2).sum();
        let fits = trees.iter().all(|tree| tree.leaves.len() <= MASK_LEAVES);
        if !fits || ranks * trees.len() * size_of::<u32>() > MASK_BYTES_MAX {
            return None;
        }
        let mut starts = Vec::new();
        let mut rows = Vec::with_capacity((ranks + 1) * trees.len());
        let shapes: Vec<Shape> = trees.iter().map(Shape::of).collect();
        for (place, feature) in (0_u16..).zip(features) {
            starts.push(rows.len());
            let ranks = (0..=feature.thresholds.len() as u16).chain([MISSING]);
            for rank in ranks {
                rows.extend(
                    trees.iter().zip(&shapes).map(|(tree, shape)| shape.mask(tree, place, rank)),
                );
            }
        }
        rows.resize(rows.len() + trees.len(), u32::MAX);
        let mut leaves = alloc::vec![0; trees.len() * MASK_LEAVES];
        for (of_tree, (tree, shape)) in
            leaves.chunks_exact_mut(MASK_LEAVES).zip(trees.iter().zip(&shapes))
        {
            for (place, leaf) in shape.order.iter().enumerate() {
                of_tree[place] = tree.leaves[*leaf];
            }
        }
        Some(Self { starts, rows, leaves })
    }

    fn score(&self, features: &[Feature], ranks: &[u16], left: &mut Vec<u32>) -> i64 {
        let trees = self.leaves.len() / MASK_LEAVES;
        left.clear();
        left.resize(trees, u32::MAX);
        let row = |((feature, rank), start): ((&Feature, &u16), &usize)| {
            let top = feature.thresholds.len() + 1;
            let row = if *rank == MISSING { top } else { usize::from(*rank) };
            let from = start + row * trees;
            &self.rows[from..from + trees]
        };
        let mut rows = features.iter().zip(ranks).zip(&self.starts).map(row);
        let nothing = &self.rows[self.rows.len() - trees..];
        while let Some(first) = rows.next() {
            let mut next = || rows.next().unwrap_or(nothing);
            narrow(left, [first, next(), next(), next()]);
        }
        let leaf =
            |(mask, leaves): (&u32, &[i64])| leaves[mask.trailing_zeros() as usize % MASK_LEAVES];
        let leaves = self.leaves.chunks_exact(MASK_LEAVES);
        left.iter().zip(leaves).map(leaf).fold(0, i64::wrapping_add)
    }
}

/// Takes away what any of four rows takes away.
fn narrow(left: &mut [u32], [a, b, c, d]: [&[u32]; 4]) {
    let rows = a.iter().zip(b).zip(c.iter().zip(d));
    for (mask, ((a, b), (c, d))) in left.iter_mut().zip(rows) {
        *mask &= (a & b) & (c & d);
    }
}

/// Where a tree's leaves stand from left to right, and which lie left of each node.
struct Shape {
    order: Vec<usize>,
    left_of: Vec<u32>,
}

impl Shape {
    fn of(tree: &Ranked) -> Self {
        let mut shape = Self { order: Vec::new(), left_of: alloc::vec![0; tree.nodes.len()] };
        if tree.nodes.is_empty() {
            shape.order.push(0);
        } else {
            // Depth is at most the number of leaves, which masks bound.
            shape.visit(tree, 0);
        }
        shape
    }

    /// The leaves under a child, as bits of their places.
    fn visit(&mut self, tree: &Ranked, at: i32) -> u32 {
        let Ok(place) = usize::try_from(at) else {
            self.order.push(!at as usize);
            return 1 << (self.order.len() - 1);
        };
        let node = tree.nodes[place];
        let left = self.visit(tree, node.left);
        self.left_of[place] = left;
        left | self.visit(tree, node.right)
    }

    /// What stays reachable when `feature` has this rank.
    fn mask(&self, tree: &Ranked, feature: u16, rank: u16) -> u32 {
        let goes_right = |node: &Node| node.feature == feature && node.next(rank) == node.right;
        tree.nodes
            .iter()
            .zip(&self.left_of)
            .filter(|(node, _)| goes_right(node))
            .fold(u32::MAX, |mask, (_, left)| mask & !left)
    }
}

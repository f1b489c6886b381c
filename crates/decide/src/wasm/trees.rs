//! Trees as a table of nodes and one function that walks it.
//!
//! A feature is compared as an integer: the bits of a float, with those of negative ones turned, sort as floats do. `x <=
//! t` for a 32-bit `x` holds exactly when it holds for the greatest 32-bit float that is at most `t`.

use super::Draft;
use super::code::{behind, forever, function};
use crate::forest::{Forest, Node, Ranked, ZERO};
use crate::lightgbm::Missing;
use alloc::vec::Vec;
use wasm_encoder::{BlockType, Instruction as I, ValType};

/// Bytes of a node: feature offset, missing values and where they go, threshold, left, right.
const NODE_BYTES: usize = 16;
/// Where its fields stand.
const FEATURE: u64 = 0;
const MISSING: u64 = 2;
const MISSING_LEFT: u64 = 3;
const THRESHOLD: u64 = 4;
const LEFT: u64 = 8;
const RIGHT: u64 = 12;
/// The bits of a float without its sign.
const MAGNITUDE: i32 = 0x7fff_ffff;
/// The bits of infinity: every greater magnitude is no number.
const INFINITY: i32 = 0x7f80_0000;

/// The greatest 32-bit float that is at most `value`.
fn floor(value: f64) -> f32 {
    let near = value as f32;
    let below = if f64::from(near) > value { near.next_down() } else { near };
    if below == 0.0 { 0.0 } else { below }
}

/// The bits of a float as a number that sorts as floats do.
const fn ordered(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    bits ^ (bits >> 31 & MAGNITUDE)
}

/// Adds the trees.
pub(super) fn write(draft: &mut Draft, forest: &Forest) {
    let input = draft.room(forest.features() * size_of::<f32>());
    draft.number("input", input);
    draft.number("features", forest.features() as i32);
    let roots: Vec<u8> =
        forest.trees.iter().flat_map(|tree| root(draft, forest, tree).to_le_bytes()).collect();
    let from = draft.keep(&roots);
    let body = walk(from, from + roots.len() as i32);
    let locals = [(4, ValType::I32), (1, ValType::I64)];
    let rank = function(&locals, &body);
    draft.function(Some("rank"), (&[ValType::I32], &[ValType::I64]), &rank);
}

/// Keeps a tree; returns the address of its root, as nodes have their children: a leaf's is turned.
fn root(draft: &mut Draft, forest: &Forest, tree: &Ranked) -> i32 {
    let leaves: Vec<u8> = tree.leaves.iter().flat_map(|leaf| leaf.to_le_bytes()).collect();
    let leaves = draft.keep(&leaves);
    let nodes = draft.address();
    let child = |child: i32| match child >= 0 {
        true => nodes + child * NODE_BYTES as i32,
        false => !(leaves + !child * size_of::<i64>() as i32),
    };
    for node in &tree.nodes {
        let bytes = packed(forest, node, [child(node.left), child(node.right)]);
        draft.data.extend_from_slice(&bytes);
    }
    child(if tree.nodes.is_empty() { !0 } else { 0 })
}

fn packed(forest: &Forest, node: &Node, children: [i32; 2]) -> [u8; NODE_BYTES] {
    let feature = &forest.features[usize::from(node.feature)];
    let threshold = floor(feature.thresholds[usize::from(node.rank)]);
    let missing = match feature.missing {
        Missing::None => 0,
        Missing::Zero => 1,
        Missing::Nan => 2,
    };
    let mut bytes = [0; NODE_BYTES];
    bytes[..2].copy_from_slice(&node.feature.to_le_bytes());
    bytes[2] = missing;
    bytes[3] = u8::from(node.missing_left);
    bytes[4..8].copy_from_slice(&ordered(threshold).to_le_bytes());
    bytes[8..12].copy_from_slice(&children[0].to_le_bytes());
    bytes[12..].copy_from_slice(&children[1].to_le_bytes());
    bytes
}

/// `(address) -> sum`: every tree from the roots between two addresses.
fn walk(from: i32, to: i32) -> Vec<I<'static>> {
    let (tree, at, sum) = (1, 2, 5);
    let mut step = alloc::vec![
        // A leaf ends the walk.
        I::LocalGet(at),
        I::I32Const(0),
        I::I32LtS,
        I::BrIf(1),
    ];
    step.extend(goes_left(at));
    step.extend([
        I::If(BlockType::Result(ValType::I32)),
        I::LocalGet(at),
        I::I32Load(behind(LEFT, 2)),
        I::Else,
        I::LocalGet(at),
        I::I32Load(behind(RIGHT, 2)),
        I::End,
        I::LocalSet(at),
    ]);
    let mut each = alloc::vec![
        I::LocalGet(tree),
        I::I32Const(to),
        I::I32GeU,
        I::BrIf(1),
        I::LocalGet(tree),
        I::I32Load(behind(0, 2)),
        I::LocalSet(at),
    ];
    each.extend(forever(&step));
    each.extend([
        I::LocalGet(sum),
        I::LocalGet(at),
        I::I32Const(-1),
        I::I32Xor,
        I::I64Load(behind(0, 3)),
        I::I64Add,
        I::LocalSet(sum),
        I::LocalGet(tree),
        I::I32Const(size_of::<i32>() as i32),
        I::I32Add,
        I::LocalSet(tree),
    ]);
    let mut body = alloc::vec![I::I32Const(from), I::LocalSet(tree)];
    body.extend(forever(&each));
    body.push(I::LocalGet(sum));
    body
}

/// Leaves 1 when the node at `at` sends its feature to the left, else 0.
fn goes_left(at: u32) -> Vec<I<'static>> {
    let (address, bits, magnitude) = (0, 3, 4);
    let missing_is = |kind: i32| {
        [I::LocalGet(at), I::I32Load8U(behind(MISSING, 0)), I::I32Const(kind), I::I32Eq]
    };
    let zero = floor(ZERO).to_bits() as i32;
    let mut all = alloc::vec![
        I::LocalGet(address),
        I::LocalGet(at),
        I::I32Load16U(behind(FEATURE, 1)),
        I::I32Const(2),
        I::I32Shl,
        I::I32Add,
        I::I32Load(behind(0, 2)),
        I::LocalTee(bits),
        I::I32Const(MAGNITUDE),
        I::I32And,
        I::LocalTee(magnitude),
        // What is no number is missing, or zero where nothing counts as such.
        I::I32Const(INFINITY),
        I::I32GtU,
    ];
    all.push(I::If(BlockType::Result(ValType::I32)));
    all.extend([I::I32Const(0), I::LocalSet(bits), I::I32Const(0), I::LocalSet(magnitude)]);
    all.extend(missing_is(2));
    all.extend([I::Else, I::I32Const(0), I::End]);
    all.extend(missing_is(1));
    all.extend([
        I::LocalGet(magnitude),
        I::I32Const(zero),
        I::I32LeU,
        I::I32And,
        I::I32Or,
        I::If(BlockType::Result(ValType::I32)),
        I::LocalGet(at),
        I::I32Load8U(behind(MISSING_LEFT, 0)),
        I::Else,
        I::LocalGet(bits),
        I::LocalGet(bits),
        I::I32Const(31),
        I::I32ShrS,
        I::I32Const(MAGNITUDE),
        I::I32And,
        I::I32Xor,
        I::LocalGet(at),
        I::I32Load(behind(THRESHOLD, 2)),
        I::I32LeS,
        I::End,
    ]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_compare_as_floats_do(x in any::<f32>(), t in any::<f64>(), near in any::<bool>()) {
            prop_assume!(!x.is_nan() && !t.is_nan());
            let t = if near { f64::from(x) + (t % 1e-9) } else { t };
            prop_assert_eq!(ordered(x) <= ordered(floor(t)), f64::from(x) <= t);
        }
    }

    #[test]
    fn both_zeros_are_at_most_zero() {
        for t in [0.0, -0.0, 1e-60] {
            for x in [0.0_f32, -0.0] {
                assert!(ordered(x) <= ordered(floor(t)));
            }
        }
        assert!(ordered(0.0) > ordered(floor(-1e-60)) && ordered(-0.0) > ordered(floor(-1e-60)));
    }
}

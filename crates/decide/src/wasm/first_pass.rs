//! The first pass as sorted tables and functions that look things up in them.

use super::Draft;
use super::code::{behind, find, forever, function};
use crate::candidate::ItemId;
use crate::context::Context;
use crate::first_pass::{CONTEXT, FirstPass, PRIOR, RECENCY, WEIGHT_MAX};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use wasm_encoder::{BlockType, Function, Instruction as I, ValType};

/// Bytes of a feature: its id, where its row begins, how long that is.
const FEATURE_BYTES: i32 = 16;
/// Bytes of an item of a row: its place among the items, its weight.
const CELL_BYTES: i32 = 4;
/// Bytes of what the visitor did: where a row begins, how long it is, how much it counts.
const ACTIVE_BYTES: i32 = 12;
/// Most rows that one visitor's score is made of.
const ACTIVE_MAX: usize = RECENCY.len() + Context::FACTS_MAX;
/// Items that places of two bytes can tell apart.
const ITEMS_MAX: usize = 1 << 16;

/// Where tables stand, and which function finds what.
struct Layout {
    features: i32,
    feature_count: i32,
    items: i32,
    item_count: i32,
    recency: i32,
    /// How many rows are active, and how much was seen.
    counts: i32,
    active: i32,
    find_item: u32,
    find_feature: u32,
    find_cell: u32,
}

/// Adds the first pass. One with too many items is left out.
pub(super) fn write(draft: &mut Draft, model: &FirstPass) {
    let rows = model.rows_by_feature();
    let mut items: BTreeMap<ItemId, u16> = BTreeMap::new();
    for (item, _) in rows.values().flat_map(|row| row.iter()) {
        items.insert(*item, 0);
    }
    if items.len() > ITEMS_MAX {
        return;
    }
    for (place, known) in (0..=u16::MAX).zip(items.values_mut()) {
        *known = place;
    }
    let layout = lay_out(draft, &rows, &items);
    let word = ValType::I64;
    let clear = clear(&layout);
    draft.function(Some("clear"), (&[], &[]), &clear);
    let activate = activate(&layout);
    let activate = draft.function(None, (&[word, ValType::I32], &[]), &activate);
    let see = see(&layout, activate);
    draft.function(Some("see"), (&[word, ValType::I32], &[]), &see);
    let fact = [I::LocalGet(0), I::I32Const(CONTEXT), I::Call(activate)];
    draft.function(Some("fact"), (&[word], &[]), &function(&[], &fact));
    let score = score(&layout);
    draft.function(Some("score"), (&[word, ValType::I32], &[word]), &score);
}

fn lay_out(
    draft: &mut Draft,
    rows: &BTreeMap<ItemId, &[(ItemId, i8)]>,
    items: &BTreeMap<ItemId, u16>,
) -> Layout {
    let mut features = Vec::new();
    for (feature, row) in rows {
        let mut cells: Vec<(u16, i8)> =
            row.iter().filter_map(|(item, weight)| Some((*items.get(item)?, *weight))).collect();
        cells.sort_unstable();
        let bytes: Vec<u8> = cells
            .iter()
            .flat_map(|(place, weight)| {
                let [a, b] = place.to_le_bytes();
                [a, b, weight.to_le_bytes()[0], 0]
            })
            .collect();
        let start = draft.keep(&bytes);
        features.extend_from_slice(&feature.0.to_le_bytes());
        features.extend_from_slice(&start.to_le_bytes());
        features.extend_from_slice(&(cells.len() as i32).to_le_bytes());
    }
    let ids: Vec<u8> = items.keys().flat_map(|item| item.0.to_le_bytes()).collect();
    let recency: Vec<u8> = RECENCY.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let find_in = |word| (word, ValType::I32);
    let mut finder = |stride, word| {
        let (wanted, place) = find_in(word);
        draft.function(None, (&[ValType::I32, ValType::I32, wanted], &[place]), &find(stride, word))
    };
    let find_item = finder(size_of::<u64>() as i32, ValType::I64);
    let find_feature = finder(FEATURE_BYTES, ValType::I64);
    let find_cell = finder(CELL_BYTES, ValType::I32);
    Layout {
        features: draft.keep(&features),
        feature_count: rows.len() as i32,
        items: draft.keep(&ids),
        item_count: items.len() as i32,
        recency: draft.keep(&recency),
        counts: draft.room(8),
        active: draft.room(ACTIVE_MAX * ACTIVE_BYTES as usize),
        find_item,
        find_feature,
        find_cell,
    }
}

fn clear(layout: &Layout) -> Function {
    let counts = layout.counts;
    function(&[], &[I::I32Const(counts), I::I64Const(0), I::I64Store(behind(0, 3))])
}

/// `(feature, factor)`: from now on the feature's row counts so much.
fn activate(layout: &Layout) -> Function {
    let (feature, factor, row, entry) = (0, 1, 2, 3);
    let body = [
        I::I32Const(layout.features),
        I::I32Const(layout.feature_count),
        I::LocalGet(feature),
        I::Call(layout.find_feature),
        I::LocalTee(row),
        I::I32Const(0),
        I::I32LtS,
        I::If(BlockType::Empty),
        I::Return,
        I::End,
        I::I32Const(layout.counts),
        I::I32Load(behind(0, 2)),
        I::LocalTee(entry),
        I::I32Const(ACTIVE_MAX as i32),
        I::I32GeU,
        I::If(BlockType::Empty),
        I::Return,
        I::End,
        I::I32Const(layout.counts),
        I::LocalGet(entry),
        I::I32Const(1),
        I::I32Add,
        I::I32Store(behind(0, 2)),
        I::LocalGet(entry),
        I::I32Const(ACTIVE_BYTES),
        I::I32Mul,
        I::I32Const(layout.active),
        I::I32Add,
        I::LocalSet(entry),
        I::LocalGet(row),
        I::I32Const(FEATURE_BYTES),
        I::I32Mul,
        I::I32Const(layout.features),
        I::I32Add,
        I::LocalSet(row),
        // Where the row begins and how long it is stand side by side in both tables.
        I::LocalGet(entry),
        I::LocalGet(row),
        I::I64Load(behind(8, 3)),
        I::I64Store(behind(0, 2)),
        I::LocalGet(entry),
        I::LocalGet(factor),
        I::I32Store(behind(8, 2)),
    ];
    function(&[(2, ValType::I32)], &body)
}

/// `(item, weight)`: what was done this long ago counts as much as its place says.
fn see(layout: &Layout, activate: u32) -> Function {
    let (item, weight, place) = (0, 1, 2);
    let body = [
        I::I32Const(layout.counts),
        I::I32Load(behind(4, 2)),
        I::LocalTee(place),
        I::I32Const(RECENCY.len() as i32),
        I::I32GeU,
        I::If(BlockType::Empty),
        I::Return,
        I::End,
        I::I32Const(layout.counts),
        I::LocalGet(place),
        I::I32Const(1),
        I::I32Add,
        I::I32Store(behind(4, 2)),
        I::LocalGet(item),
        I::LocalGet(place),
        I::I32Const(2),
        I::I32Shl,
        I::I32Load(behind(layout.recency as u64, 2)),
        I::LocalGet(weight),
        I::I32Const(i32::from(WEIGHT_MAX)),
        I::LocalGet(weight),
        I::I32Const(i32::from(WEIGHT_MAX)),
        I::I32LtU,
        I::Select,
        I::I32Mul,
        I::Call(activate),
    ];
    function(&[(1, ValType::I32)], &body)
}

/// `(item, prior) -> score`.
fn score(layout: &Layout) -> Function {
    let (item, prior, place, entry, end, cell, sum) = (0, 1, 2, 3, 4, 5, 6);
    let each = [
        I::LocalGet(entry),
        I::LocalGet(end),
        I::I32GeU,
        I::BrIf(1),
        I::LocalGet(entry),
        I::I32Load(behind(0, 2)),
        I::LocalGet(entry),
        I::I32Load(behind(4, 2)),
        I::LocalGet(place),
        I::Call(layout.find_cell),
        I::LocalTee(cell),
        I::I32Const(0),
        I::I32GeS,
        I::If(BlockType::Empty),
        I::LocalGet(entry),
        I::I32Load(behind(0, 2)),
        I::LocalGet(cell),
        I::I32Const(CELL_BYTES),
        I::I32Mul,
        I::I32Add,
        I::I32Load8S(behind(2, 0)),
        I::LocalGet(entry),
        I::I32Load(behind(8, 2)),
        I::I32Mul,
        I::LocalGet(sum),
        I::I32Add,
        I::LocalSet(sum),
        I::End,
        I::LocalGet(entry),
        I::I32Const(ACTIVE_BYTES),
        I::I32Add,
        I::LocalSet(entry),
    ];
    let mut body = alloc::vec![
        I::LocalGet(prior),
        I::I32Const(PRIOR),
        I::I32Mul,
        I::LocalSet(sum),
        I::I32Const(layout.items),
        I::I32Const(layout.item_count),
        I::LocalGet(item),
        I::Call(layout.find_item),
        I::LocalTee(place),
        I::I32Const(0),
        I::I32GeS,
        I::If(BlockType::Empty),
        I::I32Const(layout.active),
        I::LocalTee(entry),
        I::I32Const(layout.counts),
        I::I32Load(behind(0, 2)),
        I::I32Const(ACTIVE_BYTES),
        I::I32Mul,
        I::I32Add,
        I::LocalSet(end),
    ];
    body.extend(forever(&each));
    body.extend([I::End, I::LocalGet(sum), I::I64ExtendI32S]);
    function(&[(5, ValType::I32)], &body)
}

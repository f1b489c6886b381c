//! Where hops stand in the drawing: lanes by plane, columns by how far along the flows they are.

use super::units::grouped;
use super::view::FlowLook;
use millstream_plan::inventory::Plane;
use millstream_plan::report::{HopReport, ScenarioReport};
use std::collections::{BTreeMap, BTreeSet};

/// Most hops that are drawn; beyond that the fullest are.
pub const HOPS_MAX: usize = 60;
/// A hop's box.
pub const HOP_WIDTH: f64 = 148.0;
/// Its height.
pub const HOP_HEIGHT: f64 = 56.0;
/// From one hop to the next in its lane.
const COLUMN: f64 = 178.0;
/// From one hop to the next in another lane: the line between them leans, so that it is seen.
const LEAN: f64 = 104.0;
/// Width that narrow drawings are stretched to, and by how much at most.
const WIDTH_FULL: f64 = 1_022.0;
const STRETCH_MAX: f64 = 1.4;
/// From one row to the next inside a lane.
const ROW: f64 = 76.0;
/// Around everything, and for the lane's name.
const MARGIN: f64 = 16.0;
/// Above the first row of a lane.
const LANE_HEAD: f64 = 34.0;
/// Between lanes.
const LANE_GAP: f64 = 10.0;

/// A lane of the drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Its plane.
    pub plane: Plane,
    /// Upper edge.
    pub top: f64,
    /// Height.
    pub height: f64,
}

/// Places of hops and lanes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Width of the drawing.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// Lanes, from the top.
    pub lanes: Vec<Lane>,
    /// Upper left corner of each hop drawn.
    pub hops: BTreeMap<String, (f64, f64)>,
    /// The same hops from first to last along the flows, with their planes.
    pub order: Vec<(String, Plane)>,
    /// Hops that found no room.
    pub left_out: usize,
}

/// Lays out a load's hops. `worst` is the highest utilisation of a hop under any load, which decides
/// who is drawn when not all are.
pub fn lay_out(
    scenario: &ScenarioReport,
    flows: &[FlowLook],
    worst: &BTreeMap<&str, f64>,
) -> Layout {
    let mut hops: Vec<&HopReport> = scenario.hops.iter().collect();
    let fullness = |hop: &HopReport| worst.get(hop.name.as_str()).copied().unwrap_or(0.0);
    hops.sort_by(|a, b| fullness(b).total_cmp(&fullness(a)).then_with(|| a.name.cmp(&b.name)));
    let left_out = hops.len().saturating_sub(HOPS_MAX);
    hops.truncate(HOPS_MAX);
    hops.sort_by(|a, b| a.name.cmp(&b.name));
    let mut distances = distances(&hops, flows);
    stretch(&mut distances);
    let distance = |hop: &HopReport| distances.get(hop.name.as_str()).copied().unwrap_or(0.0);
    let mut along = hops.clone();
    along.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then_with(|| a.name.cmp(&b.name)));
    let order = along.iter().map(|hop| (hop.name.clone(), hop.plane)).collect();
    let mut layout = Layout { left_out, order, ..Layout::default() };
    let farthest = distances.values().copied().fold(0.0, f64::max);
    layout.width = (MARGIN * 2.0 + farthest + HOP_WIDTH).max(WIDTH_FULL);
    let mut top = 0.0;
    for plane in Plane::ALL {
        let members: Vec<(&str, f64)> = hops
            .iter()
            .filter(|hop| hop.plane == *plane)
            .map(|hop| {
                (hop.name.as_str(), distances.get(hop.name.as_str()).copied().unwrap_or(0.0))
            })
            .collect();
        if members.is_empty() {
            continue;
        }
        let rows = place_lane(members, top + LANE_HEAD, &mut layout);
        let height = LANE_HEAD + ROW * rows as f64 - (ROW - HOP_HEIGHT) + MARGIN;
        layout.lanes.push(Lane { plane: *plane, top, height });
        top += height + LANE_GAP;
    }
    layout.height = (top - LANE_GAP).max(0.0);
    layout
}

/// Room above a narrow drawing for the sentence that says what is not drawn.
const TOLD: f64 = 46.0;

impl Layout {
    /// What the picture leaves out, to be written into it; `None` when it shows every hop.
    pub fn told(&self) -> Option<String> {
        let drawn = self.order.len();
        (self.left_out > 0).then(|| {
            format!(
                "Drawn: the {drawn} fullest of {} hops. The table below has every one.",
                grouped(drawn + self.left_out)
            )
        })
    }

    /// Height of what is written above a narrow drawing.
    pub fn foot(&self) -> f64 {
        if self.left_out > 0 { TOLD } else { 0.0 }
    }
}

/// Spreads a narrow drawing over the width there is.
fn stretch(distances: &mut BTreeMap<&str, f64>) {
    let farthest = distances.values().copied().fold(0.0, f64::max);
    if farthest > 0.0 {
        let room = (WIDTH_FULL - MARGIN * 2.0 - HOP_WIDTH) / farthest;
        let factor = room.clamp(1.0, STRETCH_MAX);
        distances.values_mut().for_each(|distance| *distance *= factor);
    }
}

/// Places the hops of one lane, each in the first row with room; how many rows it takes.
fn place_lane(mut members: Vec<(&str, f64)>, top: f64, layout: &mut Layout) -> usize {
    members.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(b.0)));
    let mut taken_to: Vec<f64> = Vec::new();
    for (name, distance) in members {
        let row = taken_to.iter().position(|taken| *taken <= distance).unwrap_or(taken_to.len());
        if row == taken_to.len() {
            taken_to.push(0.0);
        }
        taken_to[row] = distance + COLUMN;
        layout.hops.insert(name.to_owned(), (MARGIN + distance, top + ROW * row as f64));
    }
    taken_to.len()
}

/// How far to the right each hop stands: the longest way to it along the flows. Steps that would close
/// a circle are left out, those of small flows first.
fn distances<'h>(hops: &[&'h HopReport], flows: &[FlowLook]) -> BTreeMap<&'h str, f64> {
    let index: BTreeMap<&str, usize> =
        hops.iter().enumerate().map(|(index, hop)| (hop.name.as_str(), index)).collect();
    let mut ordered: Vec<&FlowLook> = flows.iter().collect();
    ordered.sort_by(|a, b| b.bits_per_s.total_cmp(&a.bits_per_s).then_with(|| a.name.cmp(&b.name)));
    let mut next: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); hops.len()];
    for flow in ordered {
        let drawn: Vec<usize> =
            flow.path.iter().filter_map(|hop| index.get(hop.as_str()).copied()).collect();
        for step in drawn.windows(2) {
            if step[0] != step[1] && !reaches(&next, step[1], step[0]) {
                next[step[0]].insert(step[1]);
            }
        }
    }
    let mut distances = vec![0.0_f64; hops.len()];
    for _ in 0..hops.len() {
        for from in 0..hops.len() {
            for to in &next[from] {
                let same_lane = hops[from].plane == hops[*to].plane;
                let step = if same_lane { COLUMN } else { LEAN };
                distances[*to] = distances[*to].max(distances[from] + step);
            }
        }
    }
    hops.iter().enumerate().map(|(at, hop)| (hop.name.as_str(), distances[at])).collect()
}

fn reaches(next: &[BTreeSet<usize>], from: usize, goal: usize) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if at == goal {
            return true;
        }
        if seen.insert(at) {
            open.extend(&next[at]);
        }
    }
    false
}

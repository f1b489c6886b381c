//! The Markov chain of paths: states are the last touches, up to the order of the chain.
//!
//! A path of `n` touches walks through its windows of `k` consecutive touches (one state of all its
//! touches when `n < k`), then converts or is lost. Windows equal to the one before are passed over:
//! where a walk goes when it leaves a state does not depend on how long it stayed. Parameters are
//! the observed frequencies. [Anderl et al. 2016, "Mapping the customer journey", IJRM 33(3)]

use crate::paths::Paths;
use crate::split::Journeys;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

/// How many touches a state remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// The last touch.
    #[default]
    First,
    /// The last two.
    Second,
    /// The last three.
    Third,
}

impl Order {
    /// The order of this number, 1 to 3.
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::First),
            2 => Some(Self::Second),
            3 => Some(Self::Third),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// Longest memory of a state.
const MEMORY_MAX: usize = 3;
/// In place of a channel where a state has fewer than three.
const NOBODY: u32 = u32::MAX;

/// The touches that a state remembers.
pub type State = [u32; MEMORY_MAX];

/// Which states there are and how they follow each other, without frequencies: those are filled in
/// for each set of [`Journeys`].
#[derive(Clone, Debug)]
pub struct Chain {
    /// Channels over all states.
    pub(crate) channels: usize,
    /// States, those that walks meet first before those that follow.
    states: Vec<State>,
    /// Where each state's edges begin in `targets`; one more at the end.
    pub(crate) starts: Vec<usize>,
    /// The state that each edge leads to.
    pub(crate) targets: Vec<u32>,
    /// Each path's first and last state.
    ends: Vec<(u32, u32)>,
    /// The edges of each path, repeats kept, and where each path's end.
    walks: Vec<u32>,
    walk_ends: Vec<usize>,
}

impl Chain {
    /// The chain of these paths.
    pub fn new(paths: &Paths, order: Order) -> Self {
        let mut known = BTreeMap::new();
        let mut walks: Vec<Vec<u32>> = Vec::with_capacity(paths.rows.len());
        for row in &paths.rows {
            let memory = usize::from(order.number()).min(row.touches.len());
            let mut walk: Vec<u32> = Vec::with_capacity(row.touches.len());
            for window in row.touches.windows(memory) {
                let next = known.len() as u32;
                let state = *known.entry(state_of(window)).or_insert(next);
                if walk.last() != Some(&state) {
                    walk.push(state);
                }
            }
            walks.push(walk);
        }
        let mut states = alloc::vec![[NOBODY; MEMORY_MAX]; known.len()];
        for (state, number) in known {
            states[number as usize] = state;
        }
        Self::numbered(paths.channels.len(), states, walks)
    }

    fn numbered(channels: usize, states: Vec<State>, walks: Vec<Vec<u32>>) -> Self {
        let place = forward_order(states.len(), &walks);
        let mut sorted = states.clone();
        for (state, place) in states.iter().zip(&place) {
            sorted[*place as usize] = *state;
        }
        let mut edges: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let step = |pair: &[u32]| (place[pair[0] as usize], place[pair[1] as usize]);
        for pair in walks.iter().flat_map(|walk| walk.windows(2)) {
            edges.insert(step(pair), 0);
        }
        let (mut starts, mut targets) = (alloc::vec![0; states.len() + 1], Vec::new());
        for (number, ((from, to), edge)) in edges.iter_mut().enumerate() {
            *edge = number as u32;
            targets.push(*to);
            starts[*from as usize + 1] = number + 1;
        }
        for at in 1..starts.len() {
            starts[at] = starts[at].max(starts[at - 1]);
        }
        let (mut flat, mut walk_ends, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for walk in &walks {
            flat.extend(walk.windows(2).filter_map(|pair| edges.get(&step(pair))));
            walk_ends.push(flat.len());
            let end = |state: Option<&u32>| state.map_or(0, |state| place[*state as usize]);
            ends.push((end(walk.first()), end(walk.last())));
        }
        Self { channels, states: sorted, starts, targets, ends, walks: flat, walk_ends }
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// True when no path was given.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The channels of a state.
    pub(crate) fn members(&self, state: usize) -> impl Iterator<Item = usize> {
        self.states[state].into_iter().filter(|channel| *channel != NOBODY).map(|one| one as usize)
    }

    /// Operations that [`Self::flow`] costs.
    pub(crate) fn work(&self) -> u64 {
        self.walks.len() as u64 + 4 * self.ends.len() as u64
    }

    /// The observed frequencies.
    pub(crate) fn flow(&self, journeys: &Journeys) -> Flow {
        let zero = || alloc::vec![0.0; self.len()];
        let mut flow = Flow {
            start: zero(),
            converts: zero(),
            value: zero(),
            edges: alloc::vec![0.0; self.targets.len()],
        };
        let (mut out, mut all, mut from) = (zero(), 0.0, 0);
        for (row, (first, last)) in self.ends.iter().enumerate() {
            let journeys_here = journeys.conversions[row] + journeys.nulls[row];
            let until = self.walk_ends[row];
            all += journeys_here;
            flow.start[*first as usize] += journeys_here;
            flow.converts[*last as usize] += journeys.conversions[row];
            flow.value[*last as usize] += journeys.value[row];
            out[*last as usize] += journeys_here;
            for edge in &self.walks[from..until] {
                flow.edges[*edge as usize] += journeys_here;
            }
            from = until;
        }
        for (state, ended) in out.into_iter().enumerate() {
            let edges = &mut flow.edges[self.starts[state]..self.starts[state + 1]];
            let sum = ended + edges.iter().sum::<f64>();
            if sum > 0.0 {
                edges.iter_mut().for_each(|edge| *edge /= sum);
                flow.converts[state] /= sum;
                flow.value[state] /= sum;
            }
            if all > 0.0 {
                flow.start[state] /= all;
            }
        }
        flow
    }
}

/// Probabilities of a chain: of the first state, of each edge, of converting from each state; and
/// the mean value that leaving each state earns.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub start: Vec<f64>,
    pub edges: Vec<f64>,
    pub converts: Vec<f64>,
    pub value: Vec<f64>,
}

fn state_of(window: &[u32]) -> State {
    let mut state = [NOBODY; MEMORY_MAX];
    for (place, channel) in state.iter_mut().zip(window) {
        *place = *channel;
    }
    state
}

/// A place for each state such that most edges lead forward: the reverse of the order in which a
/// depth-first walk leaves the states (a topological order where there are no cycles).
fn forward_order(states: usize, walks: &[Vec<u32>]) -> Vec<u32> {
    let mut next: Vec<Vec<u32>> = alloc::vec![Vec::new(); states];
    for pair in walks.iter().flat_map(|walk| walk.windows(2)) {
        next[pair[0] as usize].push(pair[1]);
    }
    for targets in &mut next {
        targets.sort_unstable();
        targets.dedup();
    }
    let mut place = alloc::vec![0; states];
    let mut seen = alloc::vec![false; states];
    let mut left = states as u32;
    for root in walks.iter().filter_map(|walk| walk.first()) {
        let mut stack: Vec<(u32, usize)> = Vec::new();
        if !core::mem::replace(&mut seen[*root as usize], true) {
            stack.push((*root, 0));
        }
        while let Some((state, tried)) = stack.last_mut() {
            if let Some(target) = next[*state as usize].get(*tried) {
                *tried += 1;
                if !core::mem::replace(&mut seen[*target as usize], true) {
                    stack.push((*target, 0));
                }
            } else {
                left -= 1;
                place[*state as usize] = left;
                stack.pop();
            }
        }
    }
    place
}

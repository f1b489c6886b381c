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
        let mut states = States::new(paths.channels.len());
        let mut walks = Walks::default();
        for row in &paths.rows {
            let memory = usize::from(order.number()).min(row.touches.len());
            let start = walks.states.len();
            for window in row.touches.windows(memory) {
                let state = states.number(window);
                if walks.states.len() == start || walks.states.last() != Some(&state) {
                    walks.states.push(state);
                }
            }
            walks.ends.push(walks.states.len());
        }
        Self::numbered(paths.channels.len(), &states.known, walks)
    }

    fn numbered(channels: usize, states: &[State], mut walks: Walks) -> Self {
        let place = forward_order(states.len(), &walks);
        let mut sorted = states.to_vec();
        for (state, place) in states.iter().zip(&place) {
            sorted[*place as usize] = *state;
        }
        for state in &mut walks.states {
            *state = place[*state as usize];
        }
        let next = walks.successors(states.len());
        let (mut starts, mut targets) = (alloc::vec![0], Vec::new());
        for found in &next {
            targets.extend_from_slice(found);
            starts.push(targets.len());
        }
        let edge = |from: u32, to: u32| {
            let among = next[from as usize].partition_point(|target| *target < to);
            (starts[from as usize] + among) as u32
        };
        let (mut flat, mut walk_ends, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for walk in walks.iter() {
            flat.extend(walk.windows(2).map(|pair| edge(pair[0], pair[1])));
            walk_ends.push(flat.len());
            let end = |state: Option<&u32>| state.copied().unwrap_or(0);
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

/// The states met so far, by number.
struct States {
    known: Vec<State>,
    /// Numbers of the states of one touch, by channel: most states of most chains.
    single: Vec<Option<u32>>,
    longer: BTreeMap<State, u32>,
}

impl States {
    fn new(channels: usize) -> Self {
        Self { known: Vec::new(), single: alloc::vec![None; channels], longer: BTreeMap::new() }
    }

    fn number(&mut self, window: &[u32]) -> u32 {
        let next = self.known.len() as u32;
        let mut state = [NOBODY; MEMORY_MAX];
        for (place, channel) in state.iter_mut().zip(window) {
            *place = *channel;
        }
        let number = match window {
            [only] => *self.single[*only as usize].get_or_insert(next),
            _ => *self.longer.entry(state).or_insert(next),
        };
        if number == next {
            self.known.push(state);
        }
        number
    }
}

/// The states along each path, one after the other.
#[derive(Default)]
struct Walks {
    states: Vec<u32>,
    ends: Vec<usize>,
}

impl Walks {
    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.states[start..*end])
    }

    /// The states that follow each state, in order, each once.
    fn successors(&self, states: usize) -> Vec<Vec<u32>> {
        let mut next: Vec<Vec<u32>> = alloc::vec![Vec::new(); states];
        let mut settled = alloc::vec![0; states];
        for pair in self.iter().flat_map(|walk| walk.windows(2)) {
            let (targets, settled) = (&mut next[pair[0] as usize], &mut settled[pair[0] as usize]);
            targets.push(pair[1]);
            if targets.len() >= 64.max(2 * *settled) {
                targets.sort_unstable();
                targets.dedup();
                *settled = targets.len();
            }
        }
        for targets in &mut next {
            targets.sort_unstable();
            targets.dedup();
        }
        next
    }
}

/// A place for each state such that most edges lead forward: the reverse of the order in which a
/// depth-first walk leaves the states (a topological order where there are no cycles).
fn forward_order(states: usize, walks: &Walks) -> Vec<u32> {
    let next = walks.successors(states);
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

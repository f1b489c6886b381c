//! Sums of all lanes together, by day and dimensions: what campaign reports are made of.
//!
//! They say nothing that the lanes' own sums do not. Read off the state once, they are kept in step
//! with it by adding what each commit changes ([`Changes::cells`](crate::Changes)), so that a report costs what
//! its days and dimensions cost, however many events and lanes stand behind them.

use crate::key::{Key, KeyHasher};
use crate::query::{ReadError, StateRead};
use crate::rollup::{Cell, CellPlace, Dimensions, Metric, cell_prefix};
use crate::value::Value;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::hash::BuildHasherDefault;
use core::ops::RangeInclusive;
use hashbrown::HashMap;
use millstream_event::{Hash128, Lane};

/// What was counted, and what it was worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// See [`Cell::count`].
    pub count: i64,
    /// See [`Cell::amount`].
    pub amount: i128,
}

impl Sum {
    const fn is_zero(self) -> bool {
        self.count == 0 && self.amount == 0
    }

    const fn add(&mut self, other: Self) {
        self.count = self.count.wrapping_add(other.count);
        self.amount = self.amount.wrapping_add(other.amount);
    }
}

impl From<&Cell> for Sum {
    fn from(cell: &Cell) -> Self {
        Self { count: cell.count, amount: cell.amount }
    }
}

type ByHash<T> = HashMap<u128, T, BuildHasherDefault<KeyHasher>>;

/// Dimensions, with their sum over all days.
#[derive(Clone, Debug)]
struct Named {
    dimensions: Arc<Dimensions>,
    whole: Sum,
    /// Days with a sum of them.
    days: usize,
}

/// The sums of one metric, with or without those of bots. Copies share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct MetricSums {
    named: ByHash<Named>,
    days: BTreeMap<i32, Arc<ByHash<Sum>>>,
    cells: usize,
}

/// Where sums of all lanes together come from.
pub trait SumsRead {
    /// The sums of a metric: those of bots, or those of everybody else.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn sums(&self, metric: Metric, bot: bool) -> Result<Arc<MetricSums>, ReadError>;
}

/// Adds up the lanes' sums each time they are asked for.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    /// The state.
    pub state: &'a dyn StateRead,
    /// Its generation.
    pub generation: u16,
}

impl SumsRead for Scan<'_> {
    fn sums(&self, metric: Metric, bot: bool) -> Result<Arc<MetricSums>, ReadError> {
        MetricSums::read(self.state, self.generation, (metric, bot)).map(Arc::new)
    }
}

impl MetricSums {
    /// Adds up what the lanes have.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn read(
        state: &dyn StateRead,
        generation: u16,
        (metric, bot): (Metric, bool),
    ) -> Result<Self, ReadError> {
        let mut sums = Self::default();
        for lane in Lane::all() {
            state.scan(&cell_prefix(generation, lane, metric, bot), &mut |key, bytes| {
                if let Some(place) = Key::from_bytes(key).and_then(|key| Slot::of(&key))
                    && let Some(cell) = Value::decode_cell(bytes)?
                {
                    let sum = Sum { count: cell.count, amount: cell.amount };
                    sums.change(place, sum, || cell.dimensions());
                }
                Ok(true)
            })?;
        }
        Ok(sums)
    }

    /// Adds what a commit changed under a key of this metric.
    pub fn add(&mut self, key: &Key, change: &Cell) {
        if let Some(slot) = Slot::of(key) {
            self.change(slot, change.into(), || change.dimensions.clone());
        }
    }

    /// Adds other sums of the same metric.
    pub fn merge(&mut self, other: &Self) {
        for (day, sums) in &other.days {
            for (hash, sum) in &**sums {
                if let Some(named) = other.named.get(hash) {
                    let slot = Slot { day: *day, hash: *hash };
                    self.change(slot, *sum, || Dimensions::clone(&named.dimensions));
                }
            }
        }
    }

    fn change(&mut self, slot: Slot, change: Sum, dimensions: impl FnOnce() -> Dimensions) {
        if change.is_zero() {
            return;
        }
        let fresh = || Named { dimensions: Arc::new(dimensions()), whole: Sum::default(), days: 0 };
        let named = self.named.entry(slot.hash).or_insert_with(fresh);
        let day = Arc::make_mut(self.days.entry(slot.day).or_default());
        let held = day.len();
        let sum = day.entry(slot.hash).or_default();
        sum.add(change);
        if sum.is_zero() {
            day.remove(&slot.hash);
        }
        let (gone, came) = (held > day.len(), held < day.len());
        if day.is_empty() {
            self.days.remove(&slot.day);
        }
        self.cells = self.cells + usize::from(came) - usize::from(gone);
        named.days = named.days + usize::from(came) - usize::from(gone);
        named.whole.add(change);
        if named.days == 0 {
            self.named.remove(&slot.hash);
        }
    }

    /// How many sums are held.
    pub const fn cells(&self) -> usize {
        self.cells
    }

    /// The sum of each combination of dimensions over these days, in no order.
    pub fn over(&self, days: &RangeInclusive<i32>, take: &mut dyn FnMut(&Arc<Dimensions>, Sum)) {
        let ends = self.days.keys().next().zip(self.days.keys().next_back());
        if ends.is_none_or(|(first, last)| days.contains(first) && days.contains(last)) {
            for named in self.named.values() {
                take(&named.dimensions, named.whole);
            }
            return;
        }
        let mut sums: ByHash<Sum> = ByHash::default();
        for (_, day) in self.between(days) {
            for (hash, sum) in day {
                sums.entry(*hash).or_default().add(*sum);
            }
        }
        for (hash, sum) in sums {
            if let Some(named) = self.named.get(&hash) {
                take(&named.dimensions, sum);
            }
        }
    }

    /// Every sum of these days: by day, in no order within one.
    pub fn daily(&self, days: &RangeInclusive<i32>, take: &mut dyn FnMut(i32, &Dimensions, Sum)) {
        for (day, sums) in self.between(days) {
            for (hash, sum) in sums {
                if let Some(named) = self.named.get(hash) {
                    take(day, &named.dimensions, *sum);
                }
            }
        }
    }

    fn between(&self, days: &RangeInclusive<i32>) -> impl Iterator<Item = (i32, &ByHash<Sum>)> {
        // An empty range is no range of a map.
        let days = (!days.is_empty()).then(|| self.days.range(days.clone()));
        days.into_iter().flatten().map(|(day, sums)| (*day, &**sums))
    }
}

/// Day and hash of the dimensions.
#[derive(Clone, Copy)]
struct Slot {
    day: i32,
    hash: u128,
}

impl Slot {
    fn of(key: &Key) -> Option<Self> {
        let place = CellPlace::of(key)?;
        let Hash128(hash) = key.suffix();
        Some(Self { day: place.day, hash: u128::from_le_bytes(hash) })
    }
}

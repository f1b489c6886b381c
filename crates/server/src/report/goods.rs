//! What was sold, and what of it costs how much, by group of a campaign report.
//!
//! Sums tell how many units of each product were sold, exactly, in billionths; what a unit costs is looked up
//! here. So a cost that is imported late, or corrected, holds for everything that was sold from its day on.
//! Cost is summed in billionths of a minor unit and divided into minor units at the end, so that
//! the groups' costs sum to the cost of all.

use super::credit::group_of;
use super::error::ReportError;
use super::exchange::Exchange;
use super::figures::{CampaignSum, PARTS_PER_WHOLE};
use super::query::ReportQuery;
use super::state::{StateFigures, asked_of};
use crate::linking::Joined;
use millstream_attribute::apportion;
use millstream_attribute::credit::{Sold, sold};
use millstream_event::{Currency, Hash128, Money, Span};
use millstream_pipeline::query;
use millstream_stitch::Goods;
use std::collections::{BTreeMap, HashMap};

/// Most products that are told as sold without a known cost.
pub const UNCOSTED_MAX: usize = 20;

/// What a group sold in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoodsSum {
    /// The currency.
    pub currency: Currency,
    /// What it cost, in minor units.
    pub cost_minor: i64,
    /// The part of the group's revenue that was paid for goods of known cost, in minor units.
    pub known_minor: i64,
}

/// A product that was sold and of which nobody told what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncosted {
    /// As orders name it.
    pub product: String,
    /// What was paid for it, per currency.
    pub revenue: Vec<Money>,
}

/// Goods by group.
#[derive(Default)]
pub(super) struct Stock {
    pub groups: BTreeMap<String, Vec<GoodsSum>>,
    pub uncosted: Vec<Uncosted>,
}

/// What units cost, by product and first day.
type Costs = HashMap<Box<str>, BTreeMap<i32, Option<Money>>>;

/// What was sold on one day in one currency.
#[derive(Clone, Copy, Default)]
struct Priced {
    /// Billionths of a minor unit.
    cost: i128,
    known: i64,
}

type Days = BTreeMap<(i32, Currency), Priced>;

/// Looks up what goods cost, and adds it up.
struct Till<'a> {
    costs: Costs,
    rates: Exchange,
    /// Into which currency, where into one.
    exchange: Option<&'a Exchange>,
    groups: BTreeMap<String, Days>,
    uncosted: HashMap<Box<str>, BTreeMap<Currency, i64>>,
}

/// What was sold by the groups of a report, whose other sums are `sums`.
pub(super) fn read(
    figures: &StateFigures<'_>,
    (question, joined): (&ReportQuery, Option<&Joined>),
    exchange: Option<&Exchange>,
    sums: &[CampaignSum],
) -> Result<Stock, ReportError> {
    let mut till = Till::open(figures, exchange)?;
    if question.model.is_data_driven() {
        till.sell_whole(figures, question)?;
        return Ok(till.divide(sums));
    }
    if figures.keeps(question) && joined.is_none() {
        let asked = asked_of(question);
        query::goods(figures.sums, &asked, &mut |day, dimensions, sum| {
            let Some(currency) = dimensions.currency else { return };
            let line =
                Sold { product: &dimensions.product, units_ppb: sum.amount, paid_minor: sum.count };
            till.sell(asked.by.key(dimensions), (day, currency), line);
        })?;
    } else {
        till.sell_each(figures, (question, joined))?;
    }
    Ok(till.close())
}

impl<'a> Till<'a> {
    fn open(
        figures: &StateFigures<'_>,
        exchange: Option<&'a Exchange>,
    ) -> Result<Self, ReportError> {
        let mut costs = Costs::new();
        query::unit_costs(figures.state, figures.generation, &mut |row| {
            costs.entry(row.product).or_default().insert(row.day, row.cost);
            Ok(true)
        })?;
        let rates = match exchange {
            Some(exchange) => exchange.clone(),
            None => Exchange::new(figures.state, figures.generation, Currency::USD)?,
        };
        let (groups, uncosted) = (BTreeMap::new(), HashMap::new());
        Ok(Self { costs, rates, exchange, groups, uncosted })
    }

    /// What so many billionths of units cost, in billionths of a minor unit; none where nobody knows.
    fn cost(&self, (day, currency): (i32, Currency), line: Sold<'_>) -> Option<i128> {
        if line.product.is_empty() {
            return Some(line.units_ppb);
        }
        let unit = (*self.costs.get(line.product)?.range(..=day).next_back()?.1)?;
        let cost = line.units_ppb.checked_mul(unit.minor.into())?;
        if unit.currency == currency {
            return Some(cost);
        }
        self.rates.towards(currency).parts(day, (cost, unit.currency))
    }

    fn sell(&mut self, group: &str, place: (i32, Currency), line: Sold<'_>) {
        let Some(cost) = self.cost(place, line) else {
            let paid = match self.uncosted.get_mut(line.product) {
                Some(paid) => paid,
                None => self.uncosted.entry(line.product.into()).or_default(),
            };
            let paid = paid.entry(place.1).or_default();
            *paid = paid.saturating_add(line.paid_minor);
            return;
        };
        let days = match self.groups.get_mut(group) {
            Some(days) => days,
            None => self.groups.entry(group.to_owned()).or_default(),
        };
        let sum = days.entry(place).or_default();
        sum.cost = sum.cost.saturating_add(cost);
        sum.known = sum.known.saturating_add(line.paid_minor);
    }

    /// Conversion by conversion, where no sums are kept.
    fn sell_each(
        &mut self,
        figures: &StateFigures<'_>,
        (question, joined): (&ReportQuery, Option<&Joined>),
    ) -> Result<(), ReportError> {
        let mut orders: HashMap<Hash128, (i32, Vec<Goods>)> = HashMap::new();
        each_sold(figures, question, &mut |id, day, goods, _| {
            orders.insert(id, (day, goods));
        })?;
        if orders.is_empty() {
            return Ok(());
        }
        let window = Span::days(i64::from(question.window.days()));
        let kin = |person| joined.and_then(|joined| joined.all(person));
        let model = question.model.as_str();
        let (state, generation) = (figures.state, figures.generation);
        query::credits_among(state, generation, (window, &kin), &mut |row| {
            if let (true, Some((day, goods)), Some(amount)) =
                (row.model == model, orders.get(&row.conversion_id), row.amount)
            {
                let group = group_of(question.by, &row);
                for line in sold(goods, row.weight_ppb, row.amount) {
                    self.sell(&group, (*day, amount.currency), line);
                }
            }
            Ok(true)
        })?;
        Ok(())
    }

    /// Everything that was sold, as if by one group.
    fn sell_whole(
        &mut self,
        figures: &StateFigures<'_>,
        question: &ReportQuery,
    ) -> Result<(), ReportError> {
        each_sold(figures, question, &mut |_, day, goods, value| {
            for line in sold(&goods, PARTS_PER_WHOLE as u32, Some(value)) {
                self.sell("", (day, value.currency), line);
            }
        })
    }

    /// What each day's sums are in the currency asked for, else in their own.
    fn settled(&self, days: &Days) -> BTreeMap<Currency, Priced> {
        let mut settled: BTreeMap<Currency, Priced> = BTreeMap::new();
        for ((day, currency), sum) in days {
            let own = Money { minor: sum.known, currency: *currency };
            let known = self.exchange.map_or(own, |exchange| exchange.convert(*day, own));
            let rates = self.rates.towards(known.currency);
            let cost = rates.parts(*day, (sum.cost, *currency)).unwrap_or(sum.cost);
            let total = settled.entry(known.currency).or_default();
            total.cost = total.cost.saturating_add(cost);
            total.known = total.known.saturating_add(known.minor);
        }
        settled
    }

    fn close(self) -> Stock {
        let mut currencies: BTreeMap<Currency, Vec<(&String, Priced)>> = BTreeMap::new();
        for (group, days) in &self.groups {
            for (currency, sum) in self.settled(days) {
                currencies.entry(currency).or_default().push((group, sum));
            }
        }
        let mut groups: BTreeMap<String, Vec<GoodsSum>> = BTreeMap::new();
        for (currency, sums) in currencies {
            let parts: Vec<i128> = sums.iter().map(|(_, sum)| sum.cost).collect();
            for ((group, sum), cost_minor) in sums.into_iter().zip(whole_units(&parts)) {
                let known_minor = sum.known;
                let sum = GoodsSum { currency, cost_minor, known_minor };
                groups.entry(group.clone()).or_default().push(sum);
            }
        }
        Stock { groups, uncosted: self.uncosted() }
    }

    /// Divides what was sold as the revenue is divided: the models that learn from all journeys
    /// divide totals.
    fn divide(self, sums: &[CampaignSum]) -> Stock {
        let mut stock = Stock { groups: BTreeMap::new(), uncosted: self.uncosted() };
        let total = self.groups.get("").map(|days| self.settled(days)).unwrap_or_default();
        for (currency, sum) in total {
            let earned = |group: &CampaignSum| {
                let own = group.revenue.iter().filter(|money| money.currency == currency);
                own.map(|money| u64::try_from(money.minor).unwrap_or(0)).sum()
            };
            let weights: Vec<u64> = sums.iter().map(earned).collect();
            let cost = whole_units(&[sum.cost]).first().copied().unwrap_or(0);
            let parts = apportion(cost, &weights).into_iter().zip(apportion(sum.known, &weights));
            for (group, (cost_minor, known_minor)) in sums.iter().zip(parts) {
                if (cost_minor, known_minor) != (0, 0) {
                    let sum = GoodsSum { currency, cost_minor, known_minor };
                    stock.groups.entry(group.key.clone()).or_default().push(sum);
                }
            }
        }
        stock
    }

    /// What was sold most without a known cost.
    fn uncosted(&self) -> Vec<Uncosted> {
        let mut found = Vec::new();
        for (product, paid) in &self.uncosted {
            let revenue =
                paid.iter().map(|(currency, minor)| Money { minor: *minor, currency: *currency });
            let revenue = revenue.filter(|money| money.minor != 0).collect();
            found.push(Uncosted { product: product.to_string(), revenue });
        }
        let most = |one: &Uncosted| one.revenue.iter().map(|money| money.minor).max();
        found.sort_by(|a, b| most(b).cmp(&most(a)).then_with(|| a.product.cmp(&b.product)));
        found.truncate(UNCOSTED_MAX);
        found
    }
}

/// Visits every conversion of the days asked for that sold something: its id, day, goods and value.
fn each_sold(
    figures: &StateFigures<'_>,
    question: &ReportQuery,
    visit: &mut dyn FnMut(Hash128, i32, Vec<Goods>, Money),
) -> Result<(), ReportError> {
    query::conversions(figures.state, figures.generation, &mut |row| {
        let day = row.time.utc_day();
        if let Some(value) = row.value
            && !row.goods.is_empty()
            && question.range.contains(day)
        {
            visit(row.conversion_id, day, row.goods, value);
        }
        Ok(true)
    })?;
    Ok(())
}

/// Billionths as whole units that sum to the sum of all, rounded half away from zero: what rounding down
/// leaves goes, a unit each, to the largest remainders, ties to the earlier.
fn whole_units(parts: &[i128]) -> Vec<i64> {
    let whole = i128::from(PARTS_PER_WHOLE);
    let total = parts.iter().fold(0i128, |sum, part| sum.saturating_add(*part));
    let rounded = (total.saturating_add(total.signum() * (whole / 2))) / whole;
    let mut units: Vec<i128> = parts.iter().map(|part| part.div_euclid(whole)).collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(parts[*at].rem_euclid(whole)));
    let left = usize::try_from(rounded - units.iter().sum::<i128>()).unwrap_or(0);
    for at in order.into_iter().take(left) {
        units[at] += 1;
    }
    let fits =
        |unit: i128| i64::try_from(unit).unwrap_or(if unit < 0 { i64::MIN } else { i64::MAX });
    units.into_iter().map(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::whole_units;

    #[test]
    fn parts_sum_to_the_rounded_whole() {
        const HALF: i128 = 500_000_000;
        assert_eq!(whole_units(&[3 * HALF, 3 * HALF, 2 * HALF]), [2, 1, 1]);
        assert_eq!(whole_units(&[HALF - 1, HALF - 1, HALF - 1]), [1, 0, 0]);
        assert_eq!(whole_units(&[-3 * HALF, 3 * HALF]), [-1, 1]);
        assert!(whole_units(&[]).is_empty());
    }
}

//! What a conversion adds to the sums of credits and of the goods behind them, under every model.

use crate::rollup::{Dimensions, Metric};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_attribute::credit::{Path, Share, sold};
use millstream_attribute::rounding::WHOLE_PPB;
use millstream_attribute::{Conversion, Model};
use millstream_event::{Channel, Hash128, Money};
use millstream_stitch::TouchFact;

/// Touches of one campaign, as a rule: a visitor has many touches and few campaigns, and what
/// names a sum costs more than what is added to it.
pub(super) struct Earner {
    pub dimensions: Dimensions,
    pub hash: Hash128,
}

/// What an earner earns under a model: count and amount of a sum.
pub(super) struct Earned {
    pub metric: Metric,
    /// Its place among the earners.
    pub earner: usize,
    pub count: i64,
    pub amount: i128,
}

/// See the module.
#[derive(Default)]
pub(super) struct Earning {
    pub earners: Vec<Earner>,
    pub earned: Vec<Earned>,
    /// True when there are more touches in the window than are credited.
    pub shortened: bool,
    /// The earners of one product, by those of the campaign and by product.
    of_product: BTreeMap<(usize, Box<str>), usize>,
}

/// Neighbours among which a touch looks for its like; further off, the same campaign is listed
/// twice and comes to the same sum.
const ALIKE_AMONG: usize = 8;

impl Earning {
    /// What the conversion adds. `path` is its own.
    pub(super) fn of(path: &Path<'_>, conversion: &Conversion) -> Self {
        let currency = conversion.value.map(|value| value.currency);
        let mut earning = Self { shortened: path.shortened, ..Self::default() };
        let mut places = Vec::with_capacity(path.touches.len().max(1));
        for touch in &path.touches {
            let known = earning.place_of(&touch.fact);
            places.push(known.unwrap_or_else(|| {
                earning.enlist(Dimensions { currency, ..Dimensions::of(&touch.fact) })
            }));
        }
        if places.is_empty() {
            places.push(earning.enlist(Dimensions { currency, ..unattributed() }));
        }
        for model in Model::ALL {
            let shares = shares(path, conversion, model);
            earning.credit(model, &shares, &places);
            if !conversion.goods.is_empty() {
                earning.sell(model, conversion, (&shares, &places));
            }
        }
        earning
    }

    fn place_of(&self, fact: &TouchFact) -> Option<usize> {
        let latest = self.earners.len().saturating_sub(ALIKE_AMONG);
        let alike = self.earners[latest..].iter().position(|one| one.dimensions.fit(fact))?;
        Some(latest + alike)
    }

    fn enlist(&mut self, dimensions: Dimensions) -> usize {
        let hash = dimensions.hash();
        self.earners.push(Earner { dimensions, hash });
        self.earners.len() - 1
    }

    /// Adds what the touches at these places are credited with.
    fn credit(&mut self, model: Model, shares: &[Share], places: &[usize]) {
        let mut sums: BTreeMap<usize, (i64, i128)> = BTreeMap::new();
        for share in shares {
            let (count, amount) = sums.entry(places[share.at]).or_default();
            *count += i64::from(share.weight_ppb);
            *amount += i128::from(share.minor);
        }
        let metric = Metric::Credits(model);
        let earned = |(earner, (count, amount))| Earned { metric, earner, count, amount };
        self.earned.extend(sums.into_iter().map(earned));
    }

    /// Adds the goods behind what they are credited with.
    fn sell(
        &mut self,
        model: Model,
        conversion: &Conversion,
        (shares, places): (&[Share], &[usize]),
    ) {
        let mut sums: BTreeMap<(usize, &str), (i64, i128)> = BTreeMap::new();
        for share in shares {
            let amount = conversion.value.map(|value| Money { minor: share.minor, ..value });
            for line in sold(&conversion.goods, share.weight_ppb, amount) {
                let (count, amount) = sums.entry((places[share.at], line.product)).or_default();
                *count = count.wrapping_add(line.paid_minor);
                *amount = amount.wrapping_add(line.units_ppb);
            }
        }
        for ((place, product), (count, amount)) in sums {
            let earner = self.earner_of_product(place, product);
            self.earned.push(Earned { metric: Metric::Goods(model), earner, count, amount });
        }
    }

    fn earner_of_product(&mut self, place: usize, product: &str) -> usize {
        let name = (place, Box::from(product));
        if let Some(known) = self.of_product.get(&name) {
            return *known;
        }
        let dimensions = self.earners[place].dimensions.clone();
        let earner = self.enlist(Dimensions { product: product.into(), ..dimensions });
        self.of_product.insert(name, earner);
        earner
    }
}

/// What each touch of the path earns; without any, one share is nobody's.
fn shares(path: &Path<'_>, conversion: &Conversion, model: Model) -> Vec<Share> {
    let minor = conversion.value.map_or(0, |value| value.minor);
    match path.touches.is_empty() {
        true => alloc::vec![Share { at: 0, weight_ppb: WHOLE_PPB, minor }],
        false => path.shares(minor, model),
    }
}

/// The dimensions of credit that no touch earned.
fn unattributed() -> Dimensions {
    let name = || Channel::UNATTRIBUTED.into();
    Dimensions {
        channel: name(),
        source: name(),
        medium: name(),
        campaign: name(),
        ..Dimensions::default()
    }
}

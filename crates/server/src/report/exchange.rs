//! One currency for all amounts, by the rates of each day.

use millstream_event::ledger::Rate;
use millstream_event::{Currency, Money};
use millstream_pipeline::StateRead;
use millstream_pipeline::query::{self, ReadError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A rate holds this many days where none follows: over a weekend, over holidays.
pub const RATE_DAYS_MAX: i32 = 7;

/// Rates by pair and day.
type Pairs = BTreeMap<(Currency, Currency), BTreeMap<i32, Rate>>;

/// Converts amounts to one currency.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Into what.
    pub currency: Currency,
    pairs: Arc<Pairs>,
}

/// A ratio of whole numbers.
#[derive(Clone, Copy)]
struct Ratio {
    over: i128,
    under: i128,
}

impl Exchange {
    /// By every rate that was imported.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn new(
        state: &dyn StateRead,
        generation: u16,
        currency: Currency,
    ) -> Result<Self, ReadError> {
        let mut pairs = Pairs::new();
        query::rates(state, generation, &mut |rate| {
            pairs.entry((rate.base, rate.currency)).or_default().insert(rate.day, rate);
            Ok(true)
        })?;
        Ok(Self { currency, pairs: Arc::new(pairs) })
    }

    /// The amount in the one currency, rounded half away from zero to a minor unit; as it is, where
    /// no rate of the day or of the [`RATE_DAYS_MAX`] before it is known.
    pub fn convert(&self, day: i32, money: Money) -> Money {
        self.try_convert(day, money).unwrap_or(money)
    }

    /// The same rates into another currency.
    pub fn towards(&self, currency: Currency) -> Self {
        Self { currency, pairs: Arc::clone(&self.pairs) }
    }

    fn try_convert(&self, day: i32, money: Money) -> Option<Money> {
        let minor = self.parts(day, (money.minor.into(), money.currency))?;
        Some(Money { minor: i64::try_from(minor).ok()?, currency: self.currency })
    }

    /// Minor units, or parts of them, in the one currency, rounded half away from zero; none where no rate is
    /// known.
    pub fn parts(&self, day: i32, (parts, from): (i128, Currency)) -> Option<i128> {
        if from == self.currency {
            return Some(parts);
        }
        let ratio = self.ratio(day, from)?;
        let power = |digits: u32| 10i128.checked_pow(digits);
        let over = ratio.over.checked_mul(power(self.currency.exponent())?)?;
        let under = ratio.under.checked_mul(power(from.exponent())?)?;
        let exact = i128::try_from(parts.unsigned_abs()).ok()?.checked_mul(over)?;
        let rounded = exact.checked_add(under / 2)? / under;
        Some(if parts < 0 { -rounded } else { rounded })
    }

    /// Directly, else over the one base that both have rates against.
    fn ratio(&self, day: i32, from: Currency) -> Option<Ratio> {
        let to = self.currency;
        if let Some(direct) = self.quoted(day, from, to) {
            return Some(direct);
        }
        let bases = self.pairs.keys().flat_map(|(base, quote)| [*base, *quote]);
        let middle = bases.filter(|middle| *middle != from && *middle != to);
        middle.collect::<std::collections::BTreeSet<_>>().into_iter().find_map(|middle| {
            let (a, b) = (self.quoted(day, from, middle)?, self.quoted(day, middle, to)?);
            Some(Ratio { over: a.over.checked_mul(b.over)?, under: a.under.checked_mul(b.under)? })
        })
    }

    /// What one unit of `from` was worth, by a rate of this pair in either direction.
    fn quoted(&self, day: i32, from: Currency, to: Currency) -> Option<Ratio> {
        let ratio = |rate: &Rate| {
            let scale = 10i128.checked_pow(u32::from(rate.scale))?;
            Some((i128::from(rate.mantissa), scale))
        };
        if let Some(rate) = self.latest(day, (from, to)) {
            return ratio(rate).map(|(over, under)| Ratio { over, under });
        }
        let rate = self.latest(day, (to, from))?;
        ratio(rate).map(|(under, over)| Ratio { over, under })
    }

    fn latest(&self, day: i32, pair: (Currency, Currency)) -> Option<&Rate> {
        let days = self.pairs.get(&pair)?;
        let from = day.saturating_sub(RATE_DAYS_MAX);
        days.range(from..=day).next_back().map(|(_, rate)| rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Currency {
        Currency::parse(text).unwrap()
    }

    fn exchange(into: &str, rates: &[(i32, &str, &str, &str)]) -> Exchange {
        let mut pairs = Pairs::new();
        for (day, base, currency, rate) in rates {
            let (mantissa, scale) = Rate::parse_decimal(rate).unwrap();
            let (base, currency) = (code(base), code(currency));
            let rate = Rate { day: *day, base, currency, mantissa, scale };
            pairs.entry((base, currency)).or_default().insert(*day, rate);
        }
        Exchange { currency: code(into), pairs: Arc::new(pairs) }
    }

    fn converted(exchange: &Exchange, day: i32, minor: i64, currency: &str) -> (i64, String) {
        let money = exchange.convert(day, Money { minor, currency: code(currency) });
        (money.minor, money.currency.to_string())
    }

    #[test]
    fn direct_inverse_and_crossed_rates_are_exact() {
        let rates = [(10, "EUR", "USD", "1.0875"), (10, "EUR", "JPY", "157.5")];
        let euros = exchange("EUR", &rates);
        assert_eq!(converted(&euros, 10, 10_875, "USD"), (10_000, "EUR".into()));
        assert_eq!(converted(&euros, 10, -10_875, "USD"), (-10_000, "EUR".into()));
        assert_eq!(converted(&euros, 10, 1_575, "JPY"), (1_000, "EUR".into()));
        let yen = exchange("JPY", &rates);
        assert_eq!(converted(&yen, 10, 10_875, "USD"), (15_750, "JPY".into()));
        assert_eq!(converted(&yen, 10, 100, "EUR"), (158, "JPY".into()), "half away from zero");
    }

    #[test]
    fn a_rate_holds_over_a_week_and_no_longer() {
        let euros = exchange("EUR", &[(10, "EUR", "USD", "2")]);
        assert_eq!(converted(&euros, 10 + RATE_DAYS_MAX, 200, "USD"), (100, "EUR".into()));
        assert_eq!(converted(&euros, 11 + RATE_DAYS_MAX, 200, "USD"), (200, "USD".into()));
        assert_eq!(converted(&euros, 9, 200, "USD"), (200, "USD".into()));
        assert_eq!(converted(&euros, 10, 200, "CHF"), (200, "CHF".into()));
    }
}

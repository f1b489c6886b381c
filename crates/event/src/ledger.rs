//! Money that others know of: what was spent, what may be spent, what currencies were worth, what goods
//! cost.

use crate::hash::Hash128;
use crate::money::{Currency, Money};
use crate::url::decoded;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A change of the ledger: each row takes the place of the one of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// What was spent.
    pub spend: Vec<Spend>,
    /// What may be spent.
    pub budgets: Vec<Budget>,
    /// What currencies were worth.
    pub rates: Vec<Rate>,
    /// What goods cost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goods: Vec<UnitCost>,
}

impl Ledger {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.spend.len() + self.budgets.len() + self.rates.len() + self.goods.len()
    }

    /// The same change in pieces of at most so many rows.
    pub fn pieces(&self, rows_max: usize) -> Vec<Self> {
        let none = Self::default;
        let spend = self.spend.chunks(rows_max).map(|rows| Self { spend: rows.into(), ..none() });
        let budgets = self.budgets.chunks(rows_max);
        let budgets = budgets.map(|rows| Self { budgets: rows.into(), ..none() });
        let rates = self.rates.chunks(rows_max).map(|rows| Self { rates: rows.into(), ..none() });
        let goods = self.goods.chunks(rows_max).map(|rows| Self { goods: rows.into(), ..none() });
        spend.chain(budgets).chain(rates).chain(goods).collect()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What was spent on one UTC day for whatever the texts name. An empty text names nothing: the row
/// is then about everything that the others name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spend {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Where it was spent.
    pub on: Placement,
    /// How much. Zero takes an earlier amount back.
    pub cost: Money,
}

/// What money was spent on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Placement {
    /// Channel.
    pub channel: Box<str>,
    /// Source.
    pub source: Box<str>,
    /// Medium.
    pub medium: Box<str>,
    /// Campaign name.
    pub campaign: Box<str>,
    /// Ad group.
    pub ad_group: Box<str>,
}

impl Placement {
    /// The texts, broadest first.
    pub fn texts(&self) -> [&str; 5] {
        [&self.channel, &self.source, &self.medium, &self.campaign, &self.ad_group]
    }

    /// The texts that name something, joined: for people.
    pub fn title(&self) -> alloc::string::String {
        let named: Vec<&str> = self.texts().into_iter().filter(|text| !text.is_empty()).collect();
        named.join(" / ")
    }
}

impl Spend {
    /// What the row is about: a later row of this name takes its place.
    pub fn name(&self) -> Hash128 {
        let [channel, source, medium, campaign, ad_group] = self.on.texts();
        let texts = [channel, source, medium, campaign, ad_group, self.cost.currency.as_str()];
        Hash128::of("spend", &texts.map(str::as_bytes))
    }
}

/// What may be spent on a campaign in a period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Budget {
    /// Campaign name.
    pub campaign: Box<str>,
    /// First day, counted from 1970-01-01.
    pub from: i32,
    /// Last day.
    pub to: i32,
    /// How much. Zero takes an earlier budget back.
    pub amount: Money,
    /// Revenue that each thousand of spend should bring; 0 for no target.
    pub target_roas_permille: u32,
}

impl Budget {
    /// What the row is about: a later row of this name takes its place.
    pub fn name(&self) -> Hash128 {
        let (from, to) = (self.from.to_be_bytes(), self.to.to_be_bytes());
        let currency = self.amount.currency;
        let parts = [self.campaign.as_bytes(), &from, &to, currency.as_str().as_bytes()];
        Hash128::of("budget", &parts)
    }
}

/// What one unit of a product costs from a UTC day on, until the next such row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitCost {
    /// Days since 1970-01-01.
    pub day: i32,
    /// The product, as orders name it.
    pub product: Box<str>,
    /// How much; none where nobody knows from that day on.
    pub cost: Option<Money>,
}

impl UnitCost {
    /// What the row is about: a later row of this name and day takes its place.
    pub fn name(&self) -> Hash128 {
        Hash128::of("unit cost", &[self.product.as_bytes()])
    }
}

/// What one unit of a currency was worth in another on a day: `mantissa` / 10^`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate {
    /// Days since 1970-01-01.
    pub day: i32,
    /// One unit of this ...
    pub base: Currency,
    /// ... was worth this many units of that.
    pub currency: Currency,
    /// Digits of the rate, never 0.
    pub mantissa: u64,
    /// How many of the digits stand behind the point.
    pub scale: u8,
}

impl Rate {
    /// Most digits behind the point.
    pub const SCALE_MAX: u8 = 9;
    /// Greatest mantissa: a rate of a million with nine digits behind the point.
    pub const MANTISSA_MAX: u64 = 1_000_000_000_000_000;

    /// What the row is about: a later row of this name takes its place.
    pub fn name(&self) -> Hash128 {
        let pair = [self.base.as_str().as_bytes(), self.currency.as_str().as_bytes()];
        Hash128::of("rate", &pair)
    }

    /// Reads a positive decimal such as `1.0875` as mantissa and scale; digits beyond
    /// [`Self::SCALE_MAX`] are cut off.
    pub fn parse_decimal(text: &str) -> Option<(u64, u8)> {
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.is_empty() {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let kept = &fraction[..fraction.len().min(usize::from(Self::SCALE_MAX))];
        let mantissa = whole.bytes().chain(kept.bytes()).try_fold(0u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })?;
        let fits = (1..=Self::MANTISSA_MAX).contains(&mantissa);
        fits.then_some((mantissa, u8::try_from(kept.len()).ok()?))
    }
}

/// A campaign's name as names are compared: percent-encoded or not, with any run of white space, it
/// is one campaign. Upper and lower case differ, as they do in the parameters of links.
pub fn spelling(name: &str) -> Cow<'_, str> {
    let text = decoded(name);
    let plain = !text.contains("  ") && text.trim().len() == text.len();
    if plain && !text.contains(|c: char| c.is_whitespace() && c != ' ') {
        return text;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    Cow::Owned(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{Rate, spelling};

    #[test]
    fn spellings_of_one_name_are_one() {
        for name in ["Feed: a/b (c)", "Feed%3A+a%2Fb+%28c%29", " Feed:  a/b\t(c) "] {
            assert_eq!(spelling(name), "Feed: a/b (c)");
        }
        assert_ne!(spelling("Spring"), spelling("spring"));
        assert_eq!(spelling("100%"), "100%");
    }

    #[test]
    fn rates_are_exact_within_their_bounds() {
        assert_eq!(Rate::parse_decimal("1.0875"), Some((10_875, 4)));
        assert_eq!(Rate::parse_decimal("157"), Some((157, 0)));
        assert_eq!(Rate::parse_decimal("0.0000000019"), Some((1, 9)));
        assert_eq!(Rate::parse_decimal("1000000.000000000"), Some((1_000_000, 0)));
        for bad in ["", ".5", "0", "0.00", "-1", "1e3", "1,5", "99999999999999999999"] {
            assert_eq!(Rate::parse_decimal(bad), None, "{bad}");
        }
    }
}

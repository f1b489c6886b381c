//! What an order sold: products in numbers, or a cost that the event itself tells.

use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::wire::members;
use millstream_event::wire::scalar::{text_or_number, trim};
use millstream_event::{Campaign, Currency, Event, Money};
use serde::{Deserialize, Serialize};

/// Lines of one order that are told apart; what stands behind them is one line of unknown cost.
pub const LINES_MAX: usize = 100;
/// Most units of one line. More than that, or a part of a unit, is a line of unknown cost.
pub const UNITS_MAX: u64 = 1_000_000;

/// The property that tells what all goods of an order cost, in the currency of its value.
const COST: &str = "cost_of_goods";
/// Properties that list lines: Segment's, then GA4's.
const LISTS: [&str; 2] = ["products", "items"];
/// What names the product of a line, the first that is there, then number and price.
const LINE: [&str; 6] = ["sku", "product_id", "item_id", "id", "quantity", "price"];

/// How the cost of a line is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ware {
    /// It is so many units of a product.
    Product(Box<str>),
    /// The event tells the cost: a unit is a minor unit of the order's currency.
    Cost,
    /// Nothing tells it.
    Unknown,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Goods {
    /// How its cost is known.
    pub ware: Ware,
    /// How many.
    pub units: u64,
    /// What the line was sold for, in minor units; 0 where that is not told.
    pub price: u64,
}

impl Goods {
    /// What an event says that it sold. Nothing where it says nothing of that.
    pub fn of(event: &Event) -> Vec<Self> {
        let Some(properties) = &event.properties else { return Vec::new() };
        let names = [COST, LISTS[0], LISTS[1]];
        let Ok([cost, products, items]) = members::check(properties.get(), &names) else {
            return Vec::new();
        };
        let currency = event.value.map_or(Currency::USD, |value| value.currency);
        if let Some(text) = cost.and_then(text_or_number) {
            let minor = Money::parse_decimal(&text, currency).map(|cost| u64::try_from(cost.minor));
            let (ware, units) = match minor {
                Some(Ok(units)) if event.value.is_some() => (Ware::Cost, units),
                _ => (Ware::Unknown, 0),
            };
            return alloc::vec![Self { ware, units, price: 0 }];
        }
        let lists = products.into_iter().chain(items).map(members::elements);
        let lines = lists.filter_map(Result::ok).find(|lines| !lines.is_empty());
        lines.map(|lines| Self::lines(&lines, currency)).unwrap_or_default()
    }

    fn lines(lines: &[&str], currency: Currency) -> Vec<Self> {
        let mut goods: Vec<Self> = Vec::new();
        for line in lines.iter().map(|line| Self::line(line, currency)) {
            if let Some(rest) = goods.get_mut(LINES_MAX) {
                rest.price = rest.price.saturating_add(line.price);
                continue;
            }
            let told_apart = goods.len() < LINES_MAX;
            let rest = Self { ware: Ware::Unknown, units: 0, price: line.price };
            goods.push(if told_apart { line } else { rest });
        }
        goods
    }

    fn line(text: &str, currency: Currency) -> Self {
        let unknown = Self { ware: Ware::Unknown, units: 0, price: 0 };
        let Ok(found) = members::check(text, &LINE) else { return unknown };
        let texts = found.map(|value| value.and_then(text_or_number));
        let [names @ .., quantity, price] = &texts;
        let units = quantity.as_deref().map_or(Some(1), whole);
        let price = price.as_deref().and_then(|text| Money::parse_decimal(text, currency));
        let price = price.map_or(0, |price| u64::try_from(price.minor).unwrap_or(0));
        let price = price.saturating_mul(units.unwrap_or(1));
        let mut names = names.iter().flatten().map(|name| trim(name));
        let product = names.find(|name| !name.is_empty());
        match (product, units) {
            (Some(product), Some(units)) if product.len() <= Campaign::VALUE_BYTES_MAX => {
                Self { ware: Ware::Product(product.into()), units, price }
            }
            _ => Self { price, ..unknown },
        }
    }

    /// Takes back what came back of these goods: units of the same products, or cost, never more than
    /// there are. What a line was sold for goes with its units.
    pub fn take_back(goods: &mut [Self], returned: &[Self]) {
        for line in returned.iter().filter(|line| line.ware != Ware::Unknown) {
            let mut left = line.units;
            for sold in goods.iter_mut().filter(|sold| sold.ware == line.ware) {
                let taken = left.min(sold.units);
                let kept = sold.units - taken;
                let price = u128::from(sold.price) * u128::from(kept);
                sold.price = u64::try_from(price / u128::from(sold.units.max(1))).unwrap_or(0);
                (sold.units, left) = (kept, left - taken);
            }
        }
    }
}

/// A whole number of units, also written `2.0`.
fn whole(text: &str) -> Option<u64> {
    let text = trim(text);
    let digits = text.split_once('.').map_or(text, |(whole, fraction)| {
        if fraction.bytes().all(|digit| digit == b'0') { whole } else { "" }
    });
    digits.parse().ok().filter(|units| *units <= UNITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::json::RawJson;
    use millstream_event::{EventId, EventKind, SourceId, Timestamp};
    use std::string::String;
    use std::{format, vec};

    fn told(properties: &str) -> Vec<Goods> {
        let (id, source) = (EventId::parse("e").unwrap(), SourceId::parse("s").unwrap());
        let mut event = Event::new(id, EventKind::Track, source, Timestamp(0));
        event.properties = RawJson::parse(properties);
        event.value = Money::parse_decimal("10", Currency::parse("EUR").unwrap());
        Goods::of(&event)
    }

    fn line(product: &str, units: u64, price: u64) -> Goods {
        Goods { ware: Ware::Product(product.into()), units, price }
    }

    const UNKNOWN: Goods = Goods { ware: Ware::Unknown, units: 0, price: 0 };

    #[test]
    fn lines_name_products_by_their_stock_number_first() {
        let found = told(
            r#"{"products":[{"product_id":"p","sku":" s ","quantity":2,"price":"1.25"},
                {"product_id":7,"quantity":"3.0"},{"price":4},{"sku":"half","quantity":1.5},3]}"#,
        );
        let priced = Goods { price: 400, ..UNKNOWN };
        let expected = [line("s", 2, 250), line("7", 3, 0), priced, UNKNOWN, UNKNOWN];
        assert_eq!(found, expected);
        assert_eq!(told(r#"{"items":[{"item_id":"g"}],"products":[]}"#), [line("g", 1, 0)]);
        assert_eq!(told(r#"{"total":3}"#), []);
        assert_eq!(told("[]"), []);
    }

    #[test]
    fn a_cost_that_the_event_tells_stands_for_all_its_goods() {
        let found = told(r#"{"cost_of_goods":"4.50","products":[{"sku":"a"}]}"#);
        assert_eq!(found, [Goods { ware: Ware::Cost, units: 450, price: 0 }]);
        assert_eq!(told(r#"{"cost_of_goods":-1}"#), [UNKNOWN]);
        assert_eq!(told(r#"{"cost_of_goods":"much"}"#), [UNKNOWN]);
    }

    #[test]
    fn bounds_hold_at_the_limit_and_over_it() {
        let with =
            |units: u64| told(&format!(r#"{{"products":[{{"sku":"a","quantity":{units}}}]}}"#));
        assert_eq!(with(UNITS_MAX), [line("a", UNITS_MAX, 0)]);
        assert_eq!(with(UNITS_MAX + 1), [UNKNOWN]);
        let many = |lines: usize| {
            let lines: Vec<String> =
                (0..lines).map(|n| format!(r#"{{"sku":"{n}","price":1}}"#)).collect();
            told(&format!(r#"{{"products":[{}]}}"#, lines.join(",")))
        };
        assert!(many(LINES_MAX).iter().all(|line| line.ware != Ware::Unknown));
        let over = many(LINES_MAX + 2);
        assert_eq!(over.len(), LINES_MAX + 1);
        assert_eq!(over[LINES_MAX], Goods { price: 200, ..UNKNOWN });
        let long = format!(
            r#"{{"products":[{{"sku":"{}"}}]}}"#,
            "a".repeat(Campaign::VALUE_BYTES_MAX + 1)
        );
        assert_eq!(told(&long), [UNKNOWN]);
    }

    #[test]
    fn what_comes_back_is_never_more_than_was_sold() {
        let mut goods = vec![line("a", 4, 100), line("b", 1, 50), line("a", 1, 25)];
        Goods::take_back(&mut goods, &[line("a", 2, 0), line("c", 9, 0)]);
        assert_eq!(goods, [line("a", 2, 50), line("b", 1, 50), line("a", 1, 25)]);
        Goods::take_back(&mut goods, &[line("a", 9, 0)]);
        assert_eq!(goods, [line("a", 0, 0), line("b", 1, 50), line("a", 0, 0)]);
    }
}

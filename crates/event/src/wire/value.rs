//! Value, currency and order number from an event's properties.

use super::scalar;
use crate::envelope::{Event, Flags};
use crate::ids::OrderId;
use crate::money::{Currency, Money};

/// The property values that matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct ValueFields<'a> {
    /// The amount: whichever of `revenue`, `value`, `total` the format prefers.
    pub amount: Option<&'a str>,
    /// `currency`
    pub currency: Option<&'a str>,
    /// `order_id`, `transaction_id`
    pub order: Option<&'a str>,
}

/// Sets value and order number. What is there but cannot be read is left out and the event
/// flagged [`Flags::DEGRADED`]; the raw properties keep it.
pub fn set_value(event: &mut Event, fields: ValueFields<'_>) {
    let mut unreadable = false;
    let [amount, currency, order] = [fields.amount, fields.currency, fields.order].map(|value| {
        let text = scalar::text_or_number(value?);
        unreadable |= text.is_none();
        text.filter(|text| !scalar::trim(text).is_empty())
    });
    if unreadable {
        event.flags = event.flags.degraded_by(Flags::VALUE_UNREAD);
    }
    let fields = ValueFields {
        amount: amount.as_deref(),
        currency: currency.as_deref(),
        order: order.as_deref(),
    };
    set_value_text(event, fields);
}

/// As [`set_value`], from plain text instead of JSON; empty texts count as absent.
pub fn set_value_text(event: &mut Event, fields: ValueFields<'_>) {
    let mut unreadable = false;
    if let Some(amount) = said(fields.amount) {
        let currency = said(fields.currency).map_or(Some(Currency::USD), Currency::parse);
        event.value = currency.and_then(|currency| Money::parse_decimal(amount, currency));
        unreadable |= event.value.is_none();
    }
    if let Some(order) = said(fields.order) {
        event.order_id = OrderId::parse(order);
        unreadable |= event.order_id.is_none();
    }
    if unreadable {
        event.flags = event.flags.degraded_by(Flags::VALUE_UNREAD);
    }
}

fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::EventKind;
    use crate::ids::{EventId, SourceId};
    use crate::time::Timestamp;

    #[test]
    fn reads_amounts_as_clients_write_them() {
        let check = |amount: &str, currency: Option<&str>, minor: Option<i64>, degraded: bool| {
            let id = EventId::parse("e").unwrap();
            let source = SourceId::parse("s").unwrap();
            let mut event = Event::new(id, EventKind::Track, source, Timestamp(0));
            let order = Some("4711");
            set_value(&mut event, ValueFields { amount: Some(amount), currency, order });
            assert_eq!(event.value.map(|money| money.minor), minor, "{amount} {currency:?}");
            assert_eq!(event.flags.has(Flags::DEGRADED), degraded, "{amount} {currency:?}");
            assert_eq!(event.order_id, OrderId::parse("4711"));
        };
        check("12.5", Some("\"EUR\""), Some(1_250), false);
        check("\"12.50\"", None, Some(1_250), false);
        check("1200", Some("\"jpy\""), Some(1_200), false);
        check("\"\"", Some("\"EUR\""), None, false);
        check("\"twelve\"", None, None, true);
        check("12", Some("\"Euro\""), None, true);
        check("{}", None, None, true);
        check("1e400", None, None, true);
    }
}

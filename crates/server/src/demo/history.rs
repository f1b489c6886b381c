//! The days before: the shop's past as Segment calls, one a line, told out of order and twice here
//! and there, as the wire does.

use super::draw::Draw;
use super::hero::Hero;
use super::shop::{PRODUCTS, SPEND};
use super::visit::{Entry, Visit, Visitor};
use millstream_event::click_token::ClickReference;
use millstream_event::{ClickId, Event, Hash128, Span, Timestamp};
use serde_json::{Value, json};

/// What past is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// Names all chances.
    pub seed: u64,
    /// When the shop opened.
    pub opened: Timestamp,
    /// For how many days.
    pub days: u64,
    /// Visitors in all.
    pub visitors: u64,
}

impl Past {
    /// Every line, and every decision. `click_key` signs the clicks on links, as the redirect would have.
    pub fn lines(&self, click_key: &[u8; 32], hero: Hero<'_>) -> (Vec<String>, Vec<Event>) {
        let draw = Draw::new(self.seed);
        let (mut calls, mut decided): (Vec<(Timestamp, Value)>, _) = (Vec::new(), Vec::new());
        for n in 0..self.visitors {
            let visitor = Visitor::nth(&draw, n);
            let mut chance = draw.nth(n.wrapping_add(1 << 40));
            let visits = chance.weighted(&[(55, 1), (25, 2), (14, 3), (6, 5)], 1);
            let mut starts: Vec<(u64, u64)> = (0..visits)
                .map(|visit| (chance.between(0, self.days * 86_400 - 7_200), visit))
                .collect();
            starts.sort_unstable();
            let mut looked_at = Vec::new();
            for (seconds, visit) in starts {
                let start = self.opened + Span::seconds(i64::try_from(seconds).unwrap_or(0));
                let mut visit = Visit::draw(&draw, visitor.clone(), &format!("h{n}-{visit}"));
                decided.extend(hero.decide((&mut visit, start), &mut looked_at, &draw));
                tell(&visit, start, click_key, &mut calls);
            }
        }
        calls.sort_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| a.1["messageId"].as_str().cmp(&b.1["messageId"].as_str()))
        });
        (disturb(calls, &draw), decided)
    }
}

impl Past {
    /// What products cost since the shop opened, as a table of costs of goods.
    pub fn goods(&self) -> String {
        let date = self.opened.to_utc_date();
        let known = PRODUCTS.iter().filter_map(|product| Some((product.id(), product.cost_cents?)));
        let rows = known.map(|(id, cents)| format!("{id},{date},{cents},EUR\n"));
        rows.fold("product,from,cost_minor,currency\n".to_owned(), |table, row| table + &row)
    }

    /// What each day cost, as a table of spend. Each amount is that of its day and campaign, whenever
    /// the shop opened.
    pub fn spend(&self) -> String {
        let mut table = "date,source,campaign,cost_minor,currency\n".to_owned();
        let first = self.opened.utc_day();
        let last = (self.opened + Span::days(i64::try_from(self.days).unwrap_or(0))).utc_day();
        for day in first..last {
            let date = Timestamp(i64::from(day) * Span::days(1).0).to_utc_date();
            for (source, campaign, least, most) in SPEND {
                let name = Hash128::of("demo spend", &[date.as_bytes(), campaign.as_bytes()]);
                let cost = Draw::new(self.seed).nth(name.low64()).between(least, most);
                table.push_str(&format!("{date},{source},{campaign},{cost},EUR\n"));
            }
        }
        table
    }
}

/// The stamped calls of one visit, by the time they were received.
fn tell(
    visit: &Visit,
    start: Timestamp,
    click_key: &[u8; 32],
    calls: &mut Vec<(Timestamp, Value)>,
) {
    for (number, step) in visit.steps.iter().enumerate() {
        let mut call = step.stamped(start, &visit.visitor);
        if number == 0
            && let Entry::Link(link) = visit.entry
        {
            let id = call["messageId"].as_str().unwrap_or_default();
            let token = click_token(link.slug, id, start - Span::seconds(1), click_key);
            let url = format!("{}&ms_click={token}", link.landing());
            call["properties"]["url"] = json!(url);
            call["context"]["page"]["url"] = json!(url);
        }
        let received = start + step.after + Span::seconds(1);
        call["receivedAt"] = json!(received.to_rfc3339());
        calls.push((received, call));
    }
}

fn click_token(slug: &str, visit: &str, issued: Timestamp, key: &[u8; 32]) -> String {
    let id = Hash128::of("demo click", &[visit.as_bytes()]).to_hex();
    let reference = ClickId::parse(&id).map(|id| ClickReference {
        id,
        issued,
        link: slug.into(),
        link_version: 1,
        ms_id: None,
    });
    reference.and_then(|reference| reference.to_token(key)).unwrap_or_default()
}

/// One in fifty arrives hours late, one in a hundred twice, neighbours change places.
fn disturb(calls: Vec<(Timestamp, Value)>, draw: &Draw) -> Vec<String> {
    let mut draw = draw.nth(u64::MAX);
    let mut lines = Vec::with_capacity(calls.len());
    for (received, mut call) in calls {
        if draw.chance(2) {
            let hours = i64::try_from(draw.between(1, 40)).unwrap_or(1);
            call["receivedAt"] = json!((received + Span::hours(hours)).to_rfc3339());
            call["sentAt"] = json!((received + Span::hours(hours)).to_rfc3339());
        }
        let line = call.to_string();
        if draw.chance(1) {
            lines.push(line.clone());
        }
        lines.push(line);
        let last = lines.len() - 1;
        if last > 0 && draw.chance(5) {
            lines.swap(last, last - 1);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const PAST: Past =
        Past { seed: 1, opened: Timestamp(1_780_272_000_000_000), days: 3, visitors: 200 };

    #[test]
    fn the_same_seed_tells_the_same_past() {
        let key = [7; 32];
        let told = |past: Past| past.lines(&key, Hero(None));
        assert_eq!(told(PAST), told(PAST));
        assert_ne!(told(PAST), told(Past { seed: 2, ..PAST }));
        assert!(told(PAST).1.is_empty(), "nothing decides");
    }

    #[test]
    fn the_past_has_what_a_shop_has() {
        let (lines, _) = PAST.lines(&[7; 32], Hero(None));
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        for text in [
            "Order Completed",
            "Product Added",
            "ms_click=",
            "gclid=",
            "identify",
            "\"advertising\":false",
            "Googlebot",
        ] {
            assert!(has(text), "{text}");
        }
        let different: BTreeSet<&String> = lines.iter().collect();
        assert!(different.len() < lines.len(), "some come twice");
    }
}

//! What the shop decides: which product its pages show first, to whom, and what comes of it.
//!
//! The past's decisions are told as events, as everything of the past is; the present asks for its own.

use super::draw::Draw;
use super::shop::PRODUCTS;
use super::visit::{Visit, Visitor};
use crate::decide::{Assignment, HELD_OUT, Served};
use millstream_decide::{Context, Visitor as Asker};
use millstream_event::{
    AnonymousId, Consent, ConsentSource, EntityId, Event, EventId, EventKind, Flags, Hash128,
    Purpose, Purposes, RawJson, SourceId, Span, Timestamp,
};
use serde_json::{Value, json};

/// The use case.
pub const USE_CASE: &str = "home_hero";

/// How it is configured, where nothing else is.
pub const CONFIG: &str = r#"# The use case of the simulated shop, and its experiment: do visitors notice older profiles, or later answers?
[[decide.use_cases]]
name = "home_hero"
default = "trail-shoe"
goal = "Order Completed"
holdout_percent = 5.0
hints = 3
stages = ["neighbours"]
candidates = ["trail-shoe", "road-shoe", "rain-jacket", "merino-shirt", "head-lamp", "bottle", "backpack", "socks"]

[[decide.experiments]]
name = "edge_or_not"
use_case = "home_hero"
arms = [{ name = "edge" }, { name = "slow", delay_ms = 60 }, { name = "stale", stale_by = 3 }]
"#;

/// The arm whose visitors see what they have seen before, and buy less.
const DISCOURAGING: &str = "stale";
/// Of a hundred of their visits that would end in an order, those that do not.
const DISCOURAGED: u64 = 60;
/// How soon after its page an answer is asked for.
const AFTER_PAGE: Span = Span::millis(40);

/// The use case at work; none where the configuration has another one.
#[derive(Clone, Copy)]
pub struct Hero<'a>(pub Option<&'a Served>);

impl Hero<'_> {
    /// What experiments make of a visitor; none where the shop does not decide for them.
    fn assigned(&self, visitor: &Visitor) -> Option<Assignment> {
        let served = self.0.filter(|_| visitor.is_asked_for())?;
        let device = EntityId::device(&AnonymousId::parse(&visitor.device)?);
        let asker = match served.configured.use_case.holds_out(device) {
            true => Asker::HeldOut,
            false => Asker::Known(device),
        };
        Some(served.assign(asker, Some(device), &Context::default()))
    }

    /// Tells what was decided during a visit, and lets its visitor go without buying where what they saw
    /// discouraged them. `looked_at` are the products of their earlier visits, latest last.
    pub fn decide(
        &self,
        (visit, start): (&mut Visit, Timestamp),
        looked_at: &mut Vec<&'static str>,
        draw: &Draw,
    ) -> Vec<Event> {
        let assigned = self.assigned(&visit.visitor);
        let arms = assigned.iter().flat_map(|assigned| assigned.arms.values());
        discourage(visit, &arms.map(|arm| &**arm).collect::<Vec<_>>(), draw);
        let mut decided = Vec::new();
        for step in visit.steps.iter().filter(|step| step.call["type"] == "page") {
            if let Some(assigned) = &assigned {
                let at = start + step.after + AFTER_PAGE;
                let name = step.call["messageId"].as_str().unwrap_or_default();
                let said = said(assigned, looked_at, &mut draw.nth(seed(name)));
                decided.extend(event(&visit.visitor, (name, at), &said));
            }
            let product = step.call["properties"]["product_id"].as_str();
            let known = PRODUCTS.iter().find(|known| product == Some(known.id()));
            looked_at.extend(known.map(|known| known.id()));
        }
        decided
    }
}

/// Lets a visitor go before they buy, as often as visitors of these arms do.
pub fn discourage(visit: &mut Visit, arms: &[&str], draw: &Draw) {
    let name = visit.steps.first().and_then(|step| step.call["messageId"].as_str());
    let mut draw = draw.nth(seed(name.unwrap_or_default()).rotate_left(7));
    if arms.contains(&DISCOURAGING) && draw.chance(DISCOURAGED) {
        let buys = visit.steps.iter().position(|step| step.call["event"] == "Product Added");
        visit.steps.truncate(buys.unwrap_or(visit.steps.len()));
    }
}

fn seed(name: &str) -> u64 {
    Hash128::of("demo decision", &[name.as_bytes()]).low64()
}

/// What a decision says of itself, as those that are asked for do.
fn said(assigned: &Assignment, looked_at: &[&'static str], draw: &mut Draw) -> Value {
    let known = looked_at.len().saturating_sub(assigned.treatment.stale_by);
    let latest =
        looked_at[..known].last().and_then(|last| PRODUCTS.iter().position(|it| it.id() == *last));
    let held_out = assigned.arms.values().any(|arm| **arm == *HELD_OUT);
    let (rung, reason, place) = match latest {
        _ if held_out => ("segment", "holdout", 0),
        Some(last) => ("personalized", "profile", (last + 1) % PRODUCTS.len()),
        None => ("segment", "cold_start", 0),
    };
    let micros =
        draw.weighted(&[(90, (250, 900)), (9, (900, 4_000)), (1, (4_000, 170_000))], (250, 900));
    let total_ms = draw.between(micros.0, micros.1) as f64 / 1e3;
    json!({
        "use_case": USE_CASE,
        "choice": PRODUCTS[place].id(),
        "rung": rung,
        "reason": reason,
        "propensity": 1.0,
        "timed_out": total_ms > 140.0,
        "budget_ms": 150.0,
        "timing": { "total_ms": total_ms },
        "arms": assigned.arms,
        "segment": "-",
    })
}

fn event(visitor: &Visitor, (name, at): (&str, Timestamp), said: &Value) -> Option<Event> {
    let id = EventId::of_hash(Hash128::of("demo decision", &[name.as_bytes()]));
    let mut event = Event::new(id, EventKind::Decision, SourceId::parse("shop")?, at);
    event.name = Some(USE_CASE.into());
    event.anonymous_id = AnonymousId::parse(&visitor.device);
    event.user_agent = Some(visitor.agent.into());
    let purposes = match visitor.consent.1 {
        true => Purposes::ALL,
        false => Purposes::ALL.without(Purpose::Advertising),
    };
    event.consent = Consent { granted: purposes, source: ConsentSource::Explicit };
    event.flags = Flags::IMPORTED;
    event.properties = RawJson::parse(&said.to_string());
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, read};
    use millstream_pipeline::decided::Said;

    #[test]
    fn the_shop_is_configured_and_its_decisions_can_be_counted() {
        let file = read(Some(("shop.toml", CONFIG)), &[]).unwrap();
        let decide = Config::resolve(file).unwrap().decide;
        let use_case = &decide.use_cases[0].use_case;
        assert_eq!((&*use_case.name, decide.trials.len()), (USE_CASE, 1));
        let names: Vec<&str> = use_case.candidates.iter().map(|it| &*it.name).collect();
        assert_eq!(names, PRODUCTS.map(|product| product.id()));
        let draw = Draw::new(1);
        let visitor = (0..).map(|n| Visitor::nth(&draw, n)).find(Visitor::is_asked_for).unwrap();
        let said = said(&Assignment::default(), &["socks"], &mut draw.nth(1));
        let event = event(&visitor, ("a", Timestamp(1)), &said).unwrap();
        let said = Said::by(&event).unwrap();
        assert_eq!(
            (&*said.choice, &*said.rung),
            ("trail-shoe", "personalized"),
            "socks, and round again"
        );
    }

    #[test]
    fn whoever_is_discouraged_buys_nothing() {
        let draw = Draw::new(3);
        let visits =
            (0..4_000).map(|n| Visit::draw(&draw, Visitor::nth(&draw, n), &format!("v{n}")));
        let buys =
            |visit: &Visit| visit.steps.iter().any(|step| step.call["event"] == "Order Completed");
        let (mut before, mut after) = (0, 0);
        for mut visit in visits {
            before += u64::from(buys(&visit));
            discourage(&mut visit, &["edge"], &draw);
            discourage(&mut visit, &[DISCOURAGING], &draw);
            after += u64::from(buys(&visit));
        }
        let left = 100 * after / before;
        assert!((25..55).contains(&left), "{left} of a hundred orders are left");
    }
}

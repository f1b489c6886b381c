//! One visit: how someone came, what they looked at, whether they bought.

use super::draw::Draw;
use super::shop::{ADDRESSES, AGENTS, BOTS, HOST, LINKS, PRODUCTS, Product, ShopLink};
use millstream_event::{Span, Timestamp};
use serde_json::{Value, json};

/// How a visit begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Through a governed link.
    Link(ShopLink),
    /// By an advertisement in a search engine.
    PaidSearch,
    /// From a site: its address.
    Site(&'static str),
    /// Directly.
    Direct,
}

/// Who visits, the same on every visit.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their device.
    pub device: String,
    /// What they log in as, if they ever do.
    pub user: Option<String>,
    /// Their browser.
    pub agent: &'static str,
    /// Their address.
    pub address: &'static str,
    /// What they consented to: measurement, advertising.
    pub consent: (bool, bool),
    /// How wrong their clock is.
    pub skew: Span,
    /// Round trip of their connection, in milliseconds.
    pub round_trip_ms: u32,
    /// True for automata.
    pub bot: bool,
}

/// One event of a visit: how long after its start, and the call without stamps.
#[derive(Clone, Debug)]
pub struct Step {
    /// After the start of the visit.
    pub after: Span,
    /// The call.
    pub call: Value,
}

/// A visit, ready to be told.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Who.
    pub visitor: Visitor,
    /// How they came.
    pub entry: Entry,
    /// What they did; the first step is the landing.
    pub steps: Vec<Step>,
}

impl Visitor {
    /// The n-th visitor.
    pub fn nth(draw: &Draw, n: u64) -> Self {
        let mut draw = draw.nth(n);
        let bot = draw.chance(4);
        let consent = draw.weighted(
            &[(80, (true, true)), (14, (true, false)), (6, (false, false))],
            (true, true),
        );
        let agents: &[&str] = if bot { &BOTS } else { &AGENTS };
        let skew = if draw.chance(4) { Span::hours(1) } else { Span(0) };
        Self {
            device: format!("demo-device-{n}"),
            user: (!bot && draw.chance(45)).then(|| format!("demo-user-{}", n / 2)),
            agent: draw.one(agents).copied().unwrap_or_default(),
            address: draw.one(&ADDRESSES).copied().unwrap_or_default(),
            consent: if bot { (true, true) } else { consent },
            skew,
            round_trip_ms: draw.weighted(&[(60, 50), (30, 100), (10, 350)], 50),
            bot,
        }
    }
}

impl Visitor {
    /// True for those that the shop decides for by what they did.
    pub const fn is_asked_for(&self) -> bool {
        !self.bot && self.consent.0
    }
}

impl Visit {
    /// A visit of a visitor; `name` makes its ids and its chances its own.
    pub fn draw(draw: &Draw, visitor: Visitor, name: &str) -> Self {
        let seed = millstream_event::Hash128::of("demo visit", &[name.as_bytes()]).low64();
        let mut draw = draw.nth(seed);
        let entry = entry(&mut draw);
        let at = Span(0);
        let mut story = Story { name, at, sent: 0, steps: Vec::new(), visitor: &visitor };
        story.land(&entry);
        if visitor.bot {
            for page in 0..draw.between(22, 30) {
                story.wait(Span::millis(200));
                story.page(&format!("/p/{page}"), "");
            }
        } else {
            story.shop(&mut draw);
        }
        let steps = story.steps;
        Self { visitor, entry, steps }
    }
}

fn entry(draw: &mut Draw) -> Entry {
    let kind = draw.weighted(&[(30, 0), (18, 1), (22, 2), (8, 3), (6, 4), (16, 5)], 5);
    match kind {
        0 => draw.one(&LINKS).copied().map_or(Entry::Direct, Entry::Link),
        1 => Entry::PaidSearch,
        2 => Entry::Site("https://www.google.com/"),
        3 => Entry::Site("https://www.facebook.com/"),
        4 => Entry::Site("https://running-forum.example/best-shoes"),
        _ => Entry::Direct,
    }
}

/// A visit while it is being told.
struct Story<'a> {
    name: &'a str,
    at: Span,
    /// Calls of the browser so far.
    sent: u32,
    steps: Vec<Step>,
    visitor: &'a Visitor,
}

impl Story<'_> {
    fn wait(&mut self, span: Span) {
        self.at = Span(self.at.0 + span.0);
    }

    fn land(&mut self, entry: &Entry) {
        match entry {
            // The address is completed with the click's id by whoever follows the link.
            Entry::Link(link) => self.page_at(&link.landing(), ""),
            Entry::PaidSearch => {
                let url = format!(
                    "https://{HOST}/shoes?utm_source=google&utm_medium=cpc&utm_campaign=shoes-brand&gclid=demo-{}",
                    self.name
                );
                self.page_at(&url, "https://www.google.com/");
            }
            Entry::Site(site) => self.page("/", site),
            Entry::Direct => self.page("/", ""),
        }
    }

    fn shop(&mut self, draw: &mut Draw) {
        let mut looked_at: Option<Product> = None;
        for _ in 0..draw.between(0, 5) {
            self.wait(Span::seconds(i64::try_from(draw.between(8, 240)).unwrap_or(60)));
            // Most go on to what goes with what they looked at.
            let companion = looked_at.and_then(|last| last.companion()).filter(|_| draw.chance(60));
            if let Some(product) = companion.or_else(|| draw.one(&PRODUCTS).copied()) {
                self.look(&product);
                looked_at = Some(product);
            }
        }
        if self.visitor.user.is_some() && draw.chance(50) {
            self.wait(Span::seconds(5));
            self.push("identify", json!({ "traits": { "plan": "member" } }));
        }
        let Some(product) = looked_at.filter(|_| draw.chance(42)) else { return };
        self.wait(Span::seconds(20));
        let price = product.cents as f64 / 100.0;
        self.track(
            "Product Added",
            json!({
                "product_id": product.id(),
                "name": product.name,
                "price": price,
                "value": price,
                "currency": "EUR",
            }),
        );
        if !draw.chance(62) {
            return;
        }
        self.wait(Span::seconds(45));
        self.track("Checkout Started", json!({ "value": price, "currency": "EUR" }));
        if !draw.chance(66) {
            return;
        }
        self.wait(Span::seconds(90));
        let quantity = draw.between(1, 2);
        let total = (product.cents * quantity + 490) as f64 / 100.0;
        let order = json!({
            "order_id": format!("D-{}", self.name),
            "total": total,
            "currency": "EUR",
            "products": [{ "product_id": product.id(), "quantity": quantity, "price": price }],
        });
        self.track("Order Completed", order.clone());
        if self.visitor.user.is_some() && draw.chance(40) {
            self.server("Order Completed", &order);
        }
    }

    fn page(&mut self, path: &str, referrer: &str) {
        self.page_at(&format!("https://{HOST}{path}"), referrer);
    }

    /// A look at a product, named so that decisions learn from it.
    fn look(&mut self, product: &Product) {
        self.page(product.path, &format!("https://{HOST}/"));
        if let Some(step) = self.steps.last_mut() {
            step.call["properties"]["product_id"] = json!(product.id());
        }
    }

    fn page_at(&mut self, url: &str, referrer: &str) {
        let page = json!({ "url": url, "referrer": referrer, "title": "Demo shop" });
        self.push("page", json!({ "properties": page.clone(), "context": { "page": page } }));
    }

    fn track(&mut self, event: &str, properties: Value) {
        self.push("track", json!({ "event": event, "properties": properties }));
    }

    /// The shop's server tells of the same order, without a browser around it.
    fn server(&mut self, event: &str, properties: &Value) {
        let call = json!({
            "type": "track",
            "messageId": format!("{}-server", self.name),
            "userId": self.visitor.user,
            "event": event,
            "properties": properties,
            "context": { "library": { "name": "millstream-demo-server" } },
        });
        self.steps.push(Step { after: Span(self.at.0 + Span::seconds(1).0), call });
    }

    fn push(&mut self, kind: &str, more: Value) {
        let (measurement, advertising) = self.visitor.consent;
        self.sent += 1;
        let mut call = json!({
            "type": kind,
            "sequence": self.sent,
            "messageId": format!("{}-{}", self.name, self.steps.len()),
            "anonymousId": self.visitor.device,
            "context": {
                "library": { "name": "analytics.js" },
                "userAgent": self.visitor.agent,
                "ip": self.visitor.address,
                "network": { "rtt": self.visitor.round_trip_ms },
                "consent": { "measurement": measurement, "personalization": measurement, "advertising": advertising },
            },
        });
        if kind == "identify" {
            call["userId"] = json!(self.visitor.user);
        }
        merge(&mut call, more);
        self.steps.push(Step { after: self.at, call });
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

impl Step {
    /// The call with its stamps, for a visit that began at `start`.
    pub fn stamped(&self, start: Timestamp, visitor: &Visitor) -> Value {
        let time = start + self.after + visitor.skew;
        let mut call = self.call.clone();
        call["timestamp"] = json!(time.to_rfc3339());
        call["sentAt"] = json!((time + Span::millis(800)).to_rfc3339());
        call
    }
}

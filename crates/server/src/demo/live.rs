//! The present: visitors over HTTP, at a steady rate, in fast motion.

use super::draw::Draw;
use super::hero;
use super::visit::{Entry, Visit, Visitor};
use crate::load::connection::{Body, Connection, ConnectionError, Target, whole};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderName, Request};
use millstream_event::{Span, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How much faster than life visitors move.
const FAST_MOTION: i64 = 60;
/// Patience for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Visits under way at most.
const VISITS_MAX: usize = 512;

/// What the visitors did so far.
#[derive(Debug, Default)]
pub struct Told {
    /// Visits begun.
    pub visits: AtomicU64,
    /// Links followed.
    pub clicks: AtomicU64,
    /// Decisions asked for and answered.
    pub decisions: AtomicU64,
    /// Calls acknowledged.
    pub events: AtomicU64,
    /// Orders among them.
    pub orders: AtomicU64,
    /// Calls refused or without an answer.
    pub failed: AtomicU64,
}

/// Who walks in, how often, and until when.
#[derive(Clone)]
pub struct Live {
    /// The public plane.
    pub target: Target,
    /// Names all chances.
    pub seed: u64,
    /// Visits begun a second.
    pub visits_per_second: f64,
    /// True where the shop's use case is configured.
    pub decides: bool,
    /// Set to end it.
    pub end: Arc<AtomicBool>,
    /// Counts.
    pub told: Arc<Told>,
}

impl Live {
    /// Lets visitors in until the end is set. Blocks; makes its own runtime.
    ///
    /// # Errors
    /// When no runtime can be made.
    pub fn run(&self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.drive());
        Ok(())
    }

    async fn drive(&self) {
        let mut beat = tokio::time::interval(Duration::from_secs_f64(
            1.0 / self.visits_per_second.clamp(0.1, 1_000.0),
        ));
        let mut under_way = JoinSet::new();
        let mut number = 0_u64;
        while !self.end.load(Ordering::Relaxed) {
            beat.tick().await;
            while under_way.try_join_next().is_some() {}
            if under_way.len() < VISITS_MAX {
                under_way.spawn(self.clone().visit(number));
                number += 1;
            }
        }
    }

    async fn visit(self, number: u64) {
        let draw = Draw::new(self.seed);
        let started = now();
        // Some come again: they have one of the first visitors' devices.
        let mut chance = draw.nth(number.wrapping_add(1 << 41));
        let who = if chance.chance(35) { chance.between(0, 500) } else { number + 1_000_000 };
        let mut visit =
            Visit::draw(&draw, Visitor::nth(&draw, who), &format!("live{}-{number}", started.0));
        self.told.visits.fetch_add(1, Ordering::Relaxed);
        let mut connection = Connection::new(self.target.clone(), PATIENCE);
        // A visitor whose instance is gone goes away; the counts show it.
        if self.walk(&mut visit, &mut connection).await.is_err() {
            self.told.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn walk(
        &self,
        visit: &mut Visit,
        connection: &mut Connection,
    ) -> Result<(), ConnectionError> {
        let landing = match visit.entry {
            Entry::Link(link) => self.follow(link.slug, visit, connection).await?,
            _ => None,
        };
        let mut before = Span(0);
        let mut number = 0;
        while let Some(step) = visit.steps.get(number).cloned() {
            let pause = (step.after.0 - before.0) / FAST_MOTION;
            before = step.after;
            tokio::time::sleep(Duration::from_micros(u64::try_from(pause).unwrap_or(0))).await;
            let mut call = step.call.clone();
            let time = now() + visit.visitor.skew;
            call["timestamp"] = json!(time.to_rfc3339());
            call["sentAt"] = json!(time.to_rfc3339());
            if number == 0
                && let Some(url) = &landing
            {
                call["properties"]["url"] = json!(url);
                call["context"]["page"]["url"] = json!(url);
            }
            self.tell(&call, visit, connection).await?;
            if number % 50 == 7 {
                self.tell(&call, visit, connection).await?;
            }
            if self.decides && call["type"] == "page" && visit.visitor.is_asked_for() {
                let answer = self.ask(&call, visit, connection).await?;
                if number == 0 {
                    let arms = answer["experiments"].as_object().into_iter().flatten();
                    let arms: Vec<&str> = arms.filter_map(|(_, arm)| arm.as_str()).collect();
                    hero::discourage(visit, &arms, &Draw::new(self.seed));
                }
            }
            number += 1;
        }
        Ok(())
    }

    /// Asks what a page is to show; what answers.
    async fn ask(
        &self,
        call: &Value,
        visit: &Visit,
        connection: &mut Connection,
    ) -> Result<Value, ConnectionError> {
        let asked = json!({
            "use_case": hero::USE_CASE,
            "anonymous_id": visit.visitor.device,
            "context": { "page": call["properties"]["url"] },
            "consent": call["context"]["consent"],
        });
        let Some(request) = post("/v1/decide", &asked, visit) else { return Ok(Value::Null) };
        let answer = connection.send(request).await?;
        let counter =
            if answer.status.is_success() { &self.told.decisions } else { &self.told.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Follows a link; where it leads.
    async fn follow(
        &self,
        slug: &str,
        visit: &Visit,
        connection: &mut Connection,
    ) -> Result<Option<String>, ConnectionError> {
        let request = Request::get(format!("/r/{slug}"))
            .header(USER_AGENT, visit.visitor.agent)
            .header(FORWARDED, visit.visitor.address)
            .body(whole(Bytes::new()));
        let Ok(request) = request else { return Ok(None) };
        let answer = connection.send(request).await?;
        self.told.clicks.fetch_add(1, Ordering::Relaxed);
        Ok(answer
            .headers
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .map(str::to_owned))
    }

    async fn tell(
        &self,
        call: &Value,
        visit: &Visit,
        connection: &mut Connection,
    ) -> Result<(), ConnectionError> {
        let kind = call["type"].as_str().unwrap_or("track");
        let Some(request) = post(&format!("/v1/{kind}"), call, visit) else { return Ok(()) };
        let answer = connection.send(request).await?;
        let counter = match (answer.status.is_success(), call["event"].as_str()) {
            (false, _) => &self.told.failed,
            (true, Some("Order Completed")) => {
                self.told.orders.fetch_add(1, Ordering::Relaxed);
                &self.told.events
            }
            (true, _) => &self.told.events,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A call as a visitor's browser sends it.
fn post(path: &str, call: &Value, visit: &Visit) -> Option<Request<Body>> {
    let request = Request::post(path)
        .header(USER_AGENT, visit.visitor.agent)
        .header(FORWARDED, visit.visitor.address)
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, "Bearer demo")
        .body(whole(call.to_string().into()));
    request.ok()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

//! The worker of one destination: takes batches from its desk, renders, sends, judges.
//!
//! Rendering runs beside the event loop and within a time: a rule that hangs holds one of two
//! threads of its own destination, and nothing else.

use super::answer::{Answer, Verdict, judge, refused_places};
use super::chance::draw;
use super::client::SendError;
use super::desk::Desk;
use super::destination::Destination;
use super::item::Item;
use super::pace::{Batch, Step};
use super::queue::Waiting;
use super::request::{Prepared, Purpose, Rendered, render};
use millstream_event::Timestamp;
use millstream_event::delivery::DeadReason;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

/// Threads that may run the rules of one destination.
const RULES_AT_ONCE: usize = 2;

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Answer, SendError>> + Send>>;
/// Sends a request and reads its answer within a time.
pub type Transport = Arc<dyn Fn(Prepared, Duration) -> Answering + Send + Sync>;

/// What every worker works with.
#[derive(Clone)]
pub struct Shop {
    /// How requests go out.
    pub transport: Transport,
    /// The receive clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// When the forwarder began.
    pub began: Instant,
    /// True once everything is to end.
    pub closing: watch::Receiver<bool>,
}

impl Shop {
    /// The span since the forwarder began, and the time of day.
    pub fn now(&self) -> (Timestamp, Duration) {
        ((self.clock)(), self.began.elapsed())
    }
}

type One = Waiting<Arc<Item>>;

/// Works until everything is to end.
pub async fn run(desk: Arc<Desk>, shop: Shop) {
    let rules = Arc::new(Semaphore::new(RULES_AT_ONCE));
    let mut closing = shop.closing.clone();
    while !*closing.borrow() {
        let wait = match desk.step(shop.began.elapsed()) {
            Step::Send(batch) => {
                tokio::spawn(send(Arc::clone(&desk), shop.clone(), Arc::clone(&rules), batch));
                continue;
            }
            Step::Wait(wait) => wait,
        };
        let pause = async {
            match wait {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = desk.wake.notified() => {}
            () = pause => {}
            _ = closing.changed() => {}
        }
    }
}

/// Sends one batch and reports what became of each of its events.
async fn send(desk: Arc<Desk>, shop: Shop, rules: Arc<Semaphore>, batch: Batch) {
    let by = desk.destination();
    match rendered((&desk, &by), &shop, rules, &batch).await {
        Some(rendered) => settle((&desk, &by), &shop, &batch, rendered).await,
        None => {
            desk.unsent();
            for one in &batch {
                match batch.len() {
                    1 => desk.give_up(one, (DeadReason::RuleTimeout, 0), shop.now()),
                    // One of them hangs: each goes by itself.
                    _ => desk.put_back(vec![alone(one)], shop.began.elapsed()),
                }
            }
        }
    }
    desk.done();
}

fn alone(one: &One) -> One {
    Waiting { alone: true, ..one.clone() }
}

/// The batch as a request; `None` when the rules took too long.
async fn rendered(
    (desk, by): (&Desk, &Arc<Destination>),
    shop: &Shop,
    rules: Arc<Semaphore>,
    batch: &Batch,
) -> Option<Rendered> {
    let permit = rules.acquire_owned().await.ok()?;
    let items: Vec<Arc<Item>> = batch.iter().map(|one| Arc::clone(&one.item)).collect();
    let (own, at) = (Arc::clone(by), shop.now().0);
    let began = Instant::now();
    let rendering = tokio::task::spawn_blocking(move || {
        let items: Vec<&Item> = items.iter().map(|item| &**item).collect();
        let rendered = render(&own, &items, at, Purpose::Send);
        drop(permit);
        rendered
    });
    let rendered = timeout(by.bounds.rule, rendering).await.ok()?.ok();
    desk.figures.rules_run(began.elapsed());
    rendered
}

async fn settle((desk, by): (&Desk, &Destination), shop: &Shop, batch: &Batch, rendered: Rendered) {
    let pick = |places: &[usize]| -> Vec<&One> {
        places.iter().filter_map(|place| batch.get(*place)).collect()
    };
    if let Some(said) = &rendered.said {
        tracing::warn!(destination = by.name, reason = said, "a rule failed");
    }
    desk.skipped(&pick(&rendered.skipped));
    for (place, reason) in &rendered.failed {
        if let Some(one) = batch.get(*place) {
            desk.give_up(one, (*reason, 0), shop.now());
        }
    }
    let left = pick(&rendered.left).into_iter().cloned().collect();
    desk.put_back(left, shop.began.elapsed());
    let Some(request) = rendered.request else {
        desk.unsent();
        return;
    };
    let included = pick(&rendered.included);
    let (began, bytes) = (Instant::now(), request.body.len());
    let outcome = (shop.transport)(request, by.bounds.timeout).await;
    desk.figures.attempted(began.elapsed(), bytes);
    match outcome {
        Ok(answer) => answered((desk, by), shop, &included, &answer),
        Err(error) => {
            tracing::debug!(destination = by.name, %error, "a send failed");
            desk.figures.failed(error.class());
            again(desk, shop, &included, (None, 0));
        }
    }
}

fn answered((desk, by): (&Desk, &Destination), shop: &Shop, included: &[&One], answer: &Answer) {
    let status = answer.status.as_u16();
    let verdict = judge(by, answer);
    if verdict != Verdict::Accepted {
        desk.figures.failed(answer.status.as_str());
    }
    match verdict {
        Verdict::Accepted => {
            desk.works();
            let refused = refused_places(by, answer);
            let (mut taken, mut not) = (Vec::new(), Vec::new());
            for (place, one) in included.iter().enumerate() {
                if refused.contains(&place) { not.push(one) } else { taken.push(*one) }
            }
            desk.delivered(&taken, shop.now());
            for one in not {
                desk.give_up(one, (DeadReason::Refused, status), shop.now());
            }
        }
        Verdict::Later(asked) => again(desk, shop, included, (asked, status)),
        Verdict::Refused => {
            desk.works();
            for one in included {
                match included.len() {
                    1 => desk.give_up(one, (DeadReason::Refused, status), shop.now()),
                    // Perhaps only one of them is meant.
                    _ => desk.put_back(vec![alone(one)], shop.began.elapsed()),
                }
            }
        }
    }
}

fn again(desk: &Desk, shop: &Shop, included: &[&One], (asked, status): (Option<Duration>, u16)) {
    let now = shop.now();
    desk.fails(asked, (now.1, draw()));
    for one in included {
        desk.try_later(vec![(*one).clone()], (asked, status, draw()), now);
    }
}

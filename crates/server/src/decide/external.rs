//! An external recommendation service: asked beside the course, waited for as long as its own budget
//! allows. What comes later is kept for whoever asks for it.
//!
//! It is asked only for visitors whose profile was read with their consent, and with candidates that
//! the rules let through. It has a bound on questions under way, a breaker, and the rules on addresses
//! that hold for destinations.

use super::job::{Question, micros};
use super::kept::KeptAnswers;
use super::late::{Better, Late};
use super::served::Served;
use super::ticket::Decided;
use crate::forward::Guard;
use crate::forward::breaker::{Breaker, BreakerOptions, Permission};
use crate::forward::client::{Client, ClientError};
use crate::forward::request::Prepared;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use millstream_decide::outside::Handed;
use millstream_decide::{Answer, Fact, Micros, Reason, Stage, Visitor};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use url::Url;

/// Most names that are taken of an answer.
const NAMES_MAX: usize = 1_000;

/// The service as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalOptions {
    /// Where it is.
    pub url: Url,
    /// How long an answer waits for it.
    pub budget: Duration,
    /// How long a better answer waits for it, from the same start.
    pub late: Duration,
    /// Questions under way at most.
    pub concurrent: usize,
    /// Headers that are sent with each question.
    pub headers: HeaderMap,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct ExternalCounts {
    /// Questions that were sent.
    pub asked: AtomicU64,
    /// Answers in time.
    pub in_time: AtomicU64,
    /// Answers that came late.
    pub late: AtomicU64,
    /// Questions without a usable answer.
    pub failed: AtomicU64,
    /// Questions that were not sent: too many were under way, or the breaker was open.
    pub spared: AtomicU64,
}

/// See the module.
pub struct External {
    options: ExternalOptions,
    client: Client,
    runtime: Handle,
    breaker: Mutex<Breaker>,
    places: Arc<Semaphore>,
    since: Instant,
    /// What it counts.
    pub counts: ExternalCounts,
}

/// An answer that waits for a word from outside.
#[derive(Debug)]
pub(super) struct Awaited {
    reply: oneshot::Receiver<Result<Answer, Reason>>,
    began: Instant,
    budget: Duration,
    given: Arc<AtomicBool>,
}

/// What an answer came to that waited.
pub(super) enum Word {
    /// It was heeded, or failed: this is the answer.
    Said(Answer),
    /// It is late; a better answer may follow.
    Late(Answer),
}

/// Everything that a question is made of, and what becomes of its answer.
pub(super) struct Asking {
    pub(super) question: Arc<Question>,
    pub(super) served: Arc<Served>,
    pub(super) answer: Answer,
    pub(super) handed: Handed,
    pub(super) queued: Micros,
    pub(super) era: u32,
    pub(super) kept: Arc<KeptAnswers>,
    pub(super) late: Arc<Late>,
}

/// What it answers: names, best first, plain or as objects with an `id`.
#[derive(Deserialize)]
struct Reply {
    ranking: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Plain(Box<str>),
    Described { id: Box<str> },
}

fn names(body: &[u8]) -> Option<Vec<Box<str>>> {
    let reply: Reply = serde_json::from_slice(body).ok()?;
    let name = |named| match named {
        Named::Plain(name) | Named::Described { id: name } => name,
    };
    Some(reply.ranking.into_iter().take(NAMES_MAX).map(name).collect())
}

impl External {
    pub(super) fn new(
        options: ExternalOptions,
        guard: Guard,
        runtime: Handle,
    ) -> Result<Arc<Self>, ClientError> {
        Ok(Arc::new(Self {
            client: Client::new(guard)?,
            runtime,
            breaker: Mutex::new(Breaker::new(BreakerOptions::default())),
            places: Arc::new(Semaphore::new(options.concurrent)),
            since: Instant::now(),
            counts: ExternalCounts::default(),
            options,
        }))
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stable name of its breaker's state, and how often it opened.
    pub fn breaker_state(&self) -> (&'static str, u64) {
        let breaker = self.breaker();
        (breaker.state(), breaker.opened())
    }

    /// Asks, and returns at once.
    ///
    /// # Errors
    /// Why it is not asked.
    pub(super) fn ask(self: &Arc<Self>, asking: Asking) -> Result<Awaited, Reason> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Reason::HttpBusy);
        let place = place.and_then(|place| match self.breaker().ask(self.since.elapsed()) {
            Permission::Yes | Permission::Probe => Ok(place),
            Permission::AfterProbe | Permission::NotBefore(_) => Err(Reason::HttpOpen),
        });
        let place = place.inspect_err(|_| {
            self.counts.spared.fetch_add(1, Ordering::Relaxed);
        })?;
        self.counts.asked.fetch_add(1, Ordering::Relaxed);
        let (told, reply) = oneshot::channel();
        let given = Arc::new(AtomicBool::new(false));
        let (began, budget) = (Instant::now(), self.options.budget);
        let asked = (Arc::clone(self), Arc::clone(&given));
        self.runtime.spawn(asked.0.exchange((asking, began, place), told, asked.1));
        Ok(Awaited { reply, began, budget, given })
    }

    async fn exchange(
        self: Arc<Self>,
        (asking, began, _place): (Asking, Instant, OwnedSemaphorePermit),
        told: oneshot::Sender<Result<Answer, Reason>>,
        given: Arc<AtomicBool>,
    ) {
        let answered = self.client.send(self.prepared(&asking), self.options.late).await;
        let took = micros(began);
        let usable = answered.ok().filter(|answer| answer.status.is_success());
        let named = usable.and_then(|answer| names(&answer.body));
        let seed = asking.question.decision;
        let use_case = &asking.served.configured.use_case;
        let heeded = named
            .and_then(|named| asking.handed.heed(use_case, &asking.answer, &named, seed))
            .map(|mut answer| {
                answer.note(None, Some((Stage::Http, took)));
                answer
            });
        self.judge(heeded.is_some(), began.elapsed() <= self.options.budget, seed.low64());
        asking.served.learn_stages(&[(Stage::Http, took)], &[]);
        asking.keep(heeded.as_ref());
        if let Err(unheard) = told.send(heeded.ok_or(Reason::HttpFailed)) {
            asking.put(unheard, given.load(Ordering::Acquire));
        }
    }

    /// Tells the breaker: one that is always late is of no more use than one that fails.
    fn judge(&self, usable: bool, in_time: bool, chance: u64) {
        let counter = match (usable, in_time) {
            (true, true) => &self.counts.in_time,
            (true, false) => &self.counts.late,
            (false, _) => &self.counts.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        match usable && in_time {
            true => self.breaker().succeeded(),
            false => self.breaker().failed(self.since.elapsed(), chance),
        }
    }

    fn prepared(&self, asking: &Asking) -> Prepared {
        let body = Bytes::from(asking.body().to_string());
        let mut headers = self.options.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let url = self.options.url.clone();
        Prepared { method: Method::POST, url, headers, plain: body.clone(), body }
    }
}

impl Asking {
    fn body(&self) -> Value {
        let fact = |fact: &Fact| match fact {
            Fact::Text(text) => Value::from(&**text),
            Fact::Number(number) => Value::from(*number),
            Fact::Truth(truth) => Value::from(*truth),
        };
        let facts = &self.question.context.facts;
        let context: serde_json::Map<String, Value> =
            facts.iter().map(|(name, value)| (name.to_string(), fact(value))).collect();
        let use_case = &self.served.configured.use_case;
        json!({
            "use_case": use_case.name,
            "anonymous_id": self.question.named,
            "context": context,
            "candidates": self.handed.names().collect::<Vec<_>>(),
            "answer_max": use_case.answer_max,
        })
    }

    /// Keeps a heeded answer for the rung `cached`.
    fn keep(&self, heeded: Option<&Answer>) {
        if let (Visitor::Known(device), Some(answer)) = (self.question.visitor, heeded) {
            let names = answer.ranking.iter().map(|ranked| ranked.name.clone()).collect();
            self.kept.keep(&self.served.configured.use_case.name, device, (names, self.era));
        }
    }

    /// Nobody waited for the word: the better answer is kept for whoever asks. `given` says that the
    /// course's own answer was given.
    fn put(self, word: Result<Answer, Reason>, given: bool) {
        let Some(decision) = self.question.follow else { return };
        let answer = match word {
            Ok(answer) => answer,
            Err(_) if given => return self.late.fail(decision),
            Err(reason) => {
                let mut answer = self.answer;
                answer.note(Some(reason), None);
                answer
            }
        };
        let decided = Decided {
            answer,
            assignment: self.question.assignment.clone(),
            queued: self.queued,
            ended: micros(self.question.started),
            timed_out: false,
            awaited: false,
        };
        let (served, visitor) = (self.served, self.question.visitor);
        self.late.put(decision, Better { served, decided, visitor, era: self.era });
    }
}

impl Awaited {
    /// The word, or the answer without it when its time is up; `left` is what the answer has left.
    pub(super) async fn word(mut self, mut answer: Answer, left: Duration) -> Word {
        let patience = self.budget.saturating_sub(self.began.elapsed()).min(left);
        let mut said = match tokio::time::timeout(patience, &mut self.reply).await {
            Ok(said) => Some(said.unwrap_or(Err(Reason::HttpFailed))),
            Err(_) => None,
        };
        if said.is_none() {
            // Before the sender can learn that nobody waits.
            self.given.store(true, Ordering::Release);
            self.reply.close();
            said = self.reply.try_recv().ok();
        }
        match said {
            Some(Ok(heeded)) => Word::Said(heeded),
            Some(Err(reason)) => {
                answer.note(Some(reason), None);
                Word::Said(answer)
            }
            None => {
                answer.note(Some(Reason::HttpLate), None);
                answer.provisional = true;
                Word::Late(answer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rankings_are_names_or_objects_with_an_id() {
        let told = |text: &str| names(text.as_bytes());
        let two: Vec<Box<str>> = vec!["a".into(), "b".into()];
        assert_eq!(told(r#"{"ranking":["a","b"],"more":1}"#).as_ref(), Some(&two));
        assert_eq!(told(r#"{"ranking":[{"id":"a","score":2},"b"]}"#).as_ref(), Some(&two));
        for garbage in ["", "{}", "[]", r#"{"ranking":[1]}"#, r#"{"ranking":"a"}"#, "\u{0}"] {
            assert_eq!(told(garbage), None, "{garbage}");
        }
        let many = json!({ "ranking": vec!["x"; NAMES_MAX + 1] }).to_string();
        assert_eq!(told(&many).map(|names| names.len()), Some(NAMES_MAX));
    }
}

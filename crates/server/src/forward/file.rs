//! A destination's file as it is written. What a file leaves out stands in its preset, and what that
//! leaves out in the defaults here.

use super::columns::Holds;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::{Table, Value};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Another file's contents that this one is laid over; see [`super::presets`].
    #[serde(default)]
    pub preset: Option<String>,
    /// What it is, for people.
    #[serde(default)]
    pub about: String,
    /// Whether it is sent to.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which events, as an expression that is true or false.
    #[serde(default = "every", rename = "match")]
    pub matches: String,
    /// Purposes without which nothing is sent.
    #[serde(default = "measurement")]
    pub requires: Vec<String>,
    /// Whether events of bots are sent, too.
    #[serde(default)]
    pub bots: bool,
    /// Whether the events of one person arrive in their order.
    #[serde(default)]
    pub order: Order,
    /// What is sent.
    pub request: Request,
    /// Plain values that expressions call `param.NAME`.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// Values that expressions call `secret.NAME`.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// Tables that expressions ask with `lookup("NAME", key)`.
    #[serde(default)]
    pub lookups: BTreeMap<String, LookupFile>,
    /// How much at once.
    #[serde(default)]
    pub limits: Limits,
    /// What is tried again, and when.
    #[serde(default)]
    pub retry: Retry,
    /// When it is left alone.
    #[serde(default)]
    pub breaker: Breaker,
    /// What answers mean, where the status alone does not say.
    #[serde(default)]
    pub answer: Answer,
    /// How requests are signed.
    #[serde(default)]
    pub sign: Option<Sign>,
    /// How requests to object storage are signed.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// What is promised of it.
    #[serde(default)]
    pub sla: Sla,
    /// Parameters that mark what `destinations test` sends as a test.
    #[serde(default)]
    pub test: BTreeMap<String, Value>,
}

/// Whether order matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The essential first, of equals the oldest.
    #[default]
    None,
    /// The events of one person one after the other.
    Person,
}

/// `[request]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `POST` or `PUT`.
    #[serde(default = "post")]
    pub method: String,
    /// Where to, with expressions in `${}`.
    pub url: String,
    /// Headers, with expressions in `${}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What one event becomes; null leaves the event out.
    pub item: String,
    /// What the request's body is, of `items`; without it the one item.
    #[serde(default)]
    pub body: Option<String>,
    /// How the body is written.
    #[serde(default)]
    pub format: Format,
    /// Columns of a body in Parquet, by name: members of what `item` gives.
    #[serde(default)]
    pub columns: BTreeMap<String, Holds>,
    /// Whether the body is compressed.
    #[serde(default)]
    pub gzip: bool,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON value.
    #[default]
    Json,
    /// One JSON value a line.
    JsonLines,
    /// A Parquet file with a row for each item.
    Parquet,
}

/// Where a secret comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Secret {
    /// A variable of the environment.
    Env(String),
    /// A file that holds nothing else.
    File(PathBuf),
}

/// `[lookups.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupFile {
    /// A CSV file with a line of names first, found beside the destination's file.
    pub file: PathBuf,
    /// The column that rows are found by.
    pub key: String,
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Events a second; 0 for no limit.
    pub events_per_second: f64,
    /// Events that may come at once after a pause.
    pub burst: f64,
    /// Requests under way.
    pub concurrency: usize,
    /// For one whole request.
    pub timeout_ms: u64,
    /// In one request.
    pub batch_events: usize,
    /// Of one body.
    pub batch_bytes: usize,
    /// How long a batch may wait to fill.
    pub linger_ms: u64,
    /// For the mapping of one batch.
    pub rule_ms: u64,
    /// Events of one class held in memory.
    pub queue_events: usize,
    /// Events that may be behind in the log before what is not a conversion is passed by.
    pub backlog_records: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events_per_second: 0.0,
            burst: 100.0,
            concurrency: 8,
            timeout_ms: 10_000,
            batch_events: 1,
            batch_bytes: 1 << 20,
            linger_ms: 50,
            rule_ms: 1_000,
            queue_events: 2_000,
            backlog_records: 20_000_000,
        }
    }
}

/// `[retry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Answers after which the same may succeed later; others below 200 and from 300 on never will.
    pub statuses: Vec<u16>,
    /// Bound of the first wait.
    pub base_ms: u64,
    /// Bound of every wait.
    pub cap_ms: u64,
    /// Attempts of one event.
    pub attempts: u32,
    /// Age at which an event is given up.
    pub expire_hours: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            statuses: vec![408, 425, 429, 500, 502, 503, 504],
            base_ms: 500,
            cap_ms: 60_000,
            attempts: 12,
            expire_hours: 72,
        }
    }
}

/// `[answer]`: expressions over `answer.status` and `answer.body`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Whether an answer from 200 to 299 means that it was taken.
    pub accepted: Option<String>,
    /// Which events of a request that was taken were not: a list of their places in it, from 0.
    pub refused: Option<String>,
    /// Whether one that was not taken may be later.
    pub retry: Option<String>,
}

/// `[breaker]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Failed attempts in a hundred.
    pub failed_percent: usize,
    /// How long it stays open the first time.
    pub open_ms: u64,
    /// The longest that it stays open.
    pub open_max_ms: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failed_percent: 50, open_ms: 2_000, open_max_ms: 60_000 }
    }
}

/// `[sign]`: after the Standard Webhooks specification.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Name of the secret whose bytes are the key; `whsec_` and base64 after the specification, or text.
    pub secret: String,
}

/// `[storage]`: AWS Signature Version 4, for whatever speaks S3.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// The region of the bucket.
    pub region: String,
    /// Name of the secret that is the key's public name.
    #[serde(default = "access_key")]
    pub access_key: String,
    /// Name of the secret that is the key.
    #[serde(default = "secret_key")]
    pub secret_key: String,
}

/// `[sla]`: a share of events is to be delivered within a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sla {
    /// From received to confirmed.
    pub within_ms: u64,
    /// Share in a hundred.
    pub percent: f64,
}

impl Default for Sla {
    fn default() -> Self {
        Self { within_ms: 60_000, percent: 99.0 }
    }
}

const fn yes() -> bool {
    true
}

fn every() -> String {
    "true".to_owned()
}

fn measurement() -> Vec<String> {
    vec!["measurement".to_owned()]
}

fn access_key() -> String {
    "access_key".to_owned()
}

fn secret_key() -> String {
    "secret_key".to_owned()
}

fn post() -> String {
    "POST".to_owned()
}

/// Lays a file over its preset: tables member by member, everything else whole. Where a secret comes
/// from is one thing, not two.
pub fn lay_over(below: &mut Table, above: Table) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Table(inner)), Value::Table(value)) if !names_source(&value) => {
                lay_over(inner, value);
            }
            (_, value) => drop(below.insert(name, value)),
        }
    }
}

fn names_source(table: &Table) -> bool {
    table.len() == 1 && (table.contains_key("env") || table.contains_key("file"))
}

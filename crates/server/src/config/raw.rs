//! The configuration as it is written: one type per section, units in the names.
//!
//! No defaults here: they stand in `reference.toml`, which every file is laid over.

use crate::links::HouseRules;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// `[server]`
    pub server: Server,
    /// `[capture]`
    pub capture: Capture,
    /// `[[sources]]`
    #[serde(default)]
    pub sources: Vec<Source>,
    /// `[tls]`
    pub tls: Tls,
    /// `[consent]`
    pub consent: Consent,
    /// `[log]`
    pub log: Log,
    /// `[retention]`
    pub retention: Retention,
    /// `[pipeline]`
    pub pipeline: Pipeline,
    /// `[links]`
    pub links: HouseRules,
    /// `[[signed_links]]`
    #[serde(default)]
    pub signed_links: Vec<SignedLinkKey>,
    /// `[forward]`
    pub forward: Forward,
    /// `[tables]`
    pub tables: Tables,
    /// `[sql]`
    pub sql: Sql,
    /// `[decide]`
    pub decide: super::decide::Decide,
    /// `[admin]`
    pub admin: Admin,
}

/// `[[signed_links]]`: a key of signed links.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedLinkKey {
    /// What links name it by.
    pub id: String,
    /// Holds its secret as base64.
    pub secret_file: PathBuf,
}

/// `[server]`: where and what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The data directory.
    pub data_dir: PathBuf,
    /// Public plane.
    pub listen: String,
    /// Admin plane.
    pub admin_listen: String,
    /// What this process does.
    pub roles: Vec<String>,
    /// Worker threads of the public plane.
    pub threads: usize,
}

/// `[capture]`: the public plane's patience and bounds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// For redirects.
    pub redirect_wait_ms: u64,
    /// For events.
    pub log_wait_ms: u64,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<String>,
    /// Instead of the embedded list.
    pub country_database: Option<PathBuf>,
    /// Networks in which browsers are programs.
    pub data_centres: Option<PathBuf>,
    /// `[capture.limits]`
    pub limits: Limits,
    /// `[capture.timeouts]`
    pub timeouts: Timeouts,
}

/// `[capture.limits]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of one body.
    pub body_bytes: usize,
    /// Of one event.
    pub event_bytes: usize,
    /// In one batch.
    pub batch_events: usize,
    /// Of all requests in progress.
    pub in_flight_bytes: usize,
    /// In all.
    pub connections: usize,
    /// Of one client address.
    pub connections_per_client: usize,
    /// With a body, of one client address.
    pub requests_per_client: usize,
    /// On one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Of a request's head.
    pub head_bytes: usize,
    /// Streams of server-sent events.
    pub event_streams: usize,
    /// Of one client address.
    pub event_streams_per_client: usize,
}

/// `[capture.timeouts]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// Handshake and head.
    pub head_ms: u64,
    /// Body.
    pub body_ms: u64,
    /// Between requests.
    pub idle_ms: u64,
    /// At shutdown.
    pub shutdown_ms: u64,
    /// Between two signs of life on a stream.
    pub heartbeat_ms: u64,
}

/// One of `[[sources]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Part of the identity of its events.
    pub name: String,
    /// The keys as text, or `hash:` and 32 hexadecimal digits.
    pub write_keys: Vec<String>,
    /// What it belongs to: sources of one property see the same actions.
    pub property: Option<String>,
    /// Session timeout.
    pub timeout_minutes: Option<u32>,
    /// Whether a new campaign begins a session.
    pub split_by_campaign: Option<bool>,
    /// Whether a new day begins a session.
    pub split_by_day: Option<bool>,
    /// Whose days.
    pub time_zone: Option<String>,
}

/// `[tls]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Chain, leaf first.
    pub certificate: Option<PathBuf>,
    /// Private key.
    pub key: Option<PathBuf>,
}

/// `[consent]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Purposes without a rule for the country.
    pub default: Vec<String>,
    /// By ISO 3166-1 alpha-2 country.
    pub regions: BTreeMap<String, Vec<String>>,
    /// In the European list of vendors.
    pub tcf_vendor: Option<u64>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Of one segment.
    pub segment_bytes: u64,
    /// Waiting for the disk.
    pub queue_records_max: usize,
    /// Waiting for the disk.
    pub queue_bytes_max: usize,
    /// Under load.
    pub linger_max_us: u64,
    /// Of all segments.
    pub bytes_max: u64,
    /// Retention by age.
    pub retain_days: Option<u32>,
    /// Retention by size.
    pub retain_bytes: Option<u64>,
    /// Of what is kept of removed segments.
    pub kept_bytes_max: u64,
}

/// `[retention]`: how long rows are kept, in days; for ever where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// What is kept of each event.
    pub events_days: Option<u32>,
    /// Sessions.
    pub sessions_days: Option<u32>,
    /// Touches.
    pub touches_days: Option<u32>,
    /// Conversions and credits.
    pub conversions_days: Option<u32>,
}

/// `[pipeline]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Folding threads.
    pub owners: usize,
    /// Records between two commits of a lane.
    pub batch_records: usize,
    /// Behind capture.
    pub niceness: u8,
    /// Blocks of the state in memory.
    pub cache_bytes: u64,
    /// From one copy of the state to the next.
    pub checkpoint_minutes: u32,
    /// Session timeout.
    pub timeout_minutes: u32,
    /// Whether a new campaign begins a session.
    pub split_by_campaign: bool,
    /// Whether a new day begins a session.
    pub split_by_day: bool,
    /// Whose days.
    pub time_zone: String,
    /// Lateness.
    pub horizon_hours: u32,
    /// Attribution window.
    pub window_days: u32,
    /// Conversions whose value is revenue.
    pub revenue_events: Vec<String>,
    /// Other conversions.
    pub conversion_events: Vec<String>,
    /// Whether what orders sold is kept.
    pub keep_goods: Option<bool>,
    /// Hosts of ours.
    pub own_domains: Vec<String>,
    /// Hosts that are never referrers.
    pub excluded_referrers: Vec<String>,
}

/// `[forward]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// Of destinations' files.
    pub folder: Option<PathBuf>,
    /// Private networks that may be sent to.
    pub allow_addresses: Vec<String>,
    /// Threads that send.
    pub threads: usize,
}

/// `[tables]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    /// Whether they are kept up to date.
    pub keep: bool,
    /// From one refresh to the next.
    pub every_seconds: u32,
    /// Of one core.
    pub share_percent: u32,
}

/// `[sql]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// Of all questions together.
    pub memory_mb: usize,
    /// Temporary files of all questions together.
    pub spill_mb: u64,
    /// Of one question.
    pub seconds_max: u32,
    /// Of one answer.
    pub rows_max: usize,
    /// Of one answer.
    pub answer_mb: usize,
    /// Threads.
    pub threads: usize,
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Who may use the admin plane.
    #[serde(default)]
    pub tokens: Vec<Token>,
}

/// One of `[[admin.tokens]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whose it is.
    pub name: String,
    /// `viewer`, `editor` or `admin`.
    pub role: String,
    /// Hash of the token's text.
    pub sha256: String,
}

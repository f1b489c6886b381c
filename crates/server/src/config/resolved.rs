//! The configuration as the program uses it: checked, typed, in the shape of each module's options.

use super::error::ConfigError;
use super::forwarding::forward;
use super::kept::{KeptTables, sql, tables};
use super::properties::{properties, session_rules};
use super::raw::{self, Raw};
use super::retention::retention;
use crate::capture::{
    CaptureOptions, ConsentDefaults, KeyHash, Limits, Source, Timeouts, TlsFiles,
};
use crate::decide::DecideOptions;
use crate::forward::ForwardOptions;
use crate::instance::RowDays;
use crate::links::Governance;
use crate::priority::NICENESS_MAX;
use crate::sql::Bounds;
use millstream_attribute::conversion::ConversionRules;
use millstream_event::control::Settings;
use millstream_event::{Purposes, SourceId, Span};
use millstream_stitch::{Properties, SessionRules};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Most folding threads: one for each lane.
pub const OWNERS_MAX: usize = 64;
/// Most records between two commits of a lane.
pub const BATCH_RECORDS_MAX: usize = 100_000;
/// The least memory for blocks of the state.
pub const CACHE_BYTES_MIN: u64 = 1 << 20;
/// Longest time between two checkpoints: a week.
pub const CHECKPOINT_MINUTES_MAX: u32 = 7 * 24 * 60;

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The public plane.
    pub capture: bool,
    /// The fold.
    pub stream: bool,
    /// The admin plane.
    pub report: bool,
    /// Destinations.
    pub forward: bool,
}

/// Rules and shape of the fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Folding threads.
    pub owners: usize,
    /// Records between two commits of a lane.
    pub batch_records: usize,
    /// How far its threads step back behind those of capture.
    pub niceness: u8,
    /// Blocks of the state kept in memory.
    pub cache_bytes: u64,
    /// From one copy of the state to the next.
    pub checkpoint_every: Duration,
    /// When an event begins a session.
    pub sessions: SessionRules,
    /// Which sources see the same actions.
    pub properties: Properties,
    /// Lateness.
    pub horizon: Span,
    /// Attribution window.
    pub window: Span,
    /// Names of conversions.
    pub conversions: ConversionRules,
    /// Whether what orders sold is kept, so that its cost can be told; as costs are known, where nothing
    /// is said.
    pub keep_goods: Option<bool>,
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub data_dir: PathBuf,
    /// Public plane.
    pub capture: CaptureOptions,
    /// Instead of the embedded list of countries.
    pub country_database: Option<PathBuf>,
    /// Networks in which browsers are programs.
    pub data_centres: Option<PathBuf>,
    /// Admin plane.
    pub admin_listen: SocketAddr,
    /// Who may use it.
    pub tokens: Vec<raw::Token>,
    /// What this process does.
    pub roles: Roles,
    /// The log.
    pub log: raw::Log,
    /// How long rows are kept.
    pub retention: RowDays,
    /// The fold.
    pub pipeline: Pipeline,
    /// House rules of links.
    pub governance: Governance,
    /// Destinations.
    pub forward: ForwardOptions,
    /// The kept tables.
    pub tables: KeptTables,
    /// Bounds of questions in SQL.
    pub sql: Bounds,
    /// Decisions.
    pub decide: DecideOptions,
    /// Own domains and excluded referrers as configured.
    pub settings: Settings,
}

impl Config {
    /// Checks what was written.
    ///
    /// # Errors
    /// The first value that makes no sense, with its key.
    pub fn resolve(raw: Raw) -> Result<Self, ConfigError> {
        let capture = capture(&raw)?;
        let forwarding = forward(&raw)?;
        let roles = roles(&raw.server.roles)?;
        let sessions = session_rules(&raw.pipeline, &raw.sources)?;
        let properties = properties(&raw.sources)?;
        Ok(Self {
            decide: super::decide::decide(&raw.decide, &forwarding.guard)?,
            forward: forwarding,
            data_dir: raw.server.data_dir,
            capture,
            country_database: raw.capture.country_database,
            data_centres: raw.capture.data_centres,
            admin_listen: address("server.admin_listen", &raw.server.admin_listen)?,
            tokens: tokens(raw.admin.tokens)?,
            roles,
            log: log(raw.log)?,
            settings: Settings {
                own_domains: hosts(&raw.pipeline.own_domains),
                excluded_referrers: hosts(&raw.pipeline.excluded_referrers),
                ..Settings::default()
            },
            governance: Governance::new(raw.links)
                .map_err(|error| wrong("links", "rules", &error.to_string()))?,
            tables: tables(&raw.tables)?,
            sql: sql(&raw.sql)?,
            retention: retention(&raw.retention, raw.pipeline.window_days)?,
            pipeline: pipeline(&raw.pipeline, (sessions, properties))?,
        })
    }
}

pub(super) fn wrong(key: &'static str, value: impl ToString, why: &str) -> ConfigError {
    ConfigError::Value { key, value: value.to_string(), why: why.to_owned() }
}

/// A socket address; a host name is looked up.
pub(crate) fn address(key: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    let found =
        std::net::ToSocketAddrs::to_socket_addrs(text).ok().and_then(|mut found| found.next());
    found.ok_or_else(|| wrong(key, text, "write address:port, such as 127.0.0.1:8080"))
}

fn roles(names: &[String]) -> Result<Roles, ConfigError> {
    let mut roles = Roles { capture: false, stream: false, report: false, forward: false };
    for name in names {
        match name.as_str() {
            "capture" => roles.capture = true,
            "stream" => roles.stream = true,
            "report" => roles.report = true,
            "forward" => roles.forward = true,
            other => {
                return Err(wrong("server.roles", other, "use capture, stream, report, forward"));
            }
        }
    }
    let whole = roles.stream && (roles.capture || roles.report);
    if !whole {
        return Err(wrong(
            "server.roles",
            names.join(","),
            "the embedded log has one process: stream must be among them, with capture, report or both",
        ));
    }
    Ok(roles)
}

fn capture(raw: &Raw) -> Result<CaptureOptions, ConfigError> {
    let threads = raw.server.threads;
    if !(1..=1_024).contains(&threads) {
        return Err(wrong("server.threads", threads, "use 1 to 1024"));
    }
    let tls = match (&raw.tls.certificate, &raw.tls.key) {
        (Some(certificate), Some(key)) => {
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
        }
        (None, None) => None,
        _ => return Err(wrong("tls.certificate", "", "give certificate and key, or neither")),
    };
    let proxies = raw.capture.trusted_proxies.iter().map(|text| {
        text.parse::<IpAddr>()
            .map_err(|_| wrong("capture.trusted_proxies", text, "write addresses without port"))
    });
    Ok(CaptureOptions {
        listen: address("server.listen", &raw.server.listen)?,
        tls,
        threads,
        sources: raw.sources.iter().map(source).collect::<Result<_, _>>()?,
        trusted_proxies: proxies.collect::<Result<_, _>>()?,
        redirect_wait: Duration::from_millis(raw.capture.redirect_wait_ms),
        log_wait: Duration::from_millis(raw.capture.log_wait_ms),
        consent: consent(&raw.consent)?,
        limits: limits(&raw.capture.limits)?,
        timeouts: timeouts(&raw.capture.timeouts),
        signed_links: super::signed_links::signed_links(&raw.signed_links)?,
    })
}

fn source(raw: &raw::Source) -> Result<Source, ConfigError> {
    let name = SourceId::parse(&raw.name).ok_or_else(|| {
        wrong("sources.name", &raw.name, "use 1 to 64 bytes without control characters")
    })?;
    if raw.write_keys.is_empty() {
        return Err(wrong(
            "sources.write_keys",
            &raw.name,
            "give the source at least one write key",
        ));
    }
    let keys = raw.write_keys.iter().map(|text| match text.strip_prefix("hash:") {
        Some(hash) => KeyHash::parse(hash).ok_or_else(|| {
            wrong("sources.write_keys", "hash:…", "write 32 hexadecimal digits behind hash:")
        }),
        None if text.is_empty() => {
            Err(wrong("sources.write_keys", "\"\"", "a write key cannot be empty"))
        }
        None => Ok(KeyHash::of(text)),
    });
    Ok(Source { name, keys: keys.collect::<Result<_, _>>()? })
}

fn consent(raw: &raw::Consent) -> Result<ConsentDefaults, ConfigError> {
    let purposes = |names: &[String]| -> Result<Purposes, ConfigError> {
        ConsentDefaults::parse_purposes(names).map_err(|name| {
            wrong("consent", name, "purposes are measurement, personalization, advertising")
        })
    };
    let mut regions = Vec::new();
    for (country, names) in &raw.regions {
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong(
                "consent.regions",
                country,
                "write the two capital letters of ISO 3166-1",
            ));
        }
        regions.push((country.as_str().into(), purposes(names)?));
    }
    Ok(ConsentDefaults { granted: purposes(&raw.default)?, regions, tcf_vendor: raw.tcf_vendor })
}

fn limits(raw: &raw::Limits) -> Result<Limits, ConfigError> {
    if raw.event_bytes > millstream_event::record::RECORD_BYTES_MAX / 4 {
        return Err(wrong(
            "capture.limits.event_bytes",
            raw.event_bytes,
            "use at most 262144: an event must fit a record",
        ));
    }
    let bounds = [
        ("capture.limits.body_bytes", raw.body_bytes),
        ("capture.limits.event_bytes", raw.event_bytes),
        ("capture.limits.batch_events", raw.batch_events),
        ("capture.limits.in_flight_bytes", raw.in_flight_bytes),
        ("capture.limits.connections", raw.connections),
        ("capture.limits.connections_per_client", raw.connections_per_client),
        ("capture.limits.requests_per_client", raw.requests_per_client),
        ("capture.limits.streams_per_connection", raw.streams_per_connection as usize),
        ("capture.limits.head_bytes", raw.head_bytes),
        ("capture.limits.event_streams", raw.event_streams),
        ("capture.limits.event_streams_per_client", raw.event_streams_per_client),
    ];
    if let Some((key, _)) = bounds.iter().find(|(_, value)| *value == 0) {
        return Err(wrong(key, 0, "a limit of 0 would refuse everything"));
    }
    Ok(Limits {
        body_bytes: raw.body_bytes,
        event_bytes: raw.event_bytes,
        batch_events: raw.batch_events,
        in_flight_bytes: raw.in_flight_bytes,
        connections: raw.connections,
        connections_per_client: raw.connections_per_client,
        requests_per_client: raw.requests_per_client,
        streams_per_connection: raw.streams_per_connection,
        head_bytes: raw.head_bytes,
        event_streams: raw.event_streams,
        event_streams_per_client: raw.event_streams_per_client,
    })
}

const fn timeouts(raw: &raw::Timeouts) -> Timeouts {
    Timeouts {
        head: Duration::from_millis(raw.head_ms),
        body: Duration::from_millis(raw.body_ms),
        idle: Duration::from_millis(raw.idle_ms),
        shutdown: Duration::from_millis(raw.shutdown_ms),
        heartbeat: Duration::from_millis(raw.heartbeat_ms),
    }
}

fn log(raw: raw::Log) -> Result<raw::Log, ConfigError> {
    if raw.segment_bytes < 1 << 20 {
        return Err(wrong("log.segment_bytes", raw.segment_bytes, "use at least 1048576"));
    }
    if raw.queue_records_max == 0 || raw.queue_bytes_max < 2 << 20 {
        return Err(wrong(
            "log.queue_bytes_max",
            raw.queue_bytes_max,
            "use at least 2097152 bytes and one record",
        ));
    }
    if raw.bytes_max < raw.segment_bytes {
        return Err(wrong("log.bytes_max", raw.bytes_max, "it must hold at least one segment"));
    }
    if raw.retain_days == Some(0) {
        return Err(wrong("log.retain_days", 0, "use at least 1, or leave it out to keep all"));
    }
    if let Some(bytes) = raw.retain_bytes.filter(|bytes| *bytes < raw.segment_bytes) {
        return Err(wrong("log.retain_bytes", bytes, "it must hold at least one segment"));
    }
    Ok(raw)
}

fn pipeline(
    raw: &raw::Pipeline,
    (sessions, properties): (SessionRules, Properties),
) -> Result<Pipeline, ConfigError> {
    let (minutes, most) = (raw.checkpoint_minutes as usize, CHECKPOINT_MINUTES_MAX as usize);
    for (key, value, range, why) in [
        ("pipeline.owners", raw.owners, 1..=OWNERS_MAX, "use 1 to 64"),
        ("pipeline.batch_records", raw.batch_records, 1..=BATCH_RECORDS_MAX, "use 1 to 100000"),
        ("pipeline.niceness", raw.niceness.into(), 0..=NICENESS_MAX.into(), "use 0 to 19"),
        ("pipeline.checkpoint_minutes", minutes, 1..=most, "use 1 to 10080"),
    ] {
        if !range.contains(&value) {
            return Err(wrong(key, value, why));
        }
    }
    if raw.cache_bytes < CACHE_BYTES_MIN {
        return Err(wrong("pipeline.cache_bytes", raw.cache_bytes, "use at least 1048576 (1 MiB)"));
    }
    if raw.window_days == 0 {
        return Err(wrong("pipeline.window_days", raw.window_days, "use at least 1"));
    }
    let revenue = raw.revenue_events.iter().map(|name| (name.as_str(), true));
    let others = raw.conversion_events.iter().map(|name| (name.as_str(), false));
    Ok(Pipeline {
        owners: raw.owners,
        batch_records: raw.batch_records,
        niceness: raw.niceness,
        cache_bytes: raw.cache_bytes,
        checkpoint_every: Duration::from_secs(60 * u64::from(raw.checkpoint_minutes)),
        sessions,
        properties,
        horizon: Span::hours(i64::from(raw.horizon_hours)),
        window: Span::days(i64::from(raw.window_days)),
        conversions: ConversionRules::new(revenue.chain(others)),
        keep_goods: raw.keep_goods,
    })
}

fn hosts(names: &[String]) -> Vec<Box<str>> {
    names.iter().map(|name| name.trim().to_ascii_lowercase().into()).collect()
}

fn tokens(raw: Vec<raw::Token>) -> Result<Vec<raw::Token>, ConfigError> {
    for token in &raw {
        let hexadecimal =
            token.sha256.len() == 64 && token.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hexadecimal {
            return Err(wrong(
                "admin.tokens.sha256",
                &token.name,
                "write the 64 hexadecimal digits of the token's SHA-256",
            ));
        }
        if !["viewer", "editor", "admin"].contains(&token.role.as_str()) {
            return Err(wrong("admin.tokens.role", &token.role, "use viewer, editor or admin"));
        }
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read;

    fn resolve(file: &str) -> Result<Config, ConfigError> {
        Config::resolve(read(Some(("odd.toml", file)), &[])?)
    }

    #[test]
    fn the_reference_says_what_the_modules_default_to() {
        let config = resolve("").unwrap();
        assert_eq!(format!("{:?}", config.capture), format!("{:?}", CaptureOptions::default()));
        assert_eq!(config.pipeline.conversions, ConversionRules::default());
        let lists = crate::agents::AgentList::default();
        let rules = millstream_pipeline::Rules::new(&lists);
        assert_eq!(
            (config.pipeline.sessions, config.pipeline.horizon, config.pipeline.window),
            (rules.sessions, rules.horizon, rules.window)
        );
        assert_eq!(config.settings, Settings::default());
    }

    #[test]
    fn values_are_refused_with_their_key() {
        for (file, key) in [
            ("[server]\nlisten = \"nowhere\"", "server.listen"),
            ("[server]\nroles = [\"decide\"]", "server.roles"),
            ("[server]\nroles = [\"capture\"]", "server.roles"),
            ("[server]\nthreads = 0", "server.threads"),
            ("[pipeline]\nowners = 65", "pipeline.owners"),
            ("[pipeline]\nbatch_records = 0", "pipeline.batch_records"),
            ("[consent]\ndefault = [\"all\"]", "consent"),
            ("[consent.regions]\nde = []", "consent.regions"),
            ("[tls]\nkey = \"/k\"", "tls.certificate"),
            ("[capture.limits]\nbatch_events = 0", "capture.limits.batch_events"),
            ("[[sources]]\nname = \"a\"\nwrite_keys = []", "sources.write_keys"),
            ("[[sources]]\nname = \"a\"\nwrite_keys = [\"hash:12\"]", "sources.write_keys"),
            (
                "[[admin.tokens]]\nname = \"a\"\nrole = \"root\"\nsha256 = \"0\"",
                "admin.tokens.sha256",
            ),
            ("[log]\nbytes_max = 5", "log.bytes_max"),
            ("[log]\nretain_days = 0", "log.retain_days"),
            ("[log]\nretain_bytes = 5", "log.retain_bytes"),
            ("[pipeline]\ntimeout_minutes = 0", "pipeline.timeout_minutes"),
            ("[pipeline]\ntimeout_minutes = 527041", "pipeline.timeout_minutes"),
            ("[pipeline]\nwindow_days = 0", "pipeline.window_days"),
            ("[pipeline]\ntime_zone = \"Mars/Olympus\"", "pipeline.time_zone"),
            (
                "[[sources]]\nname = \"a\"\nwrite_keys = [\"k\"]\ntimeout_minutes = 0",
                "sources.timeout_minutes",
            ),
            (
                "[[sources]]\nname = \"a\"\nwrite_keys = [\"k\"]\ntime_zone = \"Nowhere\"",
                "sources.time_zone",
            ),
            ("[pipeline]\nniceness = 20", "pipeline.niceness"),
            ("[pipeline]\ncache_bytes = 1048575", "pipeline.cache_bytes"),
            ("[pipeline]\ncheckpoint_minutes = 0", "pipeline.checkpoint_minutes"),
            ("[pipeline]\ncheckpoint_minutes = 10081", "pipeline.checkpoint_minutes"),
            ("[tables]\nevery_seconds = 0", "tables.every_seconds"),
            ("[tables]\nshare_percent = 101", "tables.share_percent"),
            ("[sql]\nmemory_mb = 15", "sql.memory_mb"),
            ("[sql]\nrows_max = 0", "sql.rows_max"),
            ("[sql]\nspill_mb = 1048577", "sql.spill_mb"),
        ] {
            let said = resolve(file).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(key), "{file}: {said}");
        }
    }

    #[test]
    fn owners_hold_at_the_limit() {
        assert_eq!(resolve("[pipeline]\nowners = 64").unwrap().pipeline.owners, OWNERS_MAX);
        let minutes = format!("[pipeline]\ncheckpoint_minutes = {CHECKPOINT_MINUTES_MAX}");
        assert_eq!(resolve(&minutes).unwrap().pipeline.checkpoint_every.as_secs(), 604_800);
        assert_eq!(resolve("[pipeline]\nniceness = 19").unwrap().pipeline.niceness, NICENESS_MAX);
        assert_eq!(
            resolve("[pipeline]\ncache_bytes = 1048576").unwrap().pipeline.cache_bytes,
            1 << 20
        );
        let batch = format!("[pipeline]\nbatch_records = {BATCH_RECORDS_MAX}");
        assert_eq!(resolve(&batch).unwrap().pipeline.batch_records, BATCH_RECORDS_MAX);
    }

    #[test]
    fn write_keys_are_kept_as_hashes() {
        let config = resolve("[[sources]]\nname = \"shop\"\nwrite_keys = [\"abc\"]").unwrap();
        assert_eq!(config.capture.sources[0].keys, [KeyHash::of("abc")]);
        assert!(!format!("{config:?}").contains("\"abc\""));
    }
}

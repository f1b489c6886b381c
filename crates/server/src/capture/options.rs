//! How the public plane is set up, resolved once by the configuration.

use super::sources::Source;
use crate::links::SignedLinks;
use millstream_event::wire;
use millstream_event::{Consent, ConsentSource, Purpose, Purposes};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Everything the public plane can be told.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate and key; without them the listener speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Worker threads of the public plane.
    pub threads: usize,
    /// Who may send events. Empty: everyone, on a loopback address only.
    pub sources: Vec<Source>,
    /// Addresses of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long a visitor may wait for the click to become durable.
    pub redirect_wait: Duration,
    /// How long the sender of events waits for the log before it is told to retry.
    pub log_wait: Duration,
    /// What holds where nobody said anything.
    pub consent: ConsentDefaults,
    /// Bounds.
    pub limits: Limits,
    /// Patience.
    pub timeouts: Timeouts,
    /// Keys of signed links.
    pub signed_links: SignedLinks,
}

/// PEM files for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, leaf first.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Consent where neither the event, nor the visitor, nor the browser said anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentDefaults {
    /// Without a rule for the country.
    pub granted: Purposes,
    /// By ISO 3166-1 alpha-2 country, upper case.
    pub regions: Vec<(Box<str>, Purposes)>,
    /// Our number in the European list of vendors, where we have one.
    pub tcf_vendor: Option<u64>,
}

impl ConsentDefaults {
    /// What holds where the event itself says nothing: the country's rule, else the one for all.
    pub fn of(&self, country: Option<&str>) -> Consent {
        let regional = country
            .and_then(|country| self.regions.iter().find(|(region, _)| **region == *country));
        match regional {
            Some((_, granted)) => Consent { granted: *granted, source: ConsentSource::Regional },
            None => Consent { granted: self.granted, source: ConsentSource::Default },
        }
    }

    /// The purposes named in a list such as `["measurement", "advertising"]`; the unknown name
    /// otherwise.
    ///
    /// # Errors
    /// The first name that is no purpose.
    pub fn parse_purposes(names: &[String]) -> Result<Purposes, String> {
        names.iter().try_fold(Purposes::NONE, |purposes, name| {
            purpose(name).map(|purpose| purposes.with(purpose)).ok_or_else(|| name.clone())
        })
    }
}

/// The purpose with this name.
pub(super) fn purpose(name: &str) -> Option<Purpose> {
    match name {
        "measurement" => Some(Purpose::Measurement),
        "personalization" => Some(Purpose::Personalization),
        "advertising" => Some(Purpose::Advertising),
        _ => None,
    }
}

/// Bounds of the public plane; every one is answered and counted when reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one body, packed and unpacked.
    pub body_bytes: usize,
    /// Bytes of one event inside a batch.
    pub event_bytes: usize,
    /// Events in one batch.
    pub batch_events: usize,
    /// Body bytes of all requests in progress.
    pub in_flight_bytes: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one client address; trusted proxies are exempt.
    pub connections_per_client: usize,
    /// Requests with a body in progress of one client address.
    pub requests_per_client: usize,
    /// Concurrent requests on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Open streams of server-sent events.
    pub event_streams: usize,
    /// Open streams of server-sent events of one client address.
    pub event_streams_per_client: usize,
}

impl Limits {
    /// The part that parsers of events keep to.
    pub(super) fn of_events(&self) -> wire::Limits {
        wire::Limits {
            event_bytes: self.event_bytes,
            batch_events: self.batch_events,
            ..wire::Limits::default()
        }
    }
}

/// Patience of the public plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the connection to the end of the TLS handshake, and for a request's head.
    pub head: Duration,
    /// For a body, from its first byte to its last.
    pub body: Duration,
    /// For a connection without a request in progress.
    pub idle: Duration,
    /// For requests in progress when the server closes.
    pub shutdown: Duration,
    /// Between two signs of life on a stream of server-sent events.
    pub heartbeat: Duration,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls: None,
            threads: 2,
            sources: Vec::new(),
            trusted_proxies: Vec::new(),
            redirect_wait: Duration::from_millis(50),
            log_wait: Duration::from_secs(10),
            consent: ConsentDefaults::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            signed_links: SignedLinks::default(),
        }
    }
}

impl Default for ConsentDefaults {
    fn default() -> Self {
        Self { granted: Purposes::ALL, regions: Vec::new(), tcf_vendor: None }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 500 * 1_024,
            event_bytes: 32 * 1_024,
            batch_events: 2_500,
            in_flight_bytes: 128 << 20,
            connections: 20_000,
            connections_per_client: 2_000,
            requests_per_client: 1_000,
            streams_per_connection: 256,
            head_bytes: 32 * 1_024,
            event_streams: 1_000,
            event_streams_per_client: 16,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(8),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            shutdown: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
        }
    }
}

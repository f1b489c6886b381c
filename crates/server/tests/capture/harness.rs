//! A public plane on a free port, and a client for it.

use crate::memory_log::MemoryLog;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use millstream_event::control::{Control, Link, Settings};
use millstream_event::{Campaign, Timestamp};
use millstream_server::capture::{
    CaptureError, CaptureHandle, CaptureKeys, CaptureOptions, CaptureParts, Readiness, TlsFiles,
    start,
};
use millstream_server::data_centres::DataCentres;
use millstream_server::decide::Service;
use millstream_server::links::Registry;
use millstream_server::places::Places;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub const KEYS: CaptureKeys = CaptureKeys { subject: [1; 32], click: [2; 32], cookie: [3; 32] };

/// A running plane over a log in memory.
pub struct Plane {
    pub log: Arc<MemoryLog>,
    pub handle: CaptureHandle,
    pub ready: Arc<AtomicBool>,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of a refusal, whose body must have the documented form.
    pub fn code(&self) -> String {
        let body = self.json();
        assert_eq!(body["success"], false);
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    pub async fn of(response: Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status, headers: head.headers, body }
    }
}

/// Options for tests: a free port, one thread, a log wait that tests can sit out.
pub fn options() -> CaptureOptions {
    CaptureOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        threads: 1,
        redirect_wait: Duration::from_secs(5),
        log_wait: Duration::from_secs(5),
        ..CaptureOptions::default()
    }
}

pub fn link(slug: &str, destination: &str) -> Link {
    Link {
        slug: slug.into(),
        version: 3,
        destination: destination.into(),
        campaign: Campaign {
            source: Some("june".into()),
            medium: Some("email".into()),
            name: Some("spring".into()),
            ..Campaign::default()
        },
        status: 302,
        owner: "ann".into(),
        expires: None,
        consent_text: None,
        enabled: true,
        changed: Timestamp(0),
    }
}

/// Countries of the documentation networks, for tests.
pub fn country(address: IpAddr) -> Option<Box<str>> {
    match address.to_string().as_str() {
        "198.51.100.7" => Some("FR".into()),
        "203.0.113.5" => Some("US".into()),
        _ => None,
    }
}

impl Plane {
    pub fn start(options: CaptureOptions) -> Self {
        Self::try_start(options).unwrap()
    }

    /// The same with decisions.
    pub fn deciding(options: CaptureOptions, decide: Arc<Service>) -> Self {
        Self::try_start_with(options, Some(decide)).unwrap()
    }

    pub fn try_start(options: CaptureOptions) -> Result<Self, CaptureError> {
        Self::try_start_with(options, None)
    }

    fn try_start_with(
        options: CaptureOptions,
        decide: Option<Arc<Service>>,
    ) -> Result<Self, CaptureError> {
        let (log, registry) = (Arc::new(MemoryLog::default()), Arc::new(Registry::new()));
        let mut disabled = link("off", "https://shop.example/");
        disabled.enabled = false;
        let settings = Settings { own_domains: vec!["shop.example".into()], ..Settings::default() };
        let moved = Link { status: 307, ..link("moved", "http://shop.example/moved") };
        let controls = [
            Control::Link(link("spring", "https://shop.example/sale?x=%2f+%20#top")),
            Control::Link(disabled),
            Control::Link(moved),
            Control::Link(Link {
                expires: Some(Timestamp(1)),
                ..link("ended", "https://shop.example/")
            }),
            Control::Link(link("broken", "https://shop.example/\r\nx: y")),
            Control::Settings(settings),
        ];
        for (version, control) in (1..).zip(&controls) {
            registry.apply(version, control);
        }
        let ready = Arc::new(AtomicBool::new(true));
        let stage = Arc::clone(&ready);
        let check = move || {
            if stage.load(Ordering::SeqCst) { Ok(()) } else { Err("replaying".to_owned()) }
        };
        let parts = CaptureParts {
            log: Arc::clone(&log) as _,
            registry,
            keys: KEYS,
            places: Places {
                country: Arc::new(country),
                country_fallback: false,
                data_centres: Arc::new(DataCentres::parse("192.0.2.0/24", "(test)").unwrap()),
            },
            decide,
            readiness: vec![Readiness { stage: "log", check: Box::new(check) }],
        };
        Ok(Self { log, handle: start(options, parts)?, ready })
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.handle.address).await.unwrap()
    }

    /// One request over a connection of its own.
    pub async fn send(&self, request: Request<Bytes>) -> Answer {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.connect().await))
                .await
                .unwrap();
        let driving = tokio::spawn(connection);
        let answer = Answer::of(sender.send_request(request.map(Full::new)).await.unwrap()).await;
        drop(sender);
        driving.await.unwrap().unwrap();
        assert!(answer.header("server-timing").contains("total;dur="), "{answer:?}");
        answer
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request("GET", path, headers, "")).await
    }

    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.send(request("POST", path, headers, body)).await
    }
}

pub fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(path).header("host", "ms.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

/// The cookie that a browser sends back.
pub fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Waits until a condition holds, for what happens behind an answer.
pub async fn until(condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("the condition never held");
}

/// A certificate for `localhost`, in files that live as long as this.
pub struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    pub fn tls(&self) -> TlsFiles {
        let folder = self.folder.path();
        TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
    }
}

/// A self-signed certificate, and a client that trusts it and nothing else.
pub fn certificate() -> (Certificate, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = Certificate { folder: tempfile::tempdir().unwrap() };
    let TlsFiles { certificate, key } = files.tls();
    std::fs::write(certificate, made.cert.pem()).unwrap();
    std::fs::write(key, made.signing_key.serialize_pem()).unwrap();
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    (files, TlsConnector::from(Arc::new(client)))
}

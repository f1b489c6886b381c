//! What is sent: the n-th request of a profile, the same for the same seed.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request};
use millstream_event::Hash128;
use serde::Serialize;

/// What kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Visitors follow links.
    Redirects,
    /// One event a request.
    Events,
    /// Many events a request.
    Batches,
    /// Visitors are decided about.
    Decisions,
    /// Six in ten single events, three redirects, one batch.
    Mixed,
}

/// What one request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `GET /r/{slug}`
    Redirect,
    /// `POST /v1/track`
    Event,
    /// `POST /v1/batch`
    Batch,
    /// `POST /v1/decide`
    Decision,
}

impl Operation {
    /// Every operation, in the order of [`Self::index`].
    pub const ALL: [Self; 4] = [Self::Redirect, Self::Event, Self::Batch, Self::Decision];

    /// Its place in per-operation arrays.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::Event => "event",
            Self::Batch => "batch",
            Self::Decision => "decision",
        }
    }
}

/// The details of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The profile.
    pub profile: Profile,
    /// Links to follow, in turn.
    pub slugs: Vec<String>,
    /// The use case of decisions.
    pub use_case: String,
    /// Write key.
    pub write_key: String,
    /// Events in one batch.
    pub batch_events: usize,
    /// Different devices.
    pub devices: u64,
    /// Names this run: equal seeds send equal events.
    pub seed: u64,
}

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

impl Shape {
    /// What the n-th request does.
    pub const fn operation(&self, n: u64) -> Operation {
        match self.profile {
            Profile::Redirects => Operation::Redirect,
            Profile::Events => Operation::Event,
            Profile::Batches => Operation::Batch,
            Profile::Decisions => Operation::Decision,
            Profile::Mixed => match n % 10 {
                0..=5 => Operation::Event,
                6..=8 => Operation::Redirect,
                _ => Operation::Batch,
            },
        }
    }

    /// How many events an operation carries.
    pub const fn events(&self, operation: Operation) -> u64 {
        match operation {
            Operation::Redirect | Operation::Event | Operation::Decision => 1,
            Operation::Batch => self.batch_events as u64,
        }
    }

    /// The n-th request.
    ///
    /// # Errors
    /// When a slug or key cannot stand in a request.
    pub fn request(&self, n: u64) -> Result<Request<Bytes>, http::Error> {
        match self.operation(n) {
            Operation::Redirect => {
                let slug = usize::try_from(n).unwrap_or_default() % self.slugs.len().max(1);
                let slug = self.slugs.get(slug).map_or("", String::as_str);
                Request::get(format!("/r/{slug}")).header(USER_AGENT, AGENT).body(Bytes::new())
            }
            Operation::Event => self.post("/v1/track", self.event(n, 0).into()),
            Operation::Decision => self.post("/v1/decide", self.decision(n).into()),
            Operation::Batch => {
                let events: Vec<String> =
                    (0..self.batch_events).map(|index| self.event(n, index)).collect();
                self.post("/v1/batch", format!("{{\"batch\":[{}]}}", events.join(",")).into())
            }
        }
    }

    fn decision(&self, n: u64) -> String {
        let id = Hash128::of("load", &[&self.seed.to_le_bytes(), &n.to_le_bytes()]);
        let device = id.low64() % self.devices.max(1);
        serde_json::json!({
            "use_case": self.use_case,
            "anonymous_id": format!("load-{}-{device}", self.seed),
        })
        .to_string()
    }

    fn post(&self, path: &str, body: Bytes) -> Result<Request<Bytes>, http::Error> {
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.write_key))
            .body(body)
    }

    fn event(&self, n: u64, index: usize) -> String {
        let id = Hash128::of(
            "load",
            &[&self.seed.to_le_bytes(), &n.to_le_bytes(), &index.to_le_bytes()],
        );
        let device = id.low64() % self.devices.max(1);
        let product = id.low64() >> 32 & 0x3ff;
        format!(
            concat!(
                "{{\"type\":\"track\",\"event\":\"Product Viewed\",\"messageId\":\"load-{}\",",
                "\"anonymousId\":\"load-{}-{}\",\"properties\":{{\"product_id\":\"sku-{}\",",
                "\"category\":\"load\",\"price\":19.9,\"currency\":\"USD\",\"position\":{}}},",
                "\"context\":{{\"library\":{{\"name\":\"millstream-load\",\"version\":\"1\"}},",
                "\"page\":{{\"url\":\"https://shop.example/p/{}\",\"path\":\"/p/{}\",\"title\":\"Load\"}}}}}}"
            ),
            id, self.seed, device, product, index, product, product
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(profile: Profile) -> Shape {
        Shape {
            profile,
            slugs: vec!["a".into(), "b".into()],
            use_case: "home".into(),
            write_key: "k".into(),
            batch_events: 3,
            devices: 10,
            seed: 1,
        }
    }

    #[test]
    fn the_same_seed_sends_the_same() {
        let body = |n| shape(Profile::Batches).request(n).unwrap().into_body();
        assert_eq!(body(7), body(7));
        assert_ne!(body(7), body(8));
        let parsed: serde_json::Value = serde_json::from_slice(&body(7)).unwrap();
        assert_eq!(parsed["batch"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn links_take_turns_and_mixed_is_six_three_one() {
        let redirects = shape(Profile::Redirects);
        assert_eq!(redirects.request(0).unwrap().uri(), "/r/a");
        assert_eq!(redirects.request(3).unwrap().uri(), "/r/b");
        let mixed = shape(Profile::Mixed);
        let count = |wanted| (0..100).filter(|n| mixed.operation(*n) == wanted).count();
        assert_eq!(Operation::ALL.map(count), [30, 60, 10, 0]);
    }
}

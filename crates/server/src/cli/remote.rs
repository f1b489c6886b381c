//! A running instance, asked through its admin plane.

use super::failure::Failure;
use crate::load::connection::{self, Answer, Body, Connection, Target};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Patience for one answer; imports and exports may take long.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// One connection to one instance. Calls block.
pub struct Remote {
    url: String,
    token: Option<String>,
    connection: Connection,
    runtime: Runtime,
}

impl Remote {
    /// For an address such as `http://127.0.0.1:8081`.
    pub fn new(url: &str, token: Option<String>) -> Result<Self, Failure> {
        let target =
            Target::parse(url).map_err(|error| Failure::new("cannot reach the instance", error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new("cannot reach the instance", error))?;
        Ok(Self {
            url: url.to_owned(),
            token,
            connection: Connection::new(target, PATIENCE),
            runtime,
        })
    }

    /// A GET; the answer's body.
    pub fn get(&mut self, path: &str) -> Result<bytes::Bytes, Failure> {
        self.call(Method::GET, path, "application/json", connection::whole(bytes::Bytes::new()))
    }

    /// A request with a body of JSON.
    pub fn send_json(
        &mut self,
        method: Method,
        path: &str,
        value: &impl serde::Serialize,
    ) -> Result<bytes::Bytes, Failure> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Failure::new("cannot write the request", error))?;
        self.call(method, path, "application/json", connection::whole(body.into()))
    }

    /// A request with a body of plain text.
    pub fn send_text(
        &mut self,
        method: Method,
        path: &str,
        text: &str,
    ) -> Result<bytes::Bytes, Failure> {
        self.call(method, path, "text/plain", connection::whole(text.to_owned().into()))
    }

    /// A POST whose body is read while it is sent.
    pub fn stream(&mut self, path: &str, body: Body) -> Result<bytes::Bytes, Failure> {
        self.call(Method::POST, path, "application/octet-stream", body)
    }

    fn call(
        &mut self,
        method: Method,
        path: &str,
        media: &str,
        body: Body,
    ) -> Result<bytes::Bytes, Failure> {
        let what = format!("{} did not do what was asked", self.url);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT, "*/*")
            .header(CONTENT_TYPE, media);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(body).map_err(|error| Failure::new(&what, error))?;
        let answer = self
            .runtime
            .block_on(self.connection.send(request))
            .map_err(|error| Failure::new(&what, error))?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(refused(&what, &answer))
    }
}

/// The instance's own words, where it gave some.
fn refused(what: &str, answer: &Answer) -> Failure {
    let said = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
    match (message, answer.status.as_u16()) {
        (_, 401 | 403) => Failure::known(
            what,
            message.unwrap_or("it asks for a token").to_owned(),
            "give a token of a sufficient role as MILLSTREAM_TOKEN",
        ),
        (Some(message), _) => Failure::new(what, message),
        (None, status) => Failure::known(what, format!("it answered {status}"), "see its log"),
    }
}

/// Text as one segment of a path or value of a query.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

//! What a destination's request looks like, before any visitor's event is sent.

use super::failure::{Ended, Failure};
use super::output;
use super::place::raw_config;
use crate::config::Config;
use crate::forward::Destination;
use crate::forward::answer::{Verdict, judge};
use crate::forward::client::Client;
use crate::forward::item::{Item, delivery_key};
use crate::forward::request::{Prepared, Purpose, render};
use clap::Args;
use millstream_event::control::Settings;
use millstream_event::delivery::Class;
use millstream_event::wire::{Limits, Receipt, segment};
use millstream_event::{
    Consent, ConsentSource, Event, Lane, Position, Purposes, SourceId, Timestamp,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Shows the request that a sample event would become.
#[derive(Args, Clone, Debug)]
pub struct DryRun {
    /// The destination's file.
    file: PathBuf,
    /// A file with one event in Segment's form; without it an order.
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

/// Sends a sample event.
#[derive(Args, Clone, Debug)]
pub struct Test {
    /// What is sent, and where.
    #[command(flatten)]
    what: DryRun,
    /// Configuration file, for the private addresses that may be sent to.
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_CONFIG")]
    config: Option<PathBuf>,
}

/// The sample: what a shop's browser sends of an order.
const SAMPLE: &str = r#"{"type":"track","event":"Order Completed","messageId":"sample-1","anonymousId":"sample-device",
"userId":"sample-user","properties":{"order_id":"sample-order","value":49.9,"currency":"EUR","email":"sample@example.com"},
"context":{"page":{"url":"https://shop.example/thanks?gclid=sample-click","referrer":"https://shop.example/cart",
"search":"?gclid=sample-click"},"userAgent":"Mozilla/5.0","locale":"de-DE","library":{"name":"analytics.js"}}}"#;

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new("no request can be made", error)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The sample, or the event in a file, with every purpose granted.
fn sample(file: Option<&PathBuf>) -> Result<Event, Failure> {
    let text = match file {
        None => SAMPLE.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| failed(&format!("{} cannot be read: {error}", path.display())))?,
    };
    let source = SourceId::parse("sample").unwrap_or_else(SourceId::unknown);
    let settings = Settings::default();
    let granted = Consent { granted: Purposes::ALL, source: ConsentSource::Explicit };
    let receipt =
        Receipt { consent: granted, country: Some("DE"), ..Receipt::new(source, now(), &settings) };
    let body = segment::Body::single(None, text.as_bytes()).map_err(|error| failed(&error))?;
    let limits = Limits::default();
    let mut outcomes = body.outcomes(&receipt, &limits);
    match outcomes.next() {
        Some(Ok(parsed)) => Ok(parsed.event),
        Some(Err(broken)) => {
            Err(failed(&format!("the event breaks the contract: {}", broken.detail)))
        }
        None => Err(failed(&"the file holds no event")),
    }
}

fn item(destination: &Destination, event: Event) -> Item {
    let key = delivery_key(&[0; 32], &destination.name, &event);
    let place = (Lane::of(event.subject()), Position(0));
    Item { place, class: Class::Conversion, event: Arc::new(event), key }
}

fn request(
    destination: &Destination,
    event: Event,
    purpose: Purpose,
) -> Result<Option<Prepared>, Failure> {
    let rendered = render(destination, &[&item(destination, event)], now(), purpose);
    match (rendered.request, rendered.said) {
        (Some(request), _) => Ok(Some(request)),
        (None, Some(said)) => Err(Failure::known(
            format!("destination {}: the rules fail on the event", destination.name),
            said,
            "correct match, request.item or request.body in its file",
        )),
        (None, None) => Ok(None),
    }
}

/// Has a destination's rules run over the sample: they must not fail.
pub fn try_out(destination: &Destination) -> Result<(), Failure> {
    request(destination, sample(None)?, Purpose::Show).map(drop)
}

impl DryRun {
    fn prepared(&self, purpose: Purpose) -> Result<(Destination, Option<Prepared>), Failure> {
        let destination = Destination::read(&self.file)
            .map_err(|error| Failure::new("the destination cannot be used", error))?;
        let event = sample(self.event.as_ref())?;
        let prepared = request(&destination, event, purpose)?;
        Ok((destination, prepared))
    }

    /// Prints the request, secrets by their names.
    pub fn run(&self) -> Result<Ended, Failure> {
        let (destination, prepared) = self.prepared(Purpose::Show)?;
        match prepared {
            None => output::print(&format!("{} leaves this event out\n", destination.name))?,
            Some(prepared) => output::print(&shown(&prepared))?,
        }
        Ok(Ended::Done)
    }
}

fn shown(prepared: &Prepared) -> String {
    // The names of secrets are easier to read as they are.
    let url = prepared.url.as_str().replace("%3C", "<").replace("%3E", ">");
    let mut text = format!("{} {url}\n", prepared.method);
    for (name, value) in &prepared.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    let body = String::from_utf8_lossy(&prepared.plain).into_owned();
    let pretty = serde_json::from_str::<serde_json::Value>(&body)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    text.push_str(&format!("\n{}\n", pretty.unwrap_or(body)));
    text
}

impl Test {
    /// Sends it, and prints the answer.
    pub fn run(&self) -> Result<Ended, Failure> {
        let config = Config::resolve(raw_config(self.config.as_ref())?)
            .map_err(|error| Failure::new("the configuration cannot be used", error))?;
        let (destination, prepared) = self.what.prepared(Purpose::Test)?;
        let Some(prepared) = prepared else {
            output::print(&format!("{} leaves this event out\n", destination.name))?;
            return Ok(Ended::Done);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let answer = runtime.block_on(async {
            let client = Client::new(config.forward.guard).map_err(|error| failed(&error))?;
            let sent = client.send(prepared, destination.bounds.timeout).await;
            sent.map_err(|error| {
                Failure::new(format!("{} was not reached", destination.name), error)
            })
        })?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        output::print(&format!("{}\n{}\n", answer.status, crate::report::page::plain(&body)))?;
        match judge(&destination, &answer) {
            Verdict::Accepted => Ok(Ended::Done),
            _ => Err(Failure::known(
                format!("{} did not take the event", destination.name),
                format!("it answered {}", answer.status),
                "see its answer above, and its file",
            )),
        }
    }
}

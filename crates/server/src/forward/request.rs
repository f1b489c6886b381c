//! From events to one request: which are left out, what each becomes, how they are put together.

use super::columns::parquet;
use super::destination::Destination;
use super::document::document;
use super::expression::ExpressionError;
use super::file::Format;
use super::item::Item;
use super::signature::sign;
use super::storage;
use super::template::{in_header, in_url};
use super::value::{of_text, to_text};
use bytes::Bytes;
use cel::{Context, Value};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use millstream_event::delivery::DeadReason;
use millstream_event::{Hash128, Timestamp};
use std::io::Write;
use std::sync::Arc;
use url::Url;

/// Which of a destination's contexts is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be sent.
    Send,
    /// To be shown: secrets by their names.
    Show,
    /// To be sent as a test.
    Test,
}

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body before compression, for showing.
    pub plain: Bytes,
    /// Its body.
    pub body: Bytes,
}

/// What became of the events of a batch.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The request, unless nothing is left to send.
    pub request: Option<Prepared>,
    /// Events in it, by their place in the batch.
    pub included: Vec<usize>,
    /// Events that the destination's rules leave out.
    pub skipped: Vec<usize>,
    /// Events that cannot be sent.
    pub failed: Vec<(usize, DeadReason)>,
    /// Events for which there was no room.
    pub left: Vec<usize>,
    /// What the first failure was.
    pub said: Option<String>,
}

/// Stands for the items while the body around them is made.
const ITEMS_MARK: &str = "\u{1}items\u{1}";

fn context(destination: &Destination, purpose: Purpose) -> &Context<'static, 'static> {
    match purpose {
        Purpose::Send => &destination.context,
        Purpose::Show => &destination.shown,
        Purpose::Test => &destination.testing,
    }
}

/// Renders a batch into one request.
pub fn render(
    destination: &Destination,
    batch: &[&Item],
    now: Timestamp,
    purpose: Purpose,
) -> Rendered {
    let mut rendered = Rendered::default();
    let (mut texts, mut bytes) = (Vec::new(), 0);
    for (place, item) in batch.iter().enumerate() {
        let mut scope = context(destination, purpose).new_inner_scope();
        scope.add_variable_from_value("now_ms", Value::Int(now.as_millis()));
        scope.add_variable_from_value("key", Value::from(item.key.as_str()));
        scope.add_variable_from_value("event", document(&item.event));
        match one(destination, &scope) {
            Ok(None) => rendered.skipped.push(place),
            Ok(Some(text)) if text.len() > destination.bounds.batch_bytes => {
                rendered.failed.push((place, DeadReason::TooLarge));
            }
            Ok(Some(text)) if bytes + text.len() > destination.bounds.batch_bytes => {
                rendered.left.push(place);
            }
            Ok(Some(text)) => {
                bytes += text.len() + 1;
                texts.push(text);
                rendered.included.push(place);
            }
            Err(error) => rendered.fail(place, &error),
        }
    }
    let Some(first) = rendered.included.first().and_then(|place| batch.get(*place)) else {
        return rendered;
    };
    let mut scope = context(destination, purpose).new_inner_scope();
    scope.add_variable_from_value("now_ms", Value::Int(now.as_millis()));
    let id = batch_key(&rendered.included, batch);
    scope.add_variable_from_value("key", Value::from(id.as_str()));
    if batch.len() == 1 {
        scope.add_variable_from_value("event", document(&first.event));
    }
    match assemble(destination, &scope, &texts, (&id, now)) {
        Ok(request) => rendered.request = Some(request),
        Err(error) => {
            for place in std::mem::take(&mut rendered.included) {
                rendered.fail(place, &error);
            }
        }
    }
    rendered
}

impl Rendered {
    fn fail(&mut self, place: usize, error: &ExpressionError) {
        self.said.get_or_insert_with(|| error.to_string());
        self.failed.push((place, DeadReason::Rule));
    }
}

/// The key of one event, or one that follows from those of all.
fn batch_key(included: &[usize], batch: &[&Item]) -> String {
    let keys: Vec<&[u8]> = included
        .iter()
        .filter_map(|place| batch.get(*place))
        .map(|item| item.key.as_bytes())
        .collect();
    match (keys.len(), batch.first()) {
        (1, Some(item)) if batch.len() == 1 => item.key.clone(),
        _ => Hash128::of("delivery batch", &keys).to_hex(),
    }
}

/// What one event becomes, as JSON; `None` when the rules leave it out.
fn one(
    destination: &Destination,
    scope: &Context<'_, '_>,
) -> Result<Option<String>, ExpressionError> {
    if !destination.matches_all {
        match destination.matches.value(scope)? {
            Value::Bool(true) => {}
            Value::Bool(false) | Value::Null => return Ok(None),
            _ => return Err(ExpressionError::Failed("match is neither true nor false".to_owned())),
        }
    }
    let value = destination.item.value(scope)?;
    if matches!(value, Value::Null) {
        return Ok(None);
    }
    to_text(&value).map(Some)
}

fn assemble(
    destination: &Destination,
    scope: &Context<'_, '_>,
    texts: &[String],
    (id, now): (&str, Timestamp),
) -> Result<Prepared, ExpressionError> {
    let failed = |why: &str| ExpressionError::Failed(why.to_owned());
    let url = destination.url.text(scope, in_url)?;
    if url.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(failed("request.url would lead elsewhere by what the event says"));
    }
    let url = Url::parse(&url).map_err(|_| failed("request.url gives no address"))?;
    let plain = Bytes::from(body(destination, scope, texts)?);
    let mut headers = HeaderMap::new();
    for (name, value) in &destination.headers {
        let value = HeaderValue::try_from(value.text(scope, in_header)?)
            .map_err(|_| failed("a header's value cannot be sent"))?;
        headers.insert(name, value);
    }
    let kind = match destination.format {
        Format::Parquet => "application/vnd.apache.parquet",
        Format::Json | Format::JsonLines => "application/json",
    };
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    let body = match destination.format {
        Format::Parquet => Bytes::from(parquet(&destination.columns, texts)?),
        _ if destination.gzip => compressed(&plain)?,
        _ => plain.clone(),
    };
    if destination.gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(key) = &destination.signing {
        let seconds = now.as_millis() / 1_000;
        for (name, value) in [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", sign(key, id, seconds, &body)),
        ] {
            headers.insert(name, HeaderValue::try_from(value).map_err(|_| failed("no signature"))?);
        }
    }
    if let Some(key) = &destination.storage {
        let asked = (&destination.method, &url);
        for (name, value) in storage::sign(key, asked, &headers, (&body, now)) {
            headers.insert(name, HeaderValue::try_from(value).map_err(|_| failed("no signature"))?);
        }
    }
    Ok(Prepared { method: destination.method.clone(), url, headers, plain, body })
}

fn body(
    destination: &Destination,
    scope: &Context<'_, '_>,
    texts: &[String],
) -> Result<String, ExpressionError> {
    let Some(body) = &destination.body else {
        return Ok(match destination.format {
            Format::Json => texts.first().cloned().unwrap_or_default(),
            // What Parquet is made of, for showing.
            Format::JsonLines | Format::Parquet => {
                texts.iter().flat_map(|text| [text, "\n"]).collect()
            }
        });
    };
    // Most bodies hold the items as they are: then they need not be read once more.
    let mut marked = scope.new_inner_scope();
    marked.add_variable_from_value("items", Value::from(ITEMS_MARK));
    let mark = serde_json::Value::from(ITEMS_MARK).to_string();
    if let Ok(text) = body.value(&marked).and_then(|value| to_text(&value))
        && let Some((before, after)) = text.split_once(&mark)
        && !after.contains(&mark)
    {
        return Ok(format!("{before}[{}]{after}", texts.join(",")));
    }
    let items: Vec<Value> = texts.iter().map(|text| of_text(text)).collect();
    let mut whole = scope.new_inner_scope();
    whole.add_variable_from_value("items", Value::List(Arc::new(items)));
    to_text(&body.value(&whole)?)
}

fn compressed(plain: &[u8]) -> Result<Bytes, ExpressionError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.map(Bytes::from).map_err(|error| ExpressionError::Failed(error.to_string()))
}

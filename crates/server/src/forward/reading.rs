//! From a destination's file to the destination: presets, secrets, checks, compiled expressions.

use super::breaker::BreakerOptions;
use super::columns::COLUMNS_MAX;
use super::destination::{Bounds, Destination, DestinationError, NAME_BYTES_MAX};
use super::expression::{self, Expression, ExpressionError};
use super::file::{File, Format, Order, Request, Secret, lay_over};
use super::lookups::{LOOKUPS_MAX, Lookup, Lookups};
use super::presets;
use super::retries::RetryOptions;
use super::storage::StorageKey;
use super::template::Template;
use super::value::of_json;
use crate::capture::ConsentDefaults;
use cel::Context;
use http::{HeaderName, Method, Uri};
use millstream_event::{Hash128, Purposes};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The reading of one file.
pub(super) struct Reading<'a> {
    pub(super) name: &'a str,
}

/// Digits of a version.
const VERSION_DIGITS: usize = 12;

pub(super) type Secrets = BTreeMap<String, String>;

fn version(text: &str) -> String {
    let hash = Hash128::of("destination file", &[text.as_bytes()]).to_hex();
    hash.chars().take(VERSION_DIGITS).collect()
}

fn mark(secrets: &Secrets) -> Hash128 {
    let named = secrets.iter().flat_map(|(name, secret)| [name.as_bytes(), secret.as_bytes()]);
    Hash128::of("destination secrets", &named.collect::<Vec<_>>())
}

impl Reading<'_> {
    fn wrong(&self, what: impl Into<String>, fix: impl Into<String>) -> DestinationError {
        DestinationError { name: self.name.to_owned(), what: what.into(), fix: fix.into() }
    }

    pub(super) fn check_name(&self) -> Result<(), DestinationError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX || !self.name.bytes().all(plain)
        {
            return Err(self.wrong(
                "its name cannot be used",
                "name the file with 1 to 64 of a-z A-Z 0-9 - _ before .toml",
            ));
        }
        Ok(())
    }

    pub(super) fn file(&self, text: &str) -> Result<File, DestinationError> {
        let broken = |error: toml::de::Error| {
            let why = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            self.wrong(why, "see docs/destinations.md for what a file may hold")
        };
        let above: toml::Table = text.parse().map_err(broken)?;
        let table = match above.get("preset").and_then(toml::Value::as_str) {
            None => above,
            Some(preset) => {
                let Some(text) = presets::text(preset) else {
                    let known = presets::names().join(", ");
                    return Err(self.wrong(
                        format!("there is no preset {preset:?}"),
                        format!("presets are {known}"),
                    ));
                };
                let mut below: toml::Table = text.parse().map_err(broken)?;
                lay_over(&mut below, above);
                below
            }
        };
        toml::Value::Table(table).try_into().map_err(broken)
    }

    pub(super) fn secrets(&self, file: &File, beside: &Path) -> Result<Secrets, DestinationError> {
        let mut secrets = Secrets::new();
        for (name, source) in &file.secrets {
            let value = match source {
                Secret::Env(variable) => std::env::var(variable).map_err(|_| {
                    self.wrong(
                        format!("its secret {name} is not there"),
                        format!("set the variable {variable}"),
                    )
                })?,
                Secret::File(path) => {
                    let path = beside.join(path);
                    let text = fs::read_to_string(&path).map_err(|error| {
                        self.wrong(
                            format!("its secret {name} cannot be read: {error}"),
                            format!("put it into {}", path.display()),
                        )
                    })?;
                    text.trim_end_matches(['\r', '\n']).to_owned()
                }
            };
            secrets.insert(name.clone(), value);
        }
        Ok(secrets)
    }

    pub(super) fn lookups(&self, file: &File, beside: &Path) -> Result<Lookups, DestinationError> {
        if file.lookups.len() > LOOKUPS_MAX {
            let what = format!("it has {} lookups", file.lookups.len());
            return Err(self.wrong(what, format!("use {LOOKUPS_MAX} at most")));
        }
        let mut tables = BTreeMap::new();
        for (name, wanted) in &file.lookups {
            let table = Lookup::open(&beside.join(&wanted.file), &wanted.key).map_err(|error| {
                let fix = "correct the file, or lookups.NAME.file and key";
                self.wrong(format!("its lookup {name} cannot be used: {error}"), fix)
            })?;
            tables.insert(name.clone(), table);
        }
        Ok(Lookups::new(tables))
    }

    pub(super) fn destination(
        &self,
        file: File,
        secrets: &Secrets,
        lookups: Lookups,
        text: &str,
    ) -> Result<Destination, DestinationError> {
        let compile = |what: &str, text: &str| {
            Expression::compile(text).map_err(|error| self.expression(what, &error))
        };
        let template = |what: &str, text: &str| {
            Template::compile(text).map_err(|error| self.expression(what, &error))
        };
        let mut headers = Vec::new();
        for (name, value) in &file.request.headers {
            let header = HeaderName::try_from(name.as_str()).map_err(|_| {
                self.wrong(format!("{name:?} is no header's name"), "correct request.headers")
            })?;
            headers.push((header, template("request.headers", value)?));
        }
        let masked: Secrets =
            secrets.keys().map(|name| (name.clone(), format!("<{name}>"))).collect();
        let body =
            file.request.body.as_deref().map(|text| compile("request.body", text)).transpose()?;
        let judged = |what: &str, text: &Option<String>| {
            text.as_deref().map(|text| compile(what, text)).transpose()
        };
        let bounds = self.bounds(&file, body.is_some())?;
        Ok(Destination {
            name: self.name.to_owned(),
            version: version(text),
            secrets: mark(secrets),
            requires: self.purposes(&file.requires)?,
            matches: compile("match", &file.matches)?,
            matches_all: file.matches.trim() == "true",
            method: self.method(&file.request.method)?,
            url: template("request.url", self.url(&file.request.url)?)?,
            headers,
            item: compile("request.item", &file.request.item)?,
            body,
            accepted: judged("answer.accepted", &file.answer.accepted)?,
            refused: judged("answer.refused", &file.answer.refused)?,
            retries: judged("answer.retry", &file.answer.retry)?,
            signing: self.signing(&file, secrets)?,
            storage: self.storage(&file, secrets)?,
            context: context(&file.params, secrets, &lookups),
            shown: context(&file.params, &masked, &lookups),
            testing: {
                let mut params = file.params.clone();
                params.extend(file.test.clone());
                context(&params, secrets, &lookups)
            },
            lookups,
            bounds,
            retryable: file.retry.statuses,
            retry: RetryOptions {
                base: Duration::from_millis(file.retry.base_ms.max(1)),
                cap: Duration::from_millis(file.retry.cap_ms.max(1)),
                attempts: file.retry.attempts.max(1),
                expire: Duration::from_secs(u64::from(file.retry.expire_hours.max(1)) * 3_600),
            },
            breaker: BreakerOptions {
                failed_percent: file.breaker.failed_percent.clamp(1, 100),
                open_for: Duration::from_millis(file.breaker.open_ms.max(1)),
                open_for_max: Duration::from_millis(file.breaker.open_max_ms.max(1)),
                ..BreakerOptions::default()
            },
            sla: (Duration::from_millis(file.sla.within_ms), file.sla.percent.clamp(0.0, 99.999)),
            about: file.about,
            enabled: file.enabled,
            bots: file.bots,
            ordered: file.order == Order::Person,
            format: file.request.format,
            columns: file.request.columns,
            gzip: file.request.gzip,
        })
    }

    fn expression(&self, what: &str, error: &ExpressionError) -> DestinationError {
        self.wrong(format!("{what} is no expression: {error}"), format!("correct {what}"))
    }

    fn purposes(&self, names: &[String]) -> Result<Purposes, DestinationError> {
        let purposes = ConsentDefaults::parse_purposes(names).map_err(|name| {
            self.wrong(
                format!("{name:?} is no purpose"),
                "requires takes measurement, personalization, advertising",
            )
        })?;
        if purposes == Purposes::NONE {
            return Err(
                self.wrong("it requires no purpose", "name at least measurement in requires")
            );
        }
        Ok(purposes)
    }

    fn method(&self, text: &str) -> Result<Method, DestinationError> {
        match text {
            "POST" => Ok(Method::POST),
            "PUT" => Ok(Method::PUT),
            "PATCH" => Ok(Method::PATCH),
            other => Err(self.wrong(
                format!("it cannot send {other:?}"),
                "request.method is POST, PUT or PATCH",
            )),
        }
    }

    /// A file for each request: an address without the request's key would be written again and again.
    fn file_url<'a>(&self, text: &'a str) -> Result<&'a str, DestinationError> {
        if text.starts_with("file:///") && text.contains("${key}") {
            return Ok(text);
        }
        let fix = "write request.url as file:///FOLDER/${key}.parquet";
        Err(self.wrong(format!("{text:?} names no file for each request"), fix))
    }

    /// Columns belong to Parquet, and Parquet is rows of items alone.
    fn columns(&self, request: &Request) -> Result<(), DestinationError> {
        let count = request.columns.len();
        let fits = match request.format {
            Format::Parquet => {
                (1..=COLUMNS_MAX).contains(&count) && request.body.is_none() && !request.gzip
            }
            Format::Json | Format::JsonLines => count == 0,
        };
        if fits {
            return Ok(());
        }
        Err(self.wrong(
            "request.columns does not fit request.format",
            format!(
                "with format = \"parquet\" declare 1 to {COLUMNS_MAX} columns and neither body nor gzip; \
                 otherwise declare none"
            ),
        ))
    }

    /// The scheme and host must be fixed or parameters: an event cannot say where it is sent to.
    fn url<'a>(&self, text: &'a str) -> Result<&'a str, DestinationError> {
        let authority = text.split('/').take(3).collect::<Vec<_>>().join("/");
        if authority.contains("event") || authority.contains("items") {
            return Err(self.wrong(
                "an event would say where it is sent to",
                "use only param and secret before the path of request.url",
            ));
        }
        if text.starts_with("file:") {
            return self.file_url(text);
        }
        let plain = text.starts_with("https://") || text.starts_with("http://");
        if !plain || (!text.contains("${") && text.parse::<Uri>().is_err()) {
            return Err(self.wrong(
                format!("{text:?} is no address"),
                "write request.url as https://host/path",
            ));
        }
        Ok(text)
    }

    fn signing(&self, file: &File, secrets: &Secrets) -> Result<Option<Vec<u8>>, DestinationError> {
        use base64::Engine;
        let Some(sign) = &file.sign else { return Ok(None) };
        let Some(secret) = secrets.get(&sign.secret) else {
            return Err(self.wrong(
                format!("there is no secret {:?} to sign with", sign.secret),
                "add it to [secrets]",
            ));
        };
        let key = match secret.strip_prefix("whsec_") {
            Some(encoded) => {
                base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| {
                    self.wrong("the secret behind whsec_ is no base64", "copy it whole")
                })?
            }
            None => secret.as_bytes().to_vec(),
        };
        if key.len() < 16 {
            return Err(
                self.wrong("the secret to sign with is too short", "use at least 16 random bytes")
            );
        }
        Ok(Some(key))
    }

    fn storage(
        &self,
        file: &File,
        secrets: &Secrets,
    ) -> Result<Option<StorageKey>, DestinationError> {
        let Some(storage) = &file.storage else { return Ok(None) };
        let secret = |name: &String| {
            secrets.get(name).cloned().ok_or_else(|| {
                self.wrong(
                    format!("there is no secret {name:?} to sign with"),
                    "add it to [secrets]",
                )
            })
        };
        Ok(Some(StorageKey {
            access_key: secret(&storage.access_key)?,
            secret_key: secret(&storage.secret_key)?,
            region: storage.region.clone(),
        }))
    }

    fn bounds(&self, file: &File, batches: bool) -> Result<Bounds, DestinationError> {
        self.columns(&file.request)?;
        let limits = &file.limits;
        let checks = [
            ("concurrency", limits.concurrency as u64, 1, 1_024),
            ("timeout_ms", limits.timeout_ms, 1, 600_000),
            ("batch_events", limits.batch_events as u64, 1, 10_000),
            ("batch_bytes", limits.batch_bytes as u64, 1, 64 << 20),
            ("linger_ms", limits.linger_ms, 0, 60_000),
            ("rule_ms", limits.rule_ms, 1, 60_000),
            ("queue_events", limits.queue_events as u64, 1, 100_000),
            ("backlog_records", limits.backlog_records, 1, 1 << 40),
        ];
        if let Some((key, value, least, most)) =
            checks.iter().find(|(_, value, least, most)| !(*least..=*most).contains(value))
        {
            return Err(self.wrong(
                format!("limits.{key} = {value} makes no sense"),
                format!("use {least} to {most}"),
            ));
        }
        let rate = limits.events_per_second;
        if !(0.0..=1e9).contains(&rate) || !(1.0..=1e9).contains(&limits.burst) {
            return Err(self.wrong(
                "limits.events_per_second or burst makes no sense",
                "use 0 to 1e9, and a burst of 1 or more",
            ));
        }
        if limits.batch_events > 1 && !batches && file.request.format == Format::Json {
            return Err(self.wrong(
                "a batch has no body",
                "say in request.body what becomes of items, or use format = \"json_lines\"",
            ));
        }
        Ok(Bounds {
            events_per_second: rate,
            burst: limits.burst.max(1.0),
            concurrency: limits.concurrency,
            timeout: Duration::from_millis(limits.timeout_ms),
            batch_events: limits.batch_events,
            batch_bytes: limits.batch_bytes,
            linger: Duration::from_millis(limits.linger_ms),
            rule: Duration::from_millis(limits.rule_ms),
            queue_events: limits.queue_events,
            backlog_records: limits.backlog_records,
        })
    }
}

fn context(
    params: &BTreeMap<String, toml::Value>,
    secrets: &Secrets,
    lookups: &Lookups,
) -> Context<'static, 'static> {
    let mut context = expression::context(lookups.clone());
    let params = serde_json::to_value(params).unwrap_or(Value::Null);
    context.add_variable_from_value("param", of_json(&params));
    context.add_variable_from_value("secret", of_json(&json!(secrets)));
    context
}

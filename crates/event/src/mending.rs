//! Rules that mend what broke the contract: what a text in quarantine would say, had its sender kept to
//! it. A set of rules is one control record; the text that was kept is never changed.

use crate::ids::SourceId;
use crate::quarantine::QuarantineReason;
use crate::time::Timestamp;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Rules in the order in which they are tried. Other members of a control record are not for it to judge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mending {
    /// The rules.
    #[serde(rename = "rule")]
    pub rules: Vec<MendRule>,
}

/// What is to be done about things in quarantine of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MendRule {
    /// Names it in counts.
    pub name: Box<str>,
    /// Only things with this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<QuarantineReason>,
    /// Only things from this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// What is done, in this order.
    #[serde(rename = "step")]
    pub steps: Vec<MendStep>,
}

/// One step. Fields are named by their path, such as `context.page.url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum MendStep {
    /// Drops what stands before the first occurrence of a text: a prefix that a relay added.
    KeepFrom {
        /// The text, which stays.
        text: Box<str>,
    },
    /// Moves a field, unless there is one where it is to go.
    Rename {
        /// Where it is.
        from: Box<str>,
        /// Where it goes.
        to: Box<str>,
    },
    /// Sets a field that is not there, or null.
    Default {
        /// The field.
        field: Box<str>,
        /// Its value.
        value: Value,
    },
    /// Says one value for another.
    Replace {
        /// The field.
        field: Box<str>,
        /// What it says.
        was: Value,
        /// What it should say.
        value: Value,
    },
    /// Reads a time, in UTC where it names no offset.
    ParseTime {
        /// The field.
        field: Box<str>,
        /// `unix_s`, `unix_ms`, `unix_us`, or a pattern of strptime such as `%d.%m.%Y %H:%M`.
        format: Box<str>,
    },
    /// Makes text of a number, or a number or truth of text.
    Coerce {
        /// The field.
        field: Box<str>,
        /// What it becomes.
        to: ValueKind,
    },
    /// Takes the blanks off both ends of a text.
    Strip {
        /// The field.
        field: Box<str>,
    },
    /// Removes a field.
    Remove {
        /// The field.
        field: Box<str>,
    },
}

/// Kinds of values that others can be made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Text.
    String,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

/// Rules that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MendingError {
    /// Too many.
    #[error("{count} {what}, at most {max} can be: leave out what mends nothing any more")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The bound.
        max: usize,
    },
    /// A rule without a name of its own, or without a step.
    #[error("rule {number} {why}: give each rule a name of its own, of 1 to 64 bytes, and a step")]
    Rule {
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A path that cannot be.
    #[error("rule {name:?}: `{path}` {why}")]
    Path {
        /// The rule.
        name: Box<str>,
        /// The path.
        path: Box<str>,
        /// What is wrong, and what to do.
        why: &'static str,
    },
}

impl Mending {
    /// Most rules of a set.
    pub const RULES_MAX: usize = 50;
    /// Most steps of a rule.
    pub const STEPS_MAX: usize = 20;
    /// Deepest path.
    pub const DEPTH_MAX: usize = 8;
    /// Longest text of a path, a format, a name.
    pub const TEXT_BYTES_MAX: usize = 256;
    const NAME_BYTES_MAX: usize = 64;

    /// Checks bounds and paths.
    ///
    /// # Errors
    /// See [`MendingError`].
    pub fn check(&self) -> Result<(), MendingError> {
        let bound = |what, count, max| match count > max {
            true => Err(MendingError::TooMany { what, count, max }),
            false => Ok(()),
        };
        bound("rules", self.rules.len(), Self::RULES_MAX)?;
        for (at, rule) in self.rules.iter().enumerate() {
            let fault = |why| Err(MendingError::Rule { number: at + 1, why });
            if rule.name.trim().is_empty() || rule.name.len() > Self::NAME_BYTES_MAX {
                return fault("has no name, or too long a one");
            }
            if self.rules[..at].iter().any(|earlier| earlier.name == rule.name) {
                return fault("has the name of another");
            }
            if rule.steps.is_empty() {
                return fault("has no step");
            }
            bound("steps in one rule", rule.steps.len(), Self::STEPS_MAX)?;
            for path in rule.steps.iter().flat_map(MendStep::paths) {
                check_path(path).map_err(|why| MendingError::Path {
                    name: rule.name.clone(),
                    path: path.into(),
                    why,
                })?;
            }
        }
        Ok(())
    }

    /// What each rule that is for such a thing makes of its text, in order; rules that change nothing
    /// are passed over.
    pub fn mended<'a>(
        &'a self,
        (reason, source): (QuarantineReason, &'a SourceId),
        text: &'a str,
    ) -> impl Iterator<Item = (&'a MendRule, String)> + 'a {
        let meant = move |rule: &&MendRule| {
            rule.reason.is_none_or(|wanted| wanted == reason)
                && rule.source.as_ref().is_none_or(|wanted| wanted == source)
        };
        let rules = self.rules.iter().filter(meant);
        rules.filter_map(move |rule| {
            let mended = rule.mend(text)?;
            (mended != text).then_some((rule, mended))
        })
    }
}

/// A rule can neither reach too deep nor speak for the visitor.
fn check_path(path: &str) -> Result<(), &'static str> {
    let parts: Vec<&str> = path.split('.').collect();
    if path.len() > Mending::TEXT_BYTES_MAX || parts.len() > Mending::DEPTH_MAX {
        return Err("is too long: at most 8 names and 256 bytes");
    }
    if parts.iter().any(|part| part.is_empty()) {
        return Err("is no path: write names with dots between them, such as context.page.url");
    }
    if parts == ["context"] || parts.starts_with(&["context", "consent"]) {
        return Err("speaks of consent, which only the visitor can give: leave it alone");
    }
    Ok(())
}

impl MendStep {
    fn paths(&self) -> Vec<&str> {
        match self {
            Self::KeepFrom { .. } => Vec::new(),
            Self::Rename { from, to } => [&**from, &**to].to_vec(),
            Self::Default { field, .. }
            | Self::Replace { field, .. }
            | Self::ParseTime { field, .. }
            | Self::Coerce { field, .. }
            | Self::Strip { field }
            | Self::Remove { field } => [&**field].to_vec(),
        }
    }

    /// Changes an object; what does not apply changes nothing.
    fn apply(&self, object: &mut Map<String, Value>) {
        match self {
            Self::KeepFrom { .. } => {}
            Self::Rename { from, to } => {
                if get(object, to).is_none()
                    && let Some(value) = take(object, from)
                {
                    put(object, to, value);
                }
            }
            Self::Default { field, value } => {
                if get(object, field).is_none_or(Value::is_null) {
                    put(object, field, value.clone());
                }
            }
            Self::Replace { field, was, value } => {
                if get(object, field) == Some(was) {
                    put(object, field, value.clone());
                }
            }
            Self::ParseTime { field, format } => {
                change(object, field, |value| time(value, format));
            }
            Self::Coerce { field, to } => change(object, field, |value| coerced(value, *to)),
            Self::Strip { field } => {
                change(object, field, |value| Some(Value::from(value.as_str()?.trim())));
            }
            Self::Remove { field } => drop(take(object, field)),
        }
    }
}

impl MendRule {
    /// The text after every step; none where it is no JSON object although a step wants one.
    fn mend(&self, text: &str) -> Option<String> {
        let mut text = Cow::Borrowed(text);
        let mut object: Option<Map<String, Value>> = None;
        for step in &self.steps {
            if let MendStep::KeepFrom { text: start } = step {
                let whole = match object.take() {
                    Some(object) => Cow::Owned(Value::Object(object).to_string()),
                    None => text,
                };
                let at = whole.find(&**start)?;
                text = Cow::Owned(whole[at..].to_string());
                continue;
            }
            let mut read = match object.take() {
                Some(object) => object,
                None => serde_json::from_str(&text).ok()?,
            };
            step.apply(&mut read);
            object = Some(read);
        }
        Some(match object {
            Some(object) => Value::Object(object).to_string(),
            None => text.into_owned(),
        })
    }
}

fn get<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = object.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_object()?.get(part))
}

/// The object that holds the path's last name; made where `make` is set and nothing else stands there.
fn holder<'a, 'p>(
    mut object: &'a mut Map<String, Value>,
    path: &'p str,
    make: bool,
) -> Option<(&'a mut Map<String, Value>, &'p str)> {
    let mut parts: Vec<&str> = path.split('.').collect();
    let last = parts.pop()?;
    for part in parts {
        if make && !object.contains_key(part) {
            object.insert(part.to_string(), Value::Object(Map::new()));
        }
        object = object.get_mut(part)?.as_object_mut()?;
    }
    Some((object, last))
}

fn take(object: &mut Map<String, Value>, path: &str) -> Option<Value> {
    let (holder, name) = holder(object, path, false)?;
    holder.remove(name)
}

fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    if let Some((holder, name)) = holder(object, path, true) {
        holder.insert(name.to_string(), value);
    }
}

fn change(object: &mut Map<String, Value>, path: &str, to: impl FnOnce(&Value) -> Option<Value>) {
    let changed = get(object, path).and_then(to);
    if let Some(value) = changed {
        put(object, path, value);
    }
}

fn time(value: &Value, format: &str) -> Option<Value> {
    let scale = match format {
        "unix_s" => Some(1_000_000),
        "unix_ms" => Some(1_000),
        "unix_us" => Some(1),
        _ => None,
    };
    let stamp = match scale {
        Some(scale) => {
            let number = match value {
                Value::String(text) => text.trim().parse::<i64>().ok()?,
                other => other.as_i64()?,
            };
            Timestamp(number.checked_mul(scale)?)
        }
        None => {
            let read = jiff::fmt::strtime::parse(format, value.as_str()?.trim()).ok()?;
            let instant = read.to_timestamp().or_else(|_| {
                let utc = jiff::tz::TimeZone::UTC;
                read.to_datetime().and_then(|civil| civil.to_zoned(utc)).map(|at| at.timestamp())
            });
            Timestamp(instant.ok()?.as_microsecond())
        }
    };
    Some(Value::from(stamp.sane()?.to_rfc3339()))
}

fn coerced(value: &Value, to: ValueKind) -> Option<Value> {
    match (to, value) {
        (ValueKind::String, Value::Number(number)) => Some(Value::from(number.to_string())),
        (ValueKind::String, Value::Bool(truth)) => Some(Value::from(truth.to_string())),
        (ValueKind::Number, Value::String(text)) => {
            let number: Value = serde_json::from_str(text.trim()).ok()?;
            number.is_number().then_some(number)
        }
        (ValueKind::Boolean, Value::String(text)) => match text.trim() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        (ValueKind::Boolean, Value::Number(number)) => {
            number.as_u64().map(|it| Value::Bool(it > 0))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    fn rule(steps: Value) -> MendRule {
        let text = serde_json::json!({ "name": "n", "step": steps });
        serde_json::from_value(text).unwrap()
    }

    fn mended(steps: Value, text: &str) -> Value {
        serde_json::from_str(&rule(steps).mend(text).unwrap()).unwrap()
    }

    #[test]
    fn each_step_does_what_it_says() {
        let steps = serde_json::json!([
            { "do": "keep_from", "text": "{" },
            { "do": "rename", "from": "evt", "to": "event" },
            { "do": "rename", "from": "url", "to": "context.page.url" },
            { "do": "default", "field": "type", "value": "track" },
            { "do": "replace", "field": "kind", "was": 7, "value": "seven" },
            { "do": "parse_time", "field": "timestamp", "format": "%d.%m.%Y %H:%M" },
            { "do": "parse_time", "field": "sentAt", "format": "unix_ms" },
            { "do": "coerce", "field": "properties.value", "to": "number" },
            { "do": "coerce", "field": "userId", "to": "string" },
            { "do": "strip", "field": "anonymousId" },
            { "do": "remove", "field": "junk" },
        ]);
        let text = r#"relay: {"evt":"Buy","url":"https://a.example/","kind":7,"timestamp":"22.11.2026 12:03","sentAt":"1790000000000","properties":{"value":" 12.5 "},"userId":42,"anonymousId":" d ","junk":[1]}"#;
        assert_eq!(
            mended(steps, text),
            serde_json::json!({
                "event": "Buy", "context": { "page": { "url": "https://a.example/" } },
                "type": "track", "kind": "seven", "timestamp": "2026-11-22T12:03:00Z",
                "sentAt": "2026-09-21T14:13:20Z", "properties": { "value": 12.5 },
                "userId": "42", "anonymousId": "d",
            })
        );
    }

    #[test]
    fn what_does_not_apply_changes_nothing() {
        let steps = serde_json::json!([
            { "do": "rename", "from": "none", "to": "other" },
            { "do": "rename", "from": "a", "to": "b" },
            { "do": "default", "field": "a", "value": 9 },
            { "do": "parse_time", "field": "a", "format": "unix_s" },
            { "do": "coerce", "field": "b.c", "to": "number" },
            { "do": "default", "field": "b.c", "value": 1 },
        ]);
        let text = r#"{"a":"text","b":"taken"}"#;
        assert_eq!(mended(steps, text), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(rule(serde_json::json!([{ "do": "strip", "field": "a" }])).mend("[1]"), None);
    }

    #[test]
    fn rules_are_for_their_reason_and_source() {
        let of = |reason, source: Option<&str>| MendRule {
            reason,
            source: source.and_then(SourceId::parse),
            ..rule(serde_json::json!([{ "do": "default", "field": "a", "value": 1 }]))
        };
        let (web, app) = (SourceId::parse("web").unwrap(), SourceId::parse("app").unwrap());
        let mending = Mending { rules: vec![of(Some(QuarantineReason::UnknownType), Some("web"))] };
        let count = |reason, source| mending.mended((reason, source), "{}").count();
        assert_eq!(count(QuarantineReason::UnknownType, &web), 1);
        assert_eq!(count(QuarantineReason::UnknownType, &app), 0);
        assert_eq!(count(QuarantineReason::NoIdentity, &web), 0);
        assert_eq!(
            Mending { rules: vec![of(None, None)] }
                .mended((QuarantineReason::NoIdentity, &app), r#"{"a":1}"#)
                .count(),
            0
        );
    }

    #[test]
    fn bounds_hold_at_and_over_the_limit() {
        let named = |number: usize| MendRule {
            name: number.to_string().into(),
            ..rule(serde_json::json!([{ "do": "strip", "field": "a" }]))
        };
        let rules = |count: usize| Mending { rules: (0..count).map(named).collect() };
        assert_eq!(rules(Mending::RULES_MAX).check(), Ok(()));
        assert!(matches!(rules(Mending::RULES_MAX + 1).check(), Err(MendingError::TooMany { .. })));
        let mut long = rules(1);
        long.rules[0].steps = vec![MendStep::Strip { field: "a".into() }; Mending::STEPS_MAX];
        assert_eq!(long.check(), Ok(()));
        long.rules[0].steps.push(MendStep::Strip { field: "a".into() });
        assert!(matches!(long.check(), Err(MendingError::TooMany { .. })));
        let twice = Mending { rules: vec![named(1), named(1)] };
        assert!(matches!(twice.check(), Err(MendingError::Rule { number: 2, .. })));
        let path = |path: &str| {
            let steps = vec![MendStep::Remove { field: path.into() }];
            Mending { rules: vec![MendRule { steps, ..named(1) }] }.check()
        };
        assert_eq!(path("a.b.c.d.e.f.g.h"), Ok(()));
        for wrong in ["a.b.c.d.e.f.g.h.i", "", "a..b", "context", "context.consent.x"] {
            assert!(matches!(path(wrong), Err(MendingError::Path { .. })), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_a_rule(text in ".{0,80}", format in "[%a-zA-Z0-9:.]{0,12}") {
            let steps = serde_json::json!([
                { "do": "keep_from", "text": "{" },
                { "do": "parse_time", "field": "t", "format": format },
                { "do": "coerce", "field": "t", "to": "boolean" },
            ]);
            let _ = rule(steps.clone()).mend(&text);
            let _ = rule(steps).mend(&serde_json::json!({ "t": text }).to_string());
        }
    }
}

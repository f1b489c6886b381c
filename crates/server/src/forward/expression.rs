//! Expressions of destination files: the Common Expression Language over one event.
//!
//! An expression cannot reach files, network or clock, and cannot loop without end; what is absent
//! is null, and the functions here take null and give null, so that a mapping needs no conditions.

use super::lookups::Lookups;
use super::personal::{digits, email, sha256_hex};
use cel::objects::Key;
use cel::{Context, Program, Value};
use millstream_event::{Hash128, Timestamp};
use serde_json::Value as Json;
use std::sync::Arc;

/// Longest expression.
pub const EXPRESSION_BYTES_MAX: usize = 32 * 1_024;

/// A compiled expression with its text.
#[derive(Debug)]
pub struct Expression {
    program: Program,
}

/// Why an expression cannot be used, or has no value. Values of events are not in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is not well formed.
    #[error("{0}")]
    Syntax(String),
    /// It names something that is not there.
    #[error("{name:?} is unknown; there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        known: String,
    },
    /// It failed on an event.
    #[error("{0}")]
    Failed(String),
}

/// What expressions may name.
pub const VARIABLES: [&str; 7] = ["event", "param", "secret", "key", "now_ms", "items", "answer"];

/// Functions of ours.
const FUNCTIONS: [&str; 19] = [
    "lookup",
    "lookup_version",
    "get",
    "gather",
    "first",
    "sha256",
    "email",
    "phone",
    "lower",
    "trim",
    "slug",
    "text",
    "number",
    "iso",
    "stamp",
    "uuid",
    "json",
    "host",
    "basic",
];

impl Expression {
    /// Compiles an expression and checks that it names only what there is.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let why = format!("it has {} bytes, {EXPRESSION_BYTES_MAX} at most", text.len());
            return Err(ExpressionError::Syntax(why));
        }
        let program = Program::compile(text)
            .map_err(|errors| ExpressionError::Syntax(one_line(&errors.to_string())))?;
        let references = program.references();
        // Names of one letter are those that `map`, `filter` and the like bind.
        let mut named = references.variables().into_iter();
        let unknown = named.find(|name| name.len() > 1 && !VARIABLES.contains(name));
        if let Some(name) = unknown {
            return Err(ExpressionError::Unknown {
                name: name.to_owned(),
                known: VARIABLES.join(", "),
            });
        }
        drop(references);
        Ok(Self { program })
    }

    /// Its value.
    ///
    /// # Errors
    /// [`ExpressionError::Failed`].
    pub fn value(&self, context: &Context<'_, '_>) -> Result<Value, ExpressionError> {
        self.program.execute(context).map_err(|error| ExpressionError::Failed(told(&error)))
    }
}

/// What failed, without the values it failed on.
fn told(error: &cel::ExecutionError) -> String {
    use cel::ExecutionError as Error;
    match error {
        Error::NoSuchKey(key) => {
            format!("there is no {key:?}; get(map, \"name\") gives null where nothing is")
        }
        Error::UndeclaredReference(name) => {
            format!("{name:?} is unknown; functions are {}", FUNCTIONS.join(", "))
        }
        Error::NoSuchOverload(error) => {
            format!("{} cannot take {}", error.function(), error.argument_types().join(", "))
        }
        Error::InvalidArgumentCount { expected, actual } => {
            format!("a function takes {expected} values and was given {actual}")
        }
        _ => "a value is of the wrong type".to_owned(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A context with the functions of ours; `lookup` asks these tables.
pub fn context(lookups: Lookups) -> Context<'static, 'static> {
    let mut context = Context::default();
    let versions = lookups.clone();
    let results = [
        context.add_function("lookup", move |table: Arc<String>, key: Value| {
            lookups.get(&table, &key)
        }),
        context.add_function("lookup_version", move |table: Arc<String>| versions.version(&table)),
        context.add_function("get", |map: Value, path: Arc<String>| get(&map, &path)),
        context.add_function("gather", |map: Value, path: Arc<String>| gather(&map, &path)),
        context.add_function(
            "first",
            |first: Value, second: Value| if empty(&first) { second } else { first },
        ),
        context
            .add_function("sha256", |value: Value| on_text(&value, |text| Some(sha256_hex(text)))),
        context.add_function("email", |value: Value| on_text(&value, email)),
        context.add_function("phone", |value: Value| on_text(&value, digits)),
        context.add_function("lower", |value: Value| {
            on_text(&value, |text| Some(text.to_lowercase()))
        }),
        context.add_function("trim", |value: Value| {
            on_text(&value, |text| Some(text.trim().to_owned()))
        }),
        context.add_function("slug", |value: Value| on_text(&value, slug)),
        context.add_function("stamp", stamp),
        context.add_function("basic", basic),
        context.add_function("text", |value: Value| on_text(&value, |text| Some(text.to_owned()))),
        context.add_function("number", |value: Value| number(&value)),
        context.add_function("iso", |millis: i64| Timestamp::from_millis(millis).to_rfc3339()),
        context.add_function("uuid", |value: Value| on_text(&value, |text| Some(uuid(text)))),
        context.add_function("json", |value: Value| value.json().unwrap_or(Json::Null).to_string()),
        context.add_function("host", |value: Value| on_text(&value, host)),
    ];
    for refused in results.into_iter().filter_map(Result::err) {
        tracing::error!(%refused, "a function of expressions has a name of the language's own");
    }
    context
}

fn empty(value: &Value) -> bool {
    matches!(value, Value::Null) || matches!(value, Value::String(text) if text.is_empty())
}

/// The member at a path of names separated by dots, or null.
fn get(map: &Value, path: &str) -> Value {
    let mut at = map.clone();
    for name in path.split('.') {
        let Value::Map(map) = &at else { return Value::Null };
        let Some(inner) = map.map.get(&Key::String(Arc::new(name.to_owned()))).cloned() else {
            return Value::Null;
        };
        at = inner;
    }
    at
}

/// The values at all ends of a path in which `*` is every element of a list and a number one of them.
fn gather(value: &Value, path: &str) -> Value {
    let mut found = vec![value.clone()];
    for name in path.split('.') {
        let step = |at: Value| match (&at, name, name.parse::<usize>()) {
            (Value::List(all), "*", _) => all.to_vec(),
            (Value::List(all), _, Ok(place)) => all.get(place).cloned().into_iter().collect(),
            _ => vec![get(&at, name)],
        };
        found = found.into_iter().flat_map(step).collect();
    }
    found.retain(|value| !matches!(value, Value::Null));
    Value::List(Arc::new(found))
}

/// Applies a function of text to a scalar; null and what has no text give null.
fn on_text(value: &Value, apply: impl Fn(&str) -> Option<String>) -> Value {
    let text = match value {
        Value::String(text) => apply(text),
        Value::Int(number) => apply(&number.to_string()),
        Value::UInt(number) => apply(&number.to_string()),
        Value::Float(number) => apply(&number.to_string()),
        Value::Bool(truth) => apply(&truth.to_string()),
        _ => None,
    };
    text.map_or(Value::Null, |text| Value::String(Arc::new(text)))
}

fn number(value: &Value) -> Value {
    let read = match value {
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    read.map_or(Value::Null, Value::Float)
}

/// The hash of a text in the shape of a UUID (version 8: the maker's own).
fn uuid(text: &str) -> String {
    let mut bytes = Hash128::of("uuid", &[text.as_bytes()]).0;
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = Hash128(bytes).to_hex();
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

/// Lower-case letters and digits joined by underscores, a letter first, 40 at most: a name that
/// analytics take.
fn slug(text: &str) -> Option<String> {
    let mut slug = String::new();
    if text.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
        slug.push_str("e_");
    }
    for c in text.chars().flat_map(char::to_lowercase) {
        match c.is_ascii_alphanumeric() {
            true => slug.push(c),
            false if !slug.ends_with('_') && !slug.is_empty() => slug.push('_'),
            false => {}
        }
    }
    slug.truncate(40);
    let slug = slug.trim_end_matches('_');
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// `2026-11-22 13:45:00+00:00`
fn stamp(millis: i64) -> String {
    let text = Timestamp::from_millis(millis).to_rfc3339();
    let seconds = text.get(..19).unwrap_or(&text).replace('T', " ");
    format!("{seconds}+00:00")
}

/// The value of an `Authorization` header.
fn basic(user: Arc<String>, password: Arc<String>) -> String {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}

fn host(text: &str) -> Option<String> {
    url::Url::parse(text).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::value::{of_json, to_text};
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Result<Json, ExpressionError> {
        let mut context = context(Lookups::default());
        let event =
            json!({"user_id": "U1", "traits": {"email": " A@b.Example ", "n": 3}, "none": null});
        context.add_variable_from_value("event", of_json(&event));
        let text = to_text(&Expression::compile(text)?.value(&context)?)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn functions_take_null_and_give_null() {
        assert_eq!(value("get(event, 'traits.email')"), Ok(json!(" A@b.Example ")));
        assert_eq!(value("get(event, 'traits.none.deeper')"), Ok(Json::Null));
        assert_eq!(
            value("gather({'a': [{'b': [7, 8]}, {'b': [9]}, {}]}, 'a.*.b.0')"),
            Ok(json!([7, 9]))
        );
        assert_eq!(value("gather(event, 'none.*.deeper')"), Ok(json!([])));
        assert_eq!(value("sha256(get(event, 'none'))"), Ok(Json::Null));
        assert_eq!(value("email(get(event, 'traits.email'))"), Ok(json!("a@b.example")));
        assert_eq!(value("first(event.none, event.user_id)"), Ok(json!("U1")));
        assert_eq!(value("{'a': event.none, 'b': [event.none, 1]}"), Ok(json!({"b": [1]})));
        assert_eq!(value("number('12.5')"), Ok(json!(12.5)));
        assert_eq!(value("text(event.traits.n)"), Ok(json!("3")));
        assert_eq!(value("phone('+49 (30) 123-45')"), Ok(json!("493012345")));
        assert_eq!(value("host('https://a.example/x')"), Ok(json!("a.example")));
        assert_eq!(value("lower(trim(' A '))"), Ok(json!("a")));
        assert_eq!(value("uuid('x').size()"), Ok(json!(36)));
        assert_eq!(value("iso(0)"), Ok(json!("1970-01-01T00:00:00Z")));
        assert_eq!(value("slug('Order  Completed!')"), Ok(json!("order_completed")));
        assert_eq!(value("slug('3D view')"), Ok(json!("e_3d_view")));
        assert_eq!(value("stamp(0)"), Ok(json!("1970-01-01 00:00:00+00:00")));
        assert_eq!(value("basic('a', '')"), Ok(json!("Basic YTo=")));
        assert_eq!(value("json({'a': 1})"), Ok(json!("{\"a\":1}")));
    }

    #[test]
    fn what_is_wrong_is_told_without_values() {
        assert!(matches!(value("event.user_id +"), Err(ExpressionError::Syntax(_))));
        assert!(matches!(value("evnt.x"), Err(ExpressionError::Unknown { .. })));
        for wrong in ["event.missing", "nothing(event)", "event.user_id + 1", "event.user_id * 2"] {
            let said = value(wrong).unwrap_err().to_string();
            assert!(!said.contains("U1") && !said.is_empty(), "{wrong}: {said}");
        }
        let long = format!("'{}'", "x".repeat(EXPRESSION_BYTES_MAX));
        assert!(matches!(value(&long), Err(ExpressionError::Syntax(_))));
    }
}

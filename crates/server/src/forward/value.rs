//! Values of expressions, out of JSON and into it, without a tree of JSON between.

use super::expression::ExpressionError;
use cel::Value;
use cel::objects::{Key, Map};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A map of these members.
pub fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    entries(members.into_iter().map(|(name, value)| (name.to_owned(), value)))
}

fn entries(members: impl Iterator<Item = (String, Value)>) -> Value {
    let entry = |(name, value)| (Key::String(Arc::new(name)), value);
    Value::Map(Map { map: Arc::new(members.map(entry).collect::<HashMap<_, _>>()) })
}

/// A text, or null.
pub fn text<T: AsRef<str>>(text: Option<T>) -> Value {
    text.map_or(Value::Null, |text| Value::String(Arc::new(text.as_ref().to_owned())))
}

/// JSON as a value of the language.
pub fn of_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(whole)) => Value::UInt(whole),
            _ => number.as_f64().map_or(Value::Null, Value::Float),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(elements) => Value::List(Arc::new(elements.iter().map(of_json).collect())),
        Json::Object(members) => {
            entries(members.iter().map(|(name, value)| (name.clone(), of_json(value))))
        }
    }
}

/// The text of JSON as a value of the language; null where it is none.
pub fn of_text(text: &str) -> Value {
    serde_json::from_str::<Read>(text).map_or(Value::Null, |read| read.0)
}

struct Read(Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Read)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::UInt(number), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(Arc::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Read(element)) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::List(Arc::new(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = HashMap::new();
        while let Some((name, Read(value))) = members.next_entry::<String, Read>()? {
            map.insert(Key::String(Arc::new(name)), value);
        }
        Ok(Value::Map(Map { map: Arc::new(map) }))
    }
}

/// A value as JSON, its members in the order of their names, without those that are null.
///
/// # Errors
/// When it holds something that JSON has no word for.
pub fn to_text(value: &Value) -> Result<String, ExpressionError> {
    let mut bytes = Vec::new();
    write(value, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| no_form())
}

fn no_form() -> ExpressionError {
    ExpressionError::Failed("the value has no form in JSON".to_owned())
}

fn put(value: &impl serde::Serialize, bytes: &mut Vec<u8>) -> Result<(), ExpressionError> {
    serde_json::to_writer(bytes, value).map_err(|_| no_form())
}

fn write(value: &Value, bytes: &mut Vec<u8>) -> Result<(), ExpressionError> {
    match value {
        Value::Null => put(&(), bytes),
        Value::Bool(truth) => put(truth, bytes),
        Value::Int(number) => put(number, bytes),
        Value::UInt(number) => put(number, bytes),
        Value::Float(number) => put(number, bytes),
        Value::String(text) => put(&**text, bytes),
        Value::List(list) => {
            bytes.push(b'[');
            let mut first = true;
            for element in list.iter().filter(|element| !matches!(element, Value::Null)) {
                separate(&mut first, bytes);
                write(element, bytes)?;
            }
            bytes.push(b']');
            Ok(())
        }
        Value::Map(map) => {
            bytes.push(b'{');
            let mut first = true;
            for (name, member) in sorted(map) {
                separate(&mut first, bytes);
                put(&name, bytes)?;
                bytes.push(b':');
                write(member, bytes)?;
            }
            bytes.push(b'}');
            Ok(())
        }
        other => put(&other.json().map_err(|_| no_form())?, bytes),
    }
}

fn separate(first: &mut bool, bytes: &mut Vec<u8>) {
    if !std::mem::take(first) {
        bytes.push(b',');
    }
}

/// Members that are not null, by their names.
fn sorted(map: &Map) -> Vec<(String, &Value)> {
    let mut members: Vec<(String, &Value)> = map
        .map
        .iter()
        .filter(|(_, value)| !matches!(value, Value::Null))
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            any::<i32>().prop_map(|quarters| Json::from(f64::from(quarters) / 4.0)),
            ".*".prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::btree_map(".{0,6}", inner, 0..5)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_written(json in json()) {
            let text = json.to_string();
            prop_assert_eq!(&to_text(&of_text(&text)).unwrap(), &text);
            prop_assert_eq!(&to_text(&of_json(&json)).unwrap(), &text);
        }
    }

    #[test]
    fn what_is_null_is_left_out_and_what_is_no_json_is_null() {
        assert_eq!(
            to_text(&of_text(r#"{"b":null,"a":[null,1,{"c":null}]}"#)).unwrap(),
            r#"{"a":[1,{}]}"#
        );
        assert_eq!(to_text(&of_text("{")).unwrap(), "null");
        assert_eq!(to_text(&Value::Float(f64::NAN)).unwrap(), "null");
    }
}

//! A map file: which column is which field of the contract, resolved against each file's header.

use super::ImportError;
use millstream_event::wire::csv_map::{CsvMap, Origin, Target, TimeFormat};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The map of an export of events. `value` is the decimal that stands for `value_minor`.
const OWN: &str = r#"
time = "event_time"
event_id = "event_id"
kind = "kind"
name = "event"
anonymous_id = "anonymous_id"
user_id = "user_id"
source = "utm_source"
medium = "utm_medium"
campaign = "campaign"
term = "term"
content = "content"
ad_group = "ad_group"
channel = "channel"
url = "url"
referrer = "referrer"
value = "value"
currency = "currency"
order_id = "order_id"
country = "country"
region = "region"
"#;

/// A map file, read.
#[derive(Clone, Debug)]
pub struct ColumnMap {
    time: Spec,
    time_format: TimeFormat,
    fields: Vec<(Target, Spec)>,
}

#[derive(Clone, Debug)]
enum Spec {
    Constant(Box<str>),
    Column(String),
    Mapped(String, BTreeMap<Box<str>, Box<str>>),
}

impl ColumnMap {
    /// Reads a map file's text.
    ///
    /// # Errors
    /// [`ImportError::Map`] with the key that is wrong.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        let mut table: Table =
            text.parse().map_err(|error: toml::de::Error| wrong(error.message()))?;
        let time = table
            .remove("time")
            .ok_or_else(|| wrong("time is missing: name the column that holds it"))?;
        let format = time.get("format").map_or(Some("rfc3339"), Value::as_str);
        let time_format = format.and_then(TimeFormat::parse);
        let time_format =
            time_format.ok_or_else(|| wrong("time.format is none of rfc3339, unix_ms, unix_s"))?;
        let mut fields = Vec::new();
        for (name, value) in &table {
            let target = Target::parse(name).ok_or_else(|| unknown(name))?;
            fields.push((target, Spec::read(name, value)?));
        }
        Ok(Self { time: Spec::read("time", &time)?, time_format, fields })
    }

    /// The map of what `export --table events` writes.
    ///
    /// # Errors
    /// Never, while the map that is built in can be read.
    pub fn own() -> Result<Self, ImportError> {
        Self::parse(OWN)
    }

    /// True when something is to become `target`.
    #[must_use]
    pub fn names(&self, target: Target) -> bool {
        self.fields.iter().any(|(named, _)| *named == target)
    }

    /// The map for a file with this header.
    ///
    /// # Errors
    /// [`ImportError::Map`] with the column that is not there.
    pub fn resolve(&self, header: &[&str]) -> Result<CsvMap, ImportError> {
        let mut fields = Vec::new();
        for (target, spec) in &self.fields {
            fields.push((*target, spec.resolve(header)?));
        }
        Ok(CsvMap { time: self.time.resolve(header)?, time_format: self.time_format, fields })
    }
}

fn wrong(why: &str) -> ImportError {
    ImportError::Map(why.to_owned())
}

fn unknown(name: &str) -> ImportError {
    let nearest = Target::NAMES.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    wrong(&format!("there is no field {name}, did you mean {}", nearest.copied().unwrap_or("time")))
}

impl Spec {
    fn read(name: &str, value: &Value) -> Result<Self, ImportError> {
        if let Some(column) = value.as_str() {
            return Ok(Self::Column(column.to_owned()));
        }
        if let Some(text) = value.get("const").and_then(Value::as_str) {
            return Ok(Self::Constant(text.into()));
        }
        let Some(column) = value.get("column").and_then(Value::as_str) else {
            return Err(wrong(&format!(
                "{name} must be a column's name, {{ const = … }} or {{ column = … }}"
            )));
        };
        let Some(values) = value.get("values") else { return Ok(Self::Column(column.to_owned())) };
        let values = values
            .as_table()
            .ok_or_else(|| wrong(&format!("{name}.values must be a table of texts")))?;
        let mut mapped = BTreeMap::new();
        for (from, to) in values {
            let to = to
                .as_str()
                .ok_or_else(|| wrong(&format!("{name}.values.{from} must be a text")))?;
            mapped.insert(from.as_str().into(), to.into());
        }
        Ok(Self::Mapped(column.to_owned(), mapped))
    }

    fn resolve(&self, header: &[&str]) -> Result<Origin, ImportError> {
        let find = |column: &str| {
            let at = header.iter().position(|name| name.trim() == column);
            at.ok_or_else(|| {
                wrong(&format!(
                    "there is no column {column}, the header has: {}",
                    header.join(", ")
                ))
            })
        };
        Ok(match self {
            Self::Constant(text) => Origin::Constant(text.clone()),
            Self::Column(column) => Origin::Column(find(column)?),
            Self::Mapped(column, values) => Origin::Mapped(find(column)?, values.clone()),
        })
    }
}

/// The delimiter that a header line uses most: comma, semicolon or tab.
pub fn delimiter(header: &[u8]) -> u8 {
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = r#"
time = { column = "t", format = "unix_ms" }
anonymous_id = "customer_id"
kind = { column = "interaction", values = { impression = "touch", conversion = "conversion" } }
currency = { const = "USD" }
"#;

    #[test]
    fn a_map_is_resolved_against_a_header() {
        let map = ColumnMap::parse(MAP).unwrap();
        let resolved = map.resolve(&["t", "interaction", "customer_id"]).unwrap();
        assert_eq!(resolved.time, Origin::Column(0));
        assert_eq!(resolved.time_format, TimeFormat::UnixMilliseconds);
        assert!(resolved.fields.contains(&(Target::AnonymousId, Origin::Column(2))));
        assert!(resolved.fields.contains(&(Target::Currency, Origin::Constant("USD".into()))));
    }

    #[test]
    fn a_map_knows_what_it_fills() {
        let map = ColumnMap::parse("time = \"t\"\nclick_id = \"c\"").unwrap();
        assert!(map.names(Target::ClickId) && !map.names(Target::UserId));
        assert!(!ColumnMap::own().unwrap().names(Target::ClickId));
    }

    #[test]
    fn faults_name_the_key_or_column() {
        let said = |map: &str| ColumnMap::parse(map).unwrap_err().to_string();
        assert!(said("channel = \"c\"").contains("time is missing"));
        assert!(said("time = \"t\"\nchanel = \"c\"").contains("did you mean channel"));
        assert!(said("time = { column = \"t\", format = \"x\" }").contains("time.format"));
        assert!(said("time = 5").contains("time must be"));
        let missing = ColumnMap::parse(MAP).unwrap().resolve(&["t", "interaction"]).unwrap_err();
        assert!(missing.to_string().contains("customer_id"));
    }

    #[test]
    fn the_delimiter_is_found() {
        assert_eq!(delimiter(b"a,b;c,d"), b',');
        assert_eq!(delimiter(b"a;b"), b';');
        assert_eq!(delimiter(b"a\tb"), b'\t');
        assert_eq!(delimiter(b"a"), b',');
    }
}

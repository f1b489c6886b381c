//! Free JSON carried through unparsed.

use crate::wire::scalar;
use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use serde::ser::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value as the client wrote it, known to be well formed, otherwise not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Takes text that is one JSON value.
    pub fn parse(text: &str) -> Option<Self> {
        let value: &RawValue = serde_json::from_str(text).ok()?;
        Some(Self(value.get().into()))
    }

    /// Takes a part of a text that has been found well formed as a whole.
    pub(crate) fn checked(value: &str) -> Self {
        Self(value.into())
    }

    /// The text of the value.
    pub fn get(&self) -> &str {
        &self.0
    }

    /// The text or number that an object holds under a name; of names that stand there twice the
    /// last. Costs a pass over the value.
    pub fn member(&self, name: &str) -> Option<String> {
        let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(&self.0).ok()?;
        let value = scalar::text_or_number(members.get(name)?.get())?;
        Some(scalar::trim(&value).to_owned()).filter(|text| !text.is_empty())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|value| Self(value.into()))
    }
}

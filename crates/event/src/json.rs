//! Free JSON carried through unparsed.

use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A JSON value as the client wrote it, known to be well formed, otherwise not looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Takes text that is one JSON value.
    pub fn parse(text: &str) -> Option<Self> {
        RawValue::from_string(String::from(text)).ok().map(Self)
    }

    /// The text of the value.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl From<Box<RawValue>> for RawJson {
    fn from(value: Box<RawValue>) -> Self {
        Self(value)
    }
}

impl From<&RawValue> for RawJson {
    fn from(value: &RawValue) -> Self {
        Self(alloc::borrow::ToOwned::to_owned(value))
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for RawJson {}

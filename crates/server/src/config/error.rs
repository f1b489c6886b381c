//! Why a configuration was refused.

/// One fault, with its place and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}; check the path given with --config")]
    Read {
        /// Its path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is no TOML.
    #[error("{origin}, line {line}: {why}; see `millstream config show --defaults`")]
    Syntax {
        /// File or variable.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// What the parser said.
        why: String,
    },
    /// A value has the wrong type.
    #[error("{origin}: {why}; see `millstream config show --defaults`")]
    Shape {
        /// File or variable.
        origin: String,
        /// What is wrong, with its key.
        why: String,
    },
    /// No such key.
    #[error("{origin}: there is no key {key}; did you mean {nearest}?")]
    Unknown {
        /// File or variable.
        origin: String,
        /// As written.
        key: String,
        /// The most similar key.
        nearest: String,
    },
    /// A list of tables was named by a variable.
    #[error(
        "{variable}: lists of tables cannot be set from the environment; write them in the file"
    )]
    NotFromEnvironment {
        /// The variable.
        variable: String,
    },
    /// A value that makes no sense.
    #[error("{key} = {value}: {why}")]
    Value {
        /// Its key.
        key: &'static str,
        /// As written.
        value: String,
        /// What would be right.
        why: String,
    },
}

impl ConfigError {
    /// The same, of a table that has a name.
    #[must_use]
    pub fn within(self, name: &str) -> Self {
        match self {
            Self::Value { key, value, why } => {
                Self::Value { key, value: format!("{value} (in `{name}`)"), why }
            }
            other => other,
        }
    }
}

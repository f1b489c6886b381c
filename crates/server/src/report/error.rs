//! Why a report could not be made.

/// A report that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A word of the request is not one that exists.
    #[error("{what} `{given}` does not exist: use one of {known}")]
    Unknown {
        /// What kind of word: the report, the model, the format.
        what: &'static str,
        /// What was given.
        given: String,
        /// What there is.
        known: String,
    },
    /// A value of the request cannot be read.
    #[error("{what} `{given}` cannot be read: {wanted}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What was given.
        given: String,
        /// What it should look like.
        wanted: &'static str,
    },
    /// The data are beyond a bound of the model.
    #[error("the model cannot be computed ({why}): {fix}")]
    Beyond {
        /// Which bound.
        why: String,
        /// What helps.
        fix: String,
    },
    /// Probable links were asked for, and none are in force.
    #[error(
        "there are no probable links in force: run `millstream link` first, or ask for --links certain"
    )]
    NoProbableLinks,
    /// A receipt of consent that proves nothing.
    #[error(
        "the receipt does not hold: this installation did not give it, or something in it was changed since; \
         ask for it as it was given"
    )]
    Receipt,
    /// An earlier state cannot be had.
    #[error(
        "an earlier state cannot be told ({why}): ask for an instant that was, or for the figures of now, without as_of"
    )]
    Earlier {
        /// Why.
        why: String,
    },
    /// The state could not be read.
    #[error(
        "the figures cannot be read ({0}): check the data directory; state can be rebuilt from the log"
    )]
    Read(String),
    /// The text could not be written.
    #[error("the report cannot be written ({0}): this is a defect, please report it")]
    Encode(String),
}

impl ReportError {
    /// The state could not be read, for this reason.
    pub fn read(cause: impl std::fmt::Display) -> Self {
        Self::Read(cause.to_string())
    }

    /// The text could not be written, for this reason.
    pub fn encode(cause: impl std::fmt::Display) -> Self {
        Self::Encode(cause.to_string())
    }

    /// True when the request is at fault, not the system.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. } | Self::Invalid { .. } | Self::NoProbableLinks | Self::Receipt
        )
    }
}

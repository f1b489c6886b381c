//! What became of a table of the ledger.

use super::table::LedgerKind;
use serde::{Deserialize, Serialize};

/// A row that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenRow {
    /// Its line in the file.
    pub line: u64,
    /// The column, what is wrong, and what would be right.
    pub rule: String,
}

/// A name that nothing measured has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnmatchedName {
    /// As it was imported.
    pub name: String,
    /// Names that are close to it, closest first.
    pub nearest: Vec<String>,
}

/// What became of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerOutcome {
    /// What the rows are.
    pub kind: LedgerKind,
    /// Rows of the table.
    pub rows: u64,
    /// Rows that are new.
    pub added: u64,
    /// Rows that take the place of earlier ones.
    pub changed: u64,
    /// Rows that stood there already.
    pub same: u64,
    /// True when what is new or changed was written.
    pub written: bool,
    /// Rows that break a rule; one, and nothing is written.
    pub broken: Vec<BrokenRow>,
    /// Names that no touch and no click has.
    pub unmatched: Vec<UnmatchedName>,
    /// True when the log is being folded anew, so that orders keep what they sold.
    #[serde(default)]
    pub refolds: bool,
}

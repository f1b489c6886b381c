//! The ledger: spend, budgets, rates and costs of goods, read from tables and compared with what stands.

mod outcome;
mod table;

pub use outcome::{BrokenRow, LedgerOutcome, UnmatchedName};
pub use table::{FILE_BYTES_MAX, LedgerKind, LedgerTable, TableFault, read};

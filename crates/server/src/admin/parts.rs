//! What the admin plane asks of the rest of the process, each as a small trait.

use super::decision_metrics::DecisionMeasures;
pub use super::evidence::Evidence;
use super::links::HouseBody;
pub use super::privacy::Erasing;
use crate::forward::Standings;
use crate::ledger::{LedgerKind, LedgerOutcome};
use crate::linking::Told;
use crate::links::{EditError, Editor, Proposal, Registry};
use crate::report::{DateRange, Figures, Freshness};
use crate::sql::{Answer, AskError, Question};
use millstream_event::Timestamp;
use millstream_event::control::Link;
use millstream_event::delivery::DeadLetter;
use millstream_event::ledger::Ledger;
use serde::Serialize;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

/// How far one stage is behind the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageLag {
    /// The stage: `fold`, `outbox`, ….
    pub stage: &'static str,
    /// Records that wait before it.
    pub records: u64,
}

/// Where the consumer stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When this was asked.
    pub as_of: Timestamp,
    /// The latest receive stamp folded.
    pub watermark: Option<Timestamp>,
    /// Everything received before this instant is in the figures.
    pub complete_until: Option<Timestamp>,
    /// True when nothing logged waits to be counted.
    pub drained: bool,
    /// How far each stage is behind.
    pub lag: Vec<StageLag>,
    /// True while the log is folded anew because a rule was changed: figures follow the earlier one.
    pub refolding: bool,
}

impl Standing {
    /// The same, as reports carry it.
    pub const fn freshness(&self) -> Freshness {
        Freshness {
            as_of: self.as_of,
            complete_until: self.complete_until,
            provisional: !self.drained || self.refolding,
        }
    }
}

/// Tells how far the consumer is. Must not block: `/api/status` depends on it.
pub trait Progress: Send + Sync {
    /// Where it stands now.
    fn standing(&self) -> Standing;
}

/// Reads and changes links. Changes block until they are in force.
pub trait LinkDesk: Send + Sync {
    /// The current version of every link, by slug.
    fn all(&self) -> Vec<Arc<Link>>;

    /// Every version of one link, oldest first; empty when there is no such link.
    fn history(&self, slug: &str) -> Vec<Arc<Link>>;

    /// What links are checked against.
    fn house(&self) -> HouseBody;

    /// Makes a link or its next version.
    ///
    /// # Errors
    /// See [`EditError`].
    fn put(&self, proposal: Proposal, now: Timestamp) -> Result<Arc<Link>, EditError>;

    /// Disables a link.
    ///
    /// # Errors
    /// See [`EditError`].
    fn disable(&self, slug: &str, now: Timestamp) -> Result<Arc<Link>, EditError>;

    /// Puts an earlier version in force again.
    ///
    /// # Errors
    /// See [`EditError`].
    fn restore(
        &self,
        slug: &str,
        version: Option<u32>,
        now: Timestamp,
    ) -> Result<Arc<Link>, EditError>;
}

/// The registry and its editor.
pub struct Links {
    /// What is in force.
    pub registry: Arc<Registry>,
    /// What changes it.
    pub editor: Arc<Editor>,
}

impl LinkDesk for Links {
    fn all(&self) -> Vec<Arc<Link>> {
        self.registry.all()
    }

    fn history(&self, slug: &str) -> Vec<Arc<Link>> {
        self.registry.history(slug)
    }

    fn house(&self) -> HouseBody {
        HouseBody {
            house: self.editor.governance().written().clone(),
            own_domains: self.registry.settings().own_domains.clone(),
        }
    }

    fn put(&self, proposal: Proposal, now: Timestamp) -> Result<Arc<Link>, EditError> {
        self.editor.put(proposal, now)
    }

    fn disable(&self, slug: &str, now: Timestamp) -> Result<Arc<Link>, EditError> {
        self.editor.disable(slug, now)
    }

    fn restore(
        &self,
        slug: &str,
        version: Option<u32>,
        now: Timestamp,
    ) -> Result<Arc<Link>, EditError> {
        self.editor.restore(slug, version, now)
    }
}

/// Why a file could not be taken in or given out.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The request is at fault.
    #[error("{0}")]
    Request(String),
    /// The system is at fault.
    #[error("{0}")]
    Failed(String),
}

/// Takes files in and gives tables out. Blocking.
pub trait Transfer: Send + Sync {
    /// Imports everything that `input` yields; answers with the counts to send as JSON.
    ///
    /// # Errors
    /// When a parameter is wrong, or the log does not take it.
    fn import(
        &self,
        parameters: &[(String, String)],
        input: &mut dyn Read,
    ) -> Result<serde_json::Value, TransferError>;

    /// Reads events and things in quarantine again; answers with what came of it as JSON.
    ///
    /// # Errors
    /// When a parameter is wrong, or the log does not take it.
    fn replay(&self, parameters: &[(String, String)]) -> Result<serde_json::Value, TransferError>;

    /// Copies the data directory into a folder of this machine, which must not exist or be empty;
    /// answers with what was copied as JSON.
    ///
    /// # Errors
    /// When the folder is not empty, or something cannot be read or written.
    fn backup(&self, to: &Path) -> Result<serde_json::Value, TransferError>;

    /// Checks a request for a table before anything of it is written.
    ///
    /// # Errors
    /// When there is no such table or parameter.
    fn check_export(
        &self,
        table: &str,
        parameters: &[(String, String)],
    ) -> Result<(), TransferError>;

    /// Writes a table.
    ///
    /// # Errors
    /// When a parameter is wrong, state cannot be read, or `output` fails.
    fn export(
        &self,
        table: &str,
        parameters: &[(String, String)],
        output: &mut dyn Write,
    ) -> Result<(), TransferError>;
}

/// Reads and changes the ledger. Blocking.
pub trait LedgerDesk: Send + Sync {
    /// Takes a table in, or says what is wrong with it.
    ///
    /// # Errors
    /// When the text is no such table, or the log does not take it.
    fn import(
        &self,
        kind: LedgerKind,
        text: &[u8],
        dry_run: bool,
    ) -> Result<LedgerOutcome, TransferError>;

    /// The rows in force: spend of these days, or every budget or rate.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn rows(&self, kind: LedgerKind, range: &DateRange) -> Result<Ledger, TransferError>;
}

/// Answers questions in SQL. Blocking.
pub trait Questions: Send + Sync {
    /// Answers one question.
    ///
    /// # Errors
    /// See [`AskError`].
    fn ask(&self, question: &Question) -> Result<Answer, AskError>;
}

/// Works on what is in quarantine. Blocking.
pub trait MendDesk: Send + Sync {
    /// The rules in force and those before them: `{"version", "rules", "earlier"}`.
    ///
    /// # Errors
    /// When state cannot be read.
    fn rules(&self) -> Result<serde_json::Value, TransferError>;

    /// Replaces the rules by those of a TOML text; with `dry_run` only tells what they would mend.
    ///
    /// # Errors
    /// When they cannot be used, or the log does not take them.
    fn put(&self, text: &str, dry_run: bool) -> Result<serde_json::Value, TransferError>;

    /// Puts the rules of an earlier control version in force again; 0 for none.
    ///
    /// # Errors
    /// When there were none of that version.
    fn restore(&self, version: u32) -> Result<serde_json::Value, TransferError>;
}

/// Takes rules out of force, and puts them back. Blocking.
pub trait RuleDesk: Send + Sync {
    /// The rules in force and those that were disabled: `{"in_force", "disabled"}`.
    fn rules(&self) -> serde_json::Value;

    /// Switches a rule, reads again what it touched, and answers with what came of it as JSON.
    ///
    /// # Errors
    /// When there is no such rule, or something cannot be read or written.
    fn switch(
        &self,
        rule: &str,
        on: bool,
        dry_run: bool,
    ) -> Result<serde_json::Value, TransferError>;
}

/// Fits probable links. Blocking.
pub trait Linking: Send + Sync {
    /// What is in force, with at most so many of its links.
    ///
    /// # Errors
    /// When it cannot be read.
    fn standing(&self, shown: usize) -> Result<Told, TransferError>;

    /// Fits the data as it is now, and keeps what comes out unless it is a dry run.
    ///
    /// # Errors
    /// When something cannot be read or written.
    fn fit(&self, dry_run: bool, shown: usize) -> Result<Told, TransferError>;

    /// Puts a kept version in force; 0 puts none.
    ///
    /// # Errors
    /// When there is no such version, or it cannot be read.
    fn restore(&self, version: u32, shown: usize) -> Result<Told, TransferError>;
}

/// Folds the log anew.
pub trait Refolding: Send + Sync {
    /// Begins a backfill, which goes on behind this call.
    ///
    /// # Errors
    /// When one is under way, or it cannot begin.
    fn backfill(&self, dry_run: bool) -> Result<(), TransferError>;

    /// What is under way and what became of the last one: `{"folding", "last"}`, each null where
    /// there is none.
    fn standing(&self) -> serde_json::Value;
}

/// Forwards events to destinations. Blocking.
pub trait Destinations: Send + Sync {
    /// How they stand. Must not block.
    fn standings(&self) -> Standings;

    /// Does something with one of them: `pause`, `resume`, `drain`, `disable`, `replay`, `resend`.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be done.
    fn order(
        &self,
        name: &str,
        action: &str,
        given: &[(String, String)],
    ) -> Result<serde_json::Value, TransferError>;

    /// Reads their files again; a broken one leaves the earlier version in force.
    ///
    /// # Errors
    /// When nothing is forwarded here, or the folder cannot be read.
    fn reload(&self) -> Result<serde_json::Value, TransferError>;

    /// The dead letters of one of them.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn dead(&self, name: &str, limit: usize) -> Result<Vec<DeadLetter>, TransferError>;
}

/// What decisions do and learn from. Blocking.
pub trait DecisionDesk: Send + Sync {
    /// Trains a use case and tells how well; `distill` fits the first pass to the session neighbours.
    ///
    /// # Errors
    /// When there is no such use case, or nothing to learn from.
    fn train(&self, use_case: &str, distill: bool) -> Result<serde_json::Value, TransferError>;

    /// Goes back to the version before.
    ///
    /// # Errors
    /// When there is none.
    fn roll_back(&self, use_case: &str) -> Result<serde_json::Value, TransferError>;

    /// Learns where visitors go on to, for prefetch hints.
    ///
    /// # Errors
    /// When there is nothing to learn from.
    fn train_pages(&self) -> Result<serde_json::Value, TransferError>;

    /// Goes back to the version of that before.
    ///
    /// # Errors
    /// When there is none.
    fn roll_back_pages(&self) -> Result<serde_json::Value, TransferError>;

    /// What decisions count.
    fn measures(&self) -> DecisionMeasures;

    /// Budgets, margins and rungs by use case.
    fn standing(&self) -> serde_json::Value;
}

/// All of it.
#[derive(Clone)]
pub struct AdminParts {
    /// Figures of reports.
    pub figures: Arc<dyn Figures + Send + Sync>,
    /// How far the consumer is.
    pub progress: Arc<dyn Progress>,
    /// What stands behind a figure.
    pub evidence: Arc<dyn Evidence>,
    /// Links.
    pub links: Arc<dyn LinkDesk>,
    /// Spend, budgets, rates.
    pub ledger: Arc<dyn LedgerDesk>,
    /// Files in, tables out.
    pub transfer: Arc<dyn Transfer>,
    /// Questions in SQL.
    pub questions: Arc<dyn Questions>,
    /// Works on what is in quarantine.
    pub mending: Arc<dyn MendDesk>,
    /// Fits probable links.
    pub linking: Arc<dyn Linking>,
    /// Decisions.
    pub decisions: Arc<dyn DecisionDesk>,
    /// Switches rules.
    pub rules: Arc<dyn RuleDesk>,
    /// Folds the log anew.
    pub refolding: Arc<dyn Refolding>,
    /// Erases people.
    pub erasing: Arc<dyn Erasing>,
    /// Forwards events.
    pub destinations: Arc<dyn Destinations>,
    /// Reads the clock, monotonically.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

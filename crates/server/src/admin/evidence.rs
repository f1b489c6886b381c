//! What the admin plane asks of whoever knows what stands behind figures.

use crate::audit::configuration::ConfigurationVersion;
use crate::audit::consent::ConsentReport;
use crate::audit::deliveries::Verified;
use crate::audit::{Chain, Subject};
use crate::report::{DateRange, ReportError};
use millstream_event::{Quarantine, QuarantineReason};

/// Tells what stands behind a figure. Blocking.
pub trait Evidence: Send + Sync {
    /// The chain behind one thing, or none when there is no such thing.
    ///
    /// # Errors
    /// When state or log cannot be read.
    fn chain(&self, subject: Subject, id: &str) -> Result<Option<Chain>, ReportError>;

    /// Follows the chains of control and of delivery records.
    ///
    /// # Errors
    /// When the state or the log cannot be read.
    fn verify(&self) -> Result<Verified, ReportError>;

    /// What consent allowed, by day and region. Reads the whole log.
    ///
    /// # Errors
    /// When it cannot be read.
    fn consent(&self, range: DateRange) -> Result<ConsentReport, ReportError>;

    /// What retention removed from the log.
    ///
    /// # Errors
    /// When that cannot be read.
    fn removed(&self) -> Result<crate::instance::RemovalVerdict, ReportError>;

    /// Every configuration that an instance was started with, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn configurations(&self) -> Result<Vec<ConfigurationVersion>, ReportError>;

    /// The latest quarantined things, newest first, of one reason or of all.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn quarantined(
        &self,
        reason: Option<QuarantineReason>,
        limit: usize,
    ) -> Result<Vec<Quarantine>, ReportError>;
}

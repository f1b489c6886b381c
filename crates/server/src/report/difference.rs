//! What two folds of one log answer differently.

use super::error::ReportError;
use super::figures::{Figures, PARTS_PER_WHOLE};
use super::query::{By, DateRange, Links, Model, ReportKind, ReportQuery};
use serde::Serialize;
use std::collections::BTreeMap;

/// One figure that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Which, in words.
    pub figure: String,
    /// Before; none where there was no such figure.
    pub before: Option<f64>,
    /// After.
    pub after: Option<f64>,
}

/// The figures of two folds that differ, in the order of their names.
///
/// # Errors
/// When a state cannot be read.
pub fn differences(
    before: &dyn Figures,
    after: &dyn Figures,
) -> Result<Vec<Difference>, ReportError> {
    let (before, after) = (figures(before)?, figures(after)?);
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    Ok(differing
        .map(|name| Difference {
            figure: name.clone(),
            before: before.get(name).copied(),
            after: after.get(name).copied(),
        })
        .collect())
}

/// Every figure worth comparing, by its name.
fn figures(of: &dyn Figures) -> Result<BTreeMap<String, f64>, ReportError> {
    let outcomes = of.outcomes()?;
    let sessions = of.session_totals(&DateRange::default(), Links::Certain)?;
    let identity = of.stitching(&ReportQuery::new(ReportKind::Stitching))?.identity;
    let mut all: BTreeMap<String, f64> = [
        ("events", outcomes.visible),
        ("duplicates", outcomes.duplicate),
        ("conflicting copies", outcomes.conflicts),
        ("quarantined", outcomes.quarantined),
        ("late events", outcomes.late),
        ("events of bots", outcomes.bot),
        ("devices", sessions.devices),
        ("sessions", sessions.sessions),
        ("sessions of bots", sessions.bot_sessions),
        ("people", sessions.people),
        ("identity links", identity.deterministic_links),
        ("hubs", identity.hubs),
    ]
    .into_iter()
    .map(|(name, count)| (name.to_owned(), count as f64))
    .collect();
    for model in Model::ALL.iter().filter(|model| !model.is_data_driven()) {
        let query = ReportQuery {
            by: By::Channel,
            model: *model,
            ..ReportQuery::new(ReportKind::Campaigns)
        };
        for sum in of.campaigns(&query)?.sums {
            let (channel, whole) = (&sum.key, PARTS_PER_WHOLE as f64);
            let conversions = sum.conversions_ppb as f64 / whole;
            all.insert(format!("conversions of {channel} ({model})"), conversions);
            for money in &sum.revenue {
                let name =
                    format!("revenue of {channel} ({model}, minor units of {})", money.currency);
                *all.entry(name).or_default() += money.minor as f64;
            }
        }
    }
    Ok(all)
}

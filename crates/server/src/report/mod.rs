//! Reports: figures with their freshness, as tables, JSON, CSV and HTML.
//!
//! A report is built by a pure reader ([`build`]) from [`Figures`] and comes with its envelope:
//! as of when, complete until when, whether it may still change, and what is known to be missing.
//! The command line and the admin plane call the same functions and print the same bytes.

pub mod arrival;
pub mod budgets;
pub mod campaign_page;
pub mod campaigns;
mod credit;
pub mod csv;
pub mod delivery;
pub mod difference;
pub mod envelope;
pub mod error;
pub mod exchange;
pub mod experiments;
pub mod figures;
pub mod forecast;
pub mod goods;
pub mod html;
mod journeys;
mod measured;
pub mod number;
pub mod page;
pub mod personalization;
pub mod query;
pub mod sensitivity;
pub mod sessions;
pub mod spend;
pub mod state;
pub mod stitching;
pub mod terminal;
#[cfg(test)]
pub(crate) mod tests;

pub use arrival::Arrivals;
pub use envelope::{Body, Freshness, Gaps, Report};
pub use error::ReportError;
pub use experiments::ExperimentFigures;
pub use figures::{
    BudgetSum, CampaignFigures, CampaignSum, DeliveryCounts, EndpointTiming, Figures, HopTiming,
    OutcomeCounts, SessionDay, SessionTotals, Telling,
};
pub use forecast::ForecastFigures;
pub use page::{Align, Grid, Page};
pub use query::{By, DateRange, Format, Links, Model, ReportKind, ReportQuery, Split, Window};
pub use state::{Spans, StateFigures};

/// Builds the report that `query` asks for.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(
    figures: &dyn Figures,
    query: &ReportQuery,
    freshness: Freshness,
) -> Result<Report, ReportError> {
    let mut built = None;
    match query.as_of {
        None => figures.at_once(&mut |figures| {
            built = Some(build_of(figures, query, freshness)?);
            Ok(())
        })?,
        Some(at) if at >= freshness.as_of => {
            return Err(ReportError::Earlier {
                why: "that instant lies ahead; a day stands for its end in UTC".to_owned(),
            });
        }
        Some(at) => figures.earlier(at, &mut |figures| {
            let complete_until = Some(at);
            let then = Freshness { as_of: at, complete_until, provisional: false };
            built = Some(build_of(figures, query, then)?);
            Ok(())
        })?,
    }
    built.ok_or_else(|| ReportError::read("no figures were told"))
}

fn build_of(
    figures: &dyn Figures,
    query: &ReportQuery,
    freshness: Freshness,
) -> Result<Report, ReportError> {
    let outcomes = figures.outcomes()?;
    let delivery = figures.delivery();
    let gaps = Gaps {
        quarantined: outcomes.quarantined,
        late: outcomes.late,
        shed: delivery.shed,
        unconsented: outcomes.unconsented,
        shortened: outcomes.shortened,
    };
    let arrivals = match query.kind {
        ReportKind::Campaigns | ReportKind::Budgets => figures.arrivals(freshness.as_of)?,
        _ => None,
    };
    let body = match query.kind {
        ReportKind::Campaigns => Body::Campaigns(campaigns::build(figures, query)?),
        ReportKind::Budgets => {
            Body::Budgets(budgets::build(figures, query, (freshness, arrivals.as_ref()))?)
        }
        ReportKind::Sessions => Body::Sessions(sessions::build(figures, query)?),
        ReportKind::Delivery => Body::Delivery(delivery::build(&outcomes, delivery)),
        ReportKind::Stitching => Body::Stitching(stitching::build(figures, query)?),
        ReportKind::Personalization => {
            Body::Personalization(personalization::build(figures, query)?)
        }
        ReportKind::Forecast => Body::Forecast(forecast::build(figures, query, freshness)?),
        ReportKind::Sensitivity => Body::Sensitivity(sensitivity::build(figures, query)?),
    };
    Ok(Report { freshness, arrivals, gaps, body })
}

/// Renders a report as text of `format`. `width` is the terminal's, for tables only.
///
/// # Errors
/// When the text cannot be written.
pub fn render(report: &Report, format: Format, width: Option<u16>) -> Result<String, ReportError> {
    match format {
        Format::Table => Ok(terminal::render(&report.page(), width)),
        Format::Json => {
            let mut text = serde_json::to_string_pretty(report).map_err(ReportError::encode)?;
            text.push('\n');
            Ok(text)
        }
        Format::Csv => csv::render(report),
        Format::Html => Ok(html::render(&report.page())),
    }
}

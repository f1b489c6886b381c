//! `/api/spend`: spend, budgets, rates and costs of goods.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use crate::ledger::LedgerKind;
use crate::report::DateRange;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is asked of the ledger.
#[derive(Default)]
struct Asked {
    kind: LedgerKind,
    range: DateRange,
    dry_run: bool,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for (name, value) in parameters(query) {
            match (name.as_str(), value.as_str()) {
                ("kind", kind) => asked.kind = kind.parse()?,
                ("from", day) => asked.range.from = Some(DateRange::parse_day(day)?),
                ("to", day) => asked.range.to = Some(DateRange::parse_day(day)?),
                ("dry_run", "true" | "1" | "") => asked.dry_run = true,
                ("dry_run", "false" | "0") => asked.dry_run = false,
                _ => {
                    return Err(Refusal::bad_request(
                        "the parameters are kind (spend, budgets, rates, goods), from, to and dry_run",
                    ));
                }
            }
        }
        Ok(asked)
    }
}

/// `GET /api/spend`
///
/// # Errors
/// When a parameter is wrong, or the state cannot be read.
pub async fn get(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let asked = Asked::read(query.as_deref())?;
    let desk = Arc::clone(&plane.parts.ledger);
    let ledger = plane.gate.run(move || Ok(desk.rows(asked.kind, &asked.range)?)).await?;
    let date =
        |day: i32| millstream_event::Timestamp(i64::from(day) * 86_400_000_000).to_utc_date();
    let spend = ledger.spend.iter().map(|row| {
        let [channel, source, medium, campaign, ad_group] =
            row.on.texts().map(|text| Some(text).filter(|text| !text.is_empty()));
        json!({
            "date": date(row.day), "channel": channel, "source": source, "medium": medium,
            "campaign": campaign, "ad_group": ad_group, "cost_minor": row.cost.minor,
            "currency": row.cost.currency,
        })
    });
    let budgets = ledger.budgets.iter().map(|row| {
        json!({
            "campaign": row.campaign, "from": date(row.from), "to": date(row.to),
            "amount_minor": row.amount.minor, "currency": row.amount.currency,
            "target_roas": f64::from(row.target_roas_permille) / 1_000.0,
        })
    });
    let rates = ledger.rates.iter().map(|row| {
        json!({
            "date": date(row.day), "base": row.base, "currency": row.currency,
            "mantissa": row.mantissa, "scale": row.scale,
        })
    });
    let goods = ledger.goods.iter().map(|row| {
        json!({
            "product": row.product, "from": date(row.day),
            "cost_minor": row.cost.map(|cost| cost.minor),
            "currency": row.cost.map(|cost| cost.currency),
        })
    });
    let rows: Vec<Value> = spend.chain(budgets).chain(rates).chain(goods).collect();
    json(&json!({ "kind": asked.kind, "rows": rows }))
}

/// `POST /api/spend`: a CSV table as the body. One that breaks rules is answered with every rule
/// that is broken, and nothing is written.
///
/// # Errors
/// When a parameter is wrong, the body is no such table, or the log does not take it.
pub async fn post(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, Refusal> {
    let asked = Asked::read(query.as_deref())?;
    let desk = Arc::clone(&plane.parts.ledger);
    let job = move || Ok(desk.import(asked.kind, &body, asked.dry_run)?);
    json(&plane.changes.run(job).await?)
}

//! Every route of the plane, described and served from one table.

use super::guard::{self, Threshold};
use super::plane::Plane;
use super::token::Role;
use super::{
    assets, audits, backfill, backup, decisions, destinations, export, import, linking, links,
    live, metrics, openapi, quarantine, replay, reports, rules, spend, sql, status,
};
use crate::ledger;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post, put};
use std::sync::Arc;

/// Largest body of a request that is read whole.
pub const BODY_BYTES_MAX: usize = 64 * 1_024;

/// One parameter of a query string or path.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The values it may take; empty: any text.
    pub values: &'static [&'static str],
}

/// What a route is, for the router and for the document.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Method, upper case.
    pub method: &'static str,
    /// Path, with `{names}`.
    pub path: &'static str,
    /// Least role; none: open to all.
    pub role: Option<Role>,
    /// What it does, in a line.
    pub about: &'static str,
    /// Parameters of the query string.
    pub query: &'static [Parameter],
    /// Parameters of the path.
    pub names: &'static [Parameter],
    /// Schema of the request's body.
    pub request: Option<&'static str>,
    /// Media type of the answer.
    pub media: &'static str,
    /// Schema of the answer, where it is JSON.
    pub schema: Option<&'static str>,
    /// True when bodies are streamed and no time limit applies.
    pub streams: bool,
}

pub(super) const fn text(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about, values: &[] }
}

pub(super) const fn choice(
    name: &'static str,
    about: &'static str,
    values: &'static [&'static str],
) -> Parameter {
    Parameter { name, about, values }
}

const BY: Parameter = choice("by", "What to group by.", &["channel", "source", "campaign", "link"]);
pub(super) const MODEL: Parameter = choice(
    "model",
    "How a conversion is shared among touches.",
    &["first", "last", "last_non_direct", "linear", "position", "time_decay", "markov", "shapley"],
);
const LEDGER: Parameter =
    choice("kind", "What the rows are.", &["spend", "budgets", "rates", "goods"]);
const SLUG: &[Parameter] = &[text("slug", "The link's slug.")];

pub(super) const fn read(
    path: &'static str,
    about: &'static str,
    schema: &'static str,
) -> Endpoint {
    Endpoint {
        method: "GET",
        path,
        role: Some(Role::Viewer),
        about,
        query: &[],
        names: &[],
        request: None,
        media: "application/json",
        schema: Some(schema),
        streams: false,
    }
}

pub(super) const fn change(
    method: &'static str,
    path: &'static str,
    about: &'static str,
    schema: &'static str,
) -> Endpoint {
    Endpoint { method, role: Some(Role::Editor), ..read(path, about, schema) }
}

fn figures() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const AUDIT: Endpoint = Endpoint {
        query: &[choice("format", "How to write it.", &["json", "tree"])],
        names: &[
            choice(
                "subject",
                "What to look at.",
                &["conversion", "click", "event", "decision", "link", "person"],
            ),
            text("id", "Its id, or a link's slug."),
        ],
        ..read("/api/audit/{subject}/{id}", "The whole chain behind one thing.", "Chain")
    };
    const QUARANTINE: Endpoint = Endpoint {
        role: Some(Role::Editor),
        query: &[text("reason", "Only this reason."), text("limit", "Most items, 1 to 1000.")],
        ..read("/api/quarantine", "What broke the contract, by reason.", "Quarantine")
    };
    const LIVE: Endpoint = Endpoint {
        query: &[BY, MODEL],
        media: "text/event-stream",
        streams: true,
        ..read("/api/live", "Server-sent events, one each second.", "Live")
    };
    const DOCUMENT: Endpoint = read("/openapi.json", "This document.", "Document");
    const METRICS: Endpoint = Endpoint {
        media: "application/openmetrics-text; version=1.0.0; charset=utf-8",
        schema: None,
        ..read("/metrics", "Metrics for Prometheus.", "Text")
    };
    vec![
        (
            read("/api/status", "Gear, lag, watermark and counts; always answers.", "Status"),
            get(status::get),
        ),
        (reports::REPORT, get(reports::get)),
        (AUDIT, get(audits::get)),
        (QUARANTINE, get(quarantine::get)),
        (LIVE, get(live::get)),
        (DOCUMENT, get(openapi::get)),
        (METRICS, get(metrics::get)),
    ]
}

fn changes() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const LIST: Endpoint = Endpoint {
        query: &[text("after", "Only slugs behind this one.")],
        ..read("/api/links", "Governed links in force, by slug.", "Links")
    };
    const SHOW: Endpoint = Endpoint {
        names: SLUG,
        ..read("/api/links/{slug}", "One link with its history.", "LinkHistory")
    };
    const MAKE: Endpoint = Endpoint {
        request: Some("Proposal"),
        ..change("POST", "/api/links", "Makes a link, or the next version of one.", "Link")
    };
    const DISABLE: Endpoint = Endpoint {
        names: SLUG,
        ..change("PUT", "/api/links/{slug}/disable", "Disables a link.", "Link")
    };
    const RESTORE: Endpoint = Endpoint {
        names: SLUG,
        query: &[text("version", "The version to restore; without it the last enabled one.")],
        ..change("PUT", "/api/links/{slug}/restore", "Puts an earlier version in force.", "Link")
    };
    const TAKE: Endpoint = Endpoint {
        query: &[
            choice("format", "What the body is.", &["combined", "segment", "csv", "parquet"]),
            text("own_domain", "The host that is ours; without it the commonest referrer."),
            text("source", "The source that the events belong to."),
            text("map", "For csv and parquet: the map of columns, as TOML."),
        ],
        request: Some("File"),
        streams: true,
        ..change("POST", "/api/import", "Imports the body; the same again adds nothing.", "Import")
    };
    const GIVE: Endpoint = Endpoint {
        role: Some(Role::Editor),
        query: &[choice("format", "How to write it.", &["csv", "jsonl", "parquet"])],
        names: &[text("table", "The table's name.")],
        media: "text/csv",
        schema: None,
        streams: true,
        ..read("/api/export/{table}", "A table in a stable order.", "Text")
    };
    const ASK: Endpoint = Endpoint {
        request: Some("Question"),
        streams: true,
        ..change("POST", "/api/sql", "Answers a question in SQL; reads only.", "Answer")
    };
    vec![
        (LIST, get(links::list)),
        (SHOW, get(links::show)),
        (MAKE, post(links::put)),
        (DISABLE, put(links::disable)),
        (RESTORE, put(links::restore)),
        (TAKE, post(import::post)),
        (GIVE, get(export::get)),
        (ASK, post(sql::post)),
    ]
}

fn upkeep() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const AGAIN: Endpoint = Endpoint {
        query: &[
            text("from", "Events received from this instant on."),
            text("to", "Events received before this instant."),
            text("event", "Events with this id; may be given again."),
            text("quarantine", "Things in quarantine for this reason, or for any."),
            choice("dry_run", "Only count what would change.", &["true", "false"]),
        ],
        streams: true,
        ..change("POST", "/api/replay", "Reads events again by the rules of today.", "Replayed")
    };
    const COPY: Endpoint = Endpoint {
        role: Some(Role::Admin),
        request: Some("BackupWanted"),
        streams: true,
        ..change("POST", "/api/backup", "Copies the data to a folder of this machine.", "Backup")
    };
    const ANEW: Endpoint = Endpoint {
        role: Some(Role::Admin),
        query: &[choice("dry_run", "Only tell what would change.", &["true", "false"])],
        ..change("POST", "/api/backfill", "Begins to fold the log anew.", "Backfill")
    };
    const HOW_FAR: Endpoint = read(
        "/api/backfill",
        "How far folding anew is, and what the last one changed.",
        "Backfill",
    );
    vec![
        (AGAIN, post(replay::post)),
        (COPY, post(backup::post)),
        (HOW_FAR, get(backfill::get)),
        (ANEW, post(backfill::post)),
    ]
}

fn money_and_rules() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const SPENT: Endpoint = Endpoint {
        query: &[LEDGER, text("from", "First day."), text("to", "Last day.")],
        ..read("/api/spend", "Spend, budgets, rates or costs of goods in force.", "Ledger")
    };
    const SPEND: Endpoint = Endpoint {
        query: &[LEDGER, choice("dry_run", "Only tell what would change.", &["true", "false"])],
        request: Some("File"),
        streams: true,
        ..change(
            "POST",
            "/api/spend",
            "Takes a table in; rows replace earlier ones.",
            "LedgerOutcome",
        )
    };
    const RULES: Endpoint = read("/api/link-rules", "House rules of links.", "LinkRules");
    const VERIFY: Endpoint =
        read("/api/audit/verify", "Follows the chains of control and delivery records.", "Verdict");
    const CONFIGURATIONS: Endpoint = Endpoint {
        role: Some(Role::Admin),
        ..read("/api/config/history", "What instances were started with, oldest first.", "Document")
    };
    let table = DefaultBodyLimit::max(ledger::FILE_BYTES_MAX + 1);
    vec![
        (SPENT, get(spend::get)),
        (SPEND, post(spend::post).layer(table)),
        (RULES, get(links::rules)),
        (VERIFY, get(audits::verify)),
        (CONFIGURATIONS, get(audits::configurations)),
    ]
}

/// What is worked on beside the figures: rules that mend, and probable links.
fn workbench() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const MENDS: Endpoint = Endpoint {
        role: Some(Role::Editor),
        ..read("/api/quarantine/rules", "Rules that mend, and earlier ones.", "Mending")
    };
    const MEND: Endpoint = Endpoint {
        query: &[choice("dry_run", "Only tell what they would mend.", &["true", "false"])],
        request: Some("File"),
        streams: true,
        ..change("PUT", "/api/quarantine/rules", "Replaces the rules by a TOML text.", "Mending")
    };
    const MEND_BACK: Endpoint = Endpoint {
        names: &[text("version", "A control version; 0 for no rules.")],
        ..change(
            "PUT",
            "/api/quarantine/rules/{version}/restore",
            "Puts earlier rules in force.",
            "Mending",
        )
    };
    const SHOWN: Parameter = text("limit", "Most links shown, 0 to 1000.");
    const PROBABLE: Endpoint = Endpoint {
        role: Some(Role::Editor),
        query: &[SHOWN],
        ..read("/api/probable-links", "Probable links in force, and versions.", "ProbableLinks")
    };
    const GUESS: Endpoint = Endpoint {
        query: &[choice("dry_run", "Keep nothing.", &["true", "false"]), SHOWN],
        streams: true,
        ..change("POST", "/api/probable-links", "Fits probable links anew.", "ProbableLinks")
    };
    const PUT_BACK: Endpoint = Endpoint {
        names: &[text("version", "A kept version; 0 for none.")],
        ..change(
            "PUT",
            "/api/probable-links/{version}/restore",
            "Puts an earlier version in force.",
            "ProbableLinks",
        )
    };
    vec![
        (MENDS, get(quarantine::rules)),
        (MEND, put(quarantine::put_rules)),
        (MEND_BACK, put(quarantine::restore_rules)),
        (PROBABLE, get(linking::get)),
        (GUESS, post(linking::post)),
        (PUT_BACK, put(linking::restore)),
    ]
}

/// Every route with its handler, the dashboard's files apart.
pub fn table() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    let mut all = figures();
    all.extend(changes());
    all.extend(money_and_rules());
    all.extend(upkeep());
    all.extend(workbench());
    all.extend(destinations::routes());
    all.extend(decisions::routes());
    all.extend(rules::routes());
    all
}

/// The router of the plane.
pub fn router(plane: Arc<Plane>) -> Router {
    let mut router = Router::new();
    for (endpoint, mut handler) in table() {
        if !endpoint.streams {
            handler = handler.layer(from_fn(guard::in_time));
        }
        if let Some(role) = endpoint.role {
            let threshold = Threshold { plane: Arc::clone(&plane), role };
            handler = handler.layer(from_fn_with_state(threshold, guard::authorize));
        }
        router = router.route(endpoint.path, handler);
    }
    router
        .fallback(assets::get)
        .method_not_allowed_fallback(assets::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&plane), guard::keep))
        .layer(from_fn(guard::bind))
        .with_state(plane)
}

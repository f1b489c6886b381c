//! The plane against canned parts: who gets in, what routes answer, what happens at the bounds.

mod access;
mod answers;

use super::plane::Plane;
use super::pulse::Pulse;
use super::token::TokenHash;
use super::*;
use crate::audit::{Chain, Subject};
use crate::ledger::{LedgerKind, LedgerOutcome};
use crate::linking::Told;
use crate::links::{EditError, Proposal, RefusedLink};
use crate::report::tests::Canned;
use crate::report::{DateRange, ReportError};
use crate::sql::{Answer, AskError, Question};
use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use millstream_event::control::Link;
use millstream_event::ledger::Ledger;
use millstream_event::{Quarantine, QuarantineReason, Timestamp};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

struct Still;

impl Progress for Still {
    fn standing(&self) -> Standing {
        let as_of = Timestamp::parse_rfc3339("2026-11-22T12:03:10.4Z").unwrap();
        Standing {
            as_of,
            watermark: Some(as_of),
            complete_until: Some(as_of - millstream_event::Span::millis(400)),
            drained: false,
            lag: vec![parts::StageLag { stage: "fold", records: 12 }],
            refolding: false,
        }
    }
}

struct Nothing;

impl Evidence for Nothing {
    fn chain(&self, subject: Subject, id: &str) -> Result<Option<Chain>, ReportError> {
        Ok((id == "known").then(|| Chain::new(subject.as_str(), id).with("bot", false)))
    }

    fn consent(
        &self,
        _: crate::report::DateRange,
    ) -> Result<crate::audit::consent::ConsentReport, ReportError> {
        Ok(Default::default())
    }

    fn removed(&self) -> Result<crate::instance::RemovalVerdict, ReportError> {
        Ok(Default::default())
    }

    fn verify(&self) -> Result<crate::audit::deliveries::Verified, ReportError> {
        let controls = crate::links::seal::Verifier::default().finish();
        Ok(crate::audit::deliveries::Verified::new(controls, Default::default()))
    }

    fn configurations(
        &self,
    ) -> Result<Vec<crate::audit::configuration::ConfigurationVersion>, ReportError> {
        Ok(Vec::new())
    }

    fn quarantined(
        &self,
        _reason: Option<QuarantineReason>,
        _limit: usize,
    ) -> Result<Vec<Quarantine>, ReportError> {
        Ok(Vec::new())
    }
}

impl LinkDesk for Nothing {
    fn all(&self) -> Vec<Arc<Link>> {
        Vec::new()
    }

    fn history(&self, _slug: &str) -> Vec<Arc<Link>> {
        Vec::new()
    }

    fn house(&self) -> links::HouseBody {
        links::HouseBody { house: Default::default(), own_domains: Vec::new() }
    }

    fn put(&self, proposal: Proposal, now: Timestamp) -> Result<Arc<Link>, EditError> {
        Ok(Arc::new(proposal.into_link(1, now).map_err(|refused: RefusedLink| refused)?))
    }

    fn disable(&self, slug: &str, _now: Timestamp) -> Result<Arc<Link>, EditError> {
        Err(EditError::Unknown { slug: slug.to_owned() })
    }

    fn restore(
        &self,
        slug: &str,
        _version: Option<u32>,
        _now: Timestamp,
    ) -> Result<Arc<Link>, EditError> {
        Err(EditError::Unknown { slug: slug.to_owned() })
    }
}

impl Transfer for Nothing {
    fn import(
        &self,
        _parameters: &[(String, String)],
        input: &mut dyn Read,
    ) -> Result<serde_json::Value, parts::TransferError> {
        let failed = |error: std::io::Error| parts::TransferError::Failed(error.to_string());
        let bytes = std::io::copy(input, &mut std::io::sink()).map_err(failed)?;
        Ok(serde_json::json!({ "accepted": bytes }))
    }

    fn replay(
        &self,
        parameters: &[(String, String)],
    ) -> Result<serde_json::Value, parts::TransferError> {
        match parameters.is_empty() {
            true => Err(parts::TransferError::Request("nothing says what to replay".to_owned())),
            false => Ok(serde_json::json!({ "selected": 1 })),
        }
    }

    fn backup(&self, to: &std::path::Path) -> Result<serde_json::Value, parts::TransferError> {
        match to.ends_with("full") {
            true => Err(parts::TransferError::Request("it is not empty".to_owned())),
            false => Ok(serde_json::json!({ "segments": 1 })),
        }
    }

    fn check_export(
        &self,
        table: &str,
        _parameters: &[(String, String)],
    ) -> Result<(), parts::TransferError> {
        match table {
            "events" | "broken" => Ok(()),
            _ => Err(parts::TransferError::Request("there is no such table".to_owned())),
        }
    }

    fn export(
        &self,
        table: &str,
        _parameters: &[(String, String)],
        output: &mut dyn Write,
    ) -> Result<(), parts::TransferError> {
        let failed = |error: std::io::Error| parts::TransferError::Failed(error.to_string());
        for _ in 0..100_000 {
            output.write_all(b"0123456789\n").map_err(failed)?;
        }
        match table {
            "broken" => Err(parts::TransferError::Failed("the state went away".to_owned())),
            _ => Ok(()),
        }
    }
}

impl parts::LedgerDesk for Nothing {
    fn import(
        &self,
        kind: LedgerKind,
        text: &[u8],
        _dry_run: bool,
    ) -> Result<LedgerOutcome, parts::TransferError> {
        let table = crate::ledger::read(kind, text);
        let table = table.map_err(|fault| parts::TransferError::Request(fault.to_string()))?;
        Ok(LedgerOutcome { kind, rows: table.rows, broken: table.broken, ..Default::default() })
    }

    fn rows(&self, _kind: LedgerKind, _range: &DateRange) -> Result<Ledger, parts::TransferError> {
        Ok(Ledger::default())
    }
}

impl parts::Questions for Nothing {
    fn ask(&self, question: &Question) -> Result<Answer, AskError> {
        match question.query.as_str() {
            "select 1" => Ok(Answer {
                columns: Vec::new(),
                rows: Vec::new(),
                more: false,
                as_of: "2026-11-22T12:03:10.4Z".to_owned(),
                complete_until: None,
                provisional: true,
                elapsed_ms: 1,
            }),
            "left out" => Err(AskError::LeftOut),
            _ => Err(AskError::Question("it cannot be understood".to_owned())),
        }
    }
}

impl parts::MendDesk for Nothing {
    fn rules(&self) -> Result<serde_json::Value, parts::TransferError> {
        Ok(serde_json::json!({ "version": 0, "rules": [], "earlier": [] }))
    }

    fn put(&self, text: &str, _dry_run: bool) -> Result<serde_json::Value, parts::TransferError> {
        Err(parts::TransferError::Request(format!("{} bytes are no rules", text.len())))
    }

    fn restore(&self, _version: u32) -> Result<serde_json::Value, parts::TransferError> {
        self.rules()
    }
}

impl parts::RuleDesk for Nothing {
    fn rules(&self) -> serde_json::Value {
        serde_json::json!({ "in_force": [], "disabled": [] })
    }

    fn switch(
        &self,
        rule: &str,
        _: bool,
        _: bool,
    ) -> Result<serde_json::Value, parts::TransferError> {
        Err(parts::TransferError::Request(format!("{rule} names no rule")))
    }
}

impl parts::Linking for Nothing {
    fn standing(&self, _shown: usize) -> Result<Told, parts::TransferError> {
        Ok(Told {
            outcome: crate::linking::Outcome::Standing,
            version: None,
            links: 0,
            possible: 0,
            artefact: None,
            versions: Vec::new(),
        })
    }

    fn fit(&self, _dry_run: bool, shown: usize) -> Result<Told, parts::TransferError> {
        self.standing(shown)
    }

    fn restore(&self, version: u32, _shown: usize) -> Result<Told, parts::TransferError> {
        Err(parts::TransferError::Request(format!("there is no version {version}")))
    }
}

impl parts::DecisionDesk for Nothing {
    fn train(&self, use_case: &str, _: bool) -> Result<serde_json::Value, parts::TransferError> {
        Ok(serde_json::json!({ "use_case": use_case, "version": 1 }))
    }

    fn roll_back(&self, _: &str) -> Result<serde_json::Value, parts::TransferError> {
        Err(parts::TransferError::Request("there is no earlier version".to_owned()))
    }

    fn train_pages(&self) -> Result<serde_json::Value, parts::TransferError> {
        Err(parts::TransferError::Request("nothing decides here".to_owned()))
    }

    fn roll_back_pages(&self) -> Result<serde_json::Value, parts::TransferError> {
        Err(parts::TransferError::Request("nothing decides here".to_owned()))
    }

    fn measures(&self) -> super::decision_metrics::DecisionMeasures {
        super::decision_metrics::DecisionMeasures::default()
    }

    fn standing(&self) -> serde_json::Value {
        serde_json::json!({ "use_cases": [] })
    }
}

impl parts::Refolding for Nothing {
    fn backfill(&self, dry_run: bool) -> Result<(), parts::TransferError> {
        match dry_run {
            true => Ok(()),
            false => Err(parts::TransferError::Request("one is under way".to_owned())),
        }
    }

    fn standing(&self) -> serde_json::Value {
        serde_json::json!({ "folding": { "folded": 3 }, "last": null })
    }
}

impl parts::Erasing for Nothing {
    fn erase(
        &self,
        wanted: &crate::erasure::Wanted,
        _verify: bool,
    ) -> Result<serde_json::Value, parts::TransferError> {
        wanted.check().map_err(|error| parts::TransferError::Request(error.to_string()))?;
        Ok(serde_json::json!({ "left": [] }))
    }

    fn access(&self, _: &str, output: &mut dyn Write) -> Result<(), parts::TransferError> {
        output.write_all(b"{}\n").map_err(|error| parts::TransferError::Failed(error.to_string()))
    }
}

impl parts::Destinations for Nothing {
    fn standings(&self) -> crate::forward::Standings {
        crate::forward::Standings::default()
    }

    fn order(
        &self,
        name: &str,
        _action: &str,
        _parameters: &[(String, String)],
    ) -> Result<serde_json::Value, parts::TransferError> {
        match name {
            "shop" => Ok(serde_json::json!({ "name": name })),
            _ => Err(parts::TransferError::Request("there is no such destination".to_owned())),
        }
    }

    fn reload(&self) -> Result<serde_json::Value, parts::TransferError> {
        Ok(serde_json::json!({ "added": [] }))
    }

    fn dead(
        &self,
        _name: &str,
        _limit: usize,
    ) -> Result<Vec<millstream_event::delivery::DeadLetter>, parts::TransferError> {
        Ok(Vec::new())
    }
}

fn parts() -> AdminParts {
    AdminParts {
        figures: Arc::new(Canned),
        progress: Arc::new(Still),
        evidence: Arc::new(Nothing),
        links: Arc::new(Nothing),
        ledger: Arc::new(Nothing),
        transfer: Arc::new(Nothing),
        questions: Arc::new(Nothing),
        mending: Arc::new(Nothing),
        linking: Arc::new(Nothing),
        decisions: Arc::new(Nothing),
        rules: Arc::new(Nothing),
        refolding: Arc::new(Nothing),
        destinations: Arc::new(Nothing),
        erasing: Arc::new(Nothing),
        clock: Arc::new(|| Timestamp(0)),
    }
}

fn tokens() -> (Tokens, Token, Token) {
    let (viewer, editor) = (Token::generate().unwrap(), Token::generate().unwrap());
    let entry = |name: &str, role, token: &Token| TokenEntry {
        name: name.to_owned(),
        role,
        hash: token.hash(),
    };
    let entries = vec![entry("ann", Role::Viewer, &viewer), entry("bob", Role::Editor, &editor)];
    (Tokens::new(entries), viewer, editor)
}

fn router(options: &AdminOptions) -> Router {
    let (plane, publish) = Plane::new(options, parts());
    // Keeps the stream of pulses open for as long as the router lives.
    publish.send_replace(Arc::new(Pulse { number: 1, ..Pulse::default() }));
    std::mem::forget(publish);
    routes::router(Arc::new(plane))
}

fn get(path: &str) -> http::request::Builder {
    Request::builder().uri(path).header("host", "127.0.0.1:8081")
}

async fn send(router: &Router, request: http::request::Builder) -> Response<Body> {
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

//! Reads plan files: within their limit, as text; tables and forecasts by what their names end in.

use crate::cli::failure::Failure;
use millstream_plan::read::PLAN_BYTES_MAX;
use millstream_plan::{Plan, PlanError};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The text of a file, or of standard input for `-`; refused over `limit` bytes before it is read whole.
pub fn text(path: &Path, limit: usize) -> Result<String, Failure> {
    let what = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let most = limit as u64 + 1;
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        Failure::known(what(), error.to_string(), "check its name and whether you may read it")
    })?;
    if bytes.len() > limit {
        let why = format!("it has more than {} MiB", limit >> 20);
        return Err(Failure::known(
            what(),
            why,
            "a plan this large is a mistake: split it or shorten it",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let why = format!("it is not UTF-8 text: {}", error.utf8_error());
        Failure::known(what(), why, "save it as UTF-8")
    })
}

/// What a file is called in messages.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") { "(standard input)".to_owned() } else { path.display().to_string() }
}

/// A plan from several files, each laid over the ones before: TOML, `.csv` inventories and forecasts, `.json`
/// forecasts.
pub fn plan<'f>(files: impl Iterator<Item = &'f Path>) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    let mut last = String::new();
    for path in files {
        let text = text(path, PLAN_BYTES_MAX)?;
        last = name(path);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let read = match ending {
            "csv" => plan.overlaid_csv(&last, &text),
            "json" => plan.overlaid_json(&last, &text),
            _ => plan.overlaid(&last, &text),
        };
        plan = read.map_err(|error| refused(&last, &error))?;
    }
    if plan.components.is_empty() && plan.flows.is_empty() {
        return Err(refused(&last, &PlanError::Empty { name: last.clone() }));
    }
    Ok(plan)
}

/// True when a file makes no plan by itself but does when it is laid over one.
pub fn is_overlay(plan: &Plan, path: &Path) -> Result<bool, Failure> {
    if path == Path::new("-") {
        // Standard input can be read but once.
        return Ok(false);
    }
    let text = text(path, PLAN_BYTES_MAX)?;
    let name = name(path);
    Ok(Plan::parse(&name, &text).is_err() && plan.overlaid(&name, &text).is_ok())
}

/// Prints every problem but the first; the first is the failure.
fn refused(name: &str, error: &PlanError) -> Failure {
    let PlanError::Invalid { problems, more } = error else {
        return Failure::new(format!("cannot plan {name}"), error);
    };
    let Some((first, others)) = problems.split_first() else {
        return Failure::new(format!("cannot plan {name}"), error);
    };
    for problem in others {
        eprintln!("{problem}");
    }
    if *more > 0 {
        eprintln!("and {more} more");
    }
    let what = format!("{}:{}:{}: {}", first.source, first.line, first.column, first.what);
    Failure::known(what, first.why.clone(), first.fix.clone())
}

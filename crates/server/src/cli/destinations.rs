//! `destinations`: where events are forwarded to: how that goes, what a request looks like, and what is
//! to be changed.

use super::failure::{Ended, Failure};
use super::forwarding::Forwards;
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use crate::admin::destinations::LETTERS_MAX;
use crate::admin::parts::Destinations as _;
use crate::forward::Destination;
use crate::report::number::grouped;
use crate::report::page::{Align, Grid, NOT_KNOWN, plain};
use crate::report::terminal;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Where events are forwarded to: how that goes, what a request would look like, and what is to be
/// changed.
#[derive(Args, Clone, Debug)]
pub struct Destinations {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Lists destinations with their backlog, counts, breakers, latencies.
    List(Listing),
    /// Says whether files of destinations can be used.
    Check {
        /// Files, or folders of them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Prints the names of the presets, or one of them.
    Presets {
        /// The preset to print.
        name: Option<String>,
    },
    /// Shows the request that a sample event would become, without sending it.
    DryRun(super::rehearsal::DryRun),
    /// Sends a sample event to a destination, marked as a test where it knows tests.
    Test(super::rehearsal::Test),
    /// Has events wait.
    Pause(Named),
    /// Sends again, after a pause or after having been disabled.
    Resume(Named),
    /// Sends what waits and takes nothing new up.
    Drain(Named),
    /// Lets events pass by.
    Disable(Named),
    /// Sends what was received in a range of time once more.
    Replay(Range),
    /// Lists deliveries that were given up.
    Dead(Listed),
    /// Takes deliveries that were given up up again.
    Resend(Letters),
}

#[derive(Args, Clone, Debug)]
struct Listing {
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    format: String,
    /// Where.
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
struct Named {
    /// The destination.
    name: String,
    /// Where.
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
struct Range {
    /// The destination.
    name: String,
    /// Events received from this day or instant on.
    #[arg(long)]
    from: Option<String>,
    /// Events received before this day or instant.
    #[arg(long)]
    to: Option<String>,
    /// Where.
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
struct Listed {
    /// The destination.
    name: String,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    format: String,
    /// Where.
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
struct Letters {
    /// The destination.
    name: String,
    /// Only those given up for this reason.
    #[arg(long)]
    reason: Option<String>,
    /// Where.
    #[command(flatten)]
    place: Place,
}

impl Destinations {
    /// Does what was asked.
    pub fn run(&self) -> Result<Ended, Failure> {
        match &self.action {
            Action::List(listing) => listing.run(),
            Action::Check { files } => check(files),
            Action::Presets { name } => presets(name.as_deref()),
            Action::DryRun(dry_run) => dry_run.run(),
            Action::Test(test) => test.run(),
            Action::Pause(named) => order(&named.place, &named.name, "pause", &[]),
            Action::Resume(named) => order(&named.place, &named.name, "resume", &[]),
            Action::Drain(named) => order(&named.place, &named.name, "drain", &[]),
            Action::Disable(named) => order(&named.place, &named.name, "disable", &[]),
            Action::Replay(range) => {
                let given = [("from", &range.from), ("to", &range.to)];
                order(&range.place, &range.name, "replay", &given)
            }
            Action::Dead(listed) => listed.run(),
            Action::Resend(letters) => {
                let given = [("reason", &letters.reason)];
                order(&letters.place, &letters.name, "resend", &given)
            }
        }
    }
}

fn presets(name: Option<&str>) -> Result<Ended, Failure> {
    use crate::forward::presets;
    let text = match name {
        None => presets::names().join("\n") + "\n",
        Some(name) => presets::text(name).map(str::to_owned).ok_or_else(|| {
            let known = presets::names().join(", ");
            Failure::known(
                format!("there is no preset {name}"),
                "it does not come with the program",
                format!("use one of {known}"),
            )
        })?,
    };
    output::print(&text)?;
    Ok(Ended::Done)
}

fn check(files: &[PathBuf]) -> Result<Ended, Failure> {
    for path in files {
        let refused = |error| Failure::new("a destination cannot be used", error);
        let read = match path.is_dir() {
            true => Destination::read_all(path).map_err(refused)?,
            false => vec![Destination::read(path).map_err(refused)?],
        };
        for destination in read {
            super::rehearsal::try_out(&destination)?;
            output::print(&format!("{} can be used\n", destination.name))?;
        }
    }
    Ok(Ended::Done)
}

/// Has a running instance do something. Without one there is nobody who would.
fn order(
    place: &Place,
    name: &str,
    action: &str,
    given: &[(&str, &Option<String>)],
) -> Result<Ended, Failure> {
    let Target::Remote(mut remote) = place.open(false)? else {
        return Err(Failure::known(
            "nothing was changed",
            "no instance runs on this data directory",
            "start it with `millstream serve`, then ask again",
        ));
    };
    let query: Vec<String> = given
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_deref()?))))
        .collect();
    let path = format!("/api/destinations/{}/{action}?{}", encoded(name), query.join("&"));
    let answer = remote.send_json(Method::POST, &path, &json!({}))?;
    let done: Value = serde_json::from_slice(&answer).unwrap_or_default();
    output::print_json(&done)?;
    Ok(Ended::Done)
}

impl Listing {
    fn run(&self) -> Result<Ended, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("destinations cannot be listed", error);
        let listed: Value = match self.place.open(false)? {
            Target::Remote(mut remote) => {
                serde_json::from_slice(&remote.get("/api/destinations")?).map_err(|e| failed(&e))?
            }
            Target::Local(engine) => {
                let folder = &engine.config.forward.folder;
                let read = Destination::read_all(folder).map_err(|error| failed(&error))?;
                let names: Vec<Value> = read
                    .iter()
                    .map(|one| json!({ "name": one.name, "about": one.about, "enabled": one.enabled, "standing": "not running" }))
                    .collect();
                json!({ "destinations": names })
            }
        };
        match self.format.as_str() {
            "json" => output::print_json(&listed)?,
            _ => output::print(&table(&listed))?,
        }
        Ok(Ended::Done)
    }
}

fn table(listed: &Value) -> String {
    let columns = [
        "Destination",
        "Standing",
        "Breaker",
        "Accepted",
        "Delivered",
        "Waiting",
        "Dead",
        "Passed by",
        "Skipped",
        "No consent",
        "p50",
        "p99",
        "Burn 1 h",
    ];
    let none = "No destination: put a file into the folder `destinations` of the data directory.";
    let mut grid = Grid::new("", &columns, none);
    for column in &mut grid.columns[1..3] {
        column.1 = Align::Left;
    }
    let list = listed["destinations"].as_array().cloned().unwrap_or_default();
    grid.rows = list.iter().map(row).collect();
    let tells = format!(
        "{} destinations. Times are from received to confirmed, since the start.",
        list.len()
    );
    let troubles: Vec<String> = list.iter().flat_map(troubles).collect();
    let told: Vec<&str> =
        [tells.as_str()].into_iter().chain(troubles.iter().map(String::as_str)).collect();
    terminal::compose(&told, &[grid], output::terminal_width().unwrap_or(120))
}

/// Lookups of a destination of which an earlier version is in force, and how far it fell behind.
fn troubles(one: &Value) -> Vec<String> {
    let name = plain(one["name"].as_str().unwrap_or_default());
    let lookups = one["lookups"].as_array().cloned().unwrap_or_default();
    let trouble = |lookup: &Value| {
        let why = plain(lookup["trouble"].as_str()?);
        let table = plain(lookup["name"].as_str().unwrap_or_default());
        Some(format!("{name}: the earlier version of the lookup {table} is in force: {why}."))
    };
    let lines = one["lines"].as_array().cloned().unwrap_or_default();
    let kept: u64 = lines.iter().filter_map(|line| line["kept_events"].as_u64()).sum();
    let behind = (kept > 0).then(|| {
        let kept = grouped(kept);
        format!("{name}: the log is gone of what it waits for; events kept of that: {kept}.")
    });
    lookups.iter().filter_map(trouble).chain(behind).collect()
}

fn row(one: &Value) -> Vec<String> {
    let lines = one["lines"].as_array().cloned().unwrap_or_default();
    let total = |name: &str| {
        let sum: u64 = lines.iter().filter_map(|line| line["totals"][name].as_u64()).sum();
        grouped(sum)
    };
    let waiting: u64 = lines.iter().filter_map(|line| line["pending"].as_u64()).sum();
    let text = |value: &Value| value.as_str().map_or_else(|| NOT_KNOWN.to_owned(), plain);
    let time = |name: &str| match one["measured"]["delivery"][name].as_u64() {
        Some(micros) => format!("{} ms", grouped(micros / 1_000)),
        None => NOT_KNOWN.to_owned(),
    };
    let burn = one["measured"]["sla"]["burn_rate_1h"].as_f64();
    vec![
        text(&one["name"]),
        text(&one["standing"]),
        text(&one["breaker"]),
        total("accepted"),
        total("delivered"),
        grouped(waiting),
        total("dead"),
        total("shed"),
        total("skipped"),
        total("unconsented"),
        time("p50_us"),
        time("p99_us"),
        burn.map_or_else(|| NOT_KNOWN.to_owned(), |burn| format!("{burn:.1}")),
    ]
}

impl Listed {
    fn run(&self) -> Result<Ended, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("dead letters cannot be listed", error);
        let letters: Value = match self.place.open(false)? {
            Target::Remote(mut remote) => {
                let path = format!("/api/destinations/{}/dead", encoded(&self.name));
                serde_json::from_slice(&remote.get(&path)?).map_err(|error| failed(&error))?
            }
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let forwards = Forwards(Arc::new(*engine));
                let letters = forwards.dead(&self.name, LETTERS_MAX).map_err(|e| failed(&e))?;
                json!({ "letters": letters })
            }
        };
        if self.format == "json" {
            output::print_json(&letters)?;
            return Ok(Ended::Done);
        }
        let list = letters["letters"].as_array().cloned().unwrap_or_default();
        let mut grid =
            Grid::new("", &["Event (lane, position)", "Reason", "Answer", "Given up"], "None.");
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), plain);
        grid.rows = list
            .iter()
            .map(|one| {
                let at = one["t"].as_i64().map(millstream_event::Timestamp);
                let at = at.map_or_else(|| NOT_KNOWN.to_owned(), |at| at.to_rfc3339());
                vec![format!("{}, {}", one["l"], one["p"]), text(&one["r"]), text(&one["s"]), at]
            })
            .collect();
        let tells = format!(
            "{} deliveries to {} were given up, at most {LETTERS_MAX} shown.",
            list.len(),
            self.name
        );
        output::print(&terminal::compose(
            &[&tells],
            &[grid],
            output::terminal_width().unwrap_or(100),
        ))?;
        Ok(Ended::Done)
    }
}

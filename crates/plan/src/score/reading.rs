//! A sheet out of its TOML text.

use super::document::{Bounds, Node};
use super::sheet::{Basis, Criterion, Kind, Mark, Offer, Rates, SCORE_MAX, Sheet};
use crate::quantity::{self, Seconds};
use crate::read::{PlanError, Problems, nearest, parse_toml};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Longest text of a sheet, in bytes.
pub(super) const SHEET_BYTES_MAX: usize = 1 << 20;
/// Most rows.
pub(super) const CRITERIA_MAX: usize = 40;
/// Fewest options that can be compared.
pub(super) const OPTIONS_MIN: usize = 2;
/// Most options.
pub(super) const OPTIONS_MAX: usize = 12;

const WEIGHT: Bounds = Bounds { least: 0.0, most: 1_000.0 };
const SCORE: Bounds = Bounds { least: 0.0, most: SCORE_MAX };
const YEARS: Bounds = Bounds { least: 1.0, most: 10.0 };
const AMOUNT: Bounds = Bounds { least: 0.0, most: 1e12 };
const COUNT: Bounds = Bounds { least: 0.0, most: 1e6 };
const SECONDS_PER_HOUR: f64 = 3600.0;
const PERCENT: Bounds = Bounds { least: 0.0, most: 100.0 };

/// The rows that are always there: key, name, question, weight unless the sheet says otherwise.
const ROWS: [(&str, &str, &str, f64); 6] = [
    (
        "latency_visibility",
        "Latency visibility",
        "Can we see p50, p95 and p99 of every hop, by region and device, not only averages?",
        20.0,
    ),
    (
        "stitching_quality",
        "Stitching quality",
        "Are sessions and people joined rightly, late and duplicate events included, and can we check?",
        20.0,
    ),
    (
        "cdn_support",
        "CDN support",
        "Does it run at or behind our CDN, and tell the CDN's share of a delay from the application's?",
        10.0,
    ),
    (
        "server_side_flexibility",
        "Server-side flexibility",
        "Can we enrich, enforce consent and forward by our own rules, without waiting for a vendor?",
        20.0,
    ),
    (
        "failover",
        "Failover",
        "What happens when a node, a region or the vendor is away, and is nothing acknowledged lost?",
        15.0,
    ),
    (
        "executive_reporting",
        "Executive reporting",
        "Does a page in business language come out of it, with freshness and completeness?",
        15.0,
    ),
];

/// Reads a sheet.
///
/// # Errors
/// Everything that is wrong, in the order of the text, each with its place, cause and remedy.
pub fn read(name: &str, text: &str) -> Result<Sheet, PlanError> {
    let mut problems = Problems::new(name, text);
    if text.len() > SHEET_BYTES_MAX {
        problems.add(
            0,
            "the sheet",
            format!("it has {} bytes, at most {SHEET_BYTES_MAX} are read", text.len()),
            "a scorecard is a page or two: check that this is the right file",
        );
        return settled(problems, None);
    }
    let document = parse_toml(name, text, "`millstream score init`")?;
    let root = Node::root(&document);
    let sheet = sheet(&root, &mut problems);
    settled(problems, sheet)
}

/// The value, when nothing is wrong with the text.
fn settled(problems: Problems<'_>, sheet: Option<Sheet>) -> Result<Sheet, PlanError> {
    problems.finish()?;
    sheet.ok_or_else(|| PlanError::Invalid { problems: Vec::new(), more: 0 })
}

fn sheet(root: &Node<'_>, problems: &mut Problems<'_>) -> Option<Sheet> {
    root.refuse_others(&["title", "currency", "years", "costs", "criteria", "options"], problems);
    let title = root.text("title", problems).unwrap_or_else(|| "Build or buy".to_owned());
    let currency = root.text("currency", problems).unwrap_or_else(|| "USD".to_owned());
    let years = root.number("years", YEARS, problems).unwrap_or(3.0);
    let rates = rates(root.table("costs", problems).as_ref(), problems);
    let criteria = criteria(root, problems)?;
    let nodes = root.tables("options", problems);
    let counted = !root.has("options") || !nodes.is_empty();
    if counted && !(OPTIONS_MIN..=OPTIONS_MAX).contains(&nodes.len()) {
        problems.add(
            root.place("options"),
            format!("{} options", nodes.len()),
            "a ranking compares options",
            format!("write from {OPTIONS_MIN} to {OPTIONS_MAX} tables [[options]]"),
        );
    }
    let mut offers: Vec<Offer> = Vec::new();
    for node in nodes.iter().take(OPTIONS_MAX) {
        let Some(offer) = offer(node, &criteria, problems) else { continue };
        if offers.iter().any(|earlier| earlier.name == offer.name) {
            let what = format!("`{}` stands there twice", offer.name);
            problems.add(
                node.place("name"),
                what,
                "names tell options apart",
                "rename one of them",
            );
        }
        offers.push(offer);
    }
    Some(Sheet { title, currency, years, rates, criteria, offers })
}

fn rates(node: Option<&Node<'_>>, problems: &mut Problems<'_>) -> Rates {
    let mut rates =
        Rates { person_month: 0.0, incident_hour: 0.0, delay_hour: 0.0, decisions_per_year: 0.0 };
    let Some(node) = node else { return rates };
    let known = ["person_month", "incident_hour", "delay_hour", "decisions_per_year"];
    node.refuse_others(&known, problems);
    rates.person_month = node.number(known[0], AMOUNT, problems).unwrap_or(0.0);
    rates.incident_hour = node.number(known[1], AMOUNT, problems).unwrap_or(0.0);
    rates.delay_hour = node.number(known[2], AMOUNT, problems).unwrap_or(0.0);
    rates.decisions_per_year = node.number(known[3], COUNT, problems).unwrap_or(0.0);
    rates
}

/// The standing rows, changed where the sheet says so, then the sheet's own, in its order. Rows
/// without weight are left out.
fn criteria(root: &Node<'_>, problems: &mut Problems<'_>) -> Option<Vec<Criterion>> {
    let given = root.table("criteria", problems);
    let mut rows: Vec<Criterion> = ROWS
        .iter()
        .map(|(id, name, question, weight)| Criterion {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            question: (*question).to_owned(),
            weight: *weight,
            must: None,
        })
        .collect();
    for id in given.iter().flat_map(Node::keys) {
        let Some(node) = given.as_ref().and_then(|table| table.table(&id, problems)) else {
            continue;
        };
        node.refuse_others(&["name", "question", "weight", "must"], problems);
        let name = node.text("name", problems);
        let question = node.text("question", problems);
        let weight = node.number("weight", WEIGHT, problems);
        let must = node.number("must", SCORE, problems);
        match rows.iter_mut().find(|row| row.id == id) {
            Some(row) => {
                row.name = name.unwrap_or_else(|| row.name.clone());
                row.question = question.unwrap_or_else(|| row.question.clone());
                row.weight = weight.unwrap_or(row.weight);
                row.must = must;
            }
            None => rows.extend(own_row(&node, id, (name, question), (weight, must), problems)),
        }
    }
    rows.retain(|row| row.weight > 0.0);
    if rows.is_empty() || rows.len() > CRITERIA_MAX {
        problems.add(
            root.place("criteria"),
            format!("{} rows have weight", rows.len()),
            "the weights share out the decision",
            format!("give from 1 to {CRITERIA_MAX} criteria a weight above 0"),
        );
        return None;
    }
    Some(rows)
}

fn own_row(
    node: &Node<'_>,
    id: String,
    (name, question): (Option<String>, Option<String>),
    (weight, must): (Option<f64>, Option<f64>),
    problems: &mut Problems<'_>,
) -> Option<Criterion> {
    if !node.has("weight") {
        let standing = ROWS.map(|(id, ..)| id);
        let guess = nearest(&id, standing.into_iter())
            .map_or_else(String::new, |meant| format!("; or did you mean `{meant}`?"));
        let remedy = format!("add `weight = 10`{guess}");
        problems.add(
            node.at,
            format!("`{}` has no weight", node.path),
            "it is a row of your own",
            remedy,
        );
    }
    let name = name.unwrap_or_else(|| spoken(&id));
    let question = question.unwrap_or_default();
    Some(Criterion { name, question, weight: weight?, must, id })
}

/// `data_residency` as people write it: `Data residency`.
fn spoken(id: &str) -> String {
    let words = id.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn offer(node: &Node<'_>, criteria: &[Criterion], problems: &mut Problems<'_>) -> Option<Offer> {
    const KEYS: [&str; 11] = [
        "name",
        "kind",
        "licence_per_year",
        "licence_growth_percent",
        "infrastructure_per_year",
        "setup_person_months",
        "upkeep_person_months_per_year",
        "incidents_per_year",
        "incident_duration",
        "reporting_delay",
        "scores",
    ];
    node.refuse_others(&KEYS, problems);
    let name = node.text("name", problems);
    if !node.has("name") {
        let remedy = "add `name = \"…\"`";
        problems.add(
            node.at,
            format!("`{}` has no name", node.path),
            "names tell options apart",
            remedy,
        );
    }
    let kind = word(node, "kind", Kind::ALL.map(|kind| (kind.as_str(), kind)), problems);
    let mut number = |key, bounds| node.number(key, bounds, problems).unwrap_or(0.0);
    let licence_per_year = number("licence_per_year", AMOUNT);
    let licence_growth_percent = number("licence_growth_percent", PERCENT);
    let infrastructure_per_year = number("infrastructure_per_year", AMOUNT);
    let setup_person_months = number("setup_person_months", COUNT);
    let upkeep_person_months_per_year = number("upkeep_person_months_per_year", COUNT);
    let incidents_per_year = number("incidents_per_year", COUNT);
    let incident_hours = duration(node, "incident_duration", problems);
    let reporting_delay_hours = duration(node, "reporting_delay", problems);
    let marks = marks(node, criteria, problems);
    Some(Offer {
        name: name?,
        kind: kind?,
        marks: marks?,
        licence_per_year,
        licence_growth_percent,
        infrastructure_per_year,
        setup_person_months,
        upkeep_person_months_per_year,
        incidents_per_year,
        incident_hours,
        reporting_delay_hours,
    })
}

fn marks(
    node: &Node<'_>,
    criteria: &[Criterion],
    problems: &mut Problems<'_>,
) -> Option<Vec<Mark>> {
    let Some(scores) = node.table("scores", problems) else {
        if !node.has("scores") {
            let what = format!("`{}` has no scores", node.path);
            let remedy = "add a table [options.scores] with a row for each criterion";
            problems.add(node.at, what, "every option is scored on every row", remedy);
        }
        return None;
    };
    let mut known: Vec<&str> = ROWS.iter().map(|(id, ..)| *id).collect();
    known.extend(
        criteria
            .iter()
            .map(|row| row.id.as_str())
            .filter(|id| !ROWS.iter().any(|(standing, ..)| standing == id)),
    );
    let meant = scores.refuse_others(&known, problems);
    let mut marks = Vec::new();
    for row in criteria {
        let mark = scores.table(&row.id, problems);
        if !scores.has(&row.id) && !meant.contains(&row.id.as_str()) {
            let what = format!("`{}` is not scored", scores.name(&row.id));
            let remedy = format!(
                "add `{} = {{ score = 3, basis = \"tested\", evidence = \"…\" }}`, or set the row's weight to 0",
                row.id
            );
            problems.add(scores.at, what, "every option is scored on every row", remedy);
        }
        marks.extend(mark.and_then(|mark| self::mark(&mark, problems)));
    }
    (marks.len() == criteria.len()).then_some(marks)
}

fn mark(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Mark> {
    node.refuse_others(&["score", "basis", "evidence"], problems);
    let score = required(node, "score", "a score is from 0 to 5", problems)
        .then(|| node.number("score", SCORE, problems))
        .flatten();
    let basis = word(node, "basis", Basis::ALL.map(|basis| (basis.as_str(), basis)), problems);
    let evidence = required(node, "evidence", "a score without evidence is an opinion", problems)
        .then(|| node.text("evidence", problems))
        .flatten();
    Some(Mark { score: score?, basis: basis?, evidence: evidence? })
}

fn required(node: &Node<'_>, key: &str, cause: &str, problems: &mut Problems<'_>) -> bool {
    let given = node.has(key);
    if !given {
        let what = format!("`{}` is missing", node.name(key));
        problems.add(node.at, what, cause, format!("add `{key} = …` to {}", node.path));
    }
    given
}

/// A key whose value is one of a few words.
fn word<T: Copy, const N: usize>(
    node: &Node<'_>,
    key: &str,
    words: [(&str, T); N],
    problems: &mut Problems<'_>,
) -> Option<T> {
    let known = words.map(|(word, _)| word);
    if !required(node, key, &format!("it is one of {}", known.join(", ")), problems) {
        return None;
    }
    let given = node.text(key, problems)?;
    let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
    if found.is_none() {
        let guess = nearest(&given, known.into_iter())
            .map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
        let remedy = format!("{guess}it is one of {}", known.join(", "));
        let cause = format!("there is no `{given}`");
        problems.add(node.place(key), format!("`{}`", node.name(key)), cause, remedy);
    }
    found
}

/// A length of time such as `90 s`, `15 min`, `4 h` or `1 day`, in hours; none when not given.
fn duration(node: &Node<'_>, key: &str, problems: &mut Problems<'_>) -> f64 {
    let Some(text) = node.text(key, problems) else { return 0.0 };
    match quantity::parse::<Seconds>(&text) {
        Ok(Seconds(seconds)) => seconds / SECONDS_PER_HOUR,
        Err(misread) => {
            let what = format!("`{}`", node.name(key));
            let fix =
                "write a number and its unit, such as \"90 s\", \"15 min\", \"4 h\" or \"1 day\"";
            problems.add(node.place(key), what, misread.why, fix);
            0.0
        }
    }
}

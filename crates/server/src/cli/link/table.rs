//! Links and evaluations as tables.

use super::super::output;
use super::evaluation::Evaluation;
use crate::linking::{Artefact, Outcome, Told};
use crate::report::number::{grouped, percent, span};
use crate::report::page::{Align, Grid, NOT_KNOWN};
use crate::report::terminal;
use millstream_event::Span;
use millstream_stitch::linkage::{Model, ProbableLink, Refusal, Standing, Volume, Weight};

/// Digits of an id that are shown: enough to find it.
const ID_DIGITS: usize = 12;

fn composed(sentences: &[String], grids: Vec<Grid>) -> String {
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    terminal::compose(&sentences, &grids, output::terminal_width().unwrap_or(100))
}

/// What a fit, a restoration or a look came to.
pub fn links(told: &Told) -> String {
    let Some(artefact) = &told.artefact else {
        let none = "No probable links are in force. `millstream link` fits them.".to_owned();
        return composed(&[none], vec![versions(told)]);
    };
    let what = match (told.outcome, told.version) {
        (Outcome::Tried, _) => "A dry run, nothing is kept".to_owned(),
        (Outcome::Kept, version) => format!("Version {} is in force", version.unwrap_or(0)),
        (Outcome::Unchanged, version) => {
            format!("Nothing changed since version {}", version.unwrap_or(0))
        }
        (Outcome::Standing, version) => format!("In force is version {}", version.unwrap_or(0)),
    };
    let mut sentences = vec![format!(
        "{what}: {} and {} possible.",
        counted(told.links, "probable link"),
        grouped(told.possible)
    )];
    sentences.push(of_what(artefact));
    let mut grids = vec![];
    match &artefact.fit.model {
        None => sentences.push(format!(
            "Nobody is linked by probability: logins prove only {} of devices, too few to learn from.",
            counted(artefact.fit.volume.anchors, "pair")
        )),
        Some(model) => {
            sentences.push(judged(artefact));
            grids.push(found(&artefact.fit.links, told.links + told.possible));
            grids.push(weights(model));
        }
    }
    grids.push(versions(told));
    composed(&sentences, grids)
}

/// `1 pair`, `2 pairs`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

fn of_what(artefact: &Artefact) -> String {
    let devices = &artefact.devices;
    let mut out = Vec::new();
    for (count, why) in [
        (devices.without_consent, "without the consent it takes"),
        (devices.bots, "bots"),
        (devices.beyond_limit, "not seen as recently"),
    ] {
        if count > 0 {
            out.push(format!("{} {why}", grouped(count)));
        }
    }
    let left_out =
        if out.is_empty() { String::new() } else { format!("; left out: {}", out.join(", ")) };
    let skew = match artefact.skew_p95_ms {
        Some(millis) => {
            format!(" while 95 % of events arrive within {}", span(Span::millis(millis)))
        }
        None => String::new(),
    };
    format!(
        "{} compared{left_out}. {}. Linked from a probability of {} on, possible from {}{skew}.",
        counted(devices.compared, "device"),
        volume(&artefact.fit.volume),
        artefact.fit.thresholds.link,
        artefact.fit.thresholds.possible,
    )
}

fn volume(volume: &Volume) -> String {
    format!(
        "{} known to be one person's; {} share one of {} and nothing is known of them",
        counted(volume.anchors, "pair"),
        grouped(volume.candidates),
        counted(volume.blocks, "block"),
    )
}

fn judged(artefact: &Artefact) -> String {
    let known = &artefact.fit.known;
    format!(
        "Asked about what logins prove, it would find {} of {} and wrongly join {} of {} that are two \
         persons'.",
        grouped(known.same_found),
        counted(known.same, "pair"),
        grouped(known.different_taken),
        grouped(known.different),
    )
}

fn found(links: &[ProbableLink], all: u64) -> Grid {
    let title = format!("The most probable, {} of {}", links.len(), grouped(all));
    let columns = ["Device", "Device", "Probability", "", "Evidence (bits)"];
    let mut grid = Grid::new(&title, &columns, "None.");
    grid.columns[1].1 = Align::Left;
    grid.columns[3].1 = Align::Left;
    grid.columns[4].1 = Align::Prose;
    let id = |id: millstream_event::EntityId| id.to_string().chars().take(ID_DIGITS).collect();
    let row = |link: &ProbableLink| {
        let standing = match (link.standing, link.refused) {
            (Standing::Link, _) => "link",
            (Standing::Possible, Some(Refusal::TwoUsers)) => "held back: two users",
            (Standing::Possible, Some(Refusal::TooManyPartners)) => "held back: too many",
            (Standing::Possible, None) => "possible",
        };
        let evidence: Vec<String> = link.evidence.iter().map(said).collect();
        vec![
            id(link.one),
            id(link.other),
            format!("{:.3}", link.probability),
            standing.to_owned(),
            evidence.join(", "),
        ]
    };
    grid.rows = links.iter().map(row).collect();
    grid
}

fn said(weight: &Weight) -> String {
    let level = weight.field.levels().get(usize::from(weight.level)).copied().unwrap_or(NOT_KNOWN);
    format!("{} {level} {:+.1}", weight.field.as_str(), weight.bits)
}

fn weights(model: &Model) -> Grid {
    let columns = ["Field", "Agreement", "m", "u", "Bits"];
    let mut grid = Grid::new("What agreement weighs, rarity apart", &columns, "");
    grid.columns[1].1 = Align::Left;
    for field in &model.fields {
        for (at, level) in field.field.levels().iter().enumerate() {
            let (Some(m), Some(u)) = (field.m.get(at), field.u.get(at)) else { continue };
            let name = if at == 0 { field.field.as_str() } else { "" };
            let bits = format!("{:+.1}", (m / u).log2());
            grid.rows.push(vec![
                name.to_owned(),
                (*level).to_owned(),
                percent(*m),
                percent(*u),
                bits,
            ]);
        }
    }
    grid
}

fn versions(told: &Told) -> Grid {
    let columns = ["Version", "Links", "Possible", "Last event", ""];
    let mut grid = Grid::new("Versions kept", &columns, "None yet.");
    let row = |line: &crate::linking::VersionLine| {
        vec![
            line.version.to_string(),
            grouped(line.links),
            grouped(line.possible),
            line.last_event.clone().unwrap_or_else(|| NOT_KNOWN.to_owned()),
            if line.in_force { "in force" } else { "" }.to_owned(),
        ]
    };
    grid.rows = told.versions.iter().map(row).collect();
    grid
}

/// An evaluation.
pub fn evaluation(measured: &Evaluation) -> String {
    let sentences = [
        format!(
            "{} made up from seed {}, with {} of one person that no login proves.",
            counted(u64::from(measured.people), "person").replace("persons", "people"),
            measured.seed,
            counted(measured.hidden_pairs, "pair"),
        ),
        format!(
            "{} compared. {}.",
            counted(measured.volume.devices, "device"),
            volume(&measured.volume)
        ),
    ];
    let columns = ["Linked from", "Links", "Right", "Precision", "Recall", "F1"];
    let mut grid = Grid::new("", &columns, "");
    grid.columns[0].1 = Align::Right;
    grid.rows = measured
        .curve
        .iter()
        .map(|point| {
            let usual = if point.threshold == measured.thresholds.link { " *" } else { "" };
            vec![
                format!("{}{usual}", point.threshold),
                grouped(point.links),
                grouped(point.right),
                percent(point.precision),
                percent(point.recall),
                percent(point.f1),
            ]
        })
        .collect();
    let usual = "* where links begin while events arrive in time".to_owned();
    composed(&[&sentences[..], &[usual]].concat(), vec![grid])
}

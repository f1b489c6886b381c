//! Training of prefetch hints: where visitors go on to, and what becomes of it.

use super::engine::Engine;
use super::journeys::journeys;
use super::train::{count, share, width};
use super::training::TrainError;
use crate::decide::Models;
use crate::report::Grid;
use crate::report::terminal::compose;
use millstream_decide::Routes;
use millstream_decide::prefetch::{JudgedHints, Learned};
use serde::Serialize;
use serde_json::{Value, json};

/// What came of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoutesTraining {
    version: u32,
    promoted: bool,
    pages: LearnedOf,
    slots: LearnedOf,
}

/// What was learned of one kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct LearnedOf {
    journeys: usize,
    /// Places that lead to another one.
    places: usize,
    /// False where what is popular says as much: then no hints of this kind are given.
    better: bool,
    judged: JudgedHints,
}

impl From<&Learned> for LearnedOf {
    fn from(learned: &Learned) -> Self {
        let (journeys, judged) = (learned.journeys, learned.judged);
        Self { journeys, places: learned.places(), better: learned.is_better(), judged }
    }
}

/// Learns where visitors go on to; what is better than what is popular anyway is put in force.
///
/// # Errors
/// See [`TrainError`].
pub fn run(engine: &Engine) -> Result<RoutesTraining, TrainError> {
    let models = Models::of_routes(&engine.instance.dir);
    let version = models.versions().last().map_or(1, |last| last + 1);
    let (pages, slots) = journeys(engine)?;
    let learned = Routes::learn((&pages, &slots), (version, (engine.clock)()));
    let routes = learned.ok_or(TrainError::NoWays)?;
    models.save(version, &routes)?;
    let training = RoutesTraining {
        version,
        promoted: routes.is_better(),
        pages: (&routes.pages).into(),
        slots: (&routes.slots).into(),
    };
    if training.promoted {
        models.promote(version)?;
        install(engine, routes);
    }
    Ok(training)
}

/// Goes back to the version before.
///
/// # Errors
/// See [`TrainError`].
pub fn roll_back(engine: &Engine) -> Result<Value, TrainError> {
    let models = Models::of_routes(&engine.instance.dir);
    let version = models.roll_back()?;
    install(engine, models.read(version)?);
    Ok(json!({ "version": version, "rolled_back": true }))
}

fn install(engine: &Engine, routes: Routes) {
    if let Some(service) = engine.deciding.service() {
        service.install_routes(routes);
    }
}

/// What came of it, for a person.
pub fn told(outcome: &Value) -> String {
    let version = &outcome["version"];
    if outcome["rolled_back"] == true {
        return format!("pages: version {version} is in force again.\n");
    }
    let verdict = match outcome["promoted"] == true {
        true => "is in force",
        false => "is kept, not in force: what is popular anyway says as much",
    };
    let mut grid = Grid::new(
        "How often the next place is among three hints, and among the three most popular",
        &["From one to the next", "Journeys", "Lead on", "Asked", "Hinted", "Popular", "Hints"],
        "",
    );
    for (name, key) in [("page", "pages"), ("use case", "slots")] {
        let (of, judged) = (&outcome[key], &outcome[key]["judged"]);
        grid.rows.push(vec![
            name.to_owned(),
            count(&of["journeys"]),
            count(&of["places"]),
            count(&judged["asked"]),
            share(&judged["hits"]),
            share(&judged["popular"]),
            if of["better"] == true { "given" } else { "none" }.to_owned(),
        ]);
    }
    compose(&[&format!("pages: version {version} {verdict}.")], &[grid], width())
}

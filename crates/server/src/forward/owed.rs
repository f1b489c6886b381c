//! From where on the log must be kept for destinations, as the state tells it.

use super::destination::names;
use super::line::Line;
use millstream_event::delivery::Class;
use millstream_log::LanePositions;
use millstream_pipeline::StateRead;
use millstream_pipeline::query::deliveries;
use std::path::Path;

/// The least position that a destination with a file in `folder` still needs; none when nothing is
/// owed. It follows from what a restart would go on from, not from what runs: so it also holds while
/// nothing is sent, and in commands beside `serve`.
///
/// # Errors
/// When the folder or the state cannot be read.
pub fn needed_from(
    folder: &Path,
    state: &dyn StateRead,
    generation: u16,
) -> Result<Option<LanePositions>, String> {
    let mut least: Option<LanePositions> = None;
    for name in names(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        for class in Class::ALL {
            let told = deliveries::line(state, generation, (&name, class));
            let Some(told) = told.map_err(|error| error.to_string())? else { continue };
            let Some(needs) = Line::resume(&told).needs(told.standing) else { continue };
            least = Some(least.map_or_else(|| needs.clone(), |least| least.least(&needs)));
        }
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consume::tests::parts::{World, options};
    use millstream_event::delivery::{Standing, entity};
    use millstream_event::{Header, Kind, Lane, Position, Timestamp};
    use millstream_log::Append;
    use millstream_store::Reading;
    use std::fs;

    const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

    /// What the ledger logs of a line that stands at a position of the graph's lane.
    fn told(name: &str, class: Class, at: u64, standing: Standing) -> Append {
        let mut next = LanePositions::default();
        next.set(Lane::GRAPH, Position(at));
        let said = Line::begin(class, next).statement(name, standing, NOW).unwrap();
        let header = Header::new(Kind::Delivery, Lane::of(entity(name)), NOW);
        Append { header, payload: serde_json::to_vec(&said).unwrap() }
    }

    #[test]
    fn the_least_of_all_lines_that_somebody_still_sends() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new();
        let needed = || {
            world.fold(&options(1, 50));
            let state = Reading(&*world.store);
            needed_from(folder.path(), &state, 0).unwrap().map(|at| at.get(Lane::GRAPH).0)
        };
        world.append(&[told("gone", Class::Rest, 1, Standing::Running)]);
        assert_eq!(needed(), None, "its file was removed");
        for name in ["crm", "ads", "off"] {
            fs::write(folder.path().join(format!("{name}.toml")), "").unwrap();
        }
        assert_eq!(needed(), None, "nobody was sent anything yet");
        world.append(&[
            told("crm", Class::Rest, 9, Standing::Running),
            told("crm", Class::Conversion, 7, Standing::Running),
            told("crm", Class::Replay, 0, Standing::Running),
            told("ads", Class::Rest, 8, Standing::Paused),
            told("off", Class::Rest, 2, Standing::Disabled),
        ]);
        assert_eq!(needed(), Some(7));
        world.append(&[told("crm", Class::Conversion, 9, Standing::Running)]);
        assert_eq!(needed(), Some(8), "one that is paused is sent it later");
        assert!(
            needed_from(&folder.path().join("nowhere"), &Reading(&*world.store), 0) == Ok(None)
        );
    }
}

//! From where on the log must be kept for destinations, as the state tells it, and what is owed of what
//! it need not keep whole.

use super::destination::{is_ordered, names};
use super::dispatch::is_sent;
use super::line::Line;
use crate::instance::Needed;
use millstream_attribute::ConversionRules;
use millstream_event::delivery::{Class, Standing};
use millstream_event::{Flags, Kind, Record, envelope};
use millstream_log::{LanePositions, Owed};
use millstream_pipeline::StateRead;
use millstream_pipeline::query::deliveries;
use std::path::Path;

/// A line of conversions.
struct OwedLine {
    line: Line,
    standing: Standing,
    /// Where order matters it is the one line of all events.
    all: bool,
}

impl OwedLine {
    fn is_owed(&self, record: &Record, conversions: &ConversionRules) -> bool {
        let (lane, position) = (record.header.lane, record.position);
        if self.line.has_taken((lane, position)) {
            return true;
        }
        if self.standing == Standing::Disabled || position < self.line.next().get(lane) {
            return false;
        }
        let event = envelope::decode(record.header.contract_version, &record.payload);
        event.is_ok_and(|event| {
            let sent = is_sent(event.kind) && !event.flags.has(Flags::IMPORTED);
            sent && (self.all || conversions.read(&event).is_some())
        })
    }
}

/// What the destinations with a file in `folder` still need. Lines that what is too far behind passes by
/// need the log whole; those of conversions need the conversions that they have yet to be sent, which
/// are few. All need their last record, for a state that is folded anew; each is told again hourly. It
/// follows from what a restart would go on from, not from what runs: so it also holds while nothing is
/// sent, and in commands beside `serve`.
///
/// # Errors
/// When the folder or the state cannot be read.
pub fn needed_from(
    (folder, conversions): (&Path, &ConversionRules),
    state: &dyn StateRead,
    generation: u16,
) -> Result<Needed, String> {
    let (mut whole, mut from): (Option<LanePositions>, Option<LanePositions>) = (None, None);
    let mut lines = Vec::new();
    for name in names(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        for class in Class::ALL {
            let told = deliveries::line(state, generation, (&name, class));
            let Some(told) = told.map_err(|error| error.to_string())? else { continue };
            if let Some(position) = told.told_at {
                let mut record = LanePositions::beyond_all();
                record.set(deliveries::lane(&name), position);
                hold(&mut whole, &record);
            }
            let (line, standing) = (Line::resume(&told), told.standing);
            let Some(needs) = line.needs(standing) else { continue };
            if class != Class::Conversion {
                hold(&mut whole, &needs);
                continue;
            }
            hold(&mut from, &needs);
            lines.push(OwedLine { line, standing, all: is_ordered(folder, &name) });
        }
    }
    let conversions = conversions.clone();
    let owed = from.map(|from| Owed {
        from,
        fits: Box::new(move |record| {
            record.header.kind == Kind::Event
                && record.header.replay_epoch == 0
                && lines.iter().any(|line| line.is_owed(record, &conversions))
        }),
    });
    Ok(Needed { whole, owed })
}

fn hold(least: &mut Option<LanePositions>, needs: &LanePositions) {
    *least = Some(least.as_ref().map_or_else(|| needs.clone(), |least| least.least(needs)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consume::tests::history::record;
    use crate::consume::tests::parts::{World, options};
    use crate::forward::tests::parts::event;
    use millstream_event::delivery::entity;
    use millstream_event::{Header, Lane, Position, Timestamp};
    use millstream_log::{Append, EventLog};
    use millstream_store::Reading;
    use std::fs;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

    /// What the ledger logs of a line that stands at a position of the graph's lane.
    fn told(name: &str, class: Class, at: u64, standing: Standing) -> Append {
        let mut next = LanePositions::default();
        next.set(Lane::GRAPH, Position(at));
        let said = Line::begin(class, next).statement(name, standing, NOW).unwrap();
        let header = Header::new(Kind::Delivery, Lane::of(entity(name)), NOW);
        Append { header, payload: serde_json::to_vec(&said).unwrap() }
    }

    fn at(positions: Option<LanePositions>) -> Option<u64> {
        positions.map(|at| at.get(Lane::GRAPH).0)
    }

    #[test]
    fn the_least_of_all_lines_that_somebody_still_sends() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new();
        let rules = ConversionRules::default();
        let needed = || {
            world.fold(&options(1, 50));
            let state = Reading(&*world.store);
            let needed = needed_from((folder.path(), &rules), &state, 0).unwrap();
            (at(needed.whole), at(needed.owed.map(|owed| owed.from)))
        };
        world.append(&[told("gone", Class::Rest, 1, Standing::Running)]);
        assert_eq!(needed(), (None, None), "its file was removed");
        for name in ["crm", "ads", "off"] {
            fs::write(folder.path().join(format!("{name}.toml")), "").unwrap();
        }
        assert_eq!(needed(), (None, None), "nobody was sent anything yet");
        world.append(&[
            told("crm", Class::Rest, 9, Standing::Running),
            told("crm", Class::Conversion, 7, Standing::Running),
            told("crm", Class::Replay, 0, Standing::Running),
            told("ads", Class::Audience, 8, Standing::Paused),
            told("off", Class::Rest, 2, Standing::Disabled),
        ]);
        assert_eq!(needed(), (Some(8), Some(7)), "one that is paused is sent it later");
        let lane = Lane::of(entity("crm"));
        let first = world.log.heads().get(lane).0 - 3;
        world.append(&[told("crm", Class::Conversion, 9, Standing::Running)]);
        assert_eq!(needed(), (Some(8), Some(9)));
        let state = Reading(&*world.store);
        let needed = needed_from((folder.path(), &rules), &state, 0).unwrap();
        assert_eq!(needed.whole.unwrap().get(lane).0, first, "a line's last record stays");
        let nowhere = (&*folder.path().join("nowhere"), &rules);
        let nothing = needed_from(nowhere, &Reading(&*world.store), 0).unwrap();
        assert!(nothing.whole.is_none() && nothing.owed.is_none());
    }

    #[test]
    fn conversions_are_owed_and_where_order_matters_every_event() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new();
        let file = |name: &str, text: &str| {
            fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
        };
        file("crm", "[request]\nurl = \"https://crm.example/\"\nitem = \"event\"");
        let mut taken = Line::begin(Class::Conversion, LanePositions::default());
        taken.take((Lane::GRAPH, Position(1)));
        let header = Header::new(Kind::Delivery, Lane::of(entity("crm")), NOW);
        let said = taken.statement("crm", Standing::Running, NOW).unwrap();
        world.append(&[Append { header, payload: serde_json::to_vec(&said).unwrap() }]);
        world.fold(&options(1, 50));
        let owed = |class, at, epoch| {
            let append = record(&event(1, class, Duration::ZERO));
            let header = Header { lane: Lane::GRAPH, replay_epoch: epoch, ..append.header };
            let record = Record { header, position: Position(at), payload: append.payload };
            let state = Reading(&*world.store);
            let rules = ConversionRules::default();
            let needed = needed_from((folder.path(), &rules), &state, 0).unwrap();
            (needed.owed.unwrap().fits)(&record)
        };
        assert!(owed(Class::Conversion, 5, 0) && !owed(Class::Rest, 5, 0));
        assert!(!owed(Class::Conversion, 5, 1), "what is read again is not sent again");
        assert!(!owed(Class::Conversion, 0, 0), "it was passed");
        assert!(owed(Class::Rest, 1, 0), "whatever was taken up is owed");
        file(
            "crm",
            "order = \"person\"\n[request]\nurl = \"https://crm.example/\"\nitem = \"event\"",
        );
        assert!(owed(Class::Rest, 5, 0) && owed(Class::Audience, 5, 0));
        file("crm", "?");
        assert!(owed(Class::Rest, 5, 0), "what cannot be read loses nothing");
    }
}

//! Events of those who are erased go from the kept tables, and those of others stay: the log may hold them no
//! longer.

use super::Tables;
use super::correct::{Named, Names};
use super::error::TablesError;
use super::manifest::EventPart;
use super::refresh::Step;
use super::version::Versions;
use millstream_store::tables::{Cell, Table, TableError, read_part};

/// True for a row of somebody who is erased.
pub type IsTheirs<'a> = &'a dyn Fn(&Named) -> bool;

impl Tables {
    /// Writes those parts of `events` anew that hold rows of theirs; true when there are tables at all. The other
    /// tables follow from the state at the next refresh. Costs reading every part.
    ///
    /// # Errors
    /// When a file cannot be read or written: the tables stay as they were.
    pub fn forget(&self, is_theirs: IsTheirs<'_>) -> Result<bool, TablesError> {
        let _refreshing = self.lock();
        let before = Versions::current(&self.versions);
        let mut manifest = before.manifest.clone();
        if manifest.names().is_empty() {
            return Ok(false);
        }
        let parts = self.parts.load_full();
        let state = parts.store.snapshot()?;
        let step = self.begin((&parts, &*state), &manifest)?;
        manifest.number += 1;
        let earlier = std::mem::take(&mut manifest.events);
        for part in earlier {
            manifest.events.extend(without(&step, part, is_theirs)?);
        }
        drop((state, before));
        manifest.write(&self.dir)?;
        let freshness = manifest.freshness();
        self.publish(manifest, freshness)?;
        Ok(true)
    }
}

/// The part without their rows; none when no row is left.
fn without(
    step: &Step<'_>,
    part: EventPart,
    is_theirs: IsTheirs<'_>,
) -> Result<Option<EventPart>, TablesError> {
    let columns = Table::Events.kept_columns();
    let Some(places) = Names::of(&columns) else { return Ok(Some(part)) };
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let path = step.dir.join(&part.file);
    let read = |visit: &mut dyn FnMut(&[Cell<'_>]) -> Result<bool, TableError>| {
        read_part(&path, &names, &mut |cells| visit(cells))
    };
    let mut found = false;
    read(&mut |cells| {
        found = is_theirs(&places.named(cells));
        Ok(!found)
    })?;
    if !found {
        return Ok(Some(part));
    }
    let (file, mut out) = step.part(Table::Events)?;
    read(&mut |cells| {
        if !is_theirs(&places.named(cells)) {
            out.cells(cells)?;
        }
        Ok(true)
    })?;
    let size = out.finish()?;
    Ok((size.rows > 0).then(|| EventPart::new(file, size)))
}

//! The steps of an erasure, one after the other. Each can be taken again.

use super::engine::Engine;
use super::erase::EraseError;
use super::progress::Bar;
use super::renewal::{Renewed, renew};
use crate::erasure::{Marks, Swept, begun, find, learn, sweep_events, sweep_told};
use crate::tables::Named;
use millstream_event::{AnonymousId, EntityId, Lane};
use millstream_pipeline::erasing::{Erased, Subject, clicks};
use millstream_pipeline::retention::Order;
use millstream_store::Reading;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the fold may take to follow one step.
pub(super) const FOLLOWED_WITHIN: Duration = Duration::from_secs(600);
/// From lane to lane: an event to the graph, to a node, to its person; a claim to an order, to whoever wins
/// it, to their person; and back.
const HOPS: usize = 6;
/// Orders logged at once.
const ORDERS_MAX: usize = 64;

/// What was overwritten or dropped.
pub(super) struct Forgotten {
    /// Nobody's any more.
    pub gone: BTreeSet<EntityId>,
    pub events: u64,
    pub others: u64,
    pub links: u64,
}

/// Overwrites what the log holds, has the fold take back what it made of it, and writes anew what is
/// kept. What an erasure that was broken off had begun is brought to its end with it; `learned` is told whom else
/// the marks turned out to mean, before anything that tells so is gone.
pub(super) fn forget(
    engine: &Engine,
    (marks, texts): (&Marks, &[String]),
    learned: &dyn Fn(&Marks) -> Result<(), EraseError>,
) -> Result<Forgotten, EraseError> {
    let (log, key) = (&*engine.instance.log, &engine.instance.keys.subject);
    let (bar, mut marks) = (Bar::steps(), marks.clone());
    let held_off = engine.succession().hold_off()?;
    bar.step("looking for what is theirs");
    let mut whom = known(engine, &mut marks)?;
    marks = learn(log, key, &marks)?;
    learned(&marks)?;
    whom.add(&begun(log)?);
    bar.step("overwriting the log");
    let swept = sweep_events(log, key, &marks)?;
    whom.add(&swept.erased);
    if let Some(forwarder) = engine.forwarder.get() {
        forwarder.forget(&|event| swept.marks.fits(key, event));
    }
    bar.step("taking back what was made of it");
    let clicks = take_back(engine, &whom, &swept)?;
    bar.step("writing the state anew");
    let Renewed { gone, folded } = renew(&held_off, &whom)?;
    bar.step("taking them out of the tables");
    let named: BTreeSet<EntityId> = whom.nodes().chain(clicks).collect();
    engine.pasts.forget();
    let links = engine.probable.forget(&named, folded.clone())?;
    let is_theirs = |row: &Named| {
        row.click.is_some_and(|click| named.contains(&click))
            || swept.marks.fits_names(key, row.user.as_ref(), row.device.as_ref())
    };
    if engine.tables.forget(&is_theirs)? {
        engine.tables.refresh()?;
    }
    bar.step("overwriting what lanes were told");
    let others = sweep_told(log, &folded, &named, texts)?;
    // What was on its way to a destination has come back since, if it was not taken.
    if let Some(forwarder) = engine.forwarder.get() {
        forwarder.forget(&|event| swept.marks.fits(key, event));
    }
    Ok(Forgotten { gone, events: swept.events, others, links })
}

fn known(engine: &Engine, marks: &mut Marks) -> Result<Erased, EraseError> {
    let state = &engine.active().state;
    let view = state.store.snapshot()?;
    let key = &engine.instance.keys.subject;
    Ok(find(&Reading(&*view), state.generation, key, marks)?)
}

/// Has every lane take back what it holds of them, and those they told; returns their clicks.
fn take_back(
    engine: &Engine,
    whom: &Erased,
    swept: &Swept,
) -> Result<BTreeSet<EntityId>, EraseError> {
    let orders = engine.instance.orders(FOLLOWED_WITHIN);
    let done = |followed: bool| if followed { Ok(()) } else { Err(EraseError::Behind) };
    done(orders.folded()?)?;
    let state = engine.active().state.clone();
    let (view, generation) = (state.store.snapshot()?, state.generation);
    let is_theirs = |id: &AnonymousId| whom.devices.contains(&EntityId::device(id));
    let mut theirs = swept.clicks.clone();
    theirs.extend(clicks(&Reading(&*view), generation, &is_theirs)?);
    let read = |id| Subject::read(&Reading(&*view), generation, (id, whom));
    let told = whom.nodes().chain(whom.others.iter().copied());
    let subjects = told.chain(theirs.iter().copied()).map(read);
    let subjects: Vec<Subject> = subjects.collect::<Result<_, _>>()?;
    drop(view);
    let now = (engine.clock)();
    for some in subjects.chunks(ORDERS_MAX) {
        let order = |it: &Subject| (Lane::of(it.forget.subject), Order::Forget(it.forget.clone()));
        done(orders.append(some.iter().map(order).collect(), now)?)?;
    }
    done(orders.settle(HOPS)?)?;
    let view = state.store.snapshot()?;
    for some in subjects.chunks(ORDERS_MAX) {
        let told = some.iter().map(|it| it.withdrawals(&Reading(&*view), generation));
        let told: Vec<_> = told.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        done(told.is_empty() || orders.withdraw(told, now)?)?;
    }
    drop(view);
    done(orders.settle(HOPS)?)?;
    Ok(theirs)
}

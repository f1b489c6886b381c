//! A click of ours: its own record, or the landing that tells of it.

use super::arrivals::Provenance;
use super::{event, home, retention};
use crate::decoded::{Sighting, dedup_key};
use crate::item::Landing;
use crate::key::{Key, KeyKind};
use crate::rollup::{CellPlace, Dimensions, Metric, cell_key};
use crate::rules::Rules;
use crate::state::{Click, ClickFact, Dedup, Versioned, living};
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::{Arrival, Channel, EntityId, Flags, Hash128, Record, SourceId};
use millstream_stitch::{TouchFact, Verdict};

/// What counts of a click: its own record, else the first landing with it.
pub(crate) fn effective(click: &Click) -> Option<ClickFact> {
    if let Some(logged) = click.logged.values().next() {
        return Some(logged.clone());
    }
    let landing = living(&click.landings).min_by_key(|landing| &landing.key)?;
    Some(ClickFact {
        id: landing.click.id.clone(),
        time: landing.click.issued,
        touch: TouchFact {
            arrival: landing.arrival.clone().unwrap_or_else(plain_link),
            campaign: landing.campaign.clone(),
            click: Some(landing.click.clone()),
        },
        bot: landing.bot,
    })
}

/// The classification of a link without campaign values.
fn plain_link() -> Arrival {
    Arrival { source: "(link)".into(), medium: "link".into(), channel: Channel::new("referral") }
}

pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    (record, sighting): (&Record, &Sighting),
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let mut judged = event::judge(view, rules, sighting)?;
    if retention::is_past(view, sighting, stamp)? {
        if judged.before.is_none() {
            return retention::refuse(view, (record, sighting), &judged.key, stamp);
        }
        judged.verdict = Verdict::Loses;
    }
    let Sighting { event, subject, .. } = sighting;
    let subject = *subject;
    let key = Key::entity(rules.generation, KeyKind::Click, subject);
    view.want([key])?;
    let agent = event::agent(rules, event);
    let bot = agent.bot || event.flags.has(Flags::AUTOMATED);
    let provenance = Provenance::of(event, &agent, None);
    let traits = event::traits(rules, event, bot);
    let dedup = judged.dedup((record, sighting), traits, &provenance);
    if judged.verdict != Verdict::Loses
        && let Some(reference) = &event.click
    {
        let fact = ClickFact {
            id: reference.id.clone(),
            time: event.event_time,
            touch: TouchFact {
                arrival: event.arrival.clone().unwrap_or_else(plain_link),
                campaign: event.campaign.clone(),
                click: Some(reference.clone()),
            },
            bot,
        };
        let replaced = judged.before.as_ref().map(|before| before.key.source.clone());
        change(view, subject, stamp, |click| {
            // Another source of the same property may have told of it before.
            if let Some(replaced) = &replaced {
                click.logged.remove(replaced);
            }
            click.logged.insert(event.source.clone(), fact);
        });
    }
    event::settle(view, stamp, judged, (dedup, provenance, None));
    Ok(())
}

pub(super) fn land(
    view: &mut View,
    target: EntityId,
    (name, version, body): ((EntityId, Hash128), u64, Option<Landing>),
    stamp: Stamp,
) {
    change(view, target, stamp, |click| {
        if click.landings.get(&name).is_none_or(|known| known.version < version) {
            click.landings.insert(name, Versioned { version, body });
        }
    });
}

/// Takes back what was logged of a click of somebody who is erased. It must be at hand.
pub(super) fn forget(
    view: &mut View,
    rules: &Rules<'_>,
    entity: EntityId,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let key = Key::entity(rules.generation, KeyKind::Click, entity);
    let Some(click) = view.get::<Click>(&key) else { return Ok(()) };
    let dedup = |(source, fact): (&SourceId, &ClickFact)| {
        let named = (fact.id.as_str(), rules.properties.of(source));
        dedup_key(rules.generation, entity, named)
    };
    let dedups: Vec<Key> = click.logged.iter().map(dedup).collect();
    view.want(dedups.iter().copied())?;
    for dedup in dedups {
        if let Some(known) = view.take::<Dedup>(&dedup) {
            event::withdraw(view, rules.generation, &known);
        }
        view.delete(dedup);
    }
    change(view, entity, stamp, |click| click.logged.clear());
    Ok(())
}

/// Changes a click and keeps the sums in step.
fn change(view: &mut View, entity: EntityId, stamp: Stamp, change: impl FnOnce(&mut Click)) {
    let key = Key::entity(stamp.generation, KeyKind::Click, entity);
    let mut click = view.take::<Click>(&key).unwrap_or_default();
    let before = (effective(&click), click.logged.is_empty());
    change(&mut click);
    let after = (effective(&click), click.logged.is_empty());
    if before != after {
        count(view, entity, stamp, before, -1);
        count(view, entity, stamp, after, 1);
    }
    view.put(key, click);
}

fn count(
    view: &mut View,
    entity: EntityId,
    stamp: Stamp,
    (fact, rebuilt): (Option<ClickFact>, bool),
    sign: i64,
) {
    let Some(fact) = fact else { return };
    let lane = home(entity);
    view.count(stamp.generation, lane, |counts| counts.clicks_rebuilt += sign * i64::from(rebuilt));
    let day = fact.time.utc_day();
    let place = CellPlace {
        generation: stamp.generation,
        lane,
        day,
        metric: Metric::Clicks,
        bot: fact.bot,
    };
    let dimensions = Dimensions::of(&fact.touch);
    view.sum(cell_key(place, &dimensions), (sign, 0), || dimensions);
}

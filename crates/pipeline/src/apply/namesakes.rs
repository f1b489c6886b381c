//! Conversions of a person that were told under one event id: which of them count.

use crate::key::{Key, KeyKind};
use crate::rules::Rules;
use crate::state::{KnownConversion, Namesakes};
use crate::view::{ApplyError, View};
use alloc::vec::Vec;
use millstream_attribute::Conversion;
use millstream_attribute::hybrid::{Told, counting};
use millstream_event::{EntityId, Hash128};

/// The row of a conversion, as it counted and as it counts from now on.
pub(super) struct Recount {
    pub row: Key,
    pub version: u64,
    pub told: Option<Told>,
    pub before: Option<Conversion>,
    pub after: Option<Conversion>,
}

/// See the module.
pub(super) struct Plan {
    /// First the row that the message is about, then those that count otherwise because of it.
    pub recounts: Vec<Recount>,
    index: Option<(Key, Namesakes)>,
}

/// Where a person's conversions with the event id of this one are named.
pub(super) fn index_key(rules: &Rules<'_>, person: EntityId, conversion: &Conversion) -> Key {
    let property = rules.properties.of(&conversion.key.source).as_bytes();
    let id = conversion.key.id.as_str().as_bytes();
    let name = Hash128::of("namesakes", &[property, id]);
    Key::row(rules.generation, KeyKind::Namesakes, person, name)
}

/// What a message says of a conversion, and what the row about it says.
pub(super) struct News {
    pub row: Key,
    pub version: u64,
    pub known: Option<KnownConversion>,
    pub told: Option<Told>,
}

impl Plan {
    /// The plan, once everything that it reads is at hand.
    pub(super) fn of(
        view: &View,
        rules: &Rules<'_>,
        person: EntityId,
        news: News,
    ) -> Result<Self, ApplyError> {
        let News { row, version, known, told } = news;
        let before_told = known.as_ref().and_then(KnownConversion::as_told);
        let before = known.and_then(|known| known.body);
        let Some(sample) = told.as_ref().or(before_told.as_ref()) else {
            let own = Recount { row, version, told, before, after: None };
            return Ok(Self { recounts: alloc::vec![own], index: None });
        };
        let index = index_key(rules, person, &sample.conversion);
        view.want([index])?;
        let mut names = view.get::<Namesakes>(&index).cloned().unwrap_or_default();
        names.0.remove(&row.suffix());
        let others = others(view, row, &names)?;
        let mut all: Vec<Told> = others.iter().filter_map(|(_, other)| other.as_told()).collect();
        all.extend(told.clone());
        let mut counts = counting(&all);
        let after = if told.is_some() { counts.pop().flatten() } else { None };
        if told.is_some() {
            names.0.insert(row.suffix());
        }
        let mut recounts = alloc::vec![Recount { row, version, told, before, after }];
        for ((row, other), after) in others.into_iter().zip(counts) {
            if other.body != after {
                let (version, told) = (other.version, other.as_told());
                recounts.push(Recount { row, version, told, before: other.body, after });
            }
        }
        Ok(Self { recounts, index: Some((index, names)) })
    }

    /// Writes the rows as they count from now on.
    pub(super) fn put(self, view: &mut View) {
        for Recount { row, version, told, after, .. } in self.recounts {
            view.put(row, KnownConversion::of(version, told, after));
        }
        match self.index {
            Some((key, names)) if names.0.is_empty() => view.delete(key),
            Some((key, names)) if view.get::<Namesakes>(&key) != Some(&names) => {
                view.put(key, names);
            }
            _ => {}
        }
    }
}

/// The rows with these names that tell of a conversion, beside `row`.
fn others(
    view: &View,
    row: Key,
    names: &Namesakes,
) -> Result<Vec<(Key, KnownConversion)>, ApplyError> {
    let keys = || names.0.iter().map(|name| row.with_suffix(*name));
    view.want(keys())?;
    let rows = keys().filter_map(|key| Some((key, view.get::<KnownConversion>(&key)?.clone())));
    Ok(rows.filter(|(_, known)| known.as_told().is_some()).collect())
}

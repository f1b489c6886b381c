//! Models that learn from all journeys together: Markov removal effects and Shapley values.
//!
//! A journey is what led to one conversion: the person's touches in the window before it, as for
//! every other model. What a person touched after the last conversion, or without any, is a journey
//! that has not converted, within one window before its last touch. Journeys are read off the state
//! when the report is asked for; the cost grows with the touches.

use super::credit::Credit;
use super::error::ReportError;
use super::exchange::Exchange;
use super::query::{By, Model, ReportQuery};
use super::state::StateFigures;
use crate::linking::Joined;
use millstream_attribute::bootstrap::{Intervals, affordable, intervals};
use millstream_attribute::credit::TOUCHES_MAX;
use millstream_attribute::paths::CHANNEL_BYTES_MAX;
use millstream_attribute::rounding::WHOLE_PPB;
use millstream_attribute::{
    Fitted, Gathering, Journeys, Order, Outcome, PathError, Paths, ReportModel, Settings, Worth,
    apportion_real,
};
use millstream_event::{Channel, Currency, EntityId, Money, Span, Timestamp};
use millstream_pipeline::query;
use millstream_pipeline::rows::{ConversionRow, TouchRow};
use std::collections::{BTreeMap, BTreeSet};

/// One person's conversions: when, what they were worth, whether the report is about them.
type Conversions = Vec<(Timestamp, Option<Money>, bool)>;

/// Every journey that the report is about.
#[derive(Default)]
struct Gathered {
    /// Groups of touches, each once; journeys name them by their place.
    groups: BTreeMap<String, u32>,
    /// The groups along each journey, and what it was worth where it converted.
    journeys: Vec<(Vec<u32>, Option<Option<Money>>)>,
    /// Conversions without a touch in the window.
    unattributed: Credit,
}

/// The model, where it is one of these.
pub(super) fn model_of(question: &ReportQuery) -> Option<ReportModel> {
    match question.model {
        Model::Markov => Some(ReportModel::Markov(Order::new(question.order).unwrap_or_default())),
        Model::Shapley => Some(ReportModel::Shapley(Worth::Conversions)),
        _ => None,
    }
}

/// Credit of each group under the model, with the ranges of its share.
pub(super) fn credit(
    figures: &StateFigures<'_>,
    (among, model): ((&ReportQuery, Option<&Joined>), ReportModel),
    exchange: Option<&Exchange>,
) -> Result<BTreeMap<String, Credit>, ReportError> {
    let gathered = gather(figures, among, exchange)?;
    let mut credit = share(&gathered, model)?;
    let nobody = gathered.unattributed;
    if nobody.conversions_ppb > 0 {
        credit.insert(Channel::UNATTRIBUTED.to_owned(), nobody);
    }
    Ok(credit)
}

fn gather(
    figures: &StateFigures<'_>,
    (question, joined): (&ReportQuery, Option<&Joined>),
    exchange: Option<&Exchange>,
) -> Result<Gathered, ReportError> {
    let kin = |person| joined.and_then(|joined| joined.all(person));
    let first = |person| kin(person).and_then(|all| all.first().copied()).unwrap_or(person);
    let mut people: BTreeMap<EntityId, Conversions> = BTreeMap::new();
    query::conversions(figures.state, figures.generation, &mut |row: ConversionRow| {
        let day = row.time.utc_day();
        let asked = question.range.contains(day);
        let converted = |value| exchange.map_or(value, |exchange| exchange.convert(day, value));
        let value = row.value.map(converted);
        people.entry(first(row.person_id)).or_default().push((row.time, value, asked));
        Ok(true)
    })?;
    let mut gathered = Gathered::default();
    let mut current: Option<(EntityId, Vec<(Timestamp, u32)>)> = None;
    // Touches come person by person, so that one person's are held at a time, and those of people who
    // are joined with others.
    let mut together: BTreeMap<EntityId, Vec<(Timestamp, u32)>> = BTreeMap::new();
    query::touches(figures.state, figures.generation, &mut |row: TouchRow| {
        if !row.bot {
            let group = gathered.group(question.by, &row);
            match &mut current {
                _ if kin(row.person_id).is_some() => {
                    together.entry(first(row.person_id)).or_default().push((row.time, group));
                }
                Some((person, touches)) if *person == row.person_id => {
                    touches.push((row.time, group));
                }
                _ => {
                    let next = (row.person_id, vec![(row.time, group)]);
                    if let Some((person, touches)) = current.replace(next) {
                        let conversions = people.remove(&person).unwrap_or_default();
                        gathered.take(question, touches, conversions);
                    }
                }
            }
        }
        Ok(true)
    })?;
    for (person, touches) in current.into_iter().chain(together) {
        gathered.take(question, touches, people.remove(&person).unwrap_or_default());
    }
    for conversions in people.into_values() {
        gathered.take(question, Vec::new(), conversions);
    }
    Ok(gathered)
}

impl Gathered {
    fn group(&mut self, by: By, row: &TouchRow) -> u32 {
        let key = match by {
            By::Channel => Some(row.channel.as_str()),
            By::Source => Some(&*row.source),
            By::Campaign => row.campaign.name.as_deref(),
            By::Link => row.link_id.as_deref(),
        };
        let key = key.filter(|key| !key.is_empty()).unwrap_or("(none)");
        if let Some(known) = self.groups.get(key) {
            return *known;
        }
        let next = self.groups.len() as u32;
        self.groups.insert(key.to_owned(), next);
        next
    }

    /// Takes one person's journeys.
    fn take(
        &mut self,
        question: &ReportQuery,
        mut touches: Vec<(Timestamp, u32)>,
        conversions: Conversions,
    ) {
        touches.sort_by_key(|(time, _)| *time);
        let window = Span::days(i64::from(question.window.days()));
        let within = |from: Timestamp, until: Timestamp| -> Vec<u32> {
            let inside = touches.iter().filter(|(time, _)| (from..=until).contains(time));
            let groups: Vec<u32> = inside.map(|(_, group)| *group).collect();
            groups[groups.len().saturating_sub(TOUCHES_MAX)..].to_vec()
        };
        for (time, value, _) in conversions.iter().filter(|(_, _, asked)| *asked) {
            let journey = within(*time - window, *time);
            if journey.is_empty() {
                self.unattributed.conversions_ppb += u64::from(WHOLE_PPB);
                self.unattributed.revenue.extend(*value);
            } else {
                self.journeys.push((journey, Some(*value)));
            }
        }
        let converted = conversions.iter().map(|(time, ..)| *time).max();
        let Some((last, _)) = touches.last() else { return };
        let open = converted.is_none_or(|converted| converted < *last);
        if open && question.range.contains(last.utc_day()) {
            let from = converted.map(|converted| Timestamp(converted.0 + 1));
            let from = from.into_iter().fold(*last - window, Timestamp::max);
            self.journeys.push((within(from, *last), None));
        }
    }

    fn currencies(&self) -> BTreeSet<Currency> {
        let values = self.journeys.iter().filter_map(|(_, value)| value.flatten());
        values.map(|value| value.currency).collect()
    }

    /// Equal journeys together, with the value earned in one currency. Refunds take nothing away
    /// from the weights: they are part of the total that is divided.
    fn paths(&self, names: &[&str], currency: Option<Currency>) -> Result<Paths, ReportError> {
        let mut gathering = Gathering::default();
        for (journey, outcome) in &self.journeys {
            let value = outcome.flatten().filter(|value| Some(value.currency) == currency);
            let value = value.map_or(0, |value| i128::from(value.minor.max(0)));
            let conversions = u64::from(outcome.is_some());
            let outcome = Outcome { conversions, nulls: 1 - conversions, value };
            let touches = journey.iter().filter_map(|group| names.get(*group as usize).copied());
            gathering.add(touches, outcome).map_err(|error| beyond(&error))?;
        }
        Ok(gathering.finish())
    }

    fn total(&self, currency: Currency) -> i128 {
        let values = self.journeys.iter().filter_map(|(_, value)| value.flatten());
        values.filter(|value| value.currency == currency).map(|value| i128::from(value.minor)).sum()
    }
}

fn beyond(error: &impl std::fmt::Display) -> ReportError {
    let text = error.to_string();
    let (why, fix) = text.split_once("; ").unwrap_or((&text, "ask for fewer days"));
    ReportError::Beyond { why: why.to_owned(), fix: fix.to_owned() }
}

fn share(gathered: &Gathered, model: ReportModel) -> Result<BTreeMap<String, Credit>, ReportError> {
    let mut names = vec![""; gathered.groups.len()];
    for (name, number) in &gathered.groups {
        if name.len() > CHANNEL_BYTES_MAX {
            return Err(beyond(&PathError::LongName { touch: 1, bytes: name.len() }));
        }
        names[*number as usize] = name;
    }
    let settings = Settings::default();
    let mut credit: BTreeMap<String, Credit> = BTreeMap::new();
    let currencies = gathered.currencies();
    let mut counted = false;
    for currency in currencies.iter().copied().map(Some).chain([None]) {
        if counted && currency.is_none() {
            break;
        }
        let paths = gathered.paths(&names, currency)?;
        let fitted = Fitted::new(&paths, model, &settings);
        let found = fitted.attribution(&Journeys::of(&paths)).map_err(|error| beyond(&error))?;
        if !counted {
            let ranges = affordable(&paths, found.work)
                .map(|count| {
                    intervals(&paths, core::slice::from_ref(&fitted), count, settings.seed)
                })
                .transpose()
                .map_err(|error| beyond(&error))?;
            let ranges = ranges.as_deref().and_then(<[Intervals]>::first);
            count(&paths, &found.earned.conversions, ranges, &mut credit);
            counted = true;
        }
        if let Some(currency) = currency {
            let worthless = found.earned.value.iter().all(|part| *part == 0.0);
            let weights = if worthless { &found.earned.conversions } else { &found.earned.value };
            let amounts = apportion_real(gathered.total(currency), weights);
            for (name, amount) in paths.channels.iter().zip(amounts) {
                let minor =
                    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX });
                credit.entry(name.to_string()).or_default().revenue.push(Money { minor, currency });
            }
        }
    }
    Ok(credit)
}

fn count(
    paths: &Paths,
    conversions: &[f64],
    ranges: Option<&Intervals>,
    credit: &mut BTreeMap<String, Credit>,
) {
    let total = i128::from(paths.total.conversions) * i128::from(WHOLE_PPB);
    let parts = apportion_real(total, conversions);
    for (channel, (name, ppb)) in paths.channels.iter().zip(parts).enumerate() {
        let earned = credit.entry(name.to_string()).or_default();
        earned.conversions_ppb = u64::try_from(ppb).unwrap_or(0);
        let all = paths.total.conversions as f64;
        let range = ranges.and_then(|ranges| ranges.shares.get(channel));
        earned.range = range.map(|range| (range.low * all, range.high * all));
    }
}

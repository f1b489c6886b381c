//! How much will come next week: events and visits, by kind of campaign and channel, for who plans
//! capacity. Learnt from sessions, hour by hour of the week.

use super::envelope::{Field, Freshness, Row, short_time};
use super::error::ReportError;
use super::figures::Figures;
use super::number;
use super::page::{Grid, NOT_KNOWN, plain};
use super::query::{DateRange, ReportQuery};
use super::state::StateFigures;
use millstream_event::{Span, Timestamp};
use millstream_pipeline::query;
use millstream_pipeline::rows::SessionRow;
use millstream_plan::forecast::{Expected, Profile, WEEK, at_once, lift};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Most rows; what brings least is one row together.
const ROWS_MAX: usize = 40;
/// Most categories of pages that are told.
const PAGES_MAX: usize = 12;
/// A campaign is new for so many hours.
const LAUNCH_HOURS: i64 = 24;
/// A new campaign is a launch when it brings at least one event in so many of its channel.
const LAUNCH_PART: u64 = 5;
/// What is not told apart.
const OTHERS: &str = "(others)";
const SECONDS: f64 = 3_600.0;

/// Counts by hour since 1970.
type Hours = BTreeMap<i64, u64>;
/// Medium and channel.
type Kind = (String, String);

/// What sessions tell, hour by hour. Bots are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastFigures {
    kinds: BTreeMap<Kind, Hours>,
    events: Hours,
    sessions: Hours,
    /// How long all of them took together.
    took: Span,
    pages: BTreeMap<String, u64>,
    /// Events by channel and campaign.
    campaigns: BTreeMap<Kind, Hours>,
}

impl ForecastFigures {
    fn take(&mut self, row: &SessionRow) {
        let hour = row.started_at.hour();
        let none = |text: &str| if text.is_empty() { "(none)" } else { text }.to_owned();
        let channel = row.channel.as_str().to_owned();
        let add = |hours: &mut Hours| *hours.entry(hour).or_default() += row.events;
        add(self.kinds.entry((none(&row.medium), channel.clone())).or_default());
        add(&mut self.events);
        if let Some(name) = &row.campaign.name {
            add(self.campaigns.entry((channel, name.to_string())).or_default());
        }
        *self.sessions.entry(hour).or_default() += 1;
        self.took = Span(self.took.0 + (row.ended_at - row.started_at).0);
        *self.pages.entry(category(row.entry_url.as_deref())).or_default() += row.events;
    }

    /// Hours from the first to the last complete one.
    fn hours(&self, as_of: Timestamp) -> Option<RangeInclusive<i64>> {
        let (first, last) = (self.events.keys().next()?, self.events.keys().next_back()?);
        Some(*first..=(*last).min(as_of.hour() - 1))
    }

    /// The hours in which a new campaign began to bring much, by channel.
    fn launches(&self, hours: &RangeInclusive<i64>) -> BTreeMap<&str, BTreeSet<i64>> {
        let mut of_channel: BTreeMap<&str, Hours> = BTreeMap::new();
        for ((_, channel), counts) in &self.kinds {
            let sums = of_channel.entry(channel).or_default();
            counts.iter().for_each(|(hour, count)| *sums.entry(*hour).or_default() += count);
        }
        let mut found: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for ((channel, _), counts) in &self.campaigns {
            let Some(first) = counts.keys().next().copied() else { continue };
            let new = first..first + LAUNCH_HOURS;
            let sum = |of: &Hours| of.range(new.clone()).map(|(_, count)| count).sum::<u64>();
            let all = of_channel.get(channel.as_str()).map_or(0, sum);
            // What the first week brought was there before, for all that is known.
            if first >= hours.start() + WEEK && sum(counts) * LAUNCH_PART >= all {
                found.entry(channel).or_default().extend(new.filter(|hour| hours.contains(hour)));
            }
        }
        found
    }
}

/// The first part of a page's path.
fn category(url: Option<&str>) -> String {
    let path = url.and_then(|url| url::Url::parse(url).ok()).map(|url| url.path().to_owned());
    match path.as_deref().and_then(|path| path.split('/').nth(1)) {
        None => "(none)".to_owned(),
        Some(first) => format!("/{}", first.chars().take(40).collect::<String>()),
    }
}

/// Reads what sessions of these days tell. Cost: all sessions.
pub(super) fn read(
    figures: &StateFigures<'_>,
    range: &DateRange,
) -> Result<ForecastFigures, ReportError> {
    let mut found = ForecastFigures::default();
    query::sessions(figures.state, figures.generation, &mut |row| {
        if !row.bot && range.contains(row.started_at.utc_day()) {
            found.take(&row);
        }
        Ok(true)
    })?;
    Ok(found)
}

/// What one kind of campaign brings through one channel, in events per second.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastRow {
    kind: Kind,
    usual: f64,
    peak: Expected,
    /// Times the usual that launches brought.
    launch: Option<f64>,
}

/// Next week's peak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForecastPeak {
    /// The hour that usually brings most.
    at: String,
    /// Events per second on average over the week.
    usual_per_s: f64,
    /// Events per second in the busiest hour.
    events_per_s: f64,
    events_per_s_low: f64,
    events_per_s_high: f64,
    /// Visits that go on at once in the busiest hour.
    visits_at_once: f64,
    visits_at_once_low: f64,
    visits_at_once_high: f64,
    /// Hours of history.
    learnt_hours: i64,
}

/// One line of a forecast as `millstream plan` reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanLine {
    peak: &'static str,
    flow: &'static str,
    events_per_s: f64,
    campaign_type: String,
    channel: String,
}

/// The forecast.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastReport {
    /// Rows, those that bring most first.
    pub rows: Vec<ForecastRow>,
    /// The peak; none from less than two weeks.
    pub peak: Option<ForecastPeak>,
    /// Share of events by the first part of the path of a visit's first page.
    pub pages: Vec<(String, f64)>,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(
    figures: &dyn Figures,
    query: &ReportQuery,
    freshness: Freshness,
) -> Result<ForecastReport, ReportError> {
    let found = figures.forecast(&query.range)?;
    Ok(found.hours(freshness.as_of).and_then(|hours| told(found, &hours)).unwrap_or_default())
}

fn told(mut found: ForecastFigures, hours: &RangeInclusive<i64>) -> Option<ForecastReport> {
    found.gather_others();
    let launches = found.launches(hours);
    let launched: BTreeSet<i64> = launches.values().flatten().copied().collect();
    let none = BTreeSet::new();
    // Where something is launched every other day, launches are what is usual.
    let learn = |counts: &Hours, apart: &BTreeSet<i64>| {
        Profile::learn(counts, hours, apart).or_else(|| Profile::learn(counts, hours, &none))
    };
    let (events, sessions) = (learn(&found.events, &launched)?, learn(&found.sessions, &launched)?);
    let from = hours.end() + 1;
    let busiest = events.busiest(from);
    let row = |(kind, counts): (&Kind, &Hours)| {
        let apart = launches.get(kind.1.as_str()).unwrap_or(&none);
        let profile = learn(counts, apart)?;
        Some(ForecastRow {
            kind: kind.clone(),
            usual: profile.average() / SECONDS,
            peak: profile.hour(busiest).times(1.0 / SECONDS),
            launch: lift(counts, &profile, apart),
        })
    };
    let mut rows: Vec<ForecastRow> = found.kinds.iter().filter_map(row).collect();
    rows.sort_by(|a, b| b.peak.value.total_cmp(&a.peak.value).then_with(|| a.kind.cmp(&b.kind)));
    let peak = events.peak(from).times(1.0 / SECONDS);
    let visits = found.sessions.values().sum::<u64>().max(1) as f64;
    let each = found.took.0 as f64 / 1e6 / SECONDS / visits;
    let open = at_once(sessions.peak(from), each);
    let peak = ForecastPeak {
        at: short_time(Timestamp(busiest * Span::hours(1).0)),
        usual_per_s: events.average() / SECONDS,
        events_per_s: peak.value,
        events_per_s_low: peak.low,
        events_per_s_high: peak.high,
        visits_at_once: open.value,
        visits_at_once_low: open.low,
        visits_at_once_high: open.high,
        learnt_hours: hours.end() - hours.start() + 1,
    };
    let total = found.pages.values().sum::<u64>().max(1) as f64;
    let mut pages: Vec<(String, f64)> =
        found.pages.iter().map(|(page, count)| (page.clone(), *count as f64 / total)).collect();
    pages.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    pages.truncate(PAGES_MAX);
    Some(ForecastReport { rows, peak: Some(peak), pages })
}

impl ForecastFigures {
    /// Makes one kind of all that bring least.
    fn gather_others(&mut self) {
        let mut by_size: Vec<(u64, Kind)> =
            self.kinds.iter().map(|(kind, hours)| (hours.values().sum(), kind.clone())).collect();
        by_size.sort_by(|a, b| b.cmp(a));
        for (_, kind) in by_size.into_iter().skip(ROWS_MAX - 1) {
            let hours = self.kinds.remove(&kind).unwrap_or_default();
            let others = self.kinds.entry((OTHERS.to_owned(), OTHERS.to_owned())).or_default();
            hours.into_iter().for_each(|(hour, count)| *others.entry(hour).or_default() += count);
        }
    }
}

impl ForecastReport {
    /// Names of the columns.
    pub const COLUMNS: [&'static str; 7] = [
        "campaign_type",
        "channel",
        "usual_per_s",
        "events_per_s",
        "events_per_s_low",
        "events_per_s_high",
        "launch_lift",
    ];

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let fields = |row: &ForecastRow| {
            [
                Field::Text(row.kind.0.clone()),
                Field::Text(row.kind.1.clone()),
                Field::Real(row.usual),
                Field::Real(row.peak.value),
                Field::Real(row.peak.low),
                Field::Real(row.peak.high),
                row.launch.map_or(Field::Unknown, Field::Real),
            ]
        };
        self.rows
            .iter()
            .map(|row| Row(Self::COLUMNS.into_iter().zip(fields(row)).collect()))
            .collect()
    }

    /// What the peak, and a launch in it, add to the mean of the flow `events`, as `millstream plan` reads
    /// it: the upper ends of the intervals.
    pub fn plan(&self) -> Vec<PlanLine> {
        let line = |peak, row: &ForecastRow, events_per_s: f64| PlanLine {
            peak,
            flow: "events",
            events_per_s,
            campaign_type: row.kind.0.clone(),
            channel: row.kind.1.clone(),
        };
        let adds = |row: &ForecastRow, times: f64| (row.peak.high * times - row.usual).max(0.0);
        let usual = self.rows.iter().map(|row| line("forecast", row, adds(row, 1.0)));
        let launched = self.rows.iter().filter(|row| row.launch.is_some_and(|lift| lift > 1.0));
        let launched =
            launched.map(|row| line("launch", row, adds(row, row.launch.unwrap_or(1.0))));
        usual.chain(launched).collect()
    }

    /// What the figures mean, in a sentence.
    pub fn meaning(&self) -> String {
        match &self.peak {
            None => "A forecast takes two weeks of sessions.".to_owned(),
            Some(peak) => format!(
                "The week after the last event, by the hours of the week of {} days: the busiest hour is that of {}.",
                peak.learnt_hours / 24,
                peak.at
            ),
        }
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        let columns = ["Campaigns", "Channel", "Usual/s", "Peak/s", "95 %", "A launch"];
        let mut grid = Grid::new("", &columns, "Too little is known yet.");
        grid.columns[1].1 = super::page::Align::Left;
        let cells = |row: &ForecastRow| {
            vec![
                plain(&row.kind.0),
                plain(&row.kind.1),
                rate(row.usual),
                rate(row.peak.value),
                format!("{} – {}", rate(row.peak.low), rate(row.peak.high)),
                row.launch.map_or_else(|| NOT_KNOWN.to_owned(), |lift| format!("{lift:.1}x")),
            ]
        };
        grid.rows = self.rows.iter().map(cells).collect();
        let Some(peak) = &self.peak else { return vec![grid] };
        grid.total = Some(vec![
            "Total".to_owned(),
            String::new(),
            rate(peak.usual_per_s),
            rate(peak.events_per_s),
            format!("{} – {}", rate(peak.events_per_s_low), rate(peak.events_per_s_high)),
            String::new(),
        ]);
        let mut visits = Grid::new("", &["Visits at once", "Expected", "95 %"], "");
        let whole = |value: f64| number::grouped(value.round().max(0.0) as u64);
        let ends = (whole(peak.visits_at_once_low), whole(peak.visits_at_once_high));
        visits.rows = vec![vec![
            "in the busiest hour".to_owned(),
            whole(peak.visits_at_once),
            format!("{} – {}", ends.0, ends.1),
        ]];
        let mut pages = Grid::new("", &["First pages under", "Share of events"], "");
        let share = |(page, share): &(String, f64)| vec![plain(page), number::percent(*share)];
        pages.rows = self.pages.iter().map(share).collect();
        vec![grid, visits, pages]
    }
}

fn rate(per_second: f64) -> String {
    if per_second >= 100.0 { format!("{per_second:.0}") } else { format!("{per_second:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five weeks: 20 events each hour by mail, 10 by search, half of that at night; a new campaign
    /// doubles search for a day.
    fn shop() -> ForecastFigures {
        let mut found = ForecastFigures::default();
        let kind = |medium: &str, channel: &str| (medium.to_owned(), channel.to_owned());
        for hour in 0..5 * WEEK {
            let night = if hour % 24 < 8 { 2 } else { 1 };
            let new = u64::from((3 * WEEK..3 * WEEK + LAUNCH_HOURS).contains(&hour)) * 10;
            let counts = [("email", "email", 20 / night), ("cpc", "paid_search", 10 / night + new)];
            for (medium, channel, count) in counts {
                *found.kinds.entry(kind(medium, channel)).or_default().entry(hour).or_default() +=
                    count;
                *found.events.entry(hour).or_default() += count;
            }
            if new > 0 {
                found.campaigns.entry(kind("paid_search", "new")).or_default().insert(hour, new);
            }
            *found.sessions.entry(hour).or_default() += 6 / night;
            let night = if night == 2 { 2_i64 } else { 1 };
            found.took = Span(found.took.0 + Span::minutes(10 * (6 / night)).0);
        }
        found.pages = [("/shoes".to_owned(), 3), ("/".to_owned(), 1)].into();
        found
    }

    #[test]
    fn the_busiest_hour_is_told_by_kind_of_campaign() {
        let told = told(shop(), &(0..=5 * WEEK - 1)).unwrap();
        let [mail, search] = told.rows.as_slice() else { panic!("{told:?}") };
        assert_eq!((mail.kind.1.as_str(), mail.launch), ("email", None));
        assert!((mail.peak.value * SECONDS - 20.0).abs() < 0.5, "{mail:?}");
        assert!((search.peak.value * SECONDS - 10.0).abs() < 0.5, "{search:?}");
        let lift = search.launch.unwrap();
        assert!((1.9..2.4).contains(&lift), "{lift}");
        let peak = told.peak.as_ref().unwrap();
        // The greatest of many hours of 30 is more than 30.
        let most = peak.events_per_s * SECONDS;
        assert!((30.0..60.0).contains(&most), "{peak:?}");
        assert!(peak.events_per_s_low < peak.events_per_s, "{peak:?}");
        assert!(peak.events_per_s < peak.events_per_s_high, "{peak:?}");
        assert!(peak.visits_at_once_low < peak.visits_at_once, "{peak:?}");
        assert!(1.0 < peak.visits_at_once_high, "{peak:?}");
        assert_eq!(told.pages[0], ("/shoes".to_owned(), 0.75));
        let lines = told.plan();
        assert_eq!(lines.iter().filter(|line| line.peak == "launch").count(), 1);
        assert!(lines.iter().all(|line| line.events_per_s >= 0.0));
    }

    #[test]
    fn a_plan_takes_the_forecast() {
        let lines = told(shop(), &(0..=5 * WEEK - 1)).unwrap().plan();
        let plan = include_str!("../../../../docs/plans/pipeline-small.toml");
        let plan = millstream_plan::Plan::parse("plan.toml", plan).unwrap();
        let json = serde_json::json!({ "kind": "forecast", "forecast": lines }).to_string();
        let with = plan.overlaid_json("forecast.json", &json).unwrap();
        let of = |name: &str| with.policies.peaks.get(name).map_or(0, |peak| peak.forecast.len());
        assert_eq!((of("forecast"), of("launch")), (2, 1));
    }

    #[test]
    fn two_weeks_are_needed() {
        let found = shop();
        assert_eq!(told(found.clone(), &(0..=2 * WEEK - 2)), None);
        assert!(told(found, &(0..=2 * WEEK - 1)).is_some());
        assert_eq!(ForecastFigures::default().hours(Timestamp(0)), None);
    }

    #[test]
    fn pages_are_grouped_by_the_first_part_of_their_path() {
        assert_eq!(category(Some("https://shop.example/shoes/red?x=1")), "/shoes");
        assert_eq!(category(Some("https://shop.example")), "/");
        assert_eq!(category(Some("nonsense")), "(none)");
        assert_eq!(category(None), "(none)");
    }
}

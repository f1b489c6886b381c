//! What can be asked of a report: kind, grouping, model, window, dates, format.

use super::error::ReportError;
use millstream_event::{Currency, Timestamp};
use std::str::FromStr;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every one, in the order in which they are offered.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that is typed, sent and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = ReportError;
            fn from_str(text: &str) -> Result<Self, ReportError> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| {
                    ReportError::Unknown {
                        what: $what,
                        given: text.chars().take(64).collect(),
                        known: Self::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", "),
                    }
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Which report.
    ReportKind, "the report" {
        /// Clicks, touches, conversions and revenue per channel, source, campaign or link.
        Campaigns = "campaigns",
        /// Sessions, devices and people, per day.
        Sessions = "sessions",
        /// Hop timings, arrivals, outcomes and refusals.
        Delivery = "delivery",
        /// Arrival, order, copies, and how soon sessions are whole.
        Stitching = "stitching",
        /// How decisions came about, and whether they kept their budgets.
        Personalization = "personalization",
        /// What delay and stale profiles cost, and whether edge is needed.
        Sensitivity = "sensitivity",
        /// What may be spent, what was, and whether it is on its way.
        Budgets = "budgets",
        /// What comes next week, for who plans capacity.
        Forecast = "forecast",
    }
}

words! {
    /// What a campaign report groups by.
    By, "the grouping" {
        /// The documented grouping of source and medium.
        Channel = "channel",
        /// `utm_source`, network or referrer.
        Source = "source",
        /// `utm_campaign`.
        Campaign = "campaign",
        /// The governed link.
        Link = "link",
    }
}

words! {
    /// By what a stitching report is split.
    Split, "the grouping" {
        /// The configured source.
        Source = "source",
        /// Country.
        Country = "country",
        /// Country and region.
        Region = "region",
        /// Class of device.
        Device = "device",
        /// Browser family.
        Browser = "browser",
        /// Kind of connection, where the client names it.
        Connection = "connection",
        /// Business event.
        Event = "event",
    }
}

words! {
    /// Which identity links count.
    Links, "the links" {
        /// Those that logins, aliases and signed clicks tell.
        Certain = "certain",
        /// Probable ones, too.
        Probable = "probable",
    }
}

words! {
    /// How a conversion is shared among the touches before it.
    Model, "the model" {
        /// All to the first touch.
        First = "first",
        /// All to the last touch.
        Last = "last",
        /// All to the last touch that is not direct; to the last one where all are direct.
        LastNonDirect = "last_non_direct",
        /// Equal shares.
        Linear = "linear",
        /// 40 % to the first touch, 40 % to the last, the rest to those between.
        Position = "position",
        /// Half as much for every seven days that lie between a touch and the last one.
        TimeDecay = "time_decay",
        /// In proportion to removal effects in a Markov chain of all journeys.
        Markov = "markov",
        /// By Shapley values over all journeys.
        Shapley = "shapley",
    }
}

words! {
    /// How a report is written.
    Format, "the format" {
        /// A table for a terminal.
        Table = "table",
        /// One JSON object.
        Json = "json",
        /// Comma-separated values, safe to open in a spreadsheet.
        Csv = "csv",
        /// One page that stands alone and prints well.
        Html = "html",
    }
}

impl Model {
    /// True when the shares are estimated from all journeys together: they have an error, and no sums
    /// are kept for them.
    pub const fn is_data_driven(self) -> bool {
        matches!(self, Self::Markov | Self::Shapley)
    }
}

/// How long before a conversion a touch may have happened and still be credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    days: u16,
}

impl Default for Window {
    fn default() -> Self {
        Self { days: 30 }
    }
}

impl Window {
    /// The longest window that can be asked for, in days.
    pub const DAYS_MAX: u16 = 365;

    /// Its length in whole days, 1 to [`Self::DAYS_MAX`].
    pub const fn days(self) -> u16 {
        self.days
    }
}

impl FromStr for Window {
    type Err = ReportError;
    fn from_str(text: &str) -> Result<Self, ReportError> {
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u16>().ok());
        days.filter(|days| (1..=Self::DAYS_MAX).contains(days))
            .map(|days| Self { days })
            .ok_or_else(|| ReportError::Invalid {
                what: "the window",
                given: text.chars().take(64).collect(),
                wanted: "write whole days from 1d to 365d, such as 30d",
            })
    }
}

/// Whole days in UTC, both ends included; an open end reaches as far as the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateRange {
    /// First day, counted from 1970-01-01.
    pub from: Option<i32>,
    /// Last day, counted from 1970-01-01.
    pub to: Option<i32>,
}

impl DateRange {
    /// A day written `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When the text is no such day.
    pub fn parse_day(text: &str) -> Result<i32, ReportError> {
        let looks_right = text.len() == 10 && text.is_ascii();
        let stamp =
            looks_right.then(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"))).flatten();
        stamp.map(Timestamp::utc_day).ok_or_else(|| ReportError::Invalid {
            what: "the date",
            given: text.chars().take(64).collect(),
            wanted: "write a day between 1990 and 2100 as YYYY-MM-DD, such as 2026-11-22",
        })
    }

    /// True when neither end is given.
    pub const fn is_whole(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// True when the day lies inside.
    pub fn contains(&self, day: i32) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportQuery {
    /// Which report.
    pub kind: ReportKind,
    /// Campaigns: the grouping.
    pub by: By,
    /// Stitching: the grouping.
    pub split: Split,
    /// Campaigns: the model.
    pub model: Model,
    /// Campaigns: touches that a state of the Markov chain remembers, 1 to 3.
    pub order: u8,
    /// Campaigns: the window.
    pub window: Window,
    /// The days to look at.
    pub range: DateRange,
    /// Campaigns and stitching: count what bots did, too. It never earns credit.
    pub bots: bool,
    /// Campaigns and budgets: the one currency of all amounts; none for each in its own.
    pub currency: Option<Currency>,
    /// Sessions: which links make devices one person's.
    pub links: Links,
    /// Only what had been received until then; none for everything.
    pub as_of: Option<Timestamp>,
}

impl ReportQuery {
    /// The report with everything else at its default: by channel, last touch, 30 days, all data.
    pub fn new(kind: ReportKind) -> Self {
        Self {
            kind,
            by: By::Channel,
            split: Split::Source,
            model: Model::Last,
            order: 1,
            window: Window::default(),
            range: DateRange::default(),
            bots: false,
            currency: None,
            links: Links::Certain,
            as_of: None,
        }
    }

    /// Reads one named parameter, as the query string of the API has it.
    ///
    /// # Errors
    /// When the name is unknown or its value cannot be read.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ReportError> {
        match name {
            "by" if self.kind == ReportKind::Stitching => self.split = value.parse()?,
            "by" => self.by = value.parse()?,
            "model" => self.model = value.parse()?,
            "order" => self.order = parse_order(value)?,
            "window" => self.window = value.parse()?,
            "from" => self.range.from = Some(DateRange::parse_day(value)?),
            "to" => self.range.to = Some(DateRange::parse_day(value)?),
            "bots" => self.bots = parse_switch(value)?,
            "currency" => self.currency = Some(parse_currency(value)?),
            "links" => self.links = value.parse()?,
            "as_of" => self.as_of = Some(parse_instant(value)?),
            _ => {
                return Err(ReportError::Unknown {
                    what: "the parameter",
                    given: name.chars().take(64).collect(),
                    known:
                        "by, model, order, window, from, to, bots, currency, links, as_of, format"
                            .to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn parse_currency(value: &str) -> Result<Currency, ReportError> {
    Currency::parse(value).ok_or_else(|| ReportError::Invalid {
        what: "the currency",
        given: value.chars().take(64).collect(),
        wanted: "write three letters, such as EUR",
    })
}

/// An instant, or the end of a day.
fn parse_instant(value: &str) -> Result<Timestamp, ReportError> {
    let end_of = |day: i32| Timestamp((i64::from(day) + 1) * 86_400_000_000 - 1);
    let instant = || Timestamp::parse_rfc3339(value);
    DateRange::parse_day(value).map(end_of).ok().or_else(instant).ok_or_else(|| {
        ReportError::Invalid {
            what: "the instant",
            given: value.chars().take(64).collect(),
            wanted: "write a day as YYYY-MM-DD for its end in UTC, or a time such as 2026-11-22T18:00:00Z",
        }
    })
}

fn parse_order(value: &str) -> Result<u8, ReportError> {
    match value {
        "1" => Ok(1),
        "2" => Ok(2),
        "3" => Ok(3),
        _ => Err(ReportError::Invalid {
            what: "the order",
            given: value.chars().take(64).collect(),
            wanted: "write 1, 2 or 3",
        }),
    }
}

fn parse_switch(value: &str) -> Result<bool, ReportError> {
    match value {
        "" | "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(ReportError::Invalid {
            what: "the switch",
            given: value.chars().take(64).collect(),
            wanted: "write true or false",
        }),
    }
}

//! Golden reports in every format, from canned figures, and the bounds of what can be asked.

mod decided;

use super::stitching::{IdentityCounts, StitchingFigures, StitchingSum};
use super::*;
use millstream_event::ledger::Budget;
use millstream_event::{Currency, Money, Span, Timestamp};
use millstream_pipeline::measured::{HintSums, Measured, ShadowSums};

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn usd(minor: i64) -> Money {
    Money { minor, currency: Currency::USD }
}

/// Figures with every awkward case: spend, two currencies, script and formulas in names.
pub struct Canned;

impl Figures for Canned {
    fn forecast(&self, _: &DateRange) -> Result<super::ForecastFigures, ReportError> {
        Ok(super::ForecastFigures::default())
    }

    fn earlier(&self, _: Timestamp, tell: super::Telling<'_>) -> Result<(), ReportError> {
        tell(self)
    }

    fn campaigns(&self, query: &ReportQuery) -> Result<CampaignFigures, ReportError> {
        let script = "=HYPERLINK(\"http://evil\")<script>alert(1)</script>";
        let sums = vec![
            CampaignSum {
                key: "direct".to_owned(),
                touches: 410,
                sessions: 377,
                conversions_ppb: 12_000_000_000,
                revenue: vec![usd(118_800)],
                ..CampaignSum::default()
            },
            CampaignSum {
                key: "paid_search".to_owned(),
                clicks: 12_431,
                touches: 9_815,
                sessions: 8_120,
                conversions_ppb: 120_333_333_333,
                revenue: vec![Money { minor: 55_000, currency: currency("EUR") }, usd(4_211_037)],
                cost: vec![usd(1_020_000)],
                ..CampaignSum::default()
            },
            CampaignSum { key: script.to_owned(), touches: 3, ..CampaignSum::default() },
        ];
        let unmatched = vec![super::spend::UnmatchedSpend {
            name: crate::ledger::UnmatchedName {
                name: "sprnig".to_owned(),
                nearest: vec!["spring".to_owned()],
            },
            cost: vec![usd(20_000)],
        }];
        Ok(if query.range.is_whole() {
            CampaignFigures { sums, unmatched, uncosted: Vec::new() }
        } else {
            CampaignFigures::default()
        })
    }

    fn measured(&self, _: &DateRange) -> Result<Vec<Measured>, ReportError> {
        let mut shadow = ShadowSums {
            scored: 12_400,
            left_out: 3,
            same_choice: 9_064,
            overlap_ppm: 10_912_000_000,
            personalized: [12_078, 12_288],
            ..ShadowSums::default()
        };
        (0..100).for_each(|number| shadow.took([13 * number, 30 * number]));
        let pages = HintSums { given: 1_200, went_on: 800, hits: 312, popular: 140 };
        let slots = HintSums { given: 1_200, ..HintSums::default() };
        Ok(vec![
            Measured { pages, slots, ..Measured::of("home", "") },
            Measured { shadow, ..Measured::of("home", "home-next") },
        ])
    }

    fn budgets(&self, _: &ReportQuery) -> Result<Vec<BudgetSum>, ReportError> {
        let budget = |campaign: &str, (from, to), target_roas_permille| Budget {
            campaign: campaign.into(),
            from,
            to,
            amount: usd(300_000),
            target_roas_permille,
        };
        let sum = |budget, spent_minor, spend_until| BudgetSum {
            budget,
            spent_minor,
            spend_until,
            unconverted: false,
            conversions_ppb: 2_500_000_000,
            revenue_minor: 310_000,
        };
        Ok(vec![
            sum(budget("spring", (16_572, 16_601), 2_000), 160_000, Some(16_586)),
            sum(budget("autumn", (20_000, 20_029), 1_500), 290_000, Some(20_029)),
            sum(budget("open", (20_770, 20_799), 1_500), 1_000, Some(20_778)),
            sum(budget("later", (20_800, 20_809), 0), 0, None),
        ])
    }

    fn at_once(&self, tell: super::Telling<'_>) -> Result<(), ReportError> {
        tell(self)
    }

    fn session_totals(&self, _: &DateRange, links: Links) -> Result<SessionTotals, ReportError> {
        Ok(SessionTotals {
            devices: 1_861,
            sessions: 1_702,
            bot_sessions: 388,
            events: 9_999,
            people: 1_861,
            people_with_probable_links: (links == Links::Probable).then_some(1_800),
        })
    }

    fn session_days(&self, range: &DateRange) -> Result<Vec<SessionDay>, ReportError> {
        let day = |day, sessions| SessionDay { day, sessions, bot_sessions: 31 };
        Ok([day(16_572, 401), day(16_573, 1_301)]
            .into_iter()
            .filter(|row| range.contains(row.day))
            .collect())
    }

    fn decisions(
        &self,
        _: &DateRange,
    ) -> Result<Vec<millstream_pipeline::decided::DecisionSums>, ReportError> {
        Ok(decided::decisions())
    }

    fn experiments(&self, _: &DateRange) -> Result<Vec<ExperimentFigures>, ReportError> {
        Ok(decided::experiments())
    }

    fn stitching(&self, _: &ReportQuery) -> Result<StitchingFigures, ReportError> {
        let sum = |events: u64, whole: [u64; 3], skew_ms: i64| {
            let mut sum = StitchingSum {
                events,
                duplicates: events / 40,
                late: events / 500,
                clock: 3,
                out_of_order: events / 90,
                sessions: whole[2] + 20,
                within: whole,
                duplicate_sessions: 7,
                ..StitchingSum::default()
            };
            for part in 0..20 {
                sum.skew.add(Span::millis(skew_ms * part), 50);
                sum.delay.add(Span::millis(skew_ms * part * part), 5);
                sum.clock_offset.add(Span::seconds(part), 5);
            }
            sum
        };
        let app = sum(2_210, [300, 410, 455], 940);
        let site = sum(7_789, [1_190, 1_201, 1_210], 38);
        Ok(StitchingFigures {
            probable: None,
            total: sum(9_999, [1_490, 1_611, 1_665], 410),
            groups: [("app".to_owned(), app.clone()), ("site".to_owned(), site.clone())].into(),
            days: [(16_572, app), (16_573, site)].into(),
            identity: IdentityCounts {
                people: 1_790,
                devices: 1_861,
                deterministic_links: 240,
                conflicting_copies: 2,
                hubs: 1,
                placeholders: 14,
            },
        })
    }

    fn arrivals(&self, as_of: Timestamp) -> Result<Option<Arrivals>, ReportError> {
        let day = super::arrival::ArrivingDay {
            day: as_of.utc_day(),
            conversions: 1_203,
            arrived_share: 0.94,
            expected_low: 1_262,
            expected_high: 1_301,
            revenue: vec![super::arrival::ArrivingRevenue {
                currency: Currency::USD,
                revenue_minor: 2_400_100,
                expected_low_minor: 2_450_000,
                expected_high_minor: 2_610_000,
            }],
        };
        Ok(Some(Arrivals { days: vec![day], settled_after: Span::hours(30) }))
    }

    fn horizon(&self) -> Span {
        Span::hours(48)
    }

    fn outcomes(&self) -> Result<OutcomeCounts, ReportError> {
        Ok(OutcomeCounts {
            logged: 10_250,
            visible: 9_999,
            duplicate: 248,
            conflicts: 2,
            quarantined: 1,
            degraded: 17,
            restricted: 40,
            late: 5,
            bot: 812,
            unconsented: 11,
            shortened: 1,
            degraded_by_cause: vec![("country_database".to_owned(), 12), ("value".to_owned(), 5)],
            quarantined_by_reason: vec![("malformed_line".to_owned(), 1)],
        })
    }

    fn delivery(&self) -> DeliveryCounts {
        let hop = |hop: &str, p50_us, p95_us, p99_us| HopTiming {
            hop: hop.to_owned(),
            count: 10_250,
            p50_us,
            p95_us,
            p99_us,
        };
        DeliveryCounts {
            accepted: 10_249,
            degraded: 17,
            restricted: 40,
            quarantined: 1,
            refused: vec![("wrong_key".to_owned(), 4), ("too_large".to_owned(), 1)],
            shed: 0,
            click_unlogged: 0,
            click_express: 9_001,
            hops: vec![
                hop("received_to_durable", 640, 1_900, 4_310),
                hop("durable_to_folded", 3_100, 12_400, 151_000),
                hop("folded_to_visible", 210, 900, 1_450_000),
            ],
            endpoints: vec![EndpointTiming {
                endpoint: "/v1/batch".to_owned(),
                requests: 512,
                p50_us: Some(980),
                p95_us: None,
                p99_us: Some(5_020),
            }],
        }
    }
}

fn freshness(provisional: bool) -> Freshness {
    let as_of = Timestamp::parse_rfc3339("2026-11-22T12:03:10.4Z").unwrap();
    let until = Timestamp::parse_rfc3339("2026-11-22T12:03:10Z").unwrap();
    Freshness { as_of, complete_until: Some(until), provisional }
}

#[test]
fn a_table_fits_a_narrow_terminal() {
    let report = build(&Canned, &ReportQuery::new(ReportKind::Sessions), freshness(true)).unwrap();
    let text = render(&report, Format::Table, Some(60)).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
}

#[test]
fn the_tables_of_decisions_fit_eighty_columns_unwrapped() {
    for kind in [ReportKind::Personalization, ReportKind::Sensitivity] {
        let report = build(&Canned, &ReportQuery::new(kind), freshness(true)).unwrap();
        let drawn = |width| terminal::compose(&[], &report.page().grids, width);
        let (narrow, wide) = (drawn(80), drawn(1_000));
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
        assert_eq!(narrow.lines().count(), wide.lines().count(), "{narrow}");
    }
}

fn rendered(kind: ReportKind, format: Format) -> String {
    let report = build(&Canned, &ReportQuery::new(kind), freshness(true)).unwrap();
    render(&report, format, Some(100)).unwrap()
}

#[test]
fn every_report_in_every_format() {
    for kind in ReportKind::ALL {
        for format in Format::ALL {
            insta::assert_snapshot!(format!("{kind}_{format}"), rendered(*kind, *format));
        }
    }
}

#[test]
fn an_empty_range_says_so_and_sums_to_nothing() {
    let mut query = ReportQuery::new(ReportKind::Campaigns);
    query.set("from", "2015-05-17").unwrap();
    query.set("to", "2015-05-18").unwrap();
    let report = build(&Canned, &query, freshness(false)).unwrap();
    insta::assert_snapshot!("campaigns_empty", render(&report, Format::Table, None).unwrap());
}

#[test]
fn the_envelope_has_exactly_the_promised_names() {
    for kind in ReportKind::ALL {
        let value: serde_json::Value =
            serde_json::from_str(&rendered(*kind, Format::Json)).unwrap();
        for name in ["kind", "as_of", "complete_until", "provisional", "gaps", "rows", "totals"] {
            assert!(value.get(name).is_some(), "{kind} lacks {name}");
        }
        for name in ["quarantined", "late", "shed", "unconsented", "shortened"] {
            assert!(value["gaps"].get(name).is_some(), "gaps lack {name}");
        }
    }
}

#[test]
fn rows_sum_to_totals_in_spite_of_two_currencies() {
    let report =
        build(&Canned, &ReportQuery::new(ReportKind::Campaigns), freshness(false)).unwrap();
    let Body::Campaigns(report) = report.body else { panic!("not a campaign report") };
    assert_eq!(report.rows.iter().map(|row| row.clicks).sum::<u64>(), report.totals.clicks);
    assert_eq!(report.totals.revenue_minor, None);
    assert_eq!(report.totals.revenue.len(), 2);
    assert_eq!(report.rows[0].cac_minor(), Some(8_476));
}

#[test]
fn a_window_is_bounded_at_and_over_its_limit() {
    assert_eq!("1d".parse::<Window>().unwrap().days(), 1);
    assert_eq!("365d".parse::<Window>().unwrap().days(), 365);
    for wrong in ["0d", "366d", "30", "d", "-1d", "30 d", "99999999999d"] {
        assert!(wrong.parse::<Window>().is_err(), "{wrong}");
    }
}

#[test]
fn an_unknown_model_is_told_which_exist() {
    let error = "best".parse::<Model>().unwrap_err();
    assert!(error.is_usage());
    assert_eq!(
        error.to_string(),
        "the model `best` does not exist: use one of first, last, last_non_direct, linear, position, time_decay, markov, shapley"
    );
}

#[test]
fn days_are_read_exactly() {
    assert_eq!(DateRange::parse_day("1990-01-01").unwrap(), 7_305);
    for wrong in ["2026-02-30", "2026-1-1", "22.11.2026", "", "2026-11-22T00:00:00Z", "2026-11-2é"]
    {
        assert!(DateRange::parse_day(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn numbers_read_well() {
    assert_eq!(number::grouped(0), "0");
    assert_eq!(number::grouped(1_234_567), "1,234,567");
    assert_eq!(number::money(usd(-123_456_789)), "-1,234,567.89 USD");
    assert_eq!(number::money(Money { minor: 1_200, currency: currency("JPY") }), "1,200 JPY");
    assert_eq!(number::share(333_333_333), "0.33");
    assert_eq!(number::share(2_500_000_000), "2.5");
    assert_eq!(number::micros(999), "999 µs");
    assert_eq!(number::micros(1_950), "1.9 ms");
    assert_eq!(number::micros(60_000_000), "60.0 s");
}

#[test]
fn text_from_outside_cannot_steer_a_terminal() {
    assert_eq!(page::plain("a\u{1b}[31mb\u{202e}c"), "a\u{fffd}[31mb\u{fffd}c");
    assert_eq!(page::plain(&"x".repeat(121)).chars().count(), 121);
    assert!(page::plain(&"x".repeat(120)).ends_with('x'));
}

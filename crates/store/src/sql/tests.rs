use super::{SqlEngine, SqlError, SqlOptions, SqlTable, Value};
use crate::tables::{Cell, Column, PartWriter};
use millstream_event::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};

const ROWS: i64 = 20_000;

fn columns() -> Vec<Column> {
    vec![
        Column::text("event"),
        Column::time("event_time"),
        Column::integer("value_minor"),
        Column::flag("bot"),
    ]
}

fn write(path: &Path, from: i64, to: i64) {
    let mut part = PartWriter::create(path, columns(), Some("event_time")).unwrap();
    for number in from..to {
        let value = if number % 10 == 0 { Cell::Empty } else { Cell::Integer(number) };
        let event = format!("event {}", number % 7);
        part.cells(&[
            event.into(),
            Cell::Time(Timestamp(number * 1_000)),
            value,
            Cell::Flag(false),
        ])
        .unwrap();
    }
    let size = part.finish().unwrap();
    assert_eq!(size.times, Some((Timestamp(from * 1_000), Timestamp((to - 1) * 1_000))));
}

/// An engine over two files of `events`, and `sessions` without any.
struct Asked {
    _dir: tempfile::TempDir,
    engine: SqlEngine,
    tables: Vec<SqlTable>,
}

fn asked(change: impl FnOnce(&mut SqlOptions)) -> Asked {
    let dir = tempfile::tempdir().unwrap();
    // What a pattern or an address would read otherwise.
    let folder = dir.path().join("a *[b] ü%20c");
    std::fs::create_dir(&folder).unwrap();
    let files = vec![folder.join("1.parquet"), folder.join("2.parquet")];
    write(&files[0], 0, ROWS / 2);
    write(&files[1], ROWS / 2, ROWS);
    let mut options = SqlOptions {
        memory_bytes: 64 << 20,
        spill_bytes: 64 << 20,
        spill_dir: dir.path().to_owned(),
        time_max: Duration::from_secs(60),
        answer_bytes_max: 8 << 20,
        threads: 2,
    };
    change(&mut options);
    let tables = vec![
        SqlTable { name: "events", columns: columns(), files },
        SqlTable { name: "sessions", columns: columns(), files: Vec::new() },
    ];
    Asked { _dir: dir, engine: SqlEngine::new(options).unwrap(), tables }
}

impl Asked {
    fn rows(&self, question: &str) -> Vec<Vec<Value>> {
        self.engine.ask(&self.tables, question, 1_000).unwrap().rows
    }

    fn refusal(&self, question: &str) -> SqlError {
        self.engine.ask(&self.tables, question, 1_000).unwrap_err()
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn questions_are_answered_over_all_files_of_a_table() {
    let asked = asked(|_| {});
    assert_eq!(asked.rows("select count(*) from events"), [[Value::Integer(ROWS)]]);
    assert_eq!(
        asked.rows("select count(*), sum(value_minor) from sessions"),
        [[Value::Integer(0), Value::Null]]
    );
    let rows = asked.rows(
        "select event, count(*) n, min(event_time) t, bool_or(bot) b, avg(value_minor) > 0.5 \
         from events where event like 'event _' group by 1 order by 1 limit 1",
    );
    let first = text("1970-01-01T00:00:00Z");
    let (n, flag) = (Value::Integer(2_858), Value::Flag(false));
    assert_eq!(rows, [[text("event 0"), n, first, flag, Value::Flag(true)]]);
    let rows = asked.rows(
        "with a as (select *, row_number() over (order by event_time desc) r from events) \
         select a.event, upper(b.event), date_trunc('day', a.event_time), array_length([1,2]), \
         regexp_replace(a.event, '[0-9]', '#'), 1.5 from a join events b using (event_time) where r = 1",
    );
    assert_eq!(rows[0][1], text("EVENT 0"));
    assert_eq!(rows[0][2], text("1970-01-01T00:00:00Z"));
    assert_eq!(rows[0][3..], [Value::Count(2), text("event #"), Value::Number(1.5)]);
}

#[test]
fn tables_and_columns_can_be_listed() {
    let asked = asked(|_| {});
    let shown = format!("{:?}", asked.rows("show tables"));
    assert!(shown.contains("events") && shown.contains("sessions"), "{shown}");
    let shown = format!("{:?}", asked.rows("describe events"));
    assert!(shown.contains("value_minor"), "{shown}");
    let shown = format!("{:?}", asked.rows("explain select * from events where value_minor > 5"));
    assert!(shown.contains("value_minor"), "{shown}");
}

#[test]
fn rows_are_cut_and_columns_of_one_name_told_apart() {
    let asked = asked(|_| {});
    let question = "select event, event_time as event, 1 as event from events";
    let ask = |rows| asked.engine.ask(&asked.tables, question, rows);
    let refused = ask(5);
    assert!(refused.is_err(), "the engine wants names that differ");
    let question =
        "select a.event, b.event from events a, events b where a.event_time = b.event_time";
    for (rows, more) in [(ROWS as usize - 1, true), (ROWS as usize, false)] {
        let answer = asked.engine.ask(&asked.tables, question, rows).unwrap();
        assert_eq!((answer.rows.len(), answer.more), (rows, more));
        let names: Vec<_> = answer.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["event", "event_2"]);
    }
}

#[test]
fn nothing_is_written_and_nothing_else_is_read() {
    let asked = asked(|_| {});
    let other = asked._dir.path().join("other.parquet");
    write(&other, 0, 1);
    let path = other.display();
    for question in [
        "create table a as select 1".to_owned(),
        "create view a as select 1".to_owned(),
        format!("create external table a stored as parquet location '{path}'"),
        format!("copy events to '{path}.csv' stored as csv"),
        "insert into events select * from events".to_owned(),
        "delete from events".to_owned(),
        "update events set event = 'x'".to_owned(),
        "drop table events".to_owned(),
        "truncate table events".to_owned(),
        "set datafusion.execution.batch_size = 1".to_owned(),
        "begin".to_owned(),
        "prepare a as select 1".to_owned(),
        "explain analyze insert into events select * from events".to_owned(),
        "create function f() returns int return 1".to_owned(),
        "create schema s".to_owned(),
        format!("select * from '{path}'"),
        format!("select * from \"{path}\""),
        format!("select * from read_parquet('{path}')"),
        format!("select * from parquet_metadata('{path}')"),
        "select 1; select 2".to_owned(),
    ] {
        let error = asked.refusal(&question);
        assert!(error.is_usage(), "{question}: {error}");
    }
    let said = asked.refusal("drop table events").to_string();
    assert!(said.contains("read-only") && said.contains("DropTable"), "{said}");
    assert_eq!(asked.rows("select count(*) from events"), [[Value::Integer(ROWS)]]);
    assert_eq!(
        std::fs::read_dir(asked._dir.path())
            .unwrap()
            .filter(|it| { it.as_ref().unwrap().path().extension().is_some_and(|it| it == "csv") })
            .count(),
        0
    );
}

#[test]
fn mistakes_are_told_with_the_nearest_name() {
    let asked = asked(|_| {});
    let said = asked.refusal("select * from evnts").to_string();
    assert!(said.contains("no table evnts; nearest is events"), "{said}");
    let said = asked.refusal("select even_time from events").to_string();
    assert!(said.contains("even_time; nearest is event_time"), "{said}");
    let said = asked.refusal("select e.valueminor from events e").to_string();
    assert!(said.contains("nearest is value_minor"), "{said}");
    let said = asked.refusal("selec 1").to_string();
    assert!(said.contains("cannot be understood"), "{said}");
    let said = asked.refusal("select uper(event) from events").to_string();
    assert!(said.contains("upper"), "{said}");
    for question in ["", ";", "select", "select 1/0", "select 'a' + interval '1 day'", "\0"] {
        let error = asked.refusal(question);
        assert!(error.is_usage(), "{question}: {error}");
    }
}

#[test]
fn long_and_deep_questions_are_refused_without_harm() {
    let asked = asked(|options| options.time_max = Duration::from_secs(2));
    let long = |bytes: usize| format!("select {:>width$}", 1, width = bytes - "select ".len());
    assert_eq!(asked.rows(&long(16 << 10)), [[Value::Integer(1)]]);
    assert!(matches!(asked.refusal(&long((16 << 10) + 1)), SqlError::Long { .. }));
    for (open, close) in [("(", ")"), ("not ", ""), ("-(", ")"), ("1 + ", ""), ("(select ", ")")] {
        let times = ((16 << 10) - 8) / (open.len() + close.len());
        let deep = format!("select {}1{}", open.repeat(times), close.repeat(times));
        let answer = asked.engine.ask(&asked.tables, &deep, 1);
        assert!(answer.is_ok() || answer.is_err_and(|error| error.is_usage()), "{open}");
    }
}

#[test]
fn memory_is_bounded_and_larger_work_goes_to_disk() {
    let asked = asked(|options| options.memory_bytes = 24 << 20);
    let many = "select b.value_minor y, a.value_minor x from events a, events b \
                where a.value_minor < 60";
    let sorted =
        format!("select max(r) from (select row_number() over (order by y, x) r from ({many}))");
    assert_eq!(asked.rows(&sorted).len(), 1);
    let tight = asked_tight();
    let all =
        "select array_agg(a.event || b.event) from events a, events b where a.value_minor < 90";
    let error = tight.refusal(all);
    assert!(matches!(error, SqlError::Memory { memory_mb: 16, .. }), "{error}");
    assert!(error.to_string().contains("memory_mb"), "{error}");
}

fn asked_tight() -> Asked {
    asked(|options| {
        options.memory_bytes = 16 << 20;
        options.spill_bytes = 1 << 20;
    })
}

#[test]
fn time_is_bounded() {
    let asked = asked(|options| options.time_max = Duration::from_millis(200));
    for endless in [
        "select count(*) from events a, events b, events c \
         where a.value_minor + b.value_minor <> c.value_minor",
        "with recursive t(n) as (select 1 union all select n + 1 from t) select max(n) from t",
        "select max(a.event || b.event) from events a, events b, events c, events d",
        "select count(*) from generate_series(1, 9000000000000)",
    ] {
        assert!(matches!(asked.refusal(endless), SqlError::Time { .. }), "{endless}");
        // What was stopped ends, and gives its place and its threads free.
        let deadline = Instant::now() + Duration::from_secs(60);
        while asked.engine.running() > 0 {
            assert!(Instant::now() < deadline, "{endless} goes on");
            std::thread::yield_now();
        }
    }
}

#[test]
fn questions_at_once_are_bounded() {
    let asked = asked(|options| options.time_max = Duration::from_secs(3));
    let endless = "select count(*) from generate_series(1, 9000000000000)";
    let refused = std::thread::scope(|scope| {
        let all: Vec<_> = (0..12).map(|_| scope.spawn(|| asked.refusal(endless))).collect();
        let errors = all.into_iter().map(|one| one.join().unwrap());
        errors.filter(|error| matches!(error, SqlError::Busy { running: 4 })).count()
    });
    assert_eq!(refused, 8);
}

#[test]
fn answers_are_bounded_in_bytes() {
    let asked = asked(|options| options.answer_bytes_max = 1 << 20);
    let wide = |bytes: usize| format!("select repeat('a', {bytes}) from events limit 10");
    assert_eq!(asked.rows(&wide(100_000)).len(), 10);
    assert!(matches!(asked.refusal(&wide(110_000)), SqlError::Answer { .. }));
}

#[test]
fn files_that_are_gone_are_an_error_not_an_answer() {
    let mut asked = asked(|_| {});
    asked.tables[0].files.push(asked._dir.path().join("gone.parquet"));
    assert!(matches!(asked.refusal("select max(event) from events"), SqlError::Engine(_)));
}

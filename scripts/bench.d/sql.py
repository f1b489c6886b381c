"""Ad-hoc SQL over the events table, beside DuckDB on the same Parquet files with the same number of threads."""

import json
import math
import os
import random
import statistics
import subprocess
import time

import duckdb
import measurement as m
from instance import run

EVENTS = int(os.environ.get("MILLSTREAM_BENCH_EVENTS", "1000000"))
THREADS = 2
ROUNDS = 7
QUESTIONS = {
    "count": "SELECT count(*) AS n FROM events",
    "by channel": "SELECT channel, count(*) AS n, sum(value_minor) AS v FROM events GROUP BY channel ORDER BY n DESC, channel",
    "by day and kind": "SELECT date_trunc('day', event_time) AS d, kind, count(*) AS n FROM events GROUP BY 1, 2 ORDER BY 1, 2",
    "visitors by campaign": "SELECT campaign, count(DISTINCT anonymous_id) AS n FROM events GROUP BY 1 ORDER BY 2 DESC, 1",
    "filter": "SELECT count(*) AS n, max(event_time) AS t FROM events WHERE browser = 'Firefox' AND url LIKE '%item/3%'",
    "busiest visitors": "SELECT anonymous_id, count(*) AS n FROM events GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
    "journeys": "SELECT n, count(*) AS s FROM (SELECT session_id, count(*) AS n FROM events WHERE session_id IS NOT NULL GROUP BY 1) x GROUP BY 1 ORDER BY 1",
    "latest per visitor": "SELECT count(*) AS c FROM (SELECT row_number() OVER (PARTITION BY anonymous_id ORDER BY event_time DESC) AS r FROM events WHERE kind = 'page') x WHERE r = 1",
}
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
)
START_S = 1_790_000_000


def lines(draw):
    """Events of visits: pages from campaigns and nowhere, some orders."""
    for number in range(EVENTS):
        visitor = int(draw.random() ** 2 * EVENTS / 12)
        at = START_S + draw.randrange(14 * 86_400)
        url = f"https://shop.example/item/{draw.randrange(400)}"
        if draw.random() < 0.1:
            url += f"?utm_source=s{draw.randrange(9)}&utm_medium=cpc&utm_campaign=c{draw.randrange(40)}"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        event = {
            "type": "page", "messageId": f"m{number}", "anonymousId": f"visitor-{visitor}", "timestamp": stamp,
            "context": {"page": {"url": url}, "userAgent": AGENTS[visitor % 3], "library": {"name": "analytics.js"}},
        }
        if draw.random() < 0.02:
            event |= {"type": "track", "event": "Order Completed", "properties":
                      {"order_id": f"o{number}", "revenue": draw.randrange(100, 9_000) / 100, "currency": "EUR"}}
        yield json.dumps(event) + "\n"


def fill(folder):
    source = folder / "events.jsonl"
    with open(source, "w") as out:
        out.writelines(lines(random.Random(1)))
    run("import", "--format", "segment", "--data-dir", folder / "data", source, limit=1_800)
    source.unlink()
    started = time.monotonic()
    run("sql", "select 1", "--data-dir", folder / "data", limit=1_800)
    return time.monotonic() - started


def ask(instance, query):
    """Rows of the answer, through HTTP and JSON as any client gets them."""
    answer = instance.call("POST", "/api/sql", json.dumps({"query": query, "rows": 10_000}), admin=True, limit=120)
    told = json.loads(answer.body)
    if answer.status != 200:
        raise SystemExit(told)
    return [tuple(row[column["name"]] for column in told["columns"]) for row in told["rows"]]


def timed(work, rounds=ROUNDS):
    answer, times = work(), []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times), answer


def same(ours, theirs):
    plain = [tuple(value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else value for value in row) for row in theirs]
    return ours == plain


def main():
    print(f"sql: {EVENTS} events, {THREADS} threads each, median of {ROUNDS} rounds, warm, both on the same files")
    with m.folder() as folder:
        took = fill(folder)
        tables = folder / "data" / "tables"
        files = sorted(tables.glob("events-*.parquet"))
        size = sum(file.stat().st_size for file in files)
        m.show("events written to the table", EVENTS / took, "events/s", "   (from an idle log, whole command)")
        m.show("size of the table", size / EVENTS, "bytes/event", "   (aim: at most 100)")
        peer = duckdb.connect(config={"threads": THREADS})
        peer.execute("SET TimeZone = 'UTC'")
        named = ", ".join(f"'{file}'" for file in files)
        peer.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet([{named}])")
        config = f"[tables]\nevery_seconds = 86400\n[sql]\nthreads = {THREADS}\n"
        ratios = []
        with m.serving(folder, config=config, cores="0,1") as instance:
            for name, query in QUESTIONS.items():
                ours, answer = timed(lambda: ask(instance, query))
                theirs, expected = timed(lambda: peer.execute(query).fetchall())
                agree = "" if same(answer, expected) else "   THE ANSWERS DIFFER"
                ratios.append(theirs / ours)
                print(f"  {name:24} {1000 * ours:9.1f} ms   DuckDB {1000 * theirs:9.1f} ms   {theirs / ours:5.2f}x{agree}")
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    print(f"  geometric mean of the ratios: {mean:.2f}x DuckDB {duckdb.__version__}   (aim: at least 0.7)")


main()

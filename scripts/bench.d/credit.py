"""What finance asks for, over many events: the campaign report at a tenth of the events and at all of them, a late
touch that moves credit, redirects over few links and over 100,000, and a large table of links with one mistake."""

import json
import os
import random
import statistics
import time

import measurement as m
from instance import export, run

EVENTS = int(os.environ.get("MILLSTREAM_BENCH_EVENTS", "1000000"))
LINKS = 100_000
ROUNDS = 31
LATE = 20
SERVER_CORES = "0,1"


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def write(path, events, first, now):
    """Visits of the last four weeks: pages from 60 campaigns and nowhere, one event in thirty an order."""
    draw = random.Random(first)
    with open(path, "w") as out:
        for number in range(first, first + events):
            at = now - draw.randrange(3_600, 28 * 86_400)
            event = {"type": "page", "messageId": f"m{number}", "anonymousId": f"v{draw.randrange(EVENTS // 12)}",
                     "timestamp": stamp(at), "receivedAt": stamp(at + 1)}
            url = "https://shop.example/"
            if draw.random() < 0.2:
                campaign = draw.randrange(60)
                url += f"?utm_source=s{campaign % 9}&utm_medium=cpc&utm_campaign=c{campaign}"
            event["context"] = {"page": {"url": url}}
            if draw.random() < 0.03:
                event |= {"type": "track", "event": "Order Completed", "properties":
                          {"order_id": f"o{number}", "revenue": draw.randrange(100, 9_000) / 100, "currency": "EUR"}}
            out.write(json.dumps(event) + "\n")


def asked(instance, path):
    answer = instance.call("GET", path, admin=True, limit=120)
    if answer.status != 200:
        raise SystemExit(answer.body)
    return json.loads(answer.body)


def report_times(instance):
    """Milliseconds of each campaign report, asked for over HTTP."""
    times = []
    for number in range(ROUNDS):
        by = ("channel", "campaign", "source")[number % 3]
        started = time.perf_counter()
        asked(instance, f"/api/report/campaigns?by={by}&model=linear")
        times.append(1_000 * (time.perf_counter() - started))
    return times


def late_touches(instance, now):
    """Milliseconds until a campaign named by a late touch has the credit of an order."""
    times = []
    for number in range(LATE):
        late = f"late{number}"
        sale = {"type": "track", "event": "Order Completed", "messageId": f"sale-{late}", "anonymousId": late, "timestamp": stamp(now - 600),
                "properties": {"order_id": late, "revenue": 10, "currency": "EUR"}}
        touch = {"type": "page", "messageId": late, "anonymousId": late, "timestamp": stamp(now - 1_200),
                 "context": {"page": {"url": f"https://shop.example/?utm_source=s&utm_medium=cpc&utm_campaign={late}"}}}
        instance.post("/v1/batch", {"batch": [sale]})
        until(lambda: asked(instance, f"/api/audit/conversion/{late}"))
        started = time.perf_counter()
        instance.post("/v1/batch", {"batch": [touch]})
        until(lambda: late in {row["campaign"] for row in asked(instance, "/api/report/campaigns?by=campaign")["rows"] if row["conversions"]})
        times.append(1_000 * (time.perf_counter() - started))
    return times


def until(holds, limit=20):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except SystemExit:
            pass
    raise SystemExit("it did not come about in time")


def reports(folder):
    now, file = time.time(), folder / "events.jsonl"
    told, loaded = {}, 0
    for share in (10, 1):
        more = EVENTS // share - loaded
        write(file, more, loaded, int(now))
        run("import", "--format", "segment", "--data-dir", folder / "data", file, limit=7_200)
        file.unlink()
        loaded += more
        with m.serving(folder, cores=SERVER_CORES) as instance:
            report_times(instance)
            told[loaded] = statistics.median(report_times(instance))
            rows = len(asked(instance, "/api/report/campaigns?by=campaign")["rows"])
            print(f"  report campaigns over {loaded:>10,} events   {told[loaded]:8.1f} ms   ({rows} campaigns, 28 days; median of {ROUNDS})")
            if share == 1:
                times = late_touches(instance, int(now))
                m.show("late touch until the credit moved, median", statistics.median(times), "ms", f"   (longest {max(times):.0f}; aim: under 1,000)")
    few, many = told.values()
    print(f"  ten times the events: {many / few:.2f}x the time   (aim: 1x, and under 50 ms)")


def table(folder, links, broken=False):
    path = folder / "links.csv"
    with open(path, "w") as out:
        out.write("slug,destination,source,medium,campaign,owner\n")
        for n in range(links):
            out.write(f"l{n},https://shop.example/{n},news,email,c{n % 50},ann\n")
        if broken:
            out.write("last,javascript:alert(1),news,email,c,ann\n")
    return path


def links(folder):
    figures = {}
    for number in (100, LINKS):
        run("links", "import", table(folder, number), "--apply", "--data-dir", folder / "links", limit=900)
        instance = m.Instance(folder / "links", "", wrapper=("taskset", "-c", m.SERVER_CORE))
        instance.start()
        try:
            figures[number] = m.drive(instance.public, f"/r/l{number - 1}").rate
        finally:
            instance.stop()
        m.show(f"redirects among {number:,} links", figures[number], "/s")
    few, many = figures.values()
    print(f"  a thousand times the links: {many / few:.2f}x the rate   (aim: 1x)")
    before = export("links", folder / "links")
    run("links", "import", table(folder, LINKS, broken=True), "--apply", "--data-dir", folder / "links", expect=(3,), limit=900)
    same = export("links", folder / "links") == before
    print(f"  a table of {LINKS + 1:,} links with one mistake: {'nothing changed' if same else 'THE LINKS CHANGED'}")


def main():
    print(f"credit: {EVENTS:,} events (MILLSTREAM_BENCH_EVENTS), {LINKS:,} links")
    with m.folder() as folder:
        reports(folder)
        links(folder)


main()

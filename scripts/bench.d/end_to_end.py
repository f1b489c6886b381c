"""From accepted to visible in a report: the rate that holds, and the delay at half of it."""

import json
import time

import measurement as m
from batch import CONNECTIONS, EVENTS, SCRIPT, TAIL

BOTH = "0,1"


def caught_up(instance, limit_s=300):
    """Seconds until the fold has reached the log's head."""
    started = time.monotonic()
    while time.monotonic() - started < limit_s:
        status = instance.status()
        if not status["provisional"]:
            return time.monotonic() - started
        time.sleep(0.05)
    raise SystemExit(f"the fold did not catch up within {limit_s} s")


def main():
    print(f"end_to_end: batches of {EVENTS}, client and server share two cores, {m.SECONDS} s of load")
    with m.folder() as folder:
        script = folder / "batch.lua"
        script.write_text(SCRIPT.format(tail=json.dumps(TAIL, separators=(",", ":"))[1:-1], events=EVENTS))
        with m.serving(folder, cores=BOTH) as instance:
            before = m.cpu_by_thread(instance.process.pid)
            driven = m.drive(instance.public, "/v1/batch", script, CONNECTIONS, cores=BOTH)
            behind = caught_up(instance)
            after = m.cpu_by_thread(instance.process.pid)
            events = driven.rate * EVENTS * m.SECONDS
            resident = instance.resident_bytes()
        sustained = events / (m.SECONDS + behind)
        (folder / "fresh").mkdir()
        with m.serving(folder / "fresh", cores=BOTH) as instance:
            m.open_loop(instance.public, "batches", sustained / 2 / EVENTS, "--batch-events", str(EVENTS), cores=BOTH)
            caught_up(instance)
            told = json.loads(instance.call("GET", "/api/report/delivery", admin=True).body)
            visible = next(row for row in told["rows"] if row["hop"] == "received_to_visible")
    m.show("accepted", events / m.SECONDS, "events/s", f"   p99 {driven.p99:.1f} ms, {driven.errors} errors")
    m.show("visible, counted until caught up", sustained, "events/s", "   (aim: at least 50,000)")
    m.show("received to visible at half of that, p50", visible["p50_us"] / 1000, "ms")
    m.show("received to visible at half of that, p99", visible["p99_us"] / 1000, "ms", "   (aim: under 1,000)")
    m.show("to catch up after the load ended", 1000 * behind, "ms")
    m.show("resident memory at the end", resident / 1e6, "MB")
    m.print_where_time_goes(before, after, events)


if __name__ == "__main__":
    main()

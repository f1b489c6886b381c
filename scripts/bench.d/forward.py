"""Forwarding a backlog to a sink on the same machine: rate, memory, where the time goes. Then what a bad destination
costs: p99 of another destination and of capture, beside a destination that hangs, answers 500 or drips, against the same
beside one that works: a second destination costs something in any case, which the figures of one alone show.

MILLSTREAM_BENCH_EVENTS (default 200,000) is the length of the backlog; `1000000` shows whether memory stays flat.
MILLSTREAM_BENCH_FORWARD=backlog or =bad measures one of the two alone. MILLSTREAM_BENCH_ROUNDS (default 3) is how often
each kind of neighbour is tried, MILLSTREAM_BENCH_SECONDS how long each time.
"""

import http.client
import http.server
import json
import os
import socket
import statistics
import threading
import time

import measurement as m
from batch import BROWSER
from end_to_end import BOTH, caught_up

EVENTS = int(os.environ.get("MILLSTREAM_BENCH_EVENTS", "200000"))
PARTS = [os.environ["MILLSTREAM_BENCH_FORWARD"]] if "MILLSTREAM_BENCH_FORWARD" in os.environ else ["backlog", "bad"]
ROUNDS = int(os.environ.get("MILLSTREAM_BENCH_ROUNDS", "3"))
# Events a second while destinations are compared: far from what the machine can take, or its load is what is measured.
RATE = 200
BATCH = 500
# Events of one body of the backlog.
BODY = 250
CONFIG = '[forward]\nallow_addresses = ["127.0.0.1"]\n'
# Two shapes: the whole event, and the few fields that a vendor takes.
SHAPES = {
    "the whole event": "event",
    "a vendor's few fields": "{'id': event.id, 'user': event.anonymous_id, 'at': event.time_ms, 'name': event.name, "
                             "'url': event.url, 'value': event.value, 'key': key}",
}
DESTINATION = """
[request]
url = "http://127.0.0.1:{port}/"
item = \"\"\"{item}\"\"\"
format = "json_lines"
[limits]
batch_events = {batch}
batch_bytes = 8000000
concurrency = 4
linger_ms = 20
queue_events = 10000
"""


# Each request is one event, so that a latency is that of an event.
SINGLE = """
[request]
url = "http://127.0.0.1:{port}/"
item = "event.id"
[limits]
concurrency = 8
timeout_ms = 2000
"""


# What stands beside the destination that is measured: nothing, one that works, and bad ones.
ALONE, WORKS, BAD = "nothing", "one that works", ("one that hangs", "one that answers 500", "one that drips")


class Bad:
    """Takes connections and hangs, answers 500, or drips one byte of an answer after the other."""

    def __init__(self, kind):
        self.kind, self.requests = kind, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        try:
            while connection.recv(65536):
                self.requests += 1
                if self.kind == "one that hangs":
                    time.sleep(30)
                    return
                if self.kind == "one that answers 500":
                    connection.sendall(b"HTTP/1.1 500 Down\r\nContent-Length: 0\r\n\r\n")
                    continue
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1000):
                    connection.sendall(b".")
                    time.sleep(0.1)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self):
        self.listener.close()


class Sink:
    """Takes everything, and counts requests and lines."""

    def __init__(self):
        sink, self.requests, self.lines, self.bytes = self, 0, 0, 0
        counting = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with counting:
                    sink.requests += 1
                    sink.lines += body.count(b"\n")
                    sink.bytes += len(body)
                self.send_response(204)
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


def fill(instance):
    """The backlog: batches over one connection."""
    tail = json.dumps(BROWSER, separators=(",", ":"))[1:-1] + ',"type":"track","event":"Product Viewed"}'
    connection = http.client.HTTPConnection("127.0.0.1", instance.public)
    headers = {"Content-Type": "application/json", "Authorization": "Basic a2V5Og=="}
    for start in range(0, EVENTS, BODY):
        events = (f'{{"anonymousId":"device-{n % 20000}","messageId":"m-{n}",{tail}' for n in range(start, min(EVENTS, start + BODY)))
        connection.request("POST", "/v1/batch", '{"batch":[' + ",".join(events) + "]}", headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"the backlog could not be made: {answer.read().decode()}")
        answer.read()


def order(instance, action, name="sink"):
    """Has the destination paused or sent to; it comes up after the planes."""
    deadline = time.monotonic() + 30
    while instance.call("POST", f"/api/destinations/{name}/{action}", admin=True).status != 200:
        if time.monotonic() > deadline:
            raise SystemExit(f"the destination cannot be told to {action}")
        time.sleep(0.1)


def delivered(instance):
    listed = json.loads(instance.call("GET", "/api/destinations", admin=True).body)
    return sum(line["totals"]["delivered"] for line in listed["destinations"][0]["lines"])


def measure(name, item):
    sink = Sink()
    with m.folder() as folder:
        destinations = folder / "data" / "destinations"
        destinations.mkdir(parents=True)
        (destinations / "sink.toml").write_text(DESTINATION.format(port=sink.port, item=item, batch=BATCH))
        with m.serving(folder, CONFIG, cores=BOTH) as instance:
            order(instance, "pause")
            fill(instance)
            caught_up(instance)
            # What the fold still holds is given back.
            time.sleep(3)
            least = most = instance.resident_bytes()
            before, started = m.cpu_by_thread(instance.process.pid), time.monotonic()
            order(instance, "resume")
            while delivered(instance) < EVENTS:
                most = max(most, instance.resident_bytes())
                if time.monotonic() - started > 600:
                    raise SystemExit(f"{delivered(instance)} of {EVENTS} were delivered within 600 s")
                time.sleep(0.1)
            seconds = time.monotonic() - started
            after = m.cpu_by_thread(instance.process.pid)
    print(f"forward, {name}: a backlog of {EVENTS:,} events, {BATCH} a request of {sink.bytes * BATCH // sink.lines:,} B, sink on the same two cores")
    m.show("delivered", EVENTS / seconds, "events/s", "   (aim: at least 20,000)")
    m.show("sent again", sink.lines - EVENTS, "events")
    m.show("resident memory before", least / 1e6, "MB")
    m.show("and the most while it was sent", most / 1e6, "MB")
    m.print_where_time_goes(before, after, EVENTS)


def beside(kind):
    """p99 of a destination that works and of capture, in milliseconds, with this beside it."""
    sink, other = Sink(), None if kind == ALONE else Sink() if kind == WORKS else Bad(kind)
    with m.folder() as folder:
        destinations = folder / "data" / "destinations"
        destinations.mkdir(parents=True)
        (destinations / "fine.toml").write_text(SINGLE.format(port=sink.port))
        if other:
            (destinations / "other.toml").write_text(SINGLE.format(port=other.port))
        with m.serving(folder, CONFIG, cores=BOTH) as instance:
            order(instance, "resume", "fine")
            captured = m.open_loop(instance.public, "events", RATE, cores=BOTH)
            if captured["done"] != captured["sent"]:
                raise SystemExit(f"capture did not take every event: {captured}")
            deadline = time.monotonic() + 30
            while settled(fine := standing(instance, "fine")) < captured["done"]:
                if time.monotonic() > deadline:
                    raise SystemExit(f"the destination that works did not take everything: {fine}")
                time.sleep(0.1)
    if other:
        other.close()
        if other.requests < (captured["done"] if kind == WORKS else 1):
            raise SystemExit(f"{kind} was asked {other.requests} times: nothing was compared")
    sink.close()
    return fine["measured"]["delivery"]["p99_us"] / 1e3, captured["p99_ms"]


def standing(instance, name):
    listed = json.loads(instance.call("GET", "/api/destinations", admin=True).body)
    return next(one for one in listed["destinations"] if one["name"] == name)


def settled(shown):
    return sum(line["totals"]["delivered"] for line in shown["lines"])


def measure_bad():
    print(f"forward, what stands beside a destination: {RATE} events/s, {m.SECONDS} s, medians of {ROUNDS} rounds")
    kinds = [ALONE, WORKS, *BAD]
    beside(ALONE)  # the first run finds cold files
    runs = {kind: [] for kind in kinds}
    for number in range(ROUNDS):
        # Each round begins elsewhere, so that what the machine does meanwhile falls on all of them.
        for kind in kinds[number % len(kinds):] + kinds[:number % len(kinds)]:
            runs[kind].append(beside(kind))
    for place, what in enumerate(("the other destination", "capture")):
        median = {kind: statistics.median(run[place] for run in runs[kind]) for kind in kinds}
        for kind in kinds:
            against = f"   ({100 * (median[kind] / median[WORKS] - 1):+.1f} %, aim: below +10 %)" if kind in BAD else ""
            m.show(f"p99 of {what} beside {kind}", median[kind], "ms", against, decimals=2)


def main():
    if "backlog" in PARTS:
        for name, item in SHAPES.items():
            measure(name, item)
    if "bad" in PARTS:
        measure_bad()


main()

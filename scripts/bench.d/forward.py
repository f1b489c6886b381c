"""Forwarding a backlog to a sink on the same machine: rate, memory, where the time goes.

MILLSTREAM_BENCH_EVENTS (default 200,000) is the length of the backlog.
"""

import http.client
import http.server
import json
import os
import threading
import time

import measurement as m
from batch import BROWSER
from end_to_end import BOTH, caught_up

EVENTS = int(os.environ.get("MILLSTREAM_BENCH_EVENTS", "200000"))
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


class Sink:
    """Takes everything, and counts lines."""

    def __init__(self):
        sink, self.lines, self.bytes = self, 0, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.lines += body.count(b"\n")
                sink.bytes += len(body)
                self.send_response(204)
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


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


def order(instance, action):
    """Has the destination paused or sent to; it comes up after the planes."""
    deadline = time.monotonic() + 30
    while instance.call("POST", f"/api/destinations/sink/{action}", admin=True).status != 200:
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
        (destinations / "sink.toml").write_text(DESTINATION.format(port=sink.server.server_address[1], item=item, batch=BATCH))
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


def main():
    for name, item in SHAPES.items():
        measure(name, item)


main()

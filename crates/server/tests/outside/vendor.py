"""A vendor that behaves as badly as real ones do, a real HTTP server with a script, and what is sent to it."""

import base64
import collections
import http.server
import json
import socket
import struct
import threading
import time

from instance import Case

SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
CONFIG = '[forward]\nallow_addresses = ["127.0.0.1"]\n[consent]\ndefault = ["measurement", "personalization", "advertising"]\n'
WEBHOOK = """
preset = "webhook"
[request]
url = "http://127.0.0.1:{port}/{path}"
[secrets]
signing = {{ file = "secret" }}
[limits]
timeout_ms = {timeout}
concurrency = 4
[retry]
base_ms = 50
cap_ms = 400
attempts = {attempts}
[breaker]
open_ms = 200
open_max_ms = 500
"""


class Vendor:
    """Answers each path by its script: a list of answers that is gone through, the last one repeated."""

    def __init__(self):
        self.script = {}
        self.seen = collections.defaultdict(list)
        self.lock = threading.Lock()
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                vendor.answer(self, body)

            do_PUT = do_POST

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                """A client that was killed is no fault of the vendor."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler, body):
        path = handler.path.strip("/")
        with self.lock:
            script = self.script.setdefault(path, [200])
            step = script.pop(0) if len(script) > 1 else script[0]
            if callable(step):
                step = step(json.loads(body))
            self.seen[path].append((step, dict(handler.headers), body, time.monotonic()))
        if step == "hang":
            time.sleep(4)
            handler.close_connection = True
        elif step == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
        elif step == "drip":
            handler.close_connection = True
            try:
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(30):
                    handler.wfile.write(b".")
                    handler.wfile.flush()
                    time.sleep(0.2)
            except OSError:
                pass
        else:
            status, headers = step if isinstance(step, tuple) else (step, {})
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"{}")

    def taken(self, path):
        """Event ids by how often they were answered with success."""
        with self.lock:
            return collections.Counter(
                json.loads(body)["event"]["id"] for step, _, body, _ in self.seen[path] if step == 200
            )

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def order(number, **more):
    return {"type": "track", "event": "Order Completed", "messageId": f"m-{number}", "anonymousId": f"d-{number % 7}",
            "properties": {"order_id": f"o-{number}", "value": 10, "currency": "EUR"}} | more


class Forwarding(Case):
    """A test with a vendor of its own."""

    def setUp(self):
        super().setUp()
        self.vendor = Vendor()
        self.addCleanup(self.vendor.close)

    def with_destinations(self, files, **more):
        instance = self.instance(config=CONFIG, **more)
        folder = instance.directory / "destinations"
        folder.mkdir(parents=True)
        (folder / "secret").write_text("whsec_" + SECRET)
        for name, text in files.items():
            (folder / f"{name}.toml").write_text(text)
        return instance

    def webhook(self, path, timeout=1000, attempts=12, more=""):
        return WEBHOOK.format(port=self.vendor.port, path=path, timeout=timeout, attempts=attempts) + more

    def standing(self, instance, name):
        try:
            listed = json.loads(instance.call("GET", "/api/destinations", admin=True).body)
        except OSError:
            return None  # the admin plane comes up after the public one
        return next((one for one in listed["destinations"] if one["name"] == name), None)

    def totals(self, instance, name):
        found = self.standing(instance, name)
        sums = collections.Counter()
        for line in found["lines"] if found else []:
            sums.update(line["totals"])
            sums["pending"] += line["pending"]
        return sums

    def until(self, holds, limit=20, why="it did not come about"):
        deadline = time.monotonic() + limit
        while not holds():
            self.assertLess(time.monotonic(), deadline, why() if callable(why) else why)
            time.sleep(0.02)

    def send(self, instance, *events):
        for start in range(0, len(events), 500):
            answer = instance.post("/v1/batch", {"batch": list(events[start:start + 500])})
            self.assertEqual(answer.status, 200, answer.body)

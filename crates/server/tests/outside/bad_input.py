"""What strangers send: each a clear answer, neighbours kept, memory bounded."""

import csv
import gzip
import io
import json
import socket
import time
import unittest
import zlib

from instance import Case, rows, run

BODY_BYTES_MAX = 500 * 1024
EVENT_BYTES_MAX = 32 * 1024
BATCH_EVENTS_MAX = 2_500
GROWTH_BYTES_MAX = 96 << 20
WRITE_KEY = "key-of-the-suite-on-bad-input"
DESTINATION = "https://shop.example/landing"


def track(key, **more):
    return {"type": "track", "event": "E", "messageId": key, "anonymousId": "bad-input"} | more


def batch(*events):
    return b'{"batch":[' + b",".join(
        item if isinstance(item, bytes) else json.dumps(item).encode() for item in events
    ) + b"]}"


def padded(body, length):
    """The same JSON, with white space up to a length."""
    return body + b" " * (length - len(body))


class BadInput(Case):
    """One instance for all; each test looks at what it left behind."""

    @classmethod
    def setUpClass(cls):
        cls.holder = Case()
        cls.holder.setUp()
        cls.server = cls.holder.instance(write_key=WRITE_KEY, config=f'[[sources]]\nname = "shop"\nwrite_keys = ["{WRITE_KEY}"]\n')
        run("links", "add", "safe", DESTINATION, "--source", "bad", "--medium", "input", "--campaign", "bad",
            "--owner", "tests", "--data-dir", cls.server.directory)
        cls.server.start()
        cls.server.post("/v1/track", track("warm-up"))

    @classmethod
    def tearDownClass(cls):
        cls.holder.doCleanups()

    def setUp(self):
        self.before = self.quarantined()

    def refused(self, answer, status, code=None):
        self.assertEqual(answer.status, status, answer.body[:300])
        told = json.loads(answer.body)
        self.assertIs(told["success"], False)
        self.assertTrue(told["error"]["message"])
        if code:
            self.assertEqual(told["error"]["code"], code)
        self.assertEqual(self.server.call("GET", "/healthz").status, 200)

    def accepted(self, answer):
        self.assertEqual(answer.status, 200, answer.body[:300])

    def quarantined_since(self):
        return self.quarantined() - self.before

    def quarantined(self):
        self.settled()
        told = self.server.call("GET", "/api/report/delivery", admin=True)
        return json.loads(told.body)["totals"]["quarantined"]

    def settled(self):
        """Waits until everything logged is folded."""
        for _ in range(400):
            status = self.server.status()
            if not status["provisional"]:
                return
            time.sleep(0.025)
        self.fail(f"the fold does not catch up: {status}")

    def stored(self, key):
        answer = self.server.call("GET", "/api/export/events?format=jsonl", admin=True)
        return [event for event in map(json.loads, answer.body.splitlines()) if event["event_id"] == key]

    # --- sizes

    def test_body_at_and_over_the_limit(self):
        body = batch(track("at-limit"))
        self.accepted(self.server.post("/v1/batch", padded(body, BODY_BYTES_MAX)))
        self.refused(self.server.post("/v1/batch", padded(body, BODY_BYTES_MAX + 1)), 413)

    def test_batch_at_and_over_the_event_limit(self):
        events = [{"type": "track", "event": "E", "userId": "u", "messageId": f"n{n}"} for n in range(BATCH_EVENTS_MAX + 1)]
        self.accepted(self.server.post("/v1/batch", {"batch": events[:-1]}))
        self.refused(self.server.post("/v1/batch", {"batch": events}), 413)

    def test_one_large_event_spares_its_neighbours(self):
        large = track("large", properties={"text": "x" * EVENT_BYTES_MAX})
        self.accepted(self.server.post("/v1/batch", batch(track("before-large"), large, track("after-large"))))
        self.assertEqual(self.quarantined_since(), 1)
        self.assertEqual((len(self.stored("before-large")), len(self.stored("after-large"))), (1, 1))
        self.assertFalse(self.stored("large"))

    def test_compressed_bombs(self):
        resident = self.server.resident_bytes()
        bomb = gzip.compress(b" " * (256 << 20), 9)
        self.refused(self.server.post("/v1/batch", bomb, {"Content-Encoding": "gzip"}), 413)
        self.refused(self.server.post("/v1/batch", zlib.compress(b"[" * (64 << 20), 9), {"Content-Encoding": "deflate"}), 413)
        self.assertLess(self.server.resident_bytes() - resident, GROWTH_BYTES_MAX)

    def test_broken_and_unknown_encodings(self):
        whole = gzip.compress(batch(track("cut")))
        self.refused(self.server.post("/v1/batch", whole[:-9], {"Content-Encoding": "gzip"}), 400)
        self.refused(self.server.post("/v1/batch", b"\x28\xb5\x2f\xfd\x00\x00", {"Content-Encoding": "zstd"}), 415)

    # --- shapes

    def test_deep_nesting(self):
        resident = self.server.resident_bytes()
        deep = b"[" * 10_000 + b"]" * 10_000
        self.assertIn(self.server.post("/v1/batch", deep).status, (400, 413))
        event = b'{"type":"track","event":"E","messageId":"deep","userId":"u","properties":{"a":' + deep + b"}}"
        answer = self.server.post("/v1/batch", batch(track("before-deep"), event, track("after-deep")))
        self.assertIn(answer.status, (200, 400), answer.body[:300])
        if answer.status == 200:
            self.assertEqual((len(self.stored("before-deep")), len(self.stored("after-deep"))), (1, 1))
        self.assertLess(self.server.resident_bytes() - resident, GROWTH_BYTES_MAX)

    def test_not_json(self):
        for body in (b"", b"{", b"not json", b"[1,2", b'{"batch":[}', b"\x00\x01\x02", b"NaN", b'{"a":1}{"b":2}'):
            self.refused(self.server.post("/v1/batch", body), 400)

    def test_invalid_text(self):
        self.refused(self.server.post("/v1/track", b'{"type":"track","event":"\xff\xfe","userId":"u"}'), 400)
        self.refused(self.server.post("/v1/track", b'{"type":"track","event":"raw \x00","userId":"u"}'), 400)

    def test_escaped_nul_and_lone_surrogates_spare_neighbours(self):
        nul = b'{"type":"track","event":"a\\u0000b","messageId":"nul","userId":"u\\u0000"}'
        lone = b'{"type":"track","event":"\\ud800","messageId":"lone","userId":"u"}'
        answer = self.server.post("/v1/batch", batch(track("before-text"), nul, lone, track("after-text")))
        if answer.status == 400:
            self.refused(answer, 400)
        else:
            self.accepted(answer)
            self.assertEqual((len(self.stored("before-text")), len(self.stored("after-text"))), (1, 1))

    def test_many_properties_and_duplicate_keys(self):
        many = track("many", properties={f"p{n}": n for n in range(10_000)})
        duplicate = b'{"type":"track","event":"first","event":"second","messageId":"dup","userId":"u","userId":"v"}'
        self.accepted(self.server.post("/v1/batch", batch(track("before-many"), many, duplicate, track("after-many"))))
        self.settled()
        self.assertEqual((len(self.stored("before-many")), len(self.stored("after-many"))), (1, 1))
        self.assertLessEqual(len(self.stored("dup")), 1)

    def test_broken_events_spare_their_neighbours(self):
        broken = (
            b"1", b"null", b"[]", b'"text"', b"{}",
            b'{"type":"nonsense","messageId":"b1","userId":"u"}',
            b'{"type":"track","event":"no identity","messageId":"b2"}',
            b'{"type":"track","messageId":"b3","userId":{"a":1}}',
            b'{"type":"track","event":"E","messageId":"b4","userId":"u","timestamp":"the day before"}',
            b'{"type":"track","event":"E","messageId":"b5","userId":"u","properties":"none"}',
        )
        self.accepted(self.server.post("/v1/batch", batch(track("first-good"), *broken, track("last-good"))))
        self.assertGreaterEqual(self.quarantined_since(), 7)
        self.assertEqual((len(self.stored("first-good")), len(self.stored("last-good"))), (1, 1))

    # --- values

    def test_times_out_of_range(self):
        times = ("1900-01-01T00:00:00Z", "2200-01-01T00:00:00Z", "0000-00-00", "9999-12-31T23:59:59Z",
                 "-271821-04-20T00:00:00Z", 1e300, -1, "NaN")
        events = [track(f"time-{n}", timestamp=time) for n, time in enumerate(times)]
        self.accepted(self.server.post("/v1/batch", {"batch": events, "sentAt": "2200-01-01T00:00:00Z"}))
        self.settled()
        for number in range(len(times)):
            for event in self.stored(f"time-{number}"):
                self.assertLessEqual(event["event_time"], event["received_at"], "an event is never later than its arrival")

    def test_numbers_out_of_range(self):
        values = (b"1e400", b"-1e400", b"99999999999999999999999999", b"-0.0", b"1e-400")
        events = [b'{"type":"track","event":"Order Completed","messageId":"v%d","userId":"u","properties":{"total":%s,"currency":"EUR"}}'
                  % pair for pair in enumerate(values)]
        answer = self.server.post("/v1/batch", batch(track("before-number"), *events, track("after-number")))
        self.assertIn(answer.status, (200, 400))
        if answer.status == 200:
            self.settled()
            self.assertEqual((len(self.stored("before-number")), len(self.stored("after-number"))), (1, 1))

    # --- keys and heads

    def test_wrong_write_key(self):
        wrong = {"Authorization": "Basic d3Jvbmc6"}
        self.refused(self.server.post("/v1/track", track("wrong-key"), wrong), 401)
        self.refused(self.server.call("POST", "/v1/track", json.dumps(track("no-key")), {"Content-Type": "application/json"}), 401)
        self.assertFalse(self.stored("wrong-key") or self.stored("no-key"))

    def test_unknown_paths_and_methods(self):
        self.refused(self.server.call("GET", "/v1/nothing"), 404)
        self.refused(self.server.call("DELETE", "/v1/track"), 405)

    def raw(self, content):
        with socket.create_connection(("127.0.0.1", self.server.public), timeout=10) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65_536):
                received += chunk
            return received

    def test_broken_heads(self):
        for content in (
            b"GET /r/safe HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /r/safe HTTP/1.1\r\n\r\n",
        ):
            try:
                answer = self.raw(content)
            except OSError:
                answer = b""
            self.assertNotIn(b" 302 ", answer.split(b"\r\n")[0])
        self.assertEqual(self.server.call("GET", "/healthz").status, 200)

    # --- redirects

    def location(self, target):
        answer = self.raw(b"GET " + target + b" HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        head = answer.split(b"\r\n\r\n")[0].decode("latin-1")
        found = [line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith("location:")]
        return head, found

    def test_redirects_never_leave_the_link(self):
        tricks = (
            b"/r/safe", b"/r/safe?url=https://evil.example/", b"/r/safe?to=//evil.example", b"/r/safe#@evil.example",
            b"/r/safe?x=%0d%0aLocation:%20https://evil.example/", b"/r/safe?ms_click=forged&utm_source=evil",
            b"/r//evil.example", b"/r/\\evil.example", b"/r/safe/../../evil.example", b"/r/%2f%2fevil.example",
            b"/r/safe%0d%0aSet-Cookie:%20stolen=1", b"/r/https://evil.example/", b"/r/safe@evil.example", b"//evil.example/r/safe",
            b"http://evil.example/r/safe",
        )
        for trick in tricks:
            head, locations = self.location(trick)
            self.assertLessEqual(len(locations), 1, head)
            for location in locations:
                self.assertTrue(location.startswith(DESTINATION + "?utm_source=bad&"), f"{trick}: {location}")
            self.assertNotIn("stolen", head)
            self.assertNotIn("\nSet-Cookie: stolen", head)

    def test_links_that_would_leave_are_refused(self):
        for destination in ("javascript:alert(1)", "//evil.example/", "https://good.example@evil.example/",
                            "https://a.example/\r\nX: 1", "ftp://a.example/", "https://a.example\\@evil.example/", ""):
            proposal = {"slug": "trick", "destination": destination, "source": "a", "medium": "b", "campaign": "c", "owner": "t"}
            answer = self.server.call("POST", "/api/links", json.dumps(proposal), {"Content-Type": "application/json"}, admin=True)
            self.assertIn(answer.status, (400, 422), f"{destination}: {answer.body[:200]}")
        self.assertEqual(self.server.call("GET", "/r/trick").status, 404)

    # --- what comes out again

    def test_formulas_in_exports_are_inert(self):
        for number, name in enumerate(("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")):
            self.accepted(self.server.post("/v1/track", track(f"formula-{number}", event=name)))
        self.settled()
        text = self.server.call("GET", "/api/export/events?format=csv", admin=True).body.decode()
        for row in csv.DictReader(io.StringIO(text, newline="")):
            if row["event_id"].startswith("formula-"):
                number = row["event"].lstrip("+-").isdigit()
                self.assertTrue(number or row["event"][0] not in "=+-@\t\r", row["event"])

    def test_personal_data_stays_out_of_logs_and_metrics(self):
        canary = "canary-7f3a@example.net"
        self.server.post("/v1/track", track("canary", userId=canary, properties={"email": canary}))
        self.server.post("/v1/track", b'{"type":"track","userId":"' + canary.encode() + b'"')
        self.server.post("/v1/batch", batch({"type": "nonsense", "userId": canary}))
        self.settled()
        metrics = self.server.call("GET", "/metrics", admin=True).body.decode()
        self.assertNotIn(canary, metrics)
        self.assertNotIn(canary, self.server.said())
        refused = self.server.post("/v1/track", b'{"userId":"' + canary.encode() + b'",}')
        self.assertNotIn(canary, refused.body.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)

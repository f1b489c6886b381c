"""Clients that hold on and send next to nothing: each is cut off in time, and meanwhile honest requests are
served. $MILLSTREAM_DEEP=1 opens 5,000 connections instead of 600.
"""

import os
import resource
import selectors
import socket
import threading
import time
import unittest

from instance import Case, run

SOCKETS = 5_000 if os.environ.get("MILLSTREAM_DEEP") else 600
PER_ADDRESS = 1_000
CLOSED_WITHIN_S = 10
# What the machine may add: thousands of closings are read one after the other.
SLACK_S = 5
FILES = 16_384

HEAD = b"GET /r/slow HTTP/1.1\r\nHost: shop.example\r\nX-Slow: "
BODY = b"POST /v1/batch HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n{"


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Honest(threading.Thread):
    """A visitor and a sender who come again and again, each time on a new connection."""

    def __init__(self, instance):
        super().__init__()
        self.instance, self.halt, self.latencies, self.wrong = instance, threading.Event(), [], []

    def run(self):
        number = 0
        while not self.halt.is_set():
            number += 1
            begun = time.monotonic()
            event = {"type": "track", "event": "E", "messageId": f"honest-{number}", "anonymousId": "honest"}
            try:
                statuses = (self.instance.call("GET", "/r/slow").status, self.instance.post("/v1/track", event).status)
            except OSError as error:
                statuses = (str(error),)
            if statuses != (302, 200):
                self.wrong.append(statuses)
            self.latencies.append(time.monotonic() - begun)
            time.sleep(0.01)

    def stop(self):
        self.halt.set()
        self.join()
        return self.latencies


class SlowClients(Case):
    """One instance, many sockets from many loopback addresses."""

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        # The server inherits it.
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))

    def setUp(self):
        super().setUp()
        self.server = self.instance()
        run("links", "add", "slow", "https://shop.example/landing", "--source", "slow", "--medium", "test",
            "--campaign", "slow", "--owner", "tests", "--data-dir", self.server.directory)
        self.server.start()

    def attack(self, first, drip):
        """Opens all, sends `first`, then a byte a second each; when each was closed, and what it was told."""
        chooser, closed, told = selectors.DefaultSelector(), [], set()
        begun = time.monotonic()
        for number in range(SOCKETS):
            client = socket.socket()
            client.bind((f"127.0.0.{2 + number // PER_ADDRESS}", 0))
            client.settimeout(10)
            client.connect(("127.0.0.1", self.server.public))
            client.sendall(first)
            client.setblocking(False)
            chooser.register(client, selectors.EVENT_READ, time.monotonic())
        print(f"{SOCKETS} connections opened in {time.monotonic() - begun:.1f} s", flush=True)
        next_drip = time.monotonic() + 1
        while chooser.get_map():
            now = time.monotonic()
            self.assertLess(now - begun, 6 * CLOSED_WITHIN_S, f"{len(chooser.get_map())} connections are never closed")
            for key, _ in chooser.select(timeout=max(0, min(0.2, next_drip - now))):
                told |= self.hear(chooser, key, closed)
            if now >= next_drip:
                next_drip = now + 1
                for key in list(chooser.get_map().values()):
                    try:
                        key.fileobj.send(drip)
                    except OSError:
                        pass
        return closed, told

    def hear(self, chooser, key, closed):
        try:
            received = key.fileobj.recv(4_096)
        except BlockingIOError:
            return set()
        except OSError:
            received = b""
        if received:
            return {received.split(b" ")[1]}
        closed.append(time.monotonic() - key.data)
        chooser.unregister(key.fileobj)
        key.fileobj.close()
        return set()

    def measured(self, seconds):
        honest = Honest(self.server)
        honest.start()
        time.sleep(seconds)
        return honest.stop(), honest.wrong

    def holds(self, first, drip, status):
        self.measured(1)
        before, wrong = self.measured(3)
        self.assertEqual(wrong, [])
        resident = self.server.resident_bytes()
        honest = Honest(self.server)
        honest.start()
        try:
            closed, told = self.attack(first, drip)
        finally:
            during = honest.stop()
        grown = self.server.resident_bytes() - resident
        print(f"closed after {min(closed):.1f} to {max(closed):.1f} s, told {sorted(told)}; honest p50 "
              f"{1e3 * quantile(before, .5):.1f} -> {1e3 * quantile(during, .5):.1f} ms, p99 {1e3 * quantile(before, .99):.1f} -> "
              f"{1e3 * quantile(during, .99):.1f} ms over {len(during)} requests; memory +{grown / 1e6:.0f} MB", flush=True)
        self.assertEqual(honest.wrong[:3], [], f"{len(honest.wrong)} honest requests were not served")
        self.assertEqual(len(closed), SOCKETS)
        self.assertLessEqual(max(closed), CLOSED_WITHIN_S + SLACK_S)
        self.assertLessEqual(told, {status})
        self.assertLess(grown, SOCKETS * 64 * 1_024 + (64 << 20))

    def test_heads_that_never_end(self):
        self.holds(HEAD, b"x", b"408")

    def test_bodies_that_never_end(self):
        self.holds(BODY, b" ", b"408")

    def test_connections_that_say_nothing(self):
        self.holds(b"", b"", b"408")


class OddHeads(Case):
    """Heads that are too much, or try to speak in the server's name."""

    def setUp(self):
        super().setUp()
        self.server = self.instance()
        self.server.start()

    def raw(self, content):
        with socket.create_connection(("127.0.0.1", self.server.public), timeout=20) as client:
            client.sendall(content)
            received = b""
            try:
                while chunk := client.recv(65_536):
                    received += chunk
            except OSError:
                pass
            return received

    def test_nothing_sent_becomes_a_header_of_an_answer(self):
        marks = (b"https://a.example\x0bset-cookie: stolen=1", b"a\nset-cookie: stolen=1", b"\xff\xfe", b"a" * 4_000)
        for mark in marks:
            for name in (b"Origin", b"Access-Control-Request-Headers", b"traceparent", b"Cookie", b"User-Agent", b"Referer"):
                head = b"OPTIONS /v1/track HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + name + b": " + mark + b"\r\n\r\n"
                answer = self.raw(head).split(b"\r\n\r\n")[0]
                lines = [line.lower() for line in answer.split(b"\r\n")]
                self.assertFalse([line for line in lines if line.startswith(b"set-cookie: stolen")], answer[:300])
        self.assertEqual(self.server.call("GET", "/healthz").status, 200)

    def test_broken_heads_are_told(self):
        for head, expected in (
            (b"GET /healthz HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", b"400"),
            (b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
            (b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
            (b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"431"),
        ):
            answer = self.raw(head)
            self.assertTrue(answer, f"{head[:60]} was answered nothing")
            self.assertEqual(answer.split(b" ")[1], expected, answer[:200])

    def test_too_many_headers_are_refused(self):
        for count, expected in ((50, b"200"), (500, b"431")):
            headers = b"".join(b"X-%d: y\r\n" % number for number in range(count))
            answer = self.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + b"\r\n")
            self.assertEqual(answer.split(b" ")[1], expected, answer[:200])


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""The same visits over a good network and through a proxy that delays, resets and loses answers, sent by a real SDK
that sends again: the journeys are equal, and the report names the damage with the right figures.
"""

import collections
import json
import os
import random
import socket
import struct
import subprocess
import threading
import time
import unittest

from clock_jumps import stamp
from instance import HERE, Case, report, rows, seed

MODULES = os.environ.get("MILLSTREAM_NODE_MODULES", "")
EVENTS = 400
DEVICES = 24
OWN = ("revision", "resolution_delay_us", "received_at", "queued_at", "request_at", "requested_at")
# What becomes of a request, and how often.
FATES = (("pass", 50), ("delay", 24), ("reset", 13), ("answer lost", 13))


def history(draw):
    """Visits that overlap in time; some log in, on two devices each, and some buy."""
    began = int(time.time()) - 7_200
    events = []
    for number in range(EVENTS):
        device = draw.randrange(DEVICES)
        source = draw.choice(("june", "google", ""))
        page = "https://shop.example/" + (f"?utm_source={source}&utm_medium=cpc&utm_campaign=c{device}" if source else "")
        event = {
            "type": "page", "messageId": f"lossy-{number}", "anonymousId": f"device-{device}",
            "timestamp": stamp(began + number * 17), "properties": {"url": page},
            "context": {"page": {"url": page}},
        }
        if draw.random() < 0.15:
            bought = {"total": draw.randrange(100, 9_900) / 100, "currency": "EUR", "order_id": f"o-{number}"}
            event |= {"type": "track", "event": "Order Completed", "properties": bought}
        if draw.random() < 0.2:
            event["userId"] = f"user-{device // 2}"
        events.append(event)
    return events


class Proxy:
    """Forwards one request a connection, or does not."""

    def __init__(self, port, random_seed):
        self.upstream = port
        self.draw = random.Random(random_seed)
        self.fates = collections.Counter()
        self.forwarded_events = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def fate(self):
        with self.lock:
            names, weights = zip(*FATES)
            fate = self.draw.choices(names, weights)[0]
            self.fates[fate] += 1
            return fate, self.draw.uniform(0.05, 0.9)

    def serve(self, client):
        with client:
            client.settimeout(20)
            request = message(client)
            if request is None:
                return
            head, body = request
            fate, delay = self.fate()
            if fate == "reset":
                return reset(client)
            if fate == "delay":
                time.sleep(delay)
            with socket.create_connection(("127.0.0.1", self.upstream), timeout=20) as server:
                server.sendall(without_keep_alive(head) + body)
                answer = b"".join(iter(lambda: server.recv(65_536), b""))
            if answer.startswith(b"HTTP/1.1 200"):
                with self.lock:
                    self.forwarded_events += len(json.loads(body)["batch"])
            if fate == "answer lost":
                return reset(client)
            client.sendall(answer)

    def close(self):
        self.listener.close()


def message(client):
    """Head and body of one request with a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65_536)
        if not piece:
            return None
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += client.recv(65_536)
    return head + b"\r\n\r\n", body


def without_keep_alive(head):
    lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join(lines) + b"\r\nConnection: close\r\n\r\n"


def reset(client):
    """RST instead of FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class LossyNetwork(Case):
    """A good network and a bad one."""

    def test_journeys_are_equal_and_the_damage_is_named(self):
        chosen = seed()
        events = history(random.Random(chosen))
        file = self.folder / "events.json"
        file.write_text(json.dumps(events))
        clean, lossy = self.instance("clean"), self.instance("lossy")
        clean.start()
        self.send(clean.public, file)
        clean.stop()
        lossy.start()
        proxy = Proxy(lossy.public, chosen)
        self.addCleanup(proxy.close)
        self.send(proxy.port, file)
        lossy.stop()
        for table in ("events", "sessions", "people", "touches", "conversions", "credits"):
            self.assertEqual(self.told(table, clean), self.told(table, lossy), table)
        self.check_damage(lossy, proxy)

    def check_damage(self, lossy, proxy):
        totals = report("stitching", lossy.directory)["totals"]
        copies = proxy.forwarded_events - EVENTS
        moved = rows("events", lossy.directory)
        print(f"{dict(proxy.fates)}: {copies} copies, {totals['out_of_order']} out of order, "
              f"skew p95 {totals['skew_p95_ms'] / 1000:.0f} s", flush=True)
        self.assertGreater(copies, 0, "no answer was lost")
        self.assertEqual((totals["events"], totals["duplicates"]), (EVENTS, copies))
        self.assertEqual(totals["out_of_order"], out_of_order(moved))
        skews = sorted(micros(row["received_at"]) - micros(row["event_time"]) for row in moved)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            exact = skews[int(len(skews) * share)] / 1000
            self.assertGreaterEqual(totals[f"skew_{name}_ms"] + 1, exact, name)
            self.assertLessEqual(totals[f"skew_{name}_ms"], exact * 17 / 16 + 1, name)

    def send(self, port, file):
        command = ["node", str(HERE / "lossy_network.mjs"), MODULES, str(port), str(file)]
        done = subprocess.run(command, capture_output=True, timeout=180, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def told(self, table, instance):
        return [{name: value for name, value in row.items() if name not in OWN} for row in rows(table, instance.directory)]


def micros(text):
    """RFC 3339 with up to six digits behind the point."""
    whole, _, part = text.rstrip("Z").partition(".")
    seconds = time.mktime(time.strptime(whole + " UTC", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone
    return round(seconds) * 1_000_000 + int(part.ljust(6, "0") or 0)


def out_of_order(events):
    """Events of a session that were received after a later one, counted anew."""
    sessions = collections.defaultdict(list)
    for row in events:
        if row["session_id"]:
            sessions[row["session_id"]].append((row["event_time"], row["event_id"], micros(row["received_at"])))
    late = 0
    for members in sessions.values():
        least = float("inf")
        for _, _, received in sorted(members, reverse=True):
            late += received > least
            least = min(least, received)
    return late


if __name__ == "__main__":
    unittest.main(verbosity=2)

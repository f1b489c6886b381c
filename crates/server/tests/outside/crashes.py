"""kill -9 at random instants under load: every acknowledged event is there afterwards, exactly once.

$MILLSTREAM_CRASHES says how often (default 20), $MILLSTREAM_SEED repeats a run.
"""

import base64
import collections
import http.client
import json
import os
import random
import threading
import time
import unittest
from urllib.parse import parse_qs, urlsplit

from instance import Case, rows, run, seed

CRASHES = int(os.environ.get("MILLSTREAM_CRASHES", "20"))
RECOVERY_LIMIT_S = 5
WRITERS = 4
CLICKERS = 2
HEADERS = {"Content-Type": "application/json", "Authorization": "Basic a2V5Og=="}


def click_id(location):
    """The click id inside a self-describing `ms_click`: version, two stamps, then the id."""
    token = parse_qs(urlsplit(location).query)["ms_click"][0]
    content = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return content[14 : 14 + content[13]].decode()


class Load:
    """Threads that send until they are told to stop, and remember what was acknowledged."""

    def __init__(self, instance, number, draw):
        self.instance = instance
        self.number = number
        self.halt = threading.Event()
        self.sent = collections.Counter()
        self.acknowledged = set()
        self.clicks = set()
        self.unlogged = 0
        self.refused = collections.Counter()
        plans = [(self.write, n, draw.randrange(1 << 30)) for n in range(WRITERS)]
        plans += [(self.click, n, draw.randrange(1 << 30)) for n in range(CLICKERS)]
        self.threads = [threading.Thread(target=self.drive, args=plan) for plan in plans]
        for thread in self.threads:
            thread.start()

    def drive(self, send, thread, number):
        draw = random.Random(number)
        count = 0
        while not self.halt.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.instance.public, timeout=10)
            try:
                while not self.halt.is_set():
                    count += 1
                    send(connection, f"{self.number}-{thread}-{count}", draw)
            except (OSError, http.client.HTTPException):
                time.sleep(0.002)
            finally:
                connection.close()

    def write(self, connection, key, draw):
        """A batch of a few events; now and then the one before is sent again, as SDKs do."""
        ids = [f"m-{key}-{number}" for number in range(draw.randrange(1, 6))]
        batch = [
            {"type": "page", "messageId": id, "anonymousId": f"device-{draw.randrange(50)}",
             "context": {"page": {"url": "https://shop.example/?utm_source=a&utm_medium=cpc"}}}
            for id in ids
        ]
        body = json.dumps({"batch": batch})
        for _ in range(2 if draw.random() < 0.1 else 1):
            connection.request("POST", "/v1/batch", body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                self.acknowledged.update(ids)
            else:
                self.refused[answer.status] += 1

    def click(self, connection, _key, _draw):
        connection.request("GET", "/r/crash", headers={"User-Agent": "Mozilla/5.0 Firefox/130.0"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 302:
            self.clicks.add(click_id(answer.headers["Location"]))
        else:
            self.refused[answer.status] += 1

    def stop(self):
        self.halt.set()
        for thread in self.threads:
            thread.join()


class Crashes(Case):
    """Rounds of load and SIGKILL on one data directory."""

    def test_acknowledged_events_survive_exactly_once(self):
        draw = random.Random(seed())
        # The fallback that redirects without a durable click has a suite of its own.
        instance = self.instance(config="[capture]\nredirect_wait_ms = 10000\n")
        run("links", "add", "crash", "https://shop.example/landing", "--source", "crash", "--medium", "test",
            "--campaign", "crash", "--owner", "tests", "--data-dir", instance.directory)
        instance.start()
        acknowledged, clicks, refused, slowest = set(), set(), collections.Counter(), 0.0
        for round_number in range(CRASHES):
            load = Load(instance, round_number, draw)
            time.sleep(draw.uniform(0.02, 0.6))
            instance.kill()
            load.stop()
            slowest = max(slowest, instance.start())
            acknowledged |= load.acknowledged
            clicks |= load.clicks
            refused += load.refused
        instance.stop()
        print(f"{CRASHES} crashes, {len(acknowledged)} events and {len(clicks)} clicks acknowledged, "
              f"slowest restart {slowest:.2f} s, refused {dict(refused)}", flush=True)
        self.assertGreater(len(acknowledged), CRASHES)
        self.assertGreater(len(clicks), CRASHES)
        self.assertFalse(refused, "load this small must not be refused")
        found = collections.Counter(row["event_id"] for row in rows("events", instance.directory))
        self.assert_each_once(acknowledged, found, "events")
        self.assert_each_once(clicks, found, "clicks")
        doubled = [id for id, count in found.items() if count != 1]
        self.assertFalse(doubled, f"{len(doubled)} events stand more than once")
        self.assertLess(slowest, RECOVERY_LIMIT_S)

    def assert_each_once(self, expected, found, what):
        lost = [id for id in expected if found[id] == 0]
        doubled = [id for id in expected if found[id] > 1]
        self.assertFalse(lost, f"{len(lost)} acknowledged {what} are lost, such as {lost[:3]}")
        self.assertFalse(doubled, f"{len(doubled)} acknowledged {what} stand twice, such as {doubled[:3]}")


if __name__ == "__main__":
    unittest.main(verbosity=2)

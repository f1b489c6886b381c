"""Far more than it can take, and a stall with everybody retrying after it: clicks are always served, what is
refused is refused with a reason and a time to come back, memory stays bounded, what was acknowledged is there
once, and afterwards everything is as before. $MILLSTREAM_DEEP=1 goes on for longer.
"""

import collections
import http.client
import json
import os
import signal
import subprocess
import threading
import time
import unittest

from instance import BINARY, Case, rows, run

DEEP = bool(os.environ.get("MILLSTREAM_DEEP"))
SECONDS = 20 if DEEP else 6
STALL_S = 10 if DEEP else 3
BATCH_EVENTS = 20
GROWTH_BYTES_MAX = 256 << 20
HEADERS = {"Content-Type": "application/json", "Authorization": "Basic a2V5Og=="}
# Queues so short that any machine overruns them. The state's cache fills with what is folded, up to its own bound: with the
# usual one, memory would tell how fast the machine is, not whether a flood is held back.
SMALL = ("[capture.limits]\nin_flight_bytes = 2000000\n[log]\nqueue_records_max = 1500\nqueue_bytes_max = 2097152\n"
         "[pipeline]\ncache_bytes = 33554432\n")


class Overload(Case):
    """One instance with short queues."""

    def serving(self, config):
        instance = self.instance(config=config)
        run("links", "add", "busy", "https://shop.example/landing", "--source", "busy", "--medium", "test",
            "--campaign", "busy", "--owner", "tests", "--data-dir", instance.directory)
        instance.start()
        return instance

    def load(self, instance, profile, rate, connections, seed):
        """Starts a generator."""
        command = [BINARY, "load", "--url", f"http://127.0.0.1:{instance.public}", "--profile", profile, "--rate", str(rate),
                   "--duration", str(SECONDS), "--connections", str(connections), "--batch-events", str(BATCH_EVENTS),
                   "--slug", "busy", "--seed", str(seed), "--format", "json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self, process):
        out, said = process.communicate(timeout=SECONDS + 90)
        self.assertTrue(out, said.decode()[-500:])
        return json.loads(out)["lines"][-1]

    def refusals(self, instance, halt, found):
        """Every refusal that a client of its own meets says why, and when to come back."""
        number = 0
        while not halt.is_set():
            number += 1
            event = {"type": "track", "event": "E", "messageId": f"probe-{number}", "anonymousId": "probe"}
            answer = instance.post("/v1/batch", {"batch": [event | {"messageId": f"probe-{number}-{n}"} for n in range(500)]})
            if answer.status == 200:
                found["taken"] += 1
                continue
            told = json.loads(answer.body)["error"]
            whole = answer.status in (429, 503) and told["message"] and int(answer.headers["Retry-After"]) >= 1
            found[told["code"] if whole else f"wrong: {answer.status} {told}"] += 1

    def test_ten_times_too_much(self):
        instance = self.serving("[capture]\nredirect_wait_ms = 5000\n" + SMALL)
        calm = self.result(self.load(instance, "batches", 50, 4, 1))
        resident = instance.resident_bytes()
        halt, found = threading.Event(), collections.Counter()
        probe = threading.Thread(target=self.refusals, args=(instance, halt, found))
        flood = self.load(instance, "batches", 10_000, 256, 2)
        clicks = self.load(instance, "redirects", 200, 16, 3)
        probe.start()
        most = 0
        while flood.poll() is None and clicks.poll() is None:
            most = max(most, instance.resident_bytes())
            time.sleep(0.1)
        flood, clicks = self.result(flood), self.result(clicks)
        halt.set()
        probe.join()
        print(f"calm: p99 {calm['p99_ms']:.1f} ms; flood: {flood['done']} batches taken, {flood['refused']} refused; clicks: {clicks['done']} "
              f"of {clicks['sent']}, p99 {clicks['p99_ms']:.1f} ms; a probe met {dict(found)}; memory +{(most - resident) / 1e6:.0f} MB", flush=True)
        self.assertEqual((clicks["done"], clicks["refused"]), (clicks["sent"], 0), "every visitor is sent on")
        self.assertGreater(flood["refused"], 0, "the load was no overload")
        self.assertEqual(flood["sent"], flood["done"] + flood["refused"], "each is taken, or refused in order")
        self.assertFalse([code for code in found if code.startswith("wrong")], found)
        self.assertLess(most - resident, GROWTH_BYTES_MAX)
        after = self.result(self.load(instance, "batches", 50, 4, 4))
        self.assertEqual(after["done"], after["sent"], "afterwards everything is taken again")
        unlogged = self.unlogged(instance)
        instance.stop()
        ids = collections.Counter(row["event_id"] for row in rows("events", instance.directory))
        self.assertEqual([key for key, count in ids.items() if count != 1], [])
        loaded = sum(key.startswith("load-") for key in ids)
        self.assertEqual(loaded, BATCH_EVENTS * (calm["done"] + flood["done"] + after["done"]), "all that was acknowledged, and no more")
        self.assertEqual(len(ids) - loaded - 500 * found["taken"] + unlogged, clicks["done"], "clicks are kept, or counted as unlogged")

    def unlogged(self, instance):
        time.sleep(2.5)
        metrics = instance.call("GET", "/metrics", admin=True).body.decode()
        return sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("millstream_capture_clicks_unlogged"))


class Sender(threading.Thread):
    """Sends one event after the other; after a failure the same again, as SDKs do, up to three a second."""

    def __init__(self, instance, name, halt):
        super().__init__()
        self.instance, self.sender, self.halt = instance, name, halt
        self.acknowledged, self.attempts = [], 0

    def run(self):
        number, connection = 0, None
        while not self.halt.is_set():
            key = f"{self.sender}-{number}"
            event = {"type": "track", "event": "E", "messageId": key, "anonymousId": f"device-{self.sender}"}
            try:
                self.attempts += 1
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.instance.public, timeout=1)
                connection.request("POST", "/v1/track", json.dumps(event), HEADERS)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.acknowledged.append((time.monotonic(), key))
                    number += 1
                    continue
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None
            time.sleep(0.3)
        if connection:
            connection.close()


class Stall(Case):
    """A machine that stands still for seconds while clients time out and try again."""

    def test_retries_after_a_stall(self):
        instance = self.instance()
        instance.start()
        halt = threading.Event()
        senders = [Sender(instance, f"s{number}", halt) for number in range(24)]
        for sender in senders:
            sender.start()
        time.sleep(SECONDS)
        stalled = time.monotonic()
        instance.process.send_signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        instance.process.send_signal(signal.SIGCONT)
        resumed = time.monotonic()
        time.sleep(SECONDS + 2)
        halt.set()
        for sender in senders:
            sender.join()
        ended = time.monotonic()
        stamps = sorted(stamp for sender in senders for stamp, _ in sender.acknowledged)
        before = sum(stalled - SECONDS + 1 < stamp <= stalled for stamp in stamps) / (SECONDS - 1)
        after = sum(stamp > resumed + 2 for stamp in stamps) / (ended - resumed - 2)
        first = min((stamp for stamp in stamps if stamp > resumed), default=float("inf")) - resumed
        attempts = sum(sender.attempts for sender in senders)
        print(f"goodput {before:.0f}/s before, {after:.0f}/s after a stall of {STALL_S} s ({after / before:.2f}); first answer {first:.2f} s "
              f"after it, {attempts - len(stamps)} retries for {len(stamps)} events", flush=True)
        self.assertLess(first, 5)
        self.assertGreater(after, 0)
        instance.stop()
        found = collections.Counter(row["event_id"] for row in rows("events", instance.directory))
        acknowledged = [key for sender in senders for _, key in sender.acknowledged]
        self.assertEqual([key for key in acknowledged if found[key] != 1][:3], [], "acknowledged events are there once")
        self.assertLessEqual(len(found) - len(acknowledged), len(senders), "at most the last of each is there unacknowledged")


if __name__ == "__main__":
    unittest.main(verbosity=2)

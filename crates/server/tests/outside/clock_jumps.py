"""The machine's clock jumps an hour, either way: nothing is lost or doubled, no order changes, no latency is
negative. The jumps are libfaketime's (Debian: faketime), at run time and across restarts.
"""

import glob
import random
import time
import unittest

from instance import Case, report, rows, seed

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
HOUR_S = 3_600
EVENTS_EACH = 300
DEVICES = 20
BASE_S = 1_790_000_000


def stamp(seconds):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(seconds)))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


def history(draw, phase):
    """Events with the times of their clients, which have nothing to do with the server's."""
    events = []
    for number in range(EVENTS_EACH):
        at = BASE_S + phase * 600 + number * 2 + draw.random()
        kind = draw.choice(("page", "track"))
        event = {"type": kind, "messageId": f"clock-{phase}-{number}", "anonymousId": f"device-{draw.randrange(DEVICES)}",
                 "timestamp": stamp(at), "context": {"page": {"url": "https://shop.example/?utm_source=a&utm_medium=cpc"}}}
        if kind == "track":
            event |= {"event": "Order Completed", "properties": {"total": 5, "currency": "EUR", "order_id": f"o-{phase}-{number}"}}
        events.append(event)
    return events


@unittest.skipUnless(LIBRARIES, "libfaketime is not installed (Debian: faketime)")
class ClockJumps(Case):
    """The same history with and without jumps."""

    def faked(self, name):
        self.offset = self.folder / "offset"
        self.jump(0)
        variables = [f"LD_PRELOAD={LIBRARIES[0]}", f"FAKETIME_TIMESTAMP_FILE={self.offset}", "FAKETIME_NO_CACHE=1",
                     "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"]
        return self.instance(name, wrapper=("env", *variables))

    def jump(self, seconds):
        self.offset.write_text(f"{seconds:+d}s\n" if seconds else "+0\n")

    def send(self, instance, events, draw):
        """In small shuffled batches, some of them twice."""
        events = list(events)
        draw.shuffle(events)
        for start in range(0, len(events), 25):
            batch = events[start : start + 25]
            for _ in range(2 if draw.random() < 0.3 else 1):
                answer = instance.post("/v1/batch", {"batch": batch})
                self.assertEqual(answer.status, 200, answer.body[:300])

    def settled(self, instance):
        begun = time.monotonic()
        while instance.status()["lag"]["records"]["fold"]:
            self.assertLess(time.monotonic() - begun, 60, f"the fold does not catch up: {instance.status()}")
            time.sleep(0.05)

    def not_negative(self, instance):
        told = instance.call("GET", "/api/report/delivery", admin=True)
        self.assertEqual(told.status, 200)
        self.assertNotIn(b":-", told.body.replace(b" ", b""), "a latency or count below zero")
        status = instance.status()
        self.assertGreaterEqual(status["lag"]["behind_ms"], 0)

    def test_jumps_while_it_runs_change_nothing(self):
        number = seed()
        phases = [history(random.Random(number + phase), phase) for phase in range(4)]
        calm, jumping = self.instance("calm"), self.faked("jumping")
        calm.start()
        jumping.start()
        for phase, jump in enumerate((0, HOUR_S, -HOUR_S, 0)):
            self.jump(jump)
            for instance in (calm, jumping):
                self.send(instance, phases[phase], random.Random(number))
            self.settled(jumping)
            self.not_negative(jumping)
        for instance in (calm, jumping):
            instance.stop()
        for table in ("sessions", "touches", "conversions", "credits"):
            self.assertEqual(self.told(table, calm), self.told(table, jumping), table)
        self.ordered(jumping, 4 * EVENTS_EACH)

    def test_jumps_across_restarts_lose_and_double_nothing(self):
        number = seed()
        instance = self.faked("restarted")
        for phase, jump in enumerate((0, HOUR_S, -HOUR_S, 0)):
            self.jump(jump)
            instance.start()
            self.send(instance, history(random.Random(number + phase), phase), random.Random(number))
            if phase:
                # What was sent before the jump, again.
                self.send(instance, history(random.Random(number + phase - 1), phase - 1), random.Random(number))
            self.settled(instance)
            self.not_negative(instance)
            instance.stop()
        self.ordered(instance, 4 * EVENTS_EACH)
        self.assertGreater(report("delivery", instance.directory)["totals"]["duplicate"], EVENTS_EACH)

    def told(self, table, instance):
        """Its rows, without what tells of the run and not of the history."""
        own = ("revision", "resolution_delay_us")
        return [{name: value for name, value in row.items() if name not in own} for row in rows(table, instance.directory)]

    def ordered(self, instance, expected):
        events = rows("events", instance.directory)
        self.assertEqual(len(events), expected)
        self.assertEqual(len({event["event_id"] for event in events}), expected)
        late = [event for event in events if event["event_time"] > event["received_at"]]
        self.assertEqual(late[:2], [], "an event is never later than its arrival")


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Every event a thousand times, shuffled, with a crash in the middle: the same sessions, conversions and credits
as from each event once. $MILLSTREAM_DEEP=1 sends 1,000 copies instead of 60.
"""

import os
import random
import unittest

from clock_jumps import stamp
from instance import Case, report, rows, seed

COPIES = 1_000 if os.environ.get("MILLSTREAM_DEEP") else 60
EVENTS = 240
DEVICES = 12
BATCH_EVENTS = 400
BASE_S = 1_790_000_000
OWN = ("revision", "resolution_delay_us", "received_at", "queued_at", "request_at", "requested_at")


def history(draw):
    """Visits of some devices, each with a campaign and now and then an order."""
    events = []
    for number in range(EVENTS):
        device = draw.randrange(DEVICES)
        at = BASE_S + device * 86_400 + number * 97
        source = draw.choice(("june", "google", ""))
        url = "https://shop.example/" + (f"?utm_source={source}&utm_medium=cpc&utm_campaign=c{device}" if source else "")
        event = {"messageId": f"copy-{number}", "anonymousId": f"device-{device}", "timestamp": stamp(at), "context": {"page": {"url": url}}}
        if draw.random() < 0.2:
            properties = {"total": draw.randrange(100, 9_900) / 100, "currency": "EUR", "order_id": f"o-{number}"}
            event |= {"type": "track", "event": "Order Completed", "properties": properties}
        else:
            event |= {"type": "page"}
        if draw.random() < 0.3:
            event |= {"userId": f"user-{device % 5}"}
        events.append(event)
    return events


class Duplicates(Case):
    """Once, and many times."""

    def test_many_copies_have_the_effect_of_one(self):
        draw = random.Random(seed())
        events = history(draw)
        once, many = self.instance("once"), self.instance("many")
        once.start()
        self.send(once, events)
        once.stop()
        many.start()
        copies = events * COPIES
        draw.shuffle(copies)
        middle = draw.randrange(len(copies))
        self.send(many, copies[:middle])
        many.kill()
        many.start()
        self.send(many, copies[middle:])
        many.stop()
        for table in ("events", "sessions", "touches", "conversions", "credits"):
            self.assertEqual(self.told(table, once), self.told(table, many), table)
        totals = report("delivery", many.directory)["totals"]
        print(f"{len(copies)} copies of {EVENTS} events, a crash after {middle}: {totals['visible']} visible, "
              f"{totals['duplicate']} duplicates", flush=True)
        self.assertEqual((totals["visible"], totals["duplicate"]), (EVENTS, len(copies) - EVENTS))

    def send(self, instance, events):
        for start in range(0, len(events), BATCH_EVENTS):
            answer = instance.post("/v1/batch", {"batch": events[start : start + BATCH_EVENTS]})
            self.assertEqual(answer.status, 200, answer.body[:300])

    def told(self, table, instance):
        return [{name: value for name, value in row.items() if name not in OWN} for row in rows(table, instance.directory)]


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Rows go by their age while the process is killed again and again: in the end all is as if it had never been killed.

$MILLSTREAM_SWEEP_CRASHES says how often (default 3, 20 with $MILLSTREAM_DEEP), $MILLSTREAM_SEED repeats a run.
"""

import json
import os
import random
import shutil
import time
import unittest
from datetime import datetime, timedelta, timezone

from instance import Case, export, report, run, seed

CRASHES = int(os.environ.get("MILLSTREAM_SWEEP_CRASHES", "20" if os.environ.get("MILLSTREAM_DEEP") else "3"))
CONFIG = "[retention]\nevents_days = 30\nsessions_days = 30\nconversions_days = 30\ntouches_days = 60\n"
PEOPLE = 150
TABLES = ("events", "sessions", "people", "touches", "conversions", "credits")
# Of a report that is made later.
OF_THE_MOMENT = {"as_of", "complete_until", "provisional", "lag_records", "elapsed_ms"}


def history(draw):
    """Visits and orders of a hundred days, each person's on a few of them."""
    today = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0)
    for person in range(PEOPLE):
        for visit in range(draw.randrange(1, 5)):
            at = today - timedelta(days=draw.randrange(1, 100), minutes=draw.randrange(600))
            stamp = at.isoformat()
            common = {"anonymousId": f"device-{person}", "timestamp": stamp, "receivedAt": stamp}
            url = f"https://shop.example/?utm_source=s{draw.randrange(3)}&utm_medium=cpc&utm_campaign=c{draw.randrange(4)}"
            yield common | {"type": "page", "messageId": f"v-{person}-{visit}", "context": {"page": {"url": url}}}
            if draw.random() < 0.4:
                properties = {"order_id": f"o-{person}-{visit}", "total": draw.randrange(100, 9_900) / 100, "currency": "EUR"}
                yield common | {"type": "track", "event": "Order Completed", "messageId": f"b-{person}-{visit}", "properties": properties,
                                "context": {"page": {"url": "https://shop.example/thanks"}}}


def lasting(value):
    """A report without what is of the moment when it was made."""
    if isinstance(value, dict):
        return {name: lasting(one) for name, one in value.items() if name not in OF_THE_MOMENT}
    return [lasting(one) for one in value] if isinstance(value, list) else value


class RowRetention(Case):
    def removed(self, instance):
        try:
            return json.loads(instance.call("GET", "/api/audit/retention", admin=True, limit=60).body)["rows"]
        except OSError:
            return None

    def swept(self, instance):
        """True once a line tells what went and nothing is left to go."""
        rows = self.removed(instance)
        return bool(rows and rows["removals"] and rows["classes"] and all(one["kept_from"] and one["left"] == 0 for one in rows["classes"])
                    and sum(sum(line["rows"].values()) for line in rows["removals"]) == self.due)

    def wait(self, instance):
        deadline = time.monotonic() + 90
        while not self.swept(instance):
            self.assertLess(time.monotonic(), deadline, f"{self.removed(instance)}\n{instance.said()}")
            time.sleep(0.5)

    def some_left(self, instance, before):
        """How many rows are still to go, once fewer are than before; none where all went first."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            rows = self.removed(instance)
            left = sum(one["left"] for one in rows["classes"]) if rows else 0
            if rows and rows["removals"]:
                return 0
            if 0 < left < before:
                return left
            time.sleep(0.02)
        self.fail(f"no row went\n{instance.said()}")

    def test_killed_while_rows_go(self):
        draw = random.Random(seed())
        events = self.folder / "events.jsonl"
        events.write_text("".join(json.dumps(event) + "\n" for event in history(draw)))
        whole = self.instance("whole", config=CONFIG)
        run("import", events, "--format", "segment", "--data-dir", whole.directory)
        before = {table: export(table, whole.directory).count(b"\n") for table in TABLES}
        killed = self.instance("killed", config=CONFIG)
        shutil.copytree(whole.directory, killed.directory)

        self.due = None
        whole.start()
        deadline = time.monotonic() + 90
        while not ((rows := self.removed(whole)) and rows["removals"]):
            self.assertLess(time.monotonic(), deadline, whole.said())
            time.sleep(0.5)
        self.due = sum(sum(line["rows"].values()) for line in rows["removals"])
        self.assertTrue(self.swept(whole), rows)
        whole.stop()

        left, part_way = self.due, 0
        for _ in range(CRASHES):
            killed.start()
            left = self.some_left(killed, left)
            time.sleep(draw.random() * 0.2)
            killed.kill()
            told = json.loads(run("audit", "retention", "--data-dir", killed.directory, "--format", "json"))["rows"]
            part_way += 0 < sum(one["left"] for one in told["classes"]) < self.due
        self.assertGreater(part_way, 0, "no kill came while rows went")
        killed.start()
        self.wait(killed)
        killed.stop()

        self.assertGreater(self.due, PEOPLE, "much was to go")
        for table in TABLES:
            expected = export(table, whole.directory)
            self.assertEqual(export(table, killed.directory), expected, table)
            if table in ("events", "sessions", "conversions"):
                self.assertLess(expected.count(b"\n"), before[table] / 2, table)
        for kind in ("campaigns", "sessions", "delivery"):
            self.assertEqual(lasting(report(kind, killed.directory)), lasting(report(kind, whole.directory)), kind)
        both = [json.loads(run("audit", "retention", "--data-dir", one.directory, "--format", "json")) for one in (whole, killed)]
        for told in both:
            self.assertTrue(told["intact"], told["broken"])
            self.assertEqual(sum(sum(line["rows"].values()) for line in told["rows"]["removals"]), self.due)
        self.assertEqual(both[0]["rows"]["classes"], both[1]["rows"]["classes"])
        lines = [json.loads(line) for line in (killed.directory / "retention-rows.jsonl").read_text().splitlines()]
        self.assertEqual([line["previous"] for line in lines], [""] + [line["hash"] for line in lines[:-1]], "a chain without a gap")
        # What went is told to have gone as long as the log holds it; what never came is not.
        old, at = next((event["messageId"], event["timestamp"]) for event in map(json.loads, events.read_text().splitlines())
                       if datetime.fromisoformat(event["timestamp"]) < datetime.now(timezone.utc) - timedelta(days=40))
        for where in (killed, whole):
            told = json.loads(run("audit", "event", old, "--data-dir", where.directory, "--format", "json"))
            self.assertEqual((told["outcome"], told["time"][:10]), ("let_go", at[:10]), told)
        run("audit", "event", "never-came", "--data-dir", killed.directory, expect=(1,))
        print(f"{self.due} rows went, {CRASHES} crashes, {part_way} of them part of the way")


if __name__ == "__main__":
    unittest.main()

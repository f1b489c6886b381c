"""After `erase` no byte of a data directory, or of a fresh backup, tells of the person; others stay as they were."""

import json
import os
import random
import subprocess
import time
import unittest

from instance import BINARY, Case, report, rows, run, seed

KILLS = int(os.environ.get("MILLSTREAM_ERASURE_KILLS", "30" if os.environ.get("MILLSTREAM_DEEP") else "5"))


def visit(person, number, **more):
    return {"type": "page", "messageId": f"id-{person}-{number}", "anonymousId": f"device-{person}",
            "properties": {"note": f"note-{person}"},
            "context": {"page": {"url": f"https://shop.example/{number}?utm_source=june&utm_medium=cpc&utm_campaign=c"},
                        "userAgent": "Mozilla/5.0"}} | more


def order(person):
    return {"type": "track", "event": "Order Completed", "messageId": f"order-{person}", "anonymousId": f"device-{person}",
            "userId": f"user-{person}", "properties": {"order_id": f"number-{person}", "value": 10, "currency": "EUR"},
            "context": {"page": {"url": "https://shop.example/thanks"}}}


class Erasure(Case):
    def files_with(self, directory, mark):
        return [path.name for path in directory.rglob("*") if path.is_file() and mark.encode() in path.read_bytes()]

    def filled(self, instance, people):
        for person in people:
            batch = [visit(person, number) for number in range(5)] + [order(person)]
            self.assertEqual(instance.post("/v1/batch", {"batch": batch}).status, 200)

    def test_a_person_is_told_everything_that_is_kept_of_it_and_of_nobody_else(self):
        instance = self.instance()
        instance.start()
        self.filled(instance, ["bobbing", "annabel"])
        run("report", "campaigns", "--data-dir", instance.directory)

        def told(*more):
            text = run("audit", "person", "user-annabel", "--export", "--data-dir", instance.directory, *more)
            return [json.loads(line) for line in text.splitlines()]

        running = told()
        instance.stop()
        kept = self.folder / "annabel.jsonl"
        self.assertEqual(told("--output", kept), [])
        stopped = [json.loads(line) for line in kept.read_text().splitlines()]
        self.assertEqual(running[:-1], stopped[:-1], "a running instance tells the same")
        kinds = {kind: [one for one in stopped if one["record"] == kind] for kind in {one["record"] for one in stopped}}
        self.assertEqual({one["event"]["id"] for one in kinds["event"]}, {f"id-annabel-{n}" for n in range(5)} | {"order-annabel"})
        self.assertEqual({"event", "people", "sessions", "touches", "conversions", "credits", "end"}, set(kinds))
        self.assertEqual(kinds["end"][0]["logged"], 6)
        self.assertEqual(kinds["event"][0]["event"]["properties"], {"note": "note-annabel"})
        self.assertNotIn("bobbing", kept.read_text())
        run("erase", "--user", "user-annabel", "--data-dir", instance.directory)
        run("audit", "person", "user-annabel", "--export", "--data-dir", instance.directory, expect=(1,))
        run("audit", "event", "id-bobbing-1", "--export", "--data-dir", instance.directory, expect=(2,))

    def test_who_comes_back_is_erased_only_when_asked_for(self):
        instance = self.instance()
        instance.start()
        self.filled(instance, ["annabel"])
        run("erase", "--user", "user-annabel", "--data-dir", instance.directory)
        back = order("annabel") | {"messageId": "order-again", "anonymousId": "device-new"}
        self.assertEqual(instance.post("/v1/batch", {"batch": [back, visit("annabel", 9)]}).status, 200)
        run("report", "campaigns", "--data-dir", instance.directory)
        receipt = json.loads(run("erase", "--anonymous", "device-annabel", "--data-dir", instance.directory))
        self.assertEqual((receipt["left"], receipt["events"]), ([], 1), receipt)
        instance.stop()
        self.assertEqual([row["event_id"] for row in rows("events", instance.directory)], ["order-again"])
        lines = [json.loads(line) for line in (instance.directory / "erasures.jsonl").read_text().splitlines()]
        self.assertEqual({line["receipt"] for line in lines}, {line["receipt"] for line in lines if line.get("done")})

    def test_a_person_is_gone_and_the_others_stay(self):
        alone, both = self.instance("alone"), self.instance("both")
        for instance, people in ((alone, ["bobbing"]), (both, ["bobbing", "annabel"])):
            instance.start()
            self.filled(instance, people)
        run("report", "campaigns", "--data-dir", both.directory)
        self.assertTrue(self.files_with(both.directory, "annabel"), "the search must see")
        before = self.folder / "before"
        run("backup", before, "--data-dir", both.directory)
        receipt = json.loads(run("erase", "--user", "user-annabel", "--data-dir", both.directory))
        self.assertEqual((receipt["left"], receipt["events"]), ([], 6), receipt)
        both.stop()
        alone.stop()
        self.assertEqual(self.files_with(both.directory, "annabel"), [])
        checked = json.loads(run("erase", "--user", "user-annabel", "--anonymous", "device-annabel", "--verify", "--data-dir", both.directory))
        self.assertEqual(checked["left"], [])
        for kind in ("campaigns", "sessions"):
            figures = [report(kind, instance.directory) for instance in (alone, both)]
            self.assertEqual(figures[0]["rows"], figures[1]["rows"])
            self.assertEqual(figures[0]["totals"], figures[1]["totals"])
        self.assertEqual({row["anonymous_id"] for row in rows("events", both.directory)}, {"device-bobbing"})
        fresh = self.folder / "fresh"
        run("backup", fresh, "--data-dir", both.directory)
        self.assertEqual(self.files_with(fresh, "annabel"), [])
        restored = self.folder / "restored"
        run("restore", before, "--data-dir", restored, "--erasures", both.directory / "erasures.jsonl")
        self.assertEqual(self.files_with(restored, "annabel"), [], "a restore erases again")
        self.assertEqual({row["anonymous_id"] for row in rows("events", restored)}, {"device-bobbing"})

    def test_an_erasure_that_is_killed_is_gone_on_with_while_others_go_on(self):
        """Killed at any moment under traffic and asked for again: in the end the person is gone, and nobody else lost anything."""
        draw = random.Random(seed())
        instance, alone = self.instance("killed"), self.instance("alone")
        people = [f"number{number}" for number in range(40)]
        for one, named in ((instance, [*people, "annabel"]), (alone, people)):
            one.start()
            self.filled(one, named)
        wanted = ["--user", "user-annabel", "--anonymous", "device-annabel", "--data-dir", instance.directory]
        killed = 0
        for number in range(KILLS):
            late = [f"late{number}x{person}" for person in range(5)]
            erasing = subprocess.Popen([BINARY, "erase", *map(str, wanted)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for one in (instance, alone):
                self.filled(one, late)
            time.sleep(draw.random() * 0.6)
            killed += erasing.poll() is None
            instance.kill()
            erasing.wait(30)
            instance.start()
        receipt = json.loads(run("erase", *wanted))
        self.assertEqual(receipt["left"], [], receipt)
        instance.stop()
        alone.stop()
        self.assertEqual(self.files_with(instance.directory, "annabel"), [])
        self.assertEqual(json.loads(run("erase", "--verify", *wanted))["left"], [])
        for kind in ("campaigns", "sessions", "stitching"):
            figures = [report(kind, one.directory) for one in (alone, instance)]
            self.assertEqual(figures[0]["rows"], figures[1]["rows"], kind)
        for table in ("events", "sessions", "people", "touches", "conversions", "credits"):
            self.assertEqual(*(sum(1 for _ in rows(table, one.directory)) for one in (alone, instance)), table)
        print(f"{killed} of {KILLS} kills came while somebody was erased")


if __name__ == "__main__":
    unittest.main()

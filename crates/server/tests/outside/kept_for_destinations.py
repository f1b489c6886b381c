"""A vendor is dead for long: the log is let go all the same, and no conversion is lost, through kill -9."""

import collections
import json
import os
import time
import unittest

from instance import rows, run
from vendor import CONFIG, Forwarding, order

# Segments as small as may be, kept as short as may be.
SMALL = CONFIG + "[log]\nsegment_bytes = 1048576\nretain_bytes = 1048576\n[pipeline]\ncheckpoint_minutes = 1\n"
ORDERS = 300
DENIED = range(0, ORDERS, 30)
CANARY = 7


def page(number):
    return {"type": "page", "messageId": f"p-{number}", "anonymousId": f"d-{number % 50}", "properties": {"filler": "x" * 900},
            "context": {"page": {"url": f"https://shop.example/{number}"}}}


def bought(number):
    """Every 30th without consent to advertising; one by somebody who is to be erased."""
    denied = {"context": {"consent": {"categoryPreferences": {"measurement": True, "advertising": False}}}} if number in DENIED else {}
    device = {"anonymousId": "canary-of-one"} if number == CANARY else {"anonymousId": f"d-{number % 50}"}
    return order(number, **device, **denied)


class KeptForDestinations(Forwarding):
    def later(self, instance, file):
        """A restart without a farewell, and as if the file had been written two minutes ago: what is due each minute is."""
        instance.kill()
        then = time.time() - 120
        os.utime(instance.directory / file, (then, then))
        instance.start()
        self.until(lambda: self.standing(instance, "shop"))

    def kept(self, instance):
        return sum(line["kept_events"] for line in self.standing(instance, "shop")["lines"])

    def test_conversions_outlive_the_log(self):
        self.vendor.script["hook"] = [500]
        file = self.webhook("hook", attempts=1000).replace('preset = "webhook"', 'preset = "webhook"\nrequires = ["measurement", "advertising"]')
        file = file.replace("[limits]", "[limits]\nqueue_events = 20\nbacklog_records = 50")
        instance = self.with_destinations({"shop": file})
        instance.config = SMALL
        log, checkpoints = instance.directory / "log", instance.directory / "checkpoints"
        instance.start()
        self.until(lambda: self.standing(instance, "shop"))
        for start in range(0, ORDERS, 20):
            self.send(instance, *(bought(number) for number in range(start, start + 20)), *(page(number) for number in range(start * 13, start * 13 + 260)))
        self.until(lambda: len(list(log.glob("*.segment"))) >= 4)
        first = log / "00000000.segment"
        self.until(lambda: self.totals(instance, "shop")["shed"] > 3_000, why=lambda: str(self.totals(instance, "shop")))
        self.later(instance, "generation.json")
        self.until((checkpoints / "1" / "checkpoint.json").exists, 30)
        self.assertTrue(first.exists(), "one checkpoint is not enough")
        self.later(instance, "checkpoints/1/checkpoint.json")
        self.until((checkpoints / "2" / "checkpoint.json").exists, 30)
        self.until(lambda: self.kept(instance) > 0, 90, lambda: str(self.standing(instance, "shop")))
        self.until(lambda: not first.exists() and len(list(log.glob("*.segment"))) <= 2, why="the vendor still holds the log")
        kept = sum(path.stat().st_size for path in log.glob("*.kept"))
        self.assertLess(kept, 400_000, "more is kept than conversions")
        self.assertEqual(self.vendor.taken("hook"), {})

        # Whoever asks is told.
        metrics = instance.call("GET", "/metrics", admin=True).body.decode()
        self.assertIn(f'millstream_forward_kept_events{{destination="shop",class="conversion"}} {self.kept(instance)}', metrics)
        self.assertIn("shop: the log is gone of what it waits for", run("destinations", "list", "--data-dir", instance.directory))
        self.assertIn("kept until destinations were sent", run("audit", "retention", "--data-dir", instance.directory))
        copy = self.folder / "copy"
        run("backup", copy, "--data-dir", instance.directory)
        run("restore", copy, "--data-dir", self.folder / "restored")
        told = [json.loads(run("audit", "retention", "--data-dir", place, "--format", "json")) for place in (instance.directory, self.folder / "restored")]
        self.assertEqual(told[0]["kept_for_destinations"], told[1]["kept_for_destinations"])
        self.assertGreater(told[0]["kept_for_destinations"], ORDERS / 3)

        # Erasure reaches what is kept.
        held = [path for path in instance.directory.rglob("*.kept") if b"canary-of-one" in path.read_bytes()]
        self.assertTrue(held, "somebody to be erased is in what is kept")
        self.assertIn("canary-of-one", run("audit", "person", "canary-of-one", "--export", "--data-dir", instance.directory))
        # So it does where the log is too short to be folded anew.
        orders = sum(1 for _ in rows("conversions", instance.directory))
        receipt = json.loads(run("erase", "--anonymous", "canary-of-one", "--data-dir", instance.directory))
        self.assertEqual((receipt["left"], receipt["events"]), ([], 1), receipt)
        held = [path for path in instance.directory.rglob("*") if path.is_file() and b"canary-of-one" in path.read_bytes()]
        self.assertEqual(held, [], "something still tells of somebody erased")
        self.assertEqual(sum(1 for _ in rows("conversions", instance.directory)), orders - 1, "what was made of it is taken back")

        # The vendor is back; the process is killed while it is sent what it is owed.
        self.vendor.script["hook"] = [lambda body: time.sleep(0.004) or 200]
        owed = {f"m-{number}" for number in range(ORDERS) if number not in DENIED and number != CANARY}
        for part in (0.2, 0.6):
            self.until(lambda: len(self.vendor.taken("hook")) > part * len(owed), 30, lambda: str(self.standing(instance, "shop")))
            instance.kill()
            instance.start()
        self.until(lambda: owed <= set(self.vendor.taken("hook")), 30, lambda: f"{owed - set(self.vendor.taken('hook'))}: {self.standing(instance, 'shop')}")
        self.until(lambda: self.totals(instance, "shop")["pending"] == 0)
        orders = {event for event in self.vendor.taken("hook") if event.startswith("m-")}
        self.assertEqual(orders, owed, "what consent or erasure keeps from it was not sent")
        keys = collections.defaultdict(set)
        for _, _, body, _ in self.vendor.seen["hook"]:
            said = json.loads(body)
            keys[said["event"]["id"]].add(said["key"])
        self.assertTrue(all(len(found) == 1 for found in keys.values()), "one key for each event")
        again = sum(self.vendor.taken("hook")[event] - 1 for event in owed)
        print(f"{len(owed)} conversions of {kept} bytes kept outlived the log; {again} sent again after two crashes")
        self.assertEqual(self.totals(instance, "shop")["dead"], 0)


if __name__ == "__main__":
    unittest.main()

"""The first thing a newcomer runs: the simulated shop, once, with credited channels in what it prints."""

import json
import unittest

from instance import Case, report, run

CHANNELS = ("email", "paid_search", "organic_search", "organic_social", "paid_social", "referral", "direct")


class Demonstration(Case):
    """`demo --once`."""

    def test_prints_credited_channels(self):
        directory = self.folder / "shop"
        printed = run("demo", "--once", "--data-dir", directory)
        shown = [channel for channel in CHANNELS if channel in printed]
        self.assertGreaterEqual(len(shown), 3, printed)
        told = report("campaigns", directory, "--by", "channel", "--model", "linear")
        self.assertGreater(sum(row["conversions"] for row in told["rows"]), 0)
        self.assertGreater(sum(row["revenue_minor"] for row in told["rows"]), 0)
        for key in ("kind", "as_of", "complete_until", "provisional", "gaps", "rows", "totals"):
            self.assertIn(key, told)

    def test_models_share_out_the_same_revenue(self):
        directory = self.folder / "shop"
        run("demo", "--once", "--data-dir", directory)
        revenue = set()
        for model in ("first", "last", "last_non_direct", "linear", "position", "time_decay"):
            told = report("campaigns", directory, "--by", "channel", "--model", model)
            sums = {}
            for row in told["rows"]:
                sums[row["currency"]] = sums.get(row["currency"], 0) + row["revenue_minor"]
            revenue.add(json.dumps(sums, sort_keys=True))
        self.assertEqual(len(revenue), 1, revenue)


if __name__ == "__main__":
    unittest.main(verbosity=2)

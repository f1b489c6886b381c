"""What decisions keep of visitors and measure beside their answers, across commits, kills and restarts: a visitor's
reset, prefetch hints and whether they come true, shadow policies."""

import json
import time
import unittest

from instance import Case, report, run

CONFIG = """
[[decide.use_cases]]
name = "home"
default = "welcome"
stages = []
hints = 3
candidates = ["shoes", "hats", "socks"]
[decide.use_cases.shadow]
use_case = "next"
[[decide.use_cases]]
name = "next"
default = "welcome"
candidates = ["hats"]
"""
LIMIT_S = 20
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


def until(condition, said):
    """Waits until a condition holds."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(said())
        time.sleep(0.02)


class Kept(Case):
    def started(self):
        instance = self.instance(config=CONFIG)
        instance.start()
        return instance

    def ask(self, instance, call="", visitor="v1", page="https://shop.example/"):
        asked = {"use_case": "home", "anonymous_id": visitor, "context": {"page": page}}
        return json.loads(instance.post(f"/v1/decide{call}", asked).body)

    def look(self, instance, item, visitor="v1"):
        event = {"type": "track", "event": "Product Viewed", "anonymousId": visitor, "properties": {"product_id": item}}
        self.assertEqual(instance.post("/v1/track", event).status, 200)

    def seen(self, instance):
        return [row["id"] for row in self.ask(instance, "/why")["seen"]]

    def test_a_reset_holds_through_commits_kills_and_restarts(self):
        instance = self.started()
        self.look(instance, "shoes")
        self.look(instance, "hats")
        until(lambda: self.seen(instance) == ["hats", "shoes"], lambda: self.seen(instance))
        said = self.ask(instance)
        self.assertEqual(said["source"], "personalized")
        audit = ("audit", "decision", said["decision_id"], "--data-dir", self.folder / "data", "--format", "json")
        until(lambda: instance.status()["lag"]["records"]["fold"] == 0, instance.status)
        [told] = json.loads(run(*audit))["parts"]
        self.assertEqual((told["what"], told["choice"], told["rung"]), ("decision", said["choice"], "personalized"), told)
        self.assertTrue(any(spent.startswith("profile ") for spent in told["spent_ms"]), told)
        answer = instance.post("/v1/decide/reset", {"anonymous_id": "v1"})
        self.assertEqual((answer.status, json.loads(answer.body)), (200, {"success": True}))
        self.assertEqual(self.seen(instance), [], "before it is folded")
        instance.kill()
        instance = self.started()
        self.assertEqual(self.seen(instance), [], "after a kill, with or without its commit")
        self.assertEqual(self.ask(instance)["reason"].split(",")[0], "cold_start")
        until(lambda: instance.status()["lag"]["records"]["fold"] == 0, instance.status)
        self.assertEqual(self.seen(instance), [], "once everything is folded")
        self.look(instance, "socks")
        until(lambda: self.seen(instance) == ["socks"], lambda: self.seen(instance))
        self.assertEqual(self.ask(instance)["source"], "personalized", "what comes later builds it anew")
        instance.kill()
        instance = self.started()
        until(lambda: self.seen(instance) == ["socks"], lambda: self.seen(instance))
        instance.stop()
        # The log folded anew says the same.
        run("backfill", "--data-dir", self.folder / "data", "--config", self.folder / "data.toml")
        instance = self.started()
        self.assertEqual(self.seen(instance), ["socks"])

    def pages(self):
        """Visitors who go from `/` to `/shoes`, and from others to others."""
        ways = [("/", "/shoes"), ("/a", "/b"), ("/c", "/d"), ("/e", "/f"), ("/g", "/h")]
        for visit in range(200):
            for number, path in enumerate(ways[visit % len(ways)]):
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_790_000_000 + 60 * visit + number))
                yield json.dumps({
                    "type": "page", "messageId": f"{visit}-{number}", "anonymousId": f"visitor-{visit}", "timestamp": stamp,
                    "receivedAt": stamp, "properties": {"url": f"https://shop.example{path}?visit={visit}"},
                    "context": {"userAgent": AGENT, "consent": {"categoryPreferences": {"personalization": True}}},
                })

    def test_hints_and_shadows_are_measured_over_restarts(self):
        source, config, data = self.folder / "pages.jsonl", self.folder / "use_cases.toml", self.folder / "data"
        config.write_text(CONFIG)
        lines = list(self.pages())
        source.write_text("\n".join(lines) + "\n")
        place = ("--data-dir", data, "--config", config)
        few = self.folder / "few.jsonl"
        few.write_text("\n".join(lines[:30]) + "\n")
        run("import", *place, "--format", "segment", few)
        run("train", "--pages", *place, expect=(1,))
        run("import", *place, "--format", "segment", source)
        told = json.loads(run("train", "--pages", *place, "--format", "json"))
        self.assertTrue(told["promoted"], told)
        self.assertEqual((told["pages"]["places"], told["pages"]["judged"]["hits"]), (5, 1.0), told)
        self.assertLess(told["pages"]["judged"]["popular"], 0.8, told)
        instance = self.started()
        for number in range(10):
            answer = self.ask(instance, visitor=f"live-{number}")
            self.assertEqual([hint["page"] for hint in answer["hints"]["pages"]], ["/shoes"], answer)
            self.assertGreater(answer["hints"]["pages"][0]["probability"], 0.9)
            path = "/shoes" if number < 6 else "/a"
            if number < 8:
                page = {"type": "page", "anonymousId": f"live-{number}",
                        "properties": {"url": f"https://shop.example{path}"}}
                self.assertEqual(instance.post("/v1/page", page).status, 200)

        def figures():
            totals = report("personalization", data, "--config", config)["totals"]
            return totals.get("hints"), totals.get("shadows")

        def whole():
            hints, shadows = figures()
            return hints and shadows and shadows[0]["scored"] == 10

        until(whole, figures)
        hints, shadows = figures()
        [hint] = hints
        self.assertEqual((hint["use_case"], hint["kind"]), ("home", "page"))
        self.assertEqual((hint["given"], hint["went_on"], hint["hits"]), (10, 8, 6))
        self.assertAlmostEqual(hint["hit_rate"], 0.75)
        self.assertLess(hint["hit_rate_low"], hint["hit_rate"])
        self.assertEqual(shadows[0]["candidate"], "next")
        metrics = instance.call("GET", "/metrics", admin=True).body.decode()
        self.assertIn('millstream_decide_hints_total{use_case="home",kind="page",outcome="hit"} 6', metrics)
        instance.stop()
        self.assertEqual(figures(), (hints, shadows), "what was measured is logged at the end")
        instance = self.started()
        self.assertEqual(figures(), (hints, shadows), "and counts on after it")
        self.assertIn("Prefetch hints", run("report", "personalization", *place))
        # Another version, and back.
        again = json.loads(run("train", "--pages", *place, "--format", "json"))
        self.assertEqual(again["version"], told["version"] + 1)
        back = json.loads(run("train", "--pages", "--rollback", *place, "--format", "json"))
        self.assertEqual((back["version"], back["rolled_back"]), (told["version"], True))


if __name__ == "__main__":
    unittest.main(verbosity=2)

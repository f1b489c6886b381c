"""What consent forbids stands in no file of the data directory, not even for a moment's sake."""

import json
import threading
import time
import unittest

from instance import Case, rows, run

ADDRESS = "203.0.113.77"
# How long files are read again and again while events without consent come in.
SCANNED_S = 6


def event(mark, consent=None, **more):
    """An event that carries its mark in every field that could tell who it is about."""
    url = f"https://shop.example/?gclid=click-{mark}&utm_source=june&utm_medium=cpc&utm_campaign=c"
    context = {"ip": ADDRESS, "userAgent": f"agent-{mark}", "page": {"url": url, "title": f"title-{mark}"},
               "traits": {"email": f"mail-{mark}@example.net"}}
    if consent is not None:
        context["consent"] = {"categoryPreferences": consent}
    return {"type": "page", "messageId": f"id-{mark}", "anonymousId": f"device-{mark}", "userId": f"user-{mark}",
            "properties": {"note": f"note-{mark}"}, "context": context} | more


class Consent(Case):
    """Marks that must, or must not, be found on disk."""

    def files_with(self, directory, mark):
        found = []
        for path in directory.rglob("*"):
            if path.is_file() and mark.encode() in path.read_bytes():
                found.append(path.name)
        return found

    def test_a_choice_has_a_receipt_that_can_be_held_against_the_log(self):
        instance = self.instance()
        instance.start()
        choice = {"purposes": {"measurement": True, "advertising": False}, "anonymousId": "device-choosing",
                  "text": "banner", "textVersion": "2026-11"}
        receipt = json.loads(instance.post("/v1/consent", choice).body)["receipt"]
        self.assertEqual((receipt["granted"], receipt["text"], receipt["text_version"]), (["measurement"], "banner", "2026-11"))
        denied = {"purposes": [], "anonymousId": "device-refusing", "text": "banner", "textVersion": "2026-11"}
        unkept = json.loads(instance.post("/v1/consent", denied).body)["receipt"]
        self.assertIn(instance.post("/v1/consent", choice | {"text": "?a=b"}).status, (400, 422))
        run("report", "sessions", "--data-dir", instance.directory)

        def audited(shown, code=0):
            file = self.folder / "receipt.json"
            file.write_text(json.dumps(shown))
            text = run("audit", "receipt", file, "--format", "json", "--data-dir", instance.directory, expect=(code,))
            return json.loads(text) if code == 0 else text

        for running in (True, False):
            if not running:
                instance.stop()
            self.assertIn("ordinal", audited(receipt)["record"])
            self.assertIn("measurement was denied", audited(unkept)["record"])
            audited(receipt | {"granted": ["measurement", "advertising"]}, 1)
            audited({"no": "receipt"}, 1)
            person = json.loads(run("audit", "person", "device-choosing", "--format", "json", "--data-dir", instance.directory))
            [kept] = [part for part in person["parts"][0]["parts"] if part["what"] == "choice"]
            self.assertEqual((kept["signature"], kept["receipt"]), (receipt["signature"], "holds"))
            told = json.loads(run("audit", "consent", "--format", "json", "--data-dir", instance.directory))["rows"]
            sums = [row["consent"] for row in told if row["consent"]["choices"]]
            self.assertEqual([(one["choices"], one["receipts"], one["receipts_broken"]) for one in sums], [(1, 1, 0)])
            self.assertEqual(sums[0]["by_text"], {"banner 2026-11": 1})
        self.assertEqual(self.files_with(instance.directory, "device-refusing"), [])
        self.assertEqual(self.files_with(instance.directory, unkept["id"]), [])

    def test_nothing_forbidden_reaches_the_disk(self):
        instance = self.instance()
        run("links", "add", "consent", "https://shop.example/landing", "--source", "a", "--medium", "b",
            "--campaign", "c", "--owner", "tests", "--data-dir", instance.directory)
        instance.start()
        events = [
            event("granted"),
            event("unmeasured", {"measurement": False, "advertising": False, "personalization": False}),
            event("adless", {"measurement": True, "advertising": False}),
        ]
        answer = instance.post("/v1/batch", {"batch": events})
        self.assertEqual(answer.status, 200, answer.body)
        objecting = instance.post("/v1/batch", {"batch": [event("objecting")]}, {"Sec-GPC": "1"})
        self.assertEqual(objecting.status, 200, objecting.body)
        broken = event("broken", {"measurement": False}, timestamp={"not": "a time"}, type="nonsense")
        self.assertIn(instance.post("/v1/batch", {"batch": [broken]}).status, (200, 400))
        instance.stop()

        for text in ("device-granted", "agent-granted", "click-granted", "note-granted"):
            self.assertTrue(self.files_with(instance.directory, text), f"{text} should be there: the search must see")
        self.assertEqual(self.files_with(instance.directory, "unmeasured"), [])
        self.assertEqual(self.files_with(instance.directory, ADDRESS), [])
        self.assertEqual(self.files_with(instance.directory, "-broken"), [])
        for mark in ("adless", "objecting"):
            self.assertTrue(self.files_with(instance.directory, f"id-{mark}"))
            self.assertEqual(self.files_with(instance.directory, f"click-{mark}"), [])
        ids = {row["event_id"] for row in rows("events", instance.directory)}
        self.assertEqual(ids, {"id-granted", "id-adless", "id-objecting"})

    def test_nothing_identifying_is_on_disk_at_any_moment(self):
        """Everything that can be sent, without consent, for seconds; every file read again and again meanwhile."""
        config = "[consent]\ndefault = []\n[tables]\nevery_seconds = 1\n[pipeline]\ncheckpoint_minutes = 1\n"
        instance = self.instance(config=config)
        run("links", "add", "canary", "https://shop.example/landing", "--source", "a", "--medium", "b",
            "--campaign", "c", "--owner", "tests", "--data-dir", instance.directory)
        instance.start()
        found, stop, scans = set(), threading.Event(), [0]

        def scan():
            while not stop.is_set():
                for path in [*instance.directory.rglob("*"), instance.output]:
                    try:
                        content = path.read_bytes() if path.is_file() else b""
                    except OSError:
                        continue  # it was there for a moment only
                    if b"canary-" in content or ADDRESS.encode() in content:
                        found.add(path.name)
                scans[0] += 1

        scanner = threading.Thread(target=scan)
        scanner.start()
        agent = {"User-Agent": "canary-agent", "X-Forwarded-For": ADDRESS, "Cookie": "ms_id=canary-cookie"}
        try:
            deadline, number = time.monotonic() + SCANNED_S, 0
            while time.monotonic() < deadline:
                number += 1
                mark = f"canary-{number}"
                for kind in ("track", "page", "identify", "group", "alias"):
                    sent = event(mark, type=kind, event="Order Completed", groupId=mark, previousId=f"old-{mark}",
                                 traits={"email": f"{mark}@example.net"})
                    self.assertEqual(instance.post("/v1/batch", {"batch": [sent, event(f"broken-{mark}", type="nonsense")]}, agent).status, 200)
                instance.call("GET", f"/r/canary?gclid={mark}", headers=agent)
                instance.call("GET", f"/p.gif?url=https%3A%2F%2Fshop.example%2F%3Fgclid%3D{mark}&anonymousId={mark}", headers=agent)
                instance.call("POST", "/mp/collect?measurement_id=G-1&api_secret=key", json.dumps(
                    {"client_id": mark, "user_id": mark, "events": [{"name": "purchase", "params": {"transaction_id": mark}}]}),
                    {"Content-Type": "application/json"} | agent)
                instance.call("POST", "/com.snowplowanalytics.snowplow/tp2", json.dumps(
                    {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
                     "data": [{"e": "pv", "duid": mark, "uid": mark, "tv": "t", "p": "web", "url": f"https://shop.example/{mark}"}]}),
                    {"Content-Type": "application/json"} | agent)
                instance.call("POST", "/v1/rum", json.dumps({"anonymousId": mark, "url": f"https://shop.example/{mark}"}),
                              {"Content-Type": "application/json"} | agent)
            # The search must see: with consent the same does reach the disk.
            granted = {"measurement": True, "advertising": True, "personalization": True}
            self.assertEqual(instance.post("/v1/batch", {"batch": [event("yellow-bird", granted)]}).status, 200)
        finally:
            stop.set()
            scanner.join()
        self.assertEqual(found, set())
        self.assertGreater(scans[0], 2)
        self.assertTrue(self.files_with(instance.directory, "device-yellow-bird"))
        instance.stop()
        self.assertEqual(self.files_with(instance.directory, "canary-"), [])
        self.assertEqual(self.files_with(instance.directory, ADDRESS), [])
        print(f"{number} rounds, {scans[0]} scans")

    def test_what_consent_allowed_is_told_by_day_and_region(self):
        instance = self.instance()
        instance.start()
        sent = [event("one"), event("two", {"measurement": True, "advertising": False}),
                event("three", {"measurement": False, "advertising": False, "personalization": False})]
        self.assertEqual(instance.post("/v1/batch", {"batch": sent}).status, 200)
        self.assertEqual(instance.post("/v1/batch", {"batch": [event("four")]}, {"Sec-GPC": "1"}).status, 200)
        chosen = {"purposes": ["measurement", "personalization"], "anonymousId": "device-five", "writeKey": "key"}
        self.assertEqual(instance.post("/v1/consent", chosen).status, 200)

        def told(*more):
            return json.loads(run("audit", "consent", "--data-dir", instance.directory, "--format", "json", *more))["rows"]

        running = told()
        instance.stop()
        self.assertEqual(running, told(), "a running instance tells the same")
        self.assertEqual(len(running), 1)
        consent = running[0]["consent"]
        self.assertEqual({name: consent[name] for name in ("events", "advertising", "unmeasured", "choices", "choices_advertising")},
                         {"events": 3, "advertising": 1, "unmeasured": 1, "choices": 1, "choices_advertising": 0})
        self.assertEqual(consent["by_source"], {"default": 1, "explicit": 1, "global_privacy_control": 1})
        self.assertEqual(told("--to", "2020-01-01"), [])
        self.assertIn("Not measured", run("audit", "consent", "--data-dir", instance.directory))
        run("audit", "consent", "--from", "yesterday", "--data-dir", instance.directory, expect=(2,))

    def test_unmeasured_events_are_still_counted(self):
        instance = self.instance(config='[consent]\ndefault = []\n')
        instance.start()
        for number in range(5):
            self.assertEqual(instance.post("/v1/track", event(f"silent{number}", type="track", event="E")).status, 200)
        instance.stop()
        self.assertEqual(self.files_with(instance.directory, "silent"), [])
        told = json.loads(run("report", "delivery", "--data-dir", instance.directory, "--format", "json"))
        self.assertEqual(told["gaps"]["unconsented"], 5)
        self.assertEqual(told["totals"]["visible"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)

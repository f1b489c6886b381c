"""What consent forbids stands in no file of the data directory, not even for a moment's sake."""

import json
import unittest

from instance import Case, rows, run

ADDRESS = "203.0.113.77"


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

"""Probable links over people of whom the truth is known: imported as anybody would, linked, judged from outside.

Everybody lives in a time zone with a locale, has hours and pages of their own, and two devices. Half of the people
log in on both, which is what the model learns from; of the others nobody is told. Some refuse personalization.
"""

import datetime
import json
import random
import unittest

from instance import Case, report, run, seed

PEOPLE = 240
ZONES = [f"{continent}/{city}" for continent, city in (
    ("Europe", "Berlin"), ("Europe", "Vienna"), ("Europe", "Paris"), ("Europe", "Rome"), ("America", "Lima"),
    ("America", "Chicago"), ("Asia", "Tokyo"), ("Asia", "Seoul"), ("Africa", "Lagos"), ("Pacific", "Auckland"))]
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
)
START = datetime.datetime(2026, 9, 7, tzinfo=datetime.timezone.utc)


def people(draw):
    """Events of everybody's devices; who logs in, who refuses."""
    events, known, refusing = [], set(), set()
    for person in range(PEOPLE):
        zone, locale = draw.choice(ZONES), draw.choice(("de-DE", "fr-FR", "en-US", "es-PE", "ja-JP"))
        agent, screen = draw.choice(AGENTS), draw.choice(((1920, 1080), (1440, 900), (390, 844)))
        hours = [draw.randrange(168) for _ in range(3)]
        pages = [f"/item/{draw.randrange(600)}" for _ in range(6)]
        if draw.random() < 0.5:
            known.add(person)
        elif draw.random() < 0.2:
            refusing.add(person)
        for device in range(2):
            context = {"timezone": zone, "locale": locale, "userAgent": agent,
                       "screen": {"width": screen[0], "height": screen[1]}}
            if person in refusing:
                context["consent"] = {"categoryPreferences": {"personalization": False}}
            for visit in range(8):
                at = START + datetime.timedelta(weeks=draw.randrange(4), hours=draw.choice(hours), minutes=draw.randrange(50))
                page = draw.choice(pages + ["/", "/help"])
                event = {"type": "page", "messageId": f"{person}-{device}-{visit}", "anonymousId": f"device-{person}-{device}",
                         "timestamp": at.isoformat(), "receivedAt": at.isoformat(),
                         "context": context | {"page": {"url": "https://shop.example" + page}}}
                if person in known and visit == 0:
                    event["userId"] = f"user-{person}"
                events.append(event)
        # A campaign led to the first device, before anything else; the second one bought, after everything else.
        came, bought = START - datetime.timedelta(minutes=draw.randrange(1, 600)), START + datetime.timedelta(weeks=4, minutes=draw.randrange(600))
        advert = {"page": {"url": "https://shop.example/?utm_source=search&utm_medium=cpc&utm_campaign=autumn"}}
        events.append({"type": "page", "messageId": f"{person}-came", "anonymousId": f"device-{person}-0", "timestamp": came.isoformat(),
                       "receivedAt": came.isoformat(), "context": context | advert})
        events.append({"type": "track", "event": "Order Completed", "messageId": f"{person}-bought", "anonymousId": f"device-{person}-1",
                       "timestamp": bought.isoformat(), "receivedAt": bought.isoformat(), "context": context,
                       "properties": {"order_id": f"order-{person}", "revenue": 10, "currency": "EUR"}})
    return events, known, refusing


def earned_by_campaign(pairs, known):
    """Conversions that the campaign comes first in, should `pairs` of devices be one person's."""
    group = {}

    def first(device):
        while device in group:
            device = group[device]
        return device

    for a, b in [*pairs, *(((person, 0), (person, 1)) for person in known)]:
        a, b = first(a), first(b)
        if a != b:
            group[a] = b
    came = {first((person, 0)) for person in range(PEOPLE)}
    return sum(first((person, 1)) in came for person in range(PEOPLE))


class Linking(Case):
    """What `link` finds, keeps and tells."""

    def filled(self, name, events):
        directory = self.folder / name
        lines = "\n".join(map(json.dumps, events)).encode()
        run("import", "-", "--data-dir", directory, "--format", "segment", "--own-domain", "shop.example", stdin=lines)
        return directory

    def link(self, directory, *more):
        return json.loads(run("link", "--data-dir", directory, "--format", "json", "--limit", "1000", *more))

    def test_links_are_right_kept_apart_and_the_same_again(self):
        draw = random.Random(seed())
        events, known, refusing = people(draw)
        one = self.filled("one", events)
        alone = self.link(one, "--dry-run")
        self.assertEqual((alone["outcome"], alone["version"], alone["versions"]), ("tried", None, []))

        # From here on through a running instance.
        instance = self.instance("one")
        instance.start()
        before = report("sessions", one)["totals"]
        kept = self.link(one)
        self.assertEqual((kept["outcome"], kept["version"], kept["artefact"]), ("kept", 1, alone["artefact"]))
        self.assertEqual(self.link(one)["outcome"], "unchanged")

        # The same events in another order: the same links, to the digit.
        draw.shuffle(events)
        other = self.link(self.filled("other", events), "--dry-run")
        self.assertEqual(kept["artefact"]["fit"], other["artefact"]["fit"])
        self.assertEqual(kept["artefact"]["devices"]["without_consent"], 2 * len(refusing))

        links = [link for link in kept["artefact"]["fit"]["links"] if link["standing"] == "link"]
        owner = self.owners(instance)
        wanted = set(range(PEOPLE)) - known - refusing
        pairs = [(owner[link["one"]], owner[link["other"]]) for link in links]
        right = sum(a == b and a in wanted for (a, _), (b, _) in pairs)
        print(f"{len(links)} links, {right} right, of {len(wanted)}", flush=True)
        self.assertGreater(right, 0.3 * len(wanted))
        self.assertGreaterEqual(right, 0.9 * len(links))
        self.assertFalse(any({a, b} & refusing for (a, _), (b, _) in pairs))

        # They change no figure that does not ask for them.
        self.assertEqual(report("sessions", one)["totals"], before)
        asked = report("sessions", one, "--links", "probable")["totals"]
        self.assertEqual(asked["people_with_probable_links"], before["people"] - len(links))
        self.assertEqual(report("stitching", one)["totals"]["probable_links"], len(links))
        probably = earned_by_campaign(pairs, known)
        self.assertGreater(probably, len(known))
        self.assertEqual((self.earned(one, "first"), self.earned(one, "first", "--links", "probable")), (len(known), probably))
        self.assertGreater(self.earned(one, "markov", "--links", "probable"), self.earned(one, "markov"))
        audited = run("audit", "person", links[0]["one"], "--data-dir", one)
        self.assertIn("probably the same person's", audited)

        # None at all, and the earlier version, also after a restart.
        self.assertIsNone(self.link(one, "--restore", "0")["version"])
        self.assertIsNone(report("stitching", one)["totals"]["probable_links"])
        self.assertEqual(self.link(one, "--restore", "1")["links"], len(links))
        instance.stop()
        self.assertTrue(self.link(one, "--show")["versions"][0]["in_force"])

        # Whoever is erased is dropped from every version kept; the links of others stay.
        gone, _ = owner[links[0]["one"]]
        devices = [f"device-{gone}-{device}" for device in range(2)]
        receipt = json.loads(run("erase", "--data-dir", one, *(word for name in devices for word in ("--anonymous", name))))
        self.assertEqual(receipt["left"], [])
        self.assertGreaterEqual(receipt["probable_links"], 1)
        left = self.link(one, "--show")["artefact"]["fit"]["links"]
        before = kept["artefact"]["fit"]["links"]
        self.assertEqual(left, [link for link in before if gone not in (owner[link["one"]][0], owner[link["other"]][0])])
        for file in (one / "probable").iterdir():
            self.assertNotIn(links[0]["one"], file.read_text())

    def earned(self, directory, *model_and_more):
        """Conversions credited to the campaign's channel; all channels together always earn one for each person."""
        told = report("campaigns", directory, "--model", *model_and_more)
        self.assertAlmostEqual(sum(row["conversions"] for row in told["rows"]), PEOPLE, places=6)
        return sum(row["conversions"] for row in told["rows"] if row["channel"] == "paid_search")

    @staticmethod
    def owners(instance):
        """Whose device each entity is, and which of theirs."""
        found = {}
        for person in range(PEOPLE):
            for device in range(2):
                answer = instance.call("GET", f"/api/audit/person/device-{person}-{device}", admin=True)
                for part in json.loads(answer.body)["parts"]:
                    if part["what"] == "device":
                        found[part["entity"]] = tuple(map(int, part["id"].split("-")[1:]))
        return found


if __name__ == "__main__":
    unittest.main()

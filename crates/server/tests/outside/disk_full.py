"""A full disk: events are refused with a reason and a time to come back, visitors are redirected all the
same, reports stay up, and once there is space again everything goes on by itself, losing nothing.

The data directory lies on a small file system of its own where one may be mounted, else the disk bound
of the configuration takes its place.
"""

import collections
import json
import subprocess
import time
import unittest

from crashes import click_id
from instance import Case, rows, run

DISK_MIB = 192
CHUNK = b"x" * (1 << 20)
PATIENCE_S = 60
AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}


def event(key, **more):
    return {"type": "track", "event": "E", "messageId": key, "anonymousId": f"device-{key}",
            "properties": {"text": "y" * 2_000}} | more


class DiskFull(Case):
    """One instance whose disk fills up, and is freed again."""

    def small_disk(self):
        place = self.folder / "disk"
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(place)], capture_output=True)
        if mounted.returncode != 0:
            return None
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)], check=False)
        return place

    def add_link(self, directory):
        run("links", "add", "full", "https://shop.example/landing", "--source", "full", "--medium", "test",
            "--campaign", "disk", "--owner", "tests", "--data-dir", directory)

    def send(self, instance, count, prefix):
        """Sends until `count` events are acknowledged or one is refused; the ids acknowledged."""
        taken = []
        for number in range(count):
            key = f"{prefix}-{number}"
            answer = instance.post("/v1/batch", {"batch": [event(f"{key}-{part}") for part in range(10)]})
            if answer.status != 200:
                return taken, answer
            taken += [f"{key}-{part}" for part in range(10)]
        return taken, None

    def fill_up(self, instance, prefix):
        """Sends ever smaller events until not even a click would fit; the ids acknowledged."""
        taken, answer = self.send(instance, 100_000, prefix)
        self.refused(answer)
        for size in (500, 100, 0):
            for number in range(100_000):
                key = f"{prefix}-{size}-{number}"
                answer = instance.post("/v1/track", event(key, properties={"text": "z" * size}))
                if answer.status != 200:
                    break
                taken.append(key)
            self.refused(answer)
        return taken

    def click(self, instance):
        answer = instance.call("GET", "/r/full", headers=AGENT)
        self.assertEqual(answer.status, 302, "a visitor is never held up")
        return answer.headers["Location"]

    def unlogged(self, instance):
        metrics = instance.call("GET", "/metrics", admin=True).body.decode()
        lines = [line for line in metrics.splitlines() if "clicks_unlogged" in line and not line.startswith("#")]
        return sum(float(line.split()[-1]) for line in lines)

    def counted(self, instance, expected):
        """Waits until so many redirects are counted as unlogged; figures are a moment old."""
        begun = time.monotonic()
        while self.unlogged(instance) < expected and time.monotonic() - begun < PATIENCE_S:
            time.sleep(0.1)
        self.assertEqual(self.unlogged(instance), expected)

    def refused(self, answer):
        self.assertIsNotNone(answer, "the disk did not fill up")
        self.assertEqual(answer.status, 503, answer.body[:300])
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        told = json.loads(answer.body)["error"]
        self.assertTrue(told["code"] and told["message"])

    def reads_stay_up(self, instance):
        for path in ("/api/status", "/api/report/sessions", "/api/report/campaigns", "/metrics"):
            self.assertEqual(instance.call("GET", path, admin=True).status, 200, path)
        self.assertEqual(instance.call("GET", "/healthz").status, 200)

    def test_a_full_file_system(self):
        place = self.small_disk()
        if place is None:
            self.skipTest("no file system can be mounted here; the configured bound has a test of its own")
        instance = self.instance("disk/data", config="[log]\nsegment_bytes = 4194304\n")
        self.add_link(instance.directory)
        instance.start()
        kept, answer = self.send(instance, 50, "before")
        self.assertIsNone(answer)
        logged_click = self.click(instance)
        ballast = self.fill(place)
        kept += self.fill_up(instance, "until")
        landings = [self.click(instance) for _ in range(20)]
        self.counted(instance, 20)
        self.reads_stay_up(instance)
        self.refused(instance.post("/v1/track", event("refused")))
        ballast.unlink()
        kept += self.resumes(instance)
        self.rebuilt(instance, landings, kept)
        instance.stop()
        self.judge(instance, kept, [logged_click, *landings])

    def fill(self, place):
        """A file that leaves no byte free."""
        ballast = place / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            size = len(CHUNK)
            while size:
                try:
                    written = file.write(CHUNK[:size])
                    size = size if written == size else size // 2
                except OSError:
                    size //= 2
        return ballast

    def resumes(self, instance):
        """Events are taken again without anybody's help."""
        begun = time.monotonic()
        for number in range(10_000):
            key = f"after-{number}"
            if instance.post("/v1/track", event(key)).status == 200:
                print(f"events are taken again {time.monotonic() - begun:.2f} s after there was space", flush=True)
                return [key]
            self.assertLess(time.monotonic() - begun, PATIENCE_S, "it does not resume")
            time.sleep(0.1)

    def rebuilt(self, instance, landings, kept):
        """Landing pages bring the clicks back that no disk could take."""
        for number, location in enumerate(landings):
            page = event(f"landing-{number}", type="page", context={"page": {"url": location}})
            self.assertEqual(instance.post("/v1/page", page).status, 200)
            kept.append(f"landing-{number}")
        begun = time.monotonic()
        while instance.status()["provisional"]:
            self.assertLess(time.monotonic() - begun, PATIENCE_S, f"the fold does not go on: {instance.status()}")
            time.sleep(0.05)

    def judge(self, instance, kept, locations):
        found = collections.Counter(row["event_id"] for row in rows("events", instance.directory))
        lost = [key for key in kept if found[key] != 1]
        self.assertEqual(lost[:3], [], f"{len(lost)} of {len(kept)} acknowledged events are not there once")
        self.assertNotIn("refused", found)
        report = json.loads(run("report", "campaigns", "--by", "link", "--data-dir", instance.directory, "--format", "json"))
        clicks = sum(row["clicks"] for row in report["rows"] if row["link"] == "full")
        self.assertEqual(clicks, len({click_id(location) for location in locations}), report["rows"])

    def test_the_configured_bound(self):
        instance = self.instance(config="[log]\nsegment_bytes = 1048576\nbytes_max = 4194304\n")
        self.add_link(instance.directory)
        instance.start()
        kept = self.fill_up(instance, "bound")
        self.assertGreater(len(kept), 500)
        self.click(instance)
        self.counted(instance, 1)
        self.reads_stay_up(instance)
        size = sum(path.stat().st_size for path in (instance.directory / "log").glob("*.segment"))
        self.assertLessEqual(size, 4_194_304 + (2 << 20), "bound, and zeros prepared ahead")
        instance.stop()
        found = collections.Counter(row["event_id"] for row in rows("events", instance.directory))
        self.assertEqual([key for key in kept if found[key] != 1], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

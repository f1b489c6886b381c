"""Forwarding against a vendor that behaves as badly as real ones do: a real HTTP server with a script.

$MILLSTREAM_DELIVERY_CRASHES says how often the process is killed during deliveries (default 3).
"""

import base64
import collections
import gzip
import hashlib
import hmac
import json
import os
import signal
import time
import unittest

from instance import rows, run
from vendor import CONFIG, SECRET, Forwarding, order

CRASHES = int(os.environ.get("MILLSTREAM_DELIVERY_CRASHES", "50" if os.environ.get("MILLSTREAM_DEEP") else "3"))


class Destinations(Forwarding):
    def test_a_signed_webhook_by_a_file_alone(self):
        instance = self.with_destinations({"shop": self.webhook("hook")})
        run("destinations", "check", instance.directory / "destinations")
        shown = run("destinations", "dry-run", instance.directory / "destinations" / "shop.toml")
        self.assertIn("Order Completed", shown)
        self.assertNotIn(SECRET, shown)
        instance.start()
        self.until(lambda: self.standing(instance, "shop"))
        self.send(instance, order(1), order(1), order(2))
        self.until(lambda: self.totals(instance, "shop")["delivered"] == 2, why=lambda: str(self.standing(instance, "shop")))
        time.sleep(0.3)
        self.assertEqual(self.vendor.taken("hook"), {"m-1": 1, "m-2": 1})
        for _, headers, body, _ in self.vendor.seen["hook"]:
            stamp, number = headers["webhook-timestamp"], headers["webhook-id"]
            self.assertEqual(number, headers["idempotency-key"])
            signed = f"{number}.{stamp}.".encode() + body
            expected = base64.b64encode(hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], f"v1,{expected}")
        metrics = instance.call("GET", "/metrics", admin=True).body.decode()
        self.assertIn('millstream_forward_events_total{destination="shop",class="conversion",outcome="delivered"} 2', metrics)
        self.assertIn("shop", run("destinations", "list", "--data-dir", instance.directory))

    def test_every_answer_ends_as_the_policy_says(self):
        faults = {"fine": [200], "busy": [(429, {"Retry-After": "1"}), 200], "down": [500, 503, 500, 200],
                  "hang": ["hang", 200], "reset": ["reset", "reset", 200], "drip": ["drip", 200], "moved": [(302, {"Location": "http://127.0.0.1:1/"})],
                  "never": [500]}
        faults["picky"] = [lambda body: 400 if body["event"]["id"] in ("m-3", "m-7") else 200]
        self.vendor.script.update(faults)
        files = {name: self.webhook(name, attempts=3 if name == "never" else 12) for name in faults}
        files["never"] = files["never"].replace("open_ms = 200", "failed_percent = 100\nopen_ms = 1")
        instance = self.with_destinations(files)
        instance.start()
        self.until(lambda: self.standing(instance, "fine"))
        began = time.monotonic()
        self.send(instance, *(order(number) for number in range(20)))
        self.until(lambda: self.totals(instance, "fine")["delivered"] == 20)
        self.assertLess(time.monotonic() - began, 3, "one that hangs must not slow another")
        for name in ("busy", "down", "hang", "reset", "drip"):
            self.until(lambda: self.totals(instance, name)["delivered"] == 20, 40, lambda: str(self.standing(instance, name)))
            self.assertEqual(set(self.vendor.taken(name)), {f"m-{n}" for n in range(20)}, name)
        self.until(lambda: self.totals(instance, "picky")["dead"] == 2)
        self.until(lambda: self.totals(instance, "picky")["delivered"] == 18)
        self.until(lambda: self.totals(instance, "moved")["dead"] == 20)
        never = self.totals(instance, "never")
        self.assertEqual(never["dead"] + never["pending"], 20, never)
        def letters():
            return json.loads(run("destinations", "dead", "picky", "--data-dir", instance.directory, "--format", "json"))["letters"]
        self.until(lambda: len(letters()) == 2)
        self.assertEqual({(one["r"], one["s"]) for one in letters()}, {("refused", 400)})
        first = self.vendor.seen["busy"][0][3]
        later = [at for step, *_, at in self.vendor.seen["busy"] if step == 200 and at > first + 0.5]
        self.assertGreaterEqual(min(later) - first, 0.9, "Retry-After was not honoured")
        # The vendor is mended: dead letters are sent again, under the same key.
        self.vendor.script["picky"] = [200]
        run("destinations", "resend", "picky", "--data-dir", instance.directory)
        self.until(lambda: self.totals(instance, "picky")["delivered"] == 20)
        self.until(lambda: letters() == [])
        keys = collections.defaultdict(set)
        for _, headers, body, _ in self.vendor.seen["picky"]:
            keys[json.loads(body)["event"]["id"]].add(json.loads(body)["key"])
        self.assertTrue(all(len(found) == 1 for found in keys.values()), keys)

    def test_consent_and_pauses_and_replays(self):
        advertising = self.webhook("ads").replace('preset = "webhook"', 'preset = "webhook"\nrequires = ["measurement", "advertising"]')
        instance = self.with_destinations({"ads": advertising, "all": self.webhook("all")})
        instance.start()
        self.until(lambda: self.standing(instance, "ads"))
        denied = {"context": {"consent": {"categoryPreferences": {"measurement": True, "advertising": False}}}}
        self.send(instance, order(1), order(2, **denied))
        self.until(lambda: self.totals(instance, "all")["delivered"] == 2)
        self.until(lambda: self.totals(instance, "ads")["unconsented"] == 1)
        self.assertEqual(set(self.vendor.taken("ads")), {"m-1"})
        run("destinations", "pause", "all", "--data-dir", instance.directory)
        self.send(instance, order(3))
        self.until(lambda: self.totals(instance, "all")["pending"] == 1)
        time.sleep(0.3)
        self.assertNotIn("m-3", self.vendor.taken("all"))
        instance.stop()
        instance.start()
        self.until(lambda: self.standing(instance, "all"))
        self.assertEqual(self.standing(instance, "all")["standing"], "paused", "a pause outlives a restart")
        run("destinations", "resume", "all", "--data-dir", instance.directory)
        self.until(lambda: self.vendor.taken("all")["m-3"] == 1)
        self.assertEqual(self.vendor.taken("all"), {"m-1": 1, "m-2": 1, "m-3": 1}, "a restart sends nothing again")
        run("backfill", "--data-dir", instance.directory)
        time.sleep(0.5)
        self.assertEqual(sum(self.vendor.taken("all").values()), 3, "folding anew sends nothing")
        run("destinations", "replay", "ads", "--data-dir", instance.directory)
        self.until(lambda: self.vendor.taken("ads")["m-1"] == 2)
        self.assertNotIn("m-2", self.vendor.taken("ads"))

    def test_private_addresses_are_refused(self):
        hosts = ["2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "localhost", "169.254.169.254"]
        files = {}
        for number, host in enumerate(hosts):
            files[f"d{number}"] = self.webhook("inside").replace("127.0.0.1", host)
        instance = self.with_destinations(files)
        instance.config = CONFIG.replace('"127.0.0.1"', '"192.0.2.1"')
        instance.start()
        self.until(lambda: self.standing(instance, "d0"))
        self.send(instance, order(1))
        for name in files:
            self.until(lambda: (self.standing(instance, name)["measured"]["errors"].get("address", 0)) > 0)
        self.assertEqual(self.vendor.seen["inside"], [])

    def test_a_rule_that_hangs_delays_no_other(self):
        ten = "[0,1,2,3,4,5,6,7,8,9]"
        hangs = "true"
        for name in "abcdefgh":
            hangs = f"{ten}.all({name}, {hangs})"  # a hundred million rounds
        slow = self.webhook("slow").replace('preset = "webhook"', f'preset = "webhook"\nmatch = "{hangs}"')
        instance = self.with_destinations({"slow": slow, "fine": self.webhook("fine")})
        instance.start()
        self.until(lambda: self.standing(instance, "fine"))
        began = time.monotonic()
        self.send(instance, *(order(number) for number in range(50)))
        self.until(lambda: self.totals(instance, "fine")["delivered"] == 50, 10, lambda: str(self.standing(instance, "fine")))
        self.assertLess(time.monotonic() - began, 5, "a rule that hangs must not delay another destination")
        self.until(lambda: self.totals(instance, "slow")["dead"] > 0, 30, lambda: str(self.standing(instance, "slow")))

        def reasons():
            dead = json.loads(run("destinations", "dead", "slow", "--data-dir", instance.directory, "--format", "json"))
            return {one["r"] for one in dead["letters"]}

        self.until(reasons)
        self.assertEqual(reasons(), {"rule_timeout"})
        self.assertEqual(self.vendor.taken("slow"), {})
        began = time.monotonic()
        instance.stop()
        self.assertLess(time.monotonic() - began, 15, "a rule that hangs must not hold the end up")

    def test_files_are_read_again_without_a_restart(self):
        """A changed file is another version, a broken one changes nothing, a new one begins, one that is gone waits."""
        instance = self.instance(config=CONFIG)
        folder = instance.directory / "destinations"
        instance.start()

        def reloaded(code=0):
            return json.loads(run("config", "reload", "--data-dir", instance.directory, expect=(code,)))

        self.assertEqual(reloaded()["added"], [])
        folder.mkdir(parents=True)
        (folder / "secret").write_text("whsec_" + SECRET)
        (folder / "first.toml").write_text(self.webhook("one"))
        added = reloaded()["added"]
        self.assertEqual([one["name"] for one in added], ["first"])
        self.send(instance, order(1))
        self.until(lambda: self.vendor.taken("one")["m-1"] == 1)

        # While a request hangs its file changes: it ends as it began, and what is begun goes by the new one.
        self.vendor.script["one"] = ["hang", 200]
        self.send(instance, order(2))
        self.until(lambda: len(self.vendor.seen["one"]) == 2)
        (folder / "first.toml").write_text(self.webhook("two"))
        (folder / "second.toml").write_text(self.webhook("other"))
        done = reloaded()
        self.assertEqual(([one["name"] for one in done["changed"]], [one["name"] for one in done["added"]]), (["first"], ["second"]))
        self.assertNotEqual(done["changed"][0]["version"], added[0]["version"])
        self.assertEqual(self.standing(instance, "first")["version"], done["changed"][0]["version"])
        self.send(instance, order(3))
        self.until(lambda: {"m-2", "m-3"} <= set(self.vendor.taken("two")))
        self.until(lambda: set(self.vendor.taken("other")) == {"m-3"})

        (folder / "first.toml").write_text(self.webhook("two").replace('preset = "webhook"', 'preset = "webhook"\nmatch = "("'))
        (folder / "second.toml").unlink()
        done = reloaded(3)
        self.assertEqual(done["withdrawn"], ["second"])
        self.assertEqual([one["name"] for one in done["refused"]], ["first"])
        self.assertIn("match", done["refused"][0]["why"])
        self.assertEqual(done["refused"][0]["in_force"], self.standing(instance, "first")["version"])
        self.assertIsNone(self.standing(instance, "second"))
        self.send(instance, order(4))
        self.until(lambda: self.vendor.taken("two")["m-4"] == 1, why="the earlier version stays in force")
        time.sleep(0.3)
        self.assertNotIn("m-4", self.vendor.taken("other"))
        (folder / "second.toml").write_text(self.webhook("other"))
        (folder / "first.toml").write_text(self.webhook("two"))
        os.kill(instance.process.pid, signal.SIGHUP)
        self.until(lambda: self.vendor.taken("other")["m-4"] == 1, why="what was owed waited for the file")
        instance.stop()
        for name in ("two", "other"):
            self.assertTrue(all(count == 1 for count in self.vendor.taken(name).values()), self.vendor.taken(name))

    def test_object_storage_by_a_file_alone(self):
        text = (f'preset = "s3"\n[request]\nurl = "http://127.0.0.1:{self.vendor.port}/shop/${{key}}.jsonl.gz"\n[storage]\nregion = "eu-central-1"\n'
                '[secrets]\naccess_key = { file = "access" }\nsecret_key = { file = "secret" }\n[limits]\nlinger_ms = 300\n')
        instance = self.with_destinations({"lake": text})
        (instance.directory / "destinations" / "access").write_text("AKIDEXAMPLE")
        (instance.directory / "destinations" / "secret").write_text("wJalrXUtnFEMI")
        instance.start()
        self.until(lambda: self.standing(instance, "lake"))
        self.send(instance, *(order(number) for number in range(50)))
        self.until(lambda: self.totals(instance, "lake")["delivered"] == 50, why=lambda: str(self.standing(instance, "lake")))
        found = []
        for path, seen in self.vendor.seen.items():
            for _, headers, body, _ in seen:
                found += [json.loads(line)["event"]["id"] for line in gzip.decompress(body).splitlines()]
                self.assertEqual(headers["authorization"], self.signature("/" + path, headers, body))
        self.assertEqual(sorted(found), sorted(f"m-{number}" for number in range(50)))

    def test_parquet_files_in_a_folder_and_in_object_storage(self):
        lake = self.folder / "lake"
        columns = '[request.columns]\nkey = "text"\nid = "text"\nat = "time"\nvalue = "text"\nproperties = "json"\n'
        request = ('{{url}}\nitem = "{{{{\'key\': key, \'id\': event.id, \'at\': event.time, \'value\': event.value_text, \'properties\': event.properties}}}}"\n'
                   'format = "parquet"\ngzip = false\nheaders = {{{{ "Content-Type" = "application/vnd.apache.parquet" }}}}\n')
        stored = f'url = "http://127.0.0.1:{self.vendor.port}/shop/${{key}}.parquet"'
        text = 'preset = "s3"\n[request]\n' + request.format().format(url=stored) + columns + (
            '[secrets]\naccess_key = { file = "secret" }\nsecret_key = { file = "secret" }\n[limits]\nlinger_ms = 300\n')
        local = f'preset = "parquet"\n[request]\nurl = "file://{lake}/${{key}}.parquet"\n[limits]\nlinger_ms = 300\n'
        instance = self.with_destinations({"local": local, "stored": text})
        run("destinations", "check", instance.directory / "destinations")
        instance.start()
        self.until(lambda: self.standing(instance, "stored"))
        self.send(instance, *(order(number) for number in range(50)))
        for name in ("local", "stored"):
            self.until(lambda: self.totals(instance, name)["delivered"] == 50, why=lambda: str(self.standing(instance, name)))
        bodies = [body for path, seen in self.vendor.seen.items() if path.endswith(".parquet") for _, _, body, _ in seen]
        files = [file.read_bytes() for file in lake.iterdir()]
        self.assertTrue(all(file.suffix == ".parquet" for file in lake.iterdir()), "nothing unfinished is left")
        self.assertTrue(all(body[:4] == body[-4:] == b"PAR1" for body in bodies + files) and bodies and files)
        again = self.folder / "again"
        columns = {"event_id": "event_id", "time": "event_time", "kind": "kind", "name": "event", "anonymous_id": "anonymous_id"}
        (self.folder / "map.toml").write_text("".join(f'{field} = "{column}"\n' for field, column in columns.items()))
        run("import", *lake.iterdir(), "--format", "parquet", "--map", self.folder / "map.toml", "--data-dir", again)
        self.assertEqual(sorted(row["event_id"] for row in rows("events", again)), sorted(f"m-{number}" for number in range(50)))

    @staticmethod
    def signature(path, headers, body):
        """What Amazon's description of version 4 says, step by step."""
        given = {name.lower(): value.strip() for name, value in headers.items()}
        credential, names, _ = given["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
        scope, names = credential.split("/", 1)[1], names.split("=")[1]
        signed = "".join(f"{name}:{given[name]}\n" for name in names.split(";"))
        asked = f"PUT\n{path}\n\n{signed}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{given['x-amz-date']}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        key = b"AWS4wJalrXUtnFEMI"
        for step in [*scope.split("/"), text]:
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        return f"AWS4-HMAC-SHA256 {credential},SignedHeaders={names},Signature={key.hex()}"

    def test_a_lookup_is_read_again_while_events_flow(self):
        mapped = self.webhook("hook").replace("[request]", """[lookups.products]
file = "products.csv"
key = "sku"
[request]
item = \"\"\"{'key': key, 'event': {'id': event.id}, 'margin': get(lookup('products', get(event, 'properties.sku')), 'margin'),
  'version': lookup_version('products')}\"\"\"""")
        instance = self.with_destinations({"shop": mapped})
        table = instance.directory / "destinations" / "products.csv"
        run("destinations", "check", instance.directory / "destinations", expect=(1, 2))
        table.write_text("sku,margin\nA-1,0.3\n")
        run("destinations", "check", instance.directory / "destinations")
        instance.start()
        self.until(lambda: self.standing(instance, "shop"))
        priced = {"properties": {"order_id": "o", "value": 10, "currency": "EUR", "sku": "A-1"}}

        def told(number):
            self.send(instance, order(number, **priced))
            self.until(lambda: f"m-{number}" in self.vendor.taken("hook"))
            return next(said for _, _, body, _ in self.vendor.seen["hook"] if (said := json.loads(body))["event"]["id"] == f"m-{number}")

        first = told(1)
        self.assertEqual(first["margin"], "0.3")
        table.write_text("sku,margin\nA-1,0.25\n")
        time.sleep(1.1)
        second = told(2)
        self.assertEqual(second["margin"], "0.25")
        self.assertNotEqual(first["version"], second["version"])
        table.write_text("nothing of use\n")
        time.sleep(1.1)
        self.assertEqual(told(3)["version"], second["version"], "a broken file changes nothing")
        self.assertIn("sku", self.standing(instance, "shop")["lookups"][0]["trouble"])
        self.assertIn("earlier version of the lookup products", run("destinations", "list", "--data-dir", instance.directory))
        table.unlink()
        time.sleep(1.1)
        self.assertEqual(told(4)["margin"], "0.25", "nor does one that is gone")

    def test_killed_during_deliveries(self):
        self.vendor.script["hook"] = [lambda body: time.sleep(0.002) or 200]
        instance = self.with_destinations({"shop": self.webhook("hook")})
        instance.start()
        self.until(lambda: self.standing(instance, "shop"))
        sent = 0
        for _ in range(CRASHES):
            self.send(instance, *(order(sent + number) for number in range(200)))
            sent += 200
            time.sleep(0.15)
            instance.kill()
            instance.start()
        self.until(lambda: len(self.vendor.taken("hook")) == sent, 60 + sent / 40, lambda: f"{len(self.vendor.taken('hook'))} of {sent}: {self.standing(instance, 'shop')}")
        keys = collections.defaultdict(set)
        for _, _, body, _ in self.vendor.seen["hook"]:
            said = json.loads(body)
            keys[said["event"]["id"]].add(said["key"])
        self.assertTrue(all(len(found) == 1 for found in keys.values()))
        extra = len(self.vendor.seen["hook"]) - sent
        print(f"{sent} events, {CRASHES} crashes, {extra} sent again")


if __name__ == "__main__":
    unittest.main()

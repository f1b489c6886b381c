"""SQL over the kept tables: they equal an export, whatever happens to the process; a running instance answers."""

import json
import random
import time
import unittest

from instance import Case, export, run, seed
from shop import history

KEPT = ("events", "sessions", "touches", "conversions", "credits")
KILLS = 12
CONFIG = "[tables]\nevery_seconds = 1\nshare_percent = 100\n"


def ask(query, *place, more=()):
    return json.loads(run("sql", query, "--format", "json", "--rows", "10000", *place, *more))


def plain(rows):
    """Rows in one order; JSON as what it says, which SQL gives as text."""
    for row in rows:
        if isinstance(row.get("properties"), str):
            row["properties"] = json.loads(row["properties"])
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def exported(table, directory):
    mutable = () if table == "events" else ("--with-revision",)
    text = run("export", "--data-dir", directory, "--table", table, "--format", "jsonl", *mutable)
    return [json.loads(line) for line in text.splitlines()]


class Sql(Case):
    def equal(self, directory):
        for table in KEPT:
            answer = ask(f"select * from {table}", "--data-dir", directory)
            self.assertFalse(answer["more"])
            kept, told = plain(answer["rows"]), plain(exported(table, directory))
            differing = [pair for pair in zip(kept, told) if pair[0] != pair[1]][:1]
            self.assertTrue(kept == told, f"{table}: {len(kept)} kept, {len(told)} exported: {differing}")

    def test_tables_equal_an_export_after_any_kill(self):
        draw = random.Random(seed())
        lines = history(draw)
        draw.shuffle(lines)
        instance = self.instance(config=CONFIG)
        for kill in range(KILLS):
            instance.start()
            for line in lines[kill::KILLS]:
                call = json.loads(line)
                self.assertEqual(instance.post(f"/v1/{call['type']}", call).status, 200)
            # Somewhere between before the first refresh and in the middle of the second.
            time.sleep(draw.random() * 2.5)
            instance.kill()
        self.equal(instance.directory)
        left = {path.name for path in (instance.directory / "tables").iterdir()}
        manifest = json.loads((instance.directory / "tables" / "manifest.json").read_text())
        buckets = [bucket for table in manifest["derived"].values() for bucket in table]
        named = {part["file"] for part in manifest["events"] + buckets if part["file"]}
        self.assertEqual(left - {"manifest.json"}, named, "files of an unfinished refresh are left")

    def test_a_running_instance_answers_and_says_how_fresh_it_is(self):
        instance = self.instance(config="[tables]\nevery_seconds = 3600\n")
        instance.start()
        place = ("--url", f"http://127.0.0.1:{instance.admin}")
        count = "select count(*) as n from events"
        self.assertEqual(ask(count, *place)["rows"], [{"n": 0}])
        call = {"anonymousId": "a", "messageId": "m", "event": "Signed Up", "type": "track"}
        self.assertEqual(instance.post("/v1/track", call).status, 200)
        limit = time.monotonic() + 30
        while ask(count, *place, more=["--fresh"])["rows"] != [{"n": 1}]:
            self.assertLess(time.monotonic(), limit, "a fresh answer does not show what was folded")
        answer = ask("select event, event_time from events", *place)
        self.assertEqual(answer["rows"][0]["event"], "Signed Up")
        self.assertEqual([column["kind"] for column in answer["columns"]], ["text", "time"])
        self.assertLessEqual({"as_of", "complete_until", "provisional", "elapsed_ms"}, set(answer))
        for wrong in ("drop table events", "select * from evnts", "selec 1"):
            run("sql", wrong, *place, expect=(1,))
            answer = instance.call("POST", "/api/sql", json.dumps({"query": wrong}), admin=True)
            self.assertEqual(answer.status, 400, answer.body)
        said = instance.call("POST", "/api/sql", b'{"query": "select 1", "limit": 1}', admin=True)
        self.assertEqual(said.status, 400)
        instance.stop()

    def test_what_is_asked_wrongly_is_told_and_ends_with_two(self):
        source = self.folder / "shop.jsonl"
        source.write_text("".join(history(random.Random(7), visitors=5)))
        directory = self.folder / "data"
        run("import", "--format", "segment", "--data-dir", directory, source)
        for wrong in ("select * from evnts", "copy events to '/tmp/x.csv'", "select 1; select 2"):
            run("sql", wrong, "--data-dir", directory, expect=(2,))
        run("sql", "select 1", "--rows", "10001", "--data-dir", directory, expect=(2,))
        shown = run("sql", "select * from events", "--rows", "3", "--data-dir", directory)
        self.assertIn("The first 3 rows; there are more", shown)
        self.assertEqual(len(run("sql", "select kind from events", "--rows", "3", "--format", "csv",
                                 "--data-dir", directory).splitlines()), 4)
        total = export("sessions", directory).count(b"\n") - 1
        answer = ask("select count(*) as n from sessions", "--data-dir", directory)
        self.assertEqual(answer["rows"], [{"n": total}])


if __name__ == "__main__":
    unittest.main()

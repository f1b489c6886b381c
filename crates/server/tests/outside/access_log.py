"""A real access log, imported: the figures equal an independent recount, and nothing but the set of
lines decides the answers: neither order, pieces, repetition, crashes, owners nor batch sizes."""

import datetime
import gzip
import random
import signal
import subprocess
import time
import unittest

import recount
import shop
from instance import BINARY, TREE, Case, export, report, rows, run, seed

TABLES = ("events", "sessions", "touches", "conversions", "credits")
QUARANTINED = 3


def real_lines():
    packed = (TREE / "testdata/access_combined.log.gz").read_bytes()
    return gzip.decompress(packed).decode("ascii").splitlines(keepends=True)


def burst():
    """21 page views within 10 s from one device, and 21 within 11 s from another: only one a bot."""
    def line(address, at):
        return (f'{address} - - [17/May/2015:11:00:{at:02d} +0000] "GET /p{at} HTTP/1.1" 200 5 "-" '
                '"Mozilla/5.0 (X11; Linux x86_64; rv:29.0) Gecko/20100101 Firefox/29.0"\n')
    quick = [line("198.51.100.7", at // 2) for at in range(21)]
    slow = [line("198.51.100.8", at // 2 if at < 20 else 11) for at in range(21)]
    return quick + slow


class AccessLog(Case):
    """Imports against the recount."""

    @classmethod
    def setUpClass(cls):
        cls.lines = real_lines()
        cls.random = random.Random(seed())

    def write(self, name, lines):
        path = self.folder / name
        path.write_text("".join(lines))
        return path

    def load(self, name, *files, config="", expect=(QUARANTINED,)):
        """Imports into a fresh directory; returns the directory."""
        directory = self.folder / name
        self.again(directory, *files, config=config, expect=expect)
        return directory

    def again(self, directory, *files, config="", expect=(QUARANTINED,)):
        more = []
        if config:
            path = self.folder / "config.toml"
            path.write_text(config)
            more = ["--config", path]
        return run("import", "--data-dir", directory, "--format", "combined", *more, *files, expect=expect)

    def tables(self, directory):
        return {table: export(table, directory) for table in TABLES}

    def assert_same(self, expected, directory, what):
        for table, content in self.tables(directory).items():
            if content != expected[table]:
                ours, theirs = expected[table].splitlines(), content.splitlines()
                first = next((pair for pair in zip(ours, theirs) if pair[0] != pair[1]), (b"", b""))
                self.fail(f"{what}: {table} differs ({len(ours)} and {len(theirs)} lines):\n{first[0]}\n{first[1]}")

    def recount(self, lines):
        patterns = recount.agent_patterns(TREE / "crates/server/data/crawler-user-agents.json")
        return recount.Recount((line.rstrip("\n") for line in lines), patterns)

    def check_against_recount(self, lines):
        path = self.write("whole.log", lines)
        directory = self.load("whole", path)
        expected = self.recount(lines)
        sessions = expected.sessions()
        told = report("sessions", directory)
        totals = told["totals"]
        self.assertEqual(sum(row["kind"] == "page" for row in rows("events", directory)), expected.page_views)
        self.assertEqual(totals["events"], expected.events)
        self.assertEqual(totals["devices"], len(expected.devices))
        self.assertEqual(totals["bot_sessions"], sum(bot for *_, bot in sessions))
        self.assertEqual(totals["sessions"], sum(not bot for *_, bot in sessions))
        self.assertEqual(told["gaps"]["quarantined"], expected.malformed)
        ours = [(stamp(row["started_at"]), stamp(row["ended_at"]), int(row["events"]))
                for row in rows("sessions", directory)]
        self.assertEqual(sorted(ours), [session[:3] for session in sessions])
        touches = [touch_of(row) for row in rows("touches", directory)]
        self.assertEqual(sorted(touches), expected.touches())
        return directory, expected

    def test_real_log_equals_the_recount(self):
        _, expected = self.check_against_recount(self.lines)
        self.assertEqual((expected.events, expected.malformed), (9999, 1))
        self.assertEqual((len(expected.devices), expected.page_views), (1861, 3911))
        self.assertEqual(expected.campaign_hits, 153)

    def test_real_log_has_the_known_campaign_hits(self):
        directory = self.load("whole", self.write("whole.log", self.lines))
        bearing = [row for row in rows("events", directory) if "utm_" in row["url"].partition("?")[2]]
        self.assertEqual(len(bearing), 153)
        self.assertTrue(all(row["campaign"].startswith("Feed: semicomplete/main") for row in bearing))

    def test_bursts_are_bots(self):
        _, expected = self.check_against_recount(self.lines[:50] + burst() + ["no line at all\n"])
        self.assertEqual([bot for *_, events, bot in expected.sessions() if events == 21], [True, False])

    def test_same_import_again_adds_nothing(self):
        path = self.write("whole.log", self.lines)
        directory = self.load("twice", path)
        expected = self.tables(directory)
        self.again(directory, path)
        self.assert_same(expected, directory, "the same import again")

    def test_order_and_pieces_do_not_matter(self):
        expected = self.tables(self.load("whole", self.write("whole.log", self.lines)))
        shuffled = self.random.sample(self.lines, len(self.lines))
        self.assert_same(expected, self.load("shuffled", self.write("s.log", shuffled)), "shuffled lines")
        cuts = sorted(self.random.sample(range(len(shuffled)), 6))
        pieces = [self.write(f"{number}.log", shuffled[first:last])
                  for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(shuffled)]))]
        self.random.shuffle(pieces)
        self.assert_same(expected, self.load("pieces", *pieces), "pieces in any order")

    def test_killed_import_resumes(self):
        path = self.write("whole.log", self.lines)
        started = time.monotonic()
        expected = self.tables(self.load("whole", path))
        whole_s = time.monotonic() - started
        directory = self.folder / "killed"
        command = [BINARY, "import", "--data-dir", str(directory), "--format", "combined", str(path)]
        for _ in range(6):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.random.uniform(0.01, max(0.05, whole_s * 0.3)))
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.again(directory, path)
        self.assert_same(expected, directory, "killed six times, then finished")

    def test_owners_and_batches_do_not_matter(self):
        path = self.write("whole.log", self.lines)
        expected = self.tables(self.load("whole", path))
        for owners, batch in ((1, 1), (4, 1000), (16, 1), (16, 1000), (1, 1000)):
            config = f"[pipeline]\nowners = {owners}\nbatch_records = {batch}\n"
            directory = self.load(f"o{owners}b{batch}", path, config=config)
            self.assert_same(expected, directory, f"{owners} owners, batches of {batch}")


class Shop(Case):
    """The same, on events with orders, so that credit is at stake."""

    def load(self, name, lines, config=""):
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(lines))
        more = []
        if config:
            (self.folder / "config.toml").write_text(config)
            more = ["--config", self.folder / "config.toml"]
        directory = self.folder / name
        run("import", "--data-dir", directory, "--format", "segment", *more, path)
        return {table: export(table, directory) for table in TABLES}, directory

    def test_credits_depend_on_the_set_alone(self):
        draw = random.Random(seed())
        lines = shop.history(draw)
        expected, directory = self.load("plain", lines)
        shuffled = draw.sample(lines, len(lines))
        doubled = shuffled + draw.choices(lines, k=len(lines))
        for name, other, config in (
            ("shuffled", shuffled, ""),
            ("doubled", doubled, "[pipeline]\nowners = 1\nbatch_records = 1\n"),
            ("owners", doubled[::-1], "[pipeline]\nowners = 16\nbatch_records = 7\n"),
        ):
            tables, _ = self.load(name, other, config)
            for table in TABLES:
                self.assertEqual(expected[table], tables[table], f"{name}: {table}")
        self.assert_credits_sum(directory)

    def assert_credits_sum(self, directory):
        values = {row["conversion_id"]: int(row["value_minor"]) for row in rows("conversions", directory)}
        self.assertGreater(len(values), 50)
        sums = {}
        for row in rows("credits", directory):
            weight, amount = sums.get((row["conversion_id"], row["model"]), (0, 0))
            sums[row["conversion_id"], row["model"]] = weight + int(row["weight_ppb"]), amount + int(row["amount_minor"])
        self.assertEqual({model for _, model in sums}, {"first", "last", "last_non_direct", "linear", "position", "time_decay"})
        for (conversion, _), total in sums.items():
            self.assertEqual(total, (1_000_000_000, values[conversion]))
        self.assertEqual(len(sums), 6 * len(values))


def stamp(text):
    """Whole seconds since the epoch of an exported time stamp."""
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def touch_of(row):
    if row["campaign"]:
        return stamp(row["time"]), "campaign", row["campaign"]
    kind = {"direct": "direct", "organic_search": "search"}.get(row["channel"], "site")
    return stamp(row["time"]), kind, ""


if __name__ == "__main__":
    unittest.main(verbosity=2)

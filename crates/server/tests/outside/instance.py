"""A running Millstream as its users see it: a binary, a data directory, two addresses.

The binary comes from $MILLSTREAM. Nothing here knows how the product works inside.
"""

import base64
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ.get("MILLSTREAM", "millstream")
HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[3]
COMMAND_LIMIT_S = 240
READY_LIMIT_S = 20


def seed():
    """The seed of this run: from $MILLSTREAM_SEED, else drawn and printed."""
    text = os.environ.get("MILLSTREAM_SEED")
    value = int(text) if text else random.SystemRandom().randrange(1 << 30)
    print(f"seed {value}", flush=True)
    return value


def run(*arguments, expect=(0,), stdin=None, limit=COMMAND_LIMIT_S):
    """Runs one command of the binary and returns what it printed on standard output."""
    command = [BINARY, *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=limit)
    if done.returncode not in expect:
        said = done.stderr.decode(errors="replace")[-2000:]
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}, not {expect}:\n{said}")
    return done.stdout.decode()


def report(kind, directory, *more):
    """One report as the JSON object it prints."""
    return json.loads(run("report", kind, "--data-dir", directory, "--format", "json", *more))


def export(table, directory, form="csv"):
    """The bytes of one exported table."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "table"
        run("export", "--data-dir", directory, "--table", table, "--format", form, "--output", output)
        return output.read_bytes()


def rows(table, directory):
    """The rows of one exported table as dictionaries; what is not there is an empty text."""
    parsed = map(json.loads, export(table, directory, "jsonl").splitlines())
    return [{name: "" if value is None else value for name, value in row.items()} for row in parsed]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    """`millstream serve` on a data directory, on free loopback ports."""

    def __init__(self, directory, config="", wrapper=(), write_key="key"):
        self.write_key = write_key
        self.directory = pathlib.Path(directory)
        self.config = config
        self.wrapper = list(wrapper)
        self.process = None
        self.output = self.directory.parent / (self.directory.name + ".output")

    def start(self):
        """Starts it and waits until it is ready; returns the seconds that took."""
        self.public, self.admin = free_port(), free_port()
        command = self.wrapper + [
            BINARY, "serve", "--data-dir", str(self.directory),
            "--listen", f"127.0.0.1:{self.public}", "--admin-listen", f"127.0.0.1:{self.admin}",
        ]
        if self.config:
            path = self.directory.parent / (self.directory.name + ".toml")
            path.write_text(self.config)
            command += ["--config", str(path)]
        started = time.monotonic()
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.said()}")
            try:
                if self.call("GET", "/readyz").status == 200:
                    return time.monotonic() - started
            except OSError:
                pass
            if time.monotonic() - started > READY_LIMIT_S:
                raise AssertionError(f"not ready after {READY_LIMIT_S} s:\n{self.said()}")
            time.sleep(0.01)

    def said(self):
        return self.output.read_text(errors="replace")[-3000:] if self.output.exists() else ""

    def kill(self):
        """SIGKILL, as a power switch would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM, and the orderly end that must follow."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within 30 s of SIGTERM:\n{self.said()}") from None

    def call(self, method, path, body=None, headers=None, admin=False, limit=20):
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin if admin else self.public, timeout=limit)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer
        finally:
            connection.close()

    def post(self, path, value, headers=None):
        """JSON to an event call, with a write key."""
        basic = base64.b64encode(f"{self.write_key}:".encode()).decode()
        merged = {"Content-Type": "application/json", "Authorization": f"Basic {basic}"} | (headers or {})
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.call("POST", path, body, merged)

    def status(self):
        """The counts and freshness that the admin plane always answers with."""
        return json.loads(self.call("GET", "/api/status", admin=True).body)

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024


class Case(unittest.TestCase):
    """A test with a folder of its own and instances that do not outlive it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millstream-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def instance(self, name="data", **more):
        made = Instance(self.folder / name, **more)
        self.addCleanup(self.end, made)
        return made

    @staticmethod
    def end(made):
        if made.process is not None and made.process.poll() is None:
            made.kill()

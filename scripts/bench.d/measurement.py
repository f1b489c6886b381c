"""What the measurements share: pinning, driving by wrk, CPU time by thread, and one way to print."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

from instance import BINARY, Instance, free_port

SECONDS = int(os.environ.get("MILLSTREAM_BENCH_SECONDS", "10"))
EXAMPLES = pathlib.Path(os.environ.get("MILLSTREAM_EXAMPLES", "target/release/examples"))
SERVER_CORE, CLIENT_CORE = "0", "1"
CONNECTIONS = 64
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@contextlib.contextmanager
def folder():
    made = pathlib.Path(tempfile.mkdtemp(prefix="millstream-bench."))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def serving(directory, config="", cores=SERVER_CORE):
    """Our server on the given cores."""
    instance = Instance(directory / "data", config, wrapper=("taskset", "-c", cores))
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()


@contextlib.contextmanager
def peer(*command):
    """Another server on the server's core, given `PORT` somewhere in its command."""
    port = free_port()
    command = ["taskset", "-c", SERVER_CORE] + [part.replace("PORT", str(port)) for part in map(str, command)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_for(port, process):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the peer did not start: {process.stderr.read().decode()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise SystemExit("the peer did not start within 10 s")


class Driven:
    """What wrk saw: answers per second, p50 and p99 in milliseconds, answers that were errors."""

    def __init__(self, text):
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
        self.p50, self.p99 = (self._latency(text, share) for share in ("50", "99"))
        wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        self.errors = int(wrong[1]) if wrong else 0
        broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        self.errors += sum(map(int, broken.groups())) if broken else 0

    @staticmethod
    def _latency(text, share):
        number, unit = re.search(rf"\s{share}%\s+([\d.]+)([a-z]+)", text).groups()
        return float(number) * UNITS[unit]


def drive(port, path, script=None, connections=CONNECTIONS, seconds=SECONDS, cores=CLIENT_CORE):
    """wrk from a core of its own."""
    command = ["taskset", "-c", cores, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["-s", str(script)] if script else []
    done = subprocess.run(command + [f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True,
                          timeout=seconds + 30)
    if done.returncode != 0:
        raise SystemExit(f"wrk failed: {done.stdout}{done.stderr}")
    return Driven(done.stdout)


def open_loop(port, profile, rate, *more, cores=CLIENT_CORE):
    """Requests at a fixed rate, whatever the server does; the figures of all of them."""
    command = ["taskset", "-c", cores, BINARY, "load", "--url", f"http://127.0.0.1:{port}",
               "--profile", profile, "--rate", f"{rate:.0f}", "--duration", str(SECONDS), "--format", "json"]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=SECONDS + 60)
    if done.returncode != 0:
        raise SystemExit(f"load failed: {done.stderr}")
    return json.loads(done.stdout)["lines"][-1]


def cpu_by_thread(pid):
    """CPU seconds of each thread name of a process."""
    tick, spent = os.sysconf("SC_CLK_TCK"), {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            user, system = int(fields[11]) / tick, int(fields[12]) / tick
            name = re.sub(r"[-_ ]?\d+$", "", name)
            before = spent.get(name, (0.0, 0.0))
            spent[name] = before[0] + user, before[1] + system
    return spent


def print_where_time_goes(before, after, operations):
    """CPU microseconds per operation, by thread name, user and kernel apart."""
    print("  where the time goes, CPU microseconds per operation (user + kernel):")
    rows = [(name, user - before.get(name, (0, 0))[0], system - before.get(name, (0, 0))[1])
            for name, (user, system) in after.items()]
    for name, user, system in sorted(rows, key=lambda row: -(row[1] + row[2])):
        if user + system > 0.005 * sum(row[1] + row[2] for row in rows):
            print(f"    {name:<16} {1e6 * user / operations:8.2f} + {1e6 * system / operations:.2f}")


def show(what, value, unit, more="", decimals=0):
    print(f"  {what:<60} {value:>12,.{decimals}f} {unit}{more}")


def ratio(ours, theirs, reach):
    print(f"  {'ratio':<60} {ours / theirs:>12.2f}   (aim: at least {reach})", flush=True)

"""A click on disk before the 302, against nginx answering `return 302` with no log at all."""

import contextlib
import os
import signal
import statistics

import measurement as m
from end_to_end import caught_up
from instance import run

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port}; location / {{ return 302 https://shop.example/landing; }} }}
}}
"""


# Few enough that a click can hardly wait for company, and as many as a busy site has.
CONNECTIONS = (64, 256)


# Other work on the machine comes and goes: both sides take turns, and the median turn counts.
TURNS = 3


@contextlib.contextmanager
def nginx(folder):
    """A running nginx: its port, and the CPU seconds it and its children have spent."""
    path = folder / "nginx.conf"
    port = m.free_port()
    path.write_text(NGINX.format(folder=folder, port=port))
    # The configuration names the port; the peer's own choice is not used.
    process = m.subprocess.Popen(["taskset", "-c", m.SERVER_CORE, "nginx", "-c", str(path)],
                                 stdout=m.subprocess.DEVNULL, stderr=m.subprocess.PIPE)
    m.wait_for(port, process)
    try:
        yield port, lambda: spent_by_family(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=10)


def spent_by_family(pid):
    """CPU seconds of a process and its children."""
    children = m.pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(sum(pair) for member in [pid, *children] for pair in m.cpu_by_thread(member).values())


def spent_on_taking_it_in(pid):
    """What other work on the machine distorts least: the CPU time, the fold of the clicks apart."""
    threads = m.cpu_by_thread(pid).items()
    return sum(sum(pair) for thread, pair in threads if thread.startswith(("capture", "log-writer")))


def lag_records(instance):
    """Records that the fold has not reached yet."""
    return sum(instance.status()["lag"]["records"].values())


def turn(port, spent, connections):
    """One turn of one side: what wrk saw, and answers per core-second."""
    before = spent()
    driven = m.drive(port, "/r/bench", connections=connections, seconds=m.SECONDS)
    return driven, driven.rate * m.SECONDS / (spent() - before)


def alone(pid, work):
    """Does something while a process stands still: what it has still to fold would slow its peer."""
    os.kill(pid, signal.SIGSTOP)
    try:
        return work()
    finally:
        os.kill(pid, signal.SIGCONT)


def median(turns, of):
    return statistics.median(of(one) for one in turns)


def tell(theirs, ours):
    """The medians of all turns."""
    def rate(one):
        return one[0].rate

    def latency(turns):
        return f"   p50 {median(turns, lambda one: one[0].p50):.2f} ms, p99 {median(turns, lambda one: one[0].p99):.2f} ms"

    errors = sum(one[0].errors for one in ours)
    m.show("nginx return 302, nothing stored", median(theirs, rate), "/s", latency(theirs))
    m.show("millstream, click durable before the 302", median(ours, rate), "/s", f"{latency(ours)}, {errors} errors")
    m.ratio(median(list(zip(ours, theirs)), lambda pair: pair[0][0].rate / pair[1][0].rate), 1, 0.9)
    m.show("nginx, per core-second spent", median(theirs, lambda one: one[1]), "/s")
    m.show("millstream, per core-second spent on taking it in", median(ours, lambda one: one[1]), "/s")
    m.ratio(median(list(zip(ours, theirs)), lambda pair: pair[0][1] / pair[1][1]), 1, 0.9)


def at_half(port, instance, rate):
    """Both sides at the same open rate, nothing left to fold from before; the peer shows what the machine itself delays."""
    caught_up(instance)
    for name, at in (("nginx", port), ("millstream", instance.public)):
        half = m.open_loop(at, "redirects", rate, "--slug", "bench")
        m.show(f"{name} at half of our rate, open loop", half["per_second"], "/s",
               f"   p50 {half['p50_ms']:.2f} ms, p99 {half['p99_ms']:.2f} ms")
    print("    (aim: p99 at most 5 ms and one fdatasync)", flush=True)


def measure(connections):
    print(f"redirect: {connections} connections, server on one core, wrk on another, {TURNS} turns of {m.SECONDS} s each")
    with m.folder() as folder:
        run("links", "add", "bench", "https://shop.example/landing", "--source", "a", "--medium", "b", "--campaign", "c",
            "--owner", "bench", "--data-dir", folder / "data")
        config = "[capture]\nredirect_wait_ms = 10000\n"
        with nginx(folder) as (port, spent), m.serving(folder, config) as instance:
            pid = instance.process.pid
            m.drive(instance.public, "/r/bench", connections=connections, seconds=2)
            before = m.cpu_by_thread(pid)
            turns = [(alone(pid, lambda: turn(port, spent, connections)),
                      turn(instance.public, lambda: spent_on_taking_it_in(pid), connections)) for _ in range(TURNS)]
            after, behind = m.cpu_by_thread(pid), lag_records(instance)
            theirs, ours = zip(*turns)
            tell(theirs, ours)
            m.show("records in the log that are still to be folded", behind, "")
            at_half(port, instance, median(ours, lambda one: one[0].rate) / 2)
    m.print_where_time_goes(before, after, sum(one[0].rate for one in ours) * m.SECONDS)


for connections in CONNECTIONS:
    measure(connections)

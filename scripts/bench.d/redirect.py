"""A click on disk before the 302, against nginx answering `return 302` with no log at all."""

import measurement as m
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


def nginx(folder, connections):
    path = folder / "nginx.conf"
    port = m.free_port()
    path.write_text(NGINX.format(folder=folder, port=port))
    # The configuration names the port; the peer's own choice is not used.
    process = m.subprocess.Popen(["taskset", "-c", m.SERVER_CORE, "nginx", "-c", str(path)],
                                 stdout=m.subprocess.DEVNULL, stderr=m.subprocess.PIPE)
    m.wait_for(port, process)
    try:
        before = spent_by_family(process.pid)
        driven = m.drive(port, "/r/bench", connections=connections)
        return driven, spent_by_family(process.pid) - before
    finally:
        process.terminate()
        process.wait(timeout=10)


def spent_by_family(pid):
    """CPU seconds of a process and its children."""
    children = m.pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(sum(pair) for member in [pid, *children] for pair in m.cpu_by_thread(member).values())


def lag_records(instance):
    """Records that the fold has not reached yet."""
    return sum(instance.status()["lag"]["records"].values())


def measure(connections):
    print(f"redirect: {connections} connections, server on one core, wrk on another, {m.SECONDS} s each")
    with m.folder() as folder:
        theirs, their_seconds = nginx(folder, connections)
        run("links", "add", "bench", "https://shop.example/landing", "--source", "a", "--medium", "b", "--campaign", "c",
            "--owner", "bench", "--data-dir", folder / "data")
        with m.serving(folder, "[capture]\nredirect_wait_ms = 10000\n") as instance:
            m.drive(instance.public, "/r/bench", connections=connections, seconds=2)
            before = m.cpu_by_thread(instance.process.pid)
            ours = m.drive(instance.public, "/r/bench", connections=connections)
            after = m.cpu_by_thread(instance.process.pid)
            behind = lag_records(instance)
            half = m.open_loop(instance, "redirects", ours.rate / 2, "--slug", "bench")
    m.show("nginx return 302, nothing stored", theirs.rate, "/s", f"   p50 {theirs.p50:.2f} ms, p99 {theirs.p99:.2f} ms")
    m.show("millstream, click durable before the 302", ours.rate, "/s",
           f"   p50 {ours.p50:.2f} ms, p99 {ours.p99:.2f} ms, {ours.errors} errors")
    m.ratio(ours.rate, theirs.rate, 0.9)
    m.show("records in the log that are still to be folded", behind, "")
    # What other work on the machine distorts least: the CPU time of each, the fold of the clicks apart.
    taking = sum(sum(pair) - sum(before.get(thread, (0, 0))) for thread, pair in after.items()
                 if thread.startswith(("capture", "log-writer")))
    theirs_per_second, ours_per_second = theirs.rate * m.SECONDS / their_seconds, ours.rate * m.SECONDS / taking
    m.show("nginx, per core-second spent", theirs_per_second, "/s")
    m.show("millstream, per core-second spent on taking it in", ours_per_second, "/s")
    m.ratio(ours_per_second, theirs_per_second, 0.9)
    m.show("at half of that rate, open loop", half["per_second"], "/s",
           f"   p50 {half['p50_ms']:.2f} ms, p99 {half['p99_ms']:.2f} ms   (aim: p99 at most 5 ms and one fdatasync)")
    m.print_where_time_goes(before, after, ours.rate * m.SECONDS)


for connections in CONNECTIONS:
    measure(connections)

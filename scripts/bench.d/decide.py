"""Decisions over HTTP, open loop: 300 candidates ranked for visitors with a profile. Beside it the
heavy ranking alone: 100 trees of 31 leaves over 300 candidates."""

import json
import subprocess

import measurement as m
from instance import run

CANDIDATES = 300
RATE = 2_000
DEVICES = 2_000

USE_CASE = """
[[decide.use_cases]]
name = "home"
default = "sku-0"
budget_ms = 50
tier = 1
stages = ["neighbours"]
candidates = [{candidates}]
"""


def main():
    print(f"decide: {CANDIDATES} candidates, {RATE:,} decisions/s open loop, server on one core, load on another")
    ranked = json.loads(subprocess.run([m.EXAMPLES / "rank_speed"], capture_output=True, text=True, check=True).stdout)
    m.show("100 trees x 300 candidates, by masks", ranked["masks_us"], "us", f"   node by node {ranked['nodes_us']:.0f} us   (aim: 150 us)")
    names = ", ".join(f'"sku-{number}"' for number in range(CANDIDATES))
    with m.folder() as folder:
        with m.serving(folder, USE_CASE.format(candidates=names)) as instance:
            m.open_loop(instance.public, "events", 1_000, "--devices", str(DEVICES), "--seed", "1")
            run("train", "home", "--url", f"http://127.0.0.1:{instance.admin}")
            m.open_loop(instance.public, "decisions", RATE / 2, "--devices", str(DEVICES), "--seed", "1")
            line = m.open_loop(instance.public, "decisions", RATE, "--devices", str(DEVICES), "--seed", "1")
            report = json.loads(run("report", "personalization", "--format", "json",
                                    "--url", f"http://127.0.0.1:{instance.admin}"))
    m.show("decisions", line["per_second"], "/s", f"   p50 {line['p50_ms']:.2f} ms, p99 {line['p99_ms']:.2f} ms   (aim: p99 under 2 ms)")
    row = report["rows"][0]
    m.show("from the visitor's own profile", 100 * row["personalized"] / row["decisions"], "%")
    m.show("within the budget", 100 * row["within_budget"], "%")


main()

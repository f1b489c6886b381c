"""Plans of 1,000 hops and 10,000 flows with every single failure; the simulator beside PyPI Ciw on the same models."""

import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import measurement as m

CUSTOMERS = int(os.environ.get("MILLSTREAM_BENCH_CUSTOMERS", "2000000"))
PEER_CUSTOMERS = 20_000
PEER_REPLICATIONS = 5
TANDEM = (0.5, 1.0, 0.67, 1.1, 0.83)
STUDY_SECONDS_AIM = 1.0
SIMULATOR_AIM = 50


def figures(*command):
    done = subprocess.run(["taskset", "-c", m.SERVER_CORE, m.EXAMPLES / "plan_speed", *map(str, command)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def peer():
    """Ciw, installed beside the build when it is not there."""
    folder = pathlib.Path(os.environ["MILLSTREAM_CACHE"]) / "ciw"
    sys.path.insert(0, str(folder))
    try:
        import ciw
    except ImportError:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target", folder, "ciw==3.2.7"], check=True)
        importlib.invalidate_caches()
        import ciw
    return ciw


def networks(ciw):
    exponential = ciw.dists.Exponential
    count = len(TANDEM)
    routing = [[1.0 if to == at + 1 else 0.0 for to in range(count)] for at in range(count)]
    return {
        "mmc": (3.4, ciw.create_network(arrival_distributions=[exponential(3.4)], service_distributions=[exponential(1.0)], number_of_servers=[4])),
        "priority": (0.8, ciw.create_network(
            arrival_distributions={"A": [exponential(0.3)], "B": [exponential(0.5)]},
            service_distributions={"A": [exponential(1.0)], "B": [exponential(1.0)]},
            priority_classes={"A": 0, "B": 1}, number_of_servers=[1])),
        "tandem": (0.7, ciw.create_network(
            arrival_distributions=[exponential(0.7)] + [None] * (count - 1),
            service_distributions=[exponential(1 / mean) for mean in TANDEM],
            routing=routing, number_of_servers=[1] * count)),
    }


def simulate(ciw, network, rate):
    """Customers a second, and the mean time in system with its 95 % interval."""
    means, served, spent = [], 0, 0.0
    for seed in range(PEER_REPLICATIONS):
        ciw.seed(seed)
        simulation = ciw.Simulation(network)
        started = time.perf_counter()
        simulation.simulate_until_max_time(PEER_CUSTOMERS / rate)
        spent += time.perf_counter() - started
        records = simulation.get_all_records()
        entered, left = {}, {}
        for record in records:
            entered[record.id_number] = min(record.arrival_date, entered.get(record.id_number, record.arrival_date))
            left[record.id_number] = max(record.exit_date, left.get(record.id_number, record.exit_date))
        served += len(left)
        warm = 0.1 * PEER_CUSTOMERS / rate
        means.append(statistics.fmean(left[one] - entered[one] for one in left if entered[one] >= warm))
    half = 2.776 * statistics.stdev(means) / PEER_REPLICATIONS ** 0.5
    return served / spent, statistics.fmean(means), half


def main():
    print("plan: 1,000 hops, 10,000 flows of five hops, every single component and zone fails once, one core")
    study = min((figures("study", 1000, 10_000) for _ in range(3)), key=lambda one: one["study_s"])
    m.show("reading the file", 1e3 * study["read_s"], "ms")
    m.show(f"mean, {study['failures']:,} failures, {study['rerouted']:,} detours", 1e3 * study["study_s"], "ms")
    print(f"  {'seconds':<50} {study['study_s']:>12.2f}   (aim: less than {STUDY_SECONDS_AIM:.0f})")
    ciw = peer()
    ours = figures("simulate", CUSTOMERS)
    for name, (rate, network) in networks(ciw).items():
        theirs, mean, half = simulate(ciw, network, rate)
        mine = ours[name]
        per_second = mine["customers"] / mine["seconds"]
        print(f"simulator, {name}: customers served a second")
        m.show("Ciw 3.2.7", theirs, "customers/s", f"   mean {mean:.4f} +- {half:.4f}")
        m.show("millstream", per_second, "customers/s", f"   mean {mine['mean']:.4f} +- {(mine['high'] - mine['low']) / 2:.4f}")
        m.ratio(per_second, theirs, SIMULATOR_AIM)
        apart = abs(mine["mean"] - mean)
        agree = apart <= 1.5 * (half + (mine["high"] - mine["low"]) / 2)
        print(f"  {'means agree within their intervals':<50} {'yes' if agree else 'NO':>12}")


if __name__ == "__main__":
    main()

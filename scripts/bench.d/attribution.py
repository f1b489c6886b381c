"""`millstream attribute` beside PyPI ChannelAttribution at its defaults, on the same tables of paths, each on one core.

The ratio is of the call alone on both sides: a table in memory in, credit out, reading of the paths included. Beside it stands our
whole command, which starts, reads the file, and prints JSON. ChannelAttribution simulates its chain, so its answer carries an error; its heuristic models are exact and must agree."""

import contextlib
import io
import itertools
import json
import math
import os
import random
import subprocess
import time

import measurement as m

AIM = 10
ROUNDS = 5
INPUTS = (("10,000 journeys, 12 channels", 10_000, 12), ("100,000 journeys, 40 channels", 100_000, 40))


def write_paths(file, journeys, channels):
    """Paths of mean length 3 to 4 over channels of very different size and pull."""
    draw = random.Random(1)
    names = [f"channel {number:02d}" for number in range(channels)]
    weights = [1 / (number + 1) for number in range(channels)]
    pull = [draw.uniform(0.02, 0.3) for _ in names]
    rows = {}
    for _ in range(journeys):
        length = min(1 + int(draw.expovariate(0.35)), 30)
        path = draw.choices(range(channels), weights, k=length)
        converted = draw.random() < pull[path[-1]]
        row = rows.setdefault(" > ".join(names[one] for one in path), [0, 0, 0])
        row[0] += converted
        row[1] += draw.randrange(2_000, 20_000) if converted else 0
        row[2] += not converted
    with open(file, "w") as out:
        out.write("path,conversions,value,nulls\n")
        out.writelines(f"{path},{conversions},{cents / 100:.2f},{nulls}\n" for path, (conversions, cents, nulls) in rows.items())


def ours(file, *options):
    """Seconds of the whole command, at best, and its answer."""
    command = ["taskset", "-c", m.SERVER_CORE, m.BINARY, "attribute", file, "--format", "json", *options]
    best, answer = math.inf, None
    for _ in range(ROUNDS):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        best = min(best, time.perf_counter() - started)
        answer = json.loads(done.stdout)
    return best, answer


def our_call(file, *model):
    """Seconds of the call alone, at best."""
    command = ["taskset", "-c", m.SERVER_CORE, m.EXAMPLES / "attribution_speed", file, *model]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["seconds"]


def theirs(call, *arguments, **more):
    """Seconds of the call alone, at best, and its answer."""
    best, answer = math.inf, None
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            answer = call(*arguments, **more)
        best = min(best, time.perf_counter() - started)
    return best, answer


def show(what, seconds):
    print(f"  {what:<50} {1e3 * seconds:>12,.1f} ms")


def column(answer, field="conversions"):
    return {row["channel"]: row[field] for row in answer["rows"]}


def farthest(exact, other):
    """The channel whose figure is farthest from the exact one, as a part of that."""
    return max((abs(other[name] / figure - 1), name) for name, figure in exact.items() if figure > 0)


def markov(peer, table, file):
    for order in (1, 2, 3):
        spent, answer = ours(file, "--model", "markov", "--order", str(order), "--replicates", "0")
        peer_spent, found = theirs(peer.markov_model, table, "path", "conversions", var_value="value", var_null="nulls", order=order)
        call = our_call(file, "markov", str(order))
        show(f"ChannelAttribution, order {order}: the call", peer_spent)
        show(f"millstream, order {order}: the call", call)
        m.ratio(1 / call, 1 / peer_spent, AIM)
        show(f"millstream, order {order}: the whole command", spent)
        for field, name in (("conversions", "total_conversions"), ("value", "total_conversion_value")):
            part, channel = farthest(column(answer, field), dict(zip(found["channel_name"], found[name])))
            print(f"  {f'its farthest {field}, {channel}':<50} {100 * part:>11.2f} %")


def heuristics(peer, table, file):
    peer_spent, found = theirs(peer.heuristic_models, table, "path", "conversions", var_value="value")
    apart = 0.0
    for model, name in (("first", "first_touch"), ("last", "last_touch"), ("linear", "linear_touch")):
        _, answer = ours(file, "--model", model, "--replicates", "0")
        for field, kind in (("conversions", "conversions"), ("value", "value")):
            exact, other = column(answer, field), dict(zip(found["channel_name"], found[f"{name}_{kind}"]))
            apart = max([apart] + [abs(figure - other.get(channel, 0.0)) / max(1.0, figure) for channel, figure in exact.items()])
    print(f"  {'first, last, linear: greatest difference':<50} {apart:>12.1e}   ({'the same' if apart < 1e-9 else 'NOT the same'})")
    show("ChannelAttribution, all three: the call", peer_spent)
    show("millstream, all three: the calls", sum(our_call(file, model) for model in ("first", "last", "linear")))


def shapley(table, file, channels):
    spent, answer = ours(file, "--model", "shapley", "--replicates", "0")
    show("millstream, Shapley (ChannelAttribution has none)", our_call(file, "shapley"))
    show("millstream, Shapley: the whole command", spent)
    if channels > 12:
        return
    names = sorted(column(answer))
    number = {name: at for at, name in enumerate(names)}
    worth = [0.0] * (1 << len(names))
    for path, conversions in zip(table["path"], table["conversions"]):
        worth[sum({1 << number[one] for one in path.split(" > ")})] += conversions
    for at, mask in itertools.product(range(len(names)), range(len(worth))):
        if mask >> at & 1:
            worth[mask] += worth[mask ^ 1 << at]
    weight = [math.factorial(size) * math.factorial(len(names) - size - 1) / math.factorial(len(names)) for size in range(len(names))]
    apart = 0.0
    for name, at in number.items():
        value = sum(weight[mask.bit_count()] * (worth[mask | 1 << at] - worth[mask]) for mask in range(len(worth)) if not mask >> at & 1)
        apart = max(apart, abs(value - column(answer)[name]))
    print(f"  {'by the definition, all coalitions: difference':<50} {apart:>12.1e}   ({'the same' if apart < 1e-9 else 'NOT the same'})")


def main():
    os.sched_setaffinity(0, {int(m.SERVER_CORE)})
    with contextlib.redirect_stdout(io.StringIO()):
        import ChannelAttribution as peer
    import pandas

    with m.folder() as folder:
        for title, journeys, channels in INPUTS:
            file = folder / f"{journeys}.csv"
            write_paths(file, journeys, channels)
            table = pandas.read_csv(file)
            print(f"attribution: {title}, {len(table):,} different paths, {int(table['conversions'].sum()):,} conversions, one core")
            heuristics(peer, table, file)
            markov(peer, table, file)
            shapley(table, file, channels)
            spent, answer = ours(file)
            show(f"millstream, eight models, {answer['intervals']['replicates']} resamples", spent)


if __name__ == "__main__":
    main()

"""A million devices: events imported part by part, some late, some twice. Prints rate and memory as the history grows.

MILLSTREAM_BENCH_EVENTS (default 20,000,000) and MILLSTREAM_BENCH_DEVICES (default 1,000,000) make it smaller.
"""

import os
import random
import shutil
import subprocess
import time

import measurement as m

EVENTS = int(os.environ.get("MILLSTREAM_BENCH_EVENTS", "20000000"))
DEVICES = int(os.environ.get("MILLSTREAM_BENCH_DEVICES", "1000000"))
PARTS = 20
LATE, TWICE = 0.02, 0.05
VISIT_EVENTS = 5
DAYS = 30
BEGAN = 1_780_272_000
SOURCES = ("google", "june", "partner", "")


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def part(draw, number, carried):
    """Lines of one part in the order of their receipt, and those that are received in later ones."""
    length = DAYS * 86_400 / PARTS
    begin, end = BEGAN + number * length, BEGAN + (number + 1) * length
    due = [entry for entry in carried if entry[0] < end or number == PARTS - 1]
    later = [entry for entry in carried if entry[0] >= end and number < PARTS - 1]
    for visit in range(EVENTS // PARTS // VISIT_EVENTS):
        device, start = draw.randrange(DEVICES), draw.uniform(begin, end)
        source = draw.choice(SOURCES)
        query = f"?utm_source={source}&utm_medium=cpc&utm_campaign=c{device % 40}" if source else ""
        user = f'"userId":"user-{device}",' if device % 5 == 0 else ""
        for step in range(VISIT_EVENTS):
            at = start + step * 40
            received = at + (draw.uniform(7_200, 259_200) if draw.random() < LATE else draw.uniform(0.1, 1.5))
            name = f"{number}-{visit}-{step}"
            url = "https://shop.example/" + (query if step == 0 else f"p{step}")
            line = (f'{{"type":"page","messageId":"{name}","anonymousId":"device-{device}",{user}"timestamp":"{stamp(at)}",'
                    f'"receivedAt":"{stamp(received)}","context":{{"page":{{"url":"{url}"}}}}}}\n')
            (due if received < end or number == PARTS - 1 else later).append((received, line))
            if draw.random() < TWICE:
                due.append((received, line))
    due.sort()
    return due, later


def resident(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    except (OSError, StopIteration):
        return 0


def load(folder, path):
    """Imports one file; (seconds, CPU seconds, most memory held)."""
    began, most = time.monotonic(), 0
    command = [m.BINARY, "import", "--format", "segment", "--data-dir", str(folder / "data"), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        most = max(most, resident(process.pid))
        time.sleep(0.05)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(process.stderr.read().decode())
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, most


def main():
    draw = random.Random(20)
    print(f"stitch: {EVENTS:,} events of {DEVICES:,} devices over {DAYS} days, {LATE:.0%} late by hours or days, "
          f"{TWICE:.0%} twice, imported in {PARTS} parts", flush=True)
    costs, spent, most, carried, total = [], 0, 0, [], 0
    with m.folder() as folder:
        for number in range(PARTS):
            lines, carried = part(draw, number, carried)
            path = folder / "part.jsonl"
            with open(path, "w") as file:
                file.writelines(line for _, line in lines)
            count = len(lines)
            del lines
            seconds, cpu, held = load(folder, path)
            path.unlink()
            total += count
            costs.append(cpu / count * 1e6)
            spent += seconds
            most = max(most, held)
            m.show(f"part {number + 1:2} of {PARTS}", count / seconds, "/s",
                   f"   {costs[-1]:.1f} us of CPU an event, {held / 1e6:.0f} MB held")
        used = sum(file.stat().st_size for file in (folder / "data").rglob("*") if file.is_file())
        shutil.rmtree(folder / "data", ignore_errors=True)
    quarter = PARTS // 4
    first, last = sum(costs[:quarter]) / quarter, sum(costs[-quarter:]) / quarter
    m.show("all parts", total / spent, "/s", f"   {total:,} lines")
    print(f"  most memory held {most / 1e6:.0f} MB (aim: under 2,000), on disk {used / total:.0f} bytes a line")
    print(f"  CPU an event in the last quarter against the first: {last / first:.2f} (flat: 1)")


main()

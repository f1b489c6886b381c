"""Durable batches per core, against merely parsing the same bodies on one core."""

import json
import subprocess

import measurement as m

EVENTS = 100
CONNECTIONS = 16
TAIL = {
    "context": {"page": {"url": "https://shop.example/item/1", "referrer": "https://shop.example/"}, "locale": "en-GB",
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"},
    "properties": {"sku": "A-1", "price": 12.5, "currency": "EUR", "text": "x" * 600},
}
SCRIPT = """
local count, run = 0, os.time() .. "-" .. tostring({{}}):sub(8)
local tail = '",{tail},"type":"track","event":"Product Viewed"}}'
local parts = {{}}
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Basic a2V5Og=="
function request()
    for event = 1, {events} do
        count = count + 1
        parts[event] = '{{"anonymousId":"device-' .. count % 20000 .. '","messageId":"' .. run .. count .. tail
    end
    return wrk.format(nil, nil, nil, '{{"batch":[' .. table.concat(parts, ",") .. ']}}')
end
"""


def body():
    events = [{"anonymousId": f"device-{n}", "messageId": f"1790000000-0x7f00-{n}", **TAIL, "type": "track",
               "event": "Product Viewed"} for n in range(EVENTS)]
    return json.dumps({"batch": events}, separators=(",", ":")).encode()


def main():
    sample = body()
    print(f"batch: {EVENTS} events a body of {len(sample):,} B, {CONNECTIONS} connections, server on one core")
    with m.folder() as folder:
        (folder / "body.json").write_bytes(sample)
        parsed = subprocess.run(["taskset", "-c", m.SERVER_CORE, m.EXAMPLES / "parse_limit", folder / "body.json", str(m.SECONDS)],
                                capture_output=True, text=True, check=True)
        limit = float(parsed.stdout)
        script = folder / "batch.lua"
        script.write_text(SCRIPT.format(tail=json.dumps(TAIL, separators=(",", ":"))[1:-1], events=EVENTS))
        with m.serving(folder) as instance:
            before = m.cpu_by_thread(instance.process.pid)
            driven = m.drive(instance.public, "/v1/batch", script, CONNECTIONS)
            after = m.cpu_by_thread(instance.process.pid)
    ours = driven.rate * EVENTS
    spent = {name: sum(pair) - sum(before.get(name, (0, 0))) for name, pair in after.items()}
    taking = sum(seconds for name, seconds in spent.items() if name.startswith(("capture", "log-writer")))
    m.show("parsing alone, one core", limit, "events/s")
    m.show("millstream, durable, folded on the same core", ours, "events/s",
           f"   p50 {driven.p50:.1f} ms, p99 {driven.p99:.1f} ms, {driven.errors} errors")
    m.show("millstream, per core-second spent on taking it in", ours * m.SECONDS / taking, "events/s")
    m.show("millstream, per core-second spent in all", ours * m.SECONDS / sum(spent.values()), "events/s")
    m.ratio(ours * m.SECONDS / taking, limit, 0.5)
    m.print_where_time_goes(before, after, ours * m.SECONDS)


if __name__ == "__main__":
    main()

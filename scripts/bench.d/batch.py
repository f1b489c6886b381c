"""Durable batches per core, against merely parsing the same bodies on one core."""

import json
import resource
import subprocess

import measurement as m

EVENTS = 100
CONNECTIONS = 16
# As a browser's SDK sends a product view: many small members.
BROWSER = {
    "integrations": {},
    "timestamp": "2026-11-22T02:56:20.421Z",
    "context": {
        "page": {"path": "/item/1", "referrer": "https://shop.example/", "search": "?utm_source=june&utm_medium=email",
                 "title": "A thing to buy", "url": "https://shop.example/item/1?utm_source=june&utm_medium=email"},
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "locale": "en-GB",
        "library": {"name": "analytics.js", "version": "next-1.70.0"}, "timezone": "Europe/Paris",
        "campaign": {"source": "june", "medium": "email"},
        "userAgentData": {"brands": [{"brand": "Firefox", "version": "130"}], "mobile": False, "platform": "Linux"},
    },
    "properties": {"product_id": "507f1f77bcf86cd799439011", "sku": "A-1", "category": "Games", "name": "A thing to buy",
                   "brand": "Maker", "variant": "200 pieces", "price": 12.5, "quantity": 1, "coupon": "MAYDEALS", "currency": "EUR",
                   "position": 3, "value": 12.5, "url": "https://shop.example/item/1", "image_url": "https://shop.example/item/1.webp"},
    "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
}
# Mostly one long text, which a parser skips quickly: the hardest to keep up with.
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


def body(tail):
    events = [{"anonymousId": f"device-{n}", "messageId": f"1790000000-0x7f00-{n}", **tail, "type": "track",
               "event": "Product Viewed"} for n in range(EVENTS)]
    return json.dumps({"batch": events}, separators=(",", ":")).encode()


def parse_limit(folder, sample, way):
    """Events that one core parses in a second of its time, whatever else runs on the machine."""
    (folder / "body.json").write_bytes(sample)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    parsed = subprocess.run(["taskset", "-c", m.SERVER_CORE, m.EXAMPLES / "parse_limit", folder / "body.json", str(m.SECONDS), way],
                            capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(parsed.stdout) * m.SECONDS / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(name, tail):
    sample = body(tail)
    print(f"batch, {name}: {EVENTS} events a body of {len(sample):,} B, {CONNECTIONS} connections, server on one core")
    with m.folder() as folder:
        limit, document = (parse_limit(folder, sample, way) for way in ("fields", "document"))
        script = folder / "batch.lua"
        script.write_text(SCRIPT.format(tail=json.dumps(tail, separators=(",", ":"))[1:-1], events=EVENTS))
        with m.serving(folder) as instance:
            before = m.cpu_by_thread(instance.process.pid)
            driven = m.drive(instance.public, "/v1/batch", script, CONNECTIONS)
            after = m.cpu_by_thread(instance.process.pid)
    ours = driven.rate * EVENTS
    spent = {thread: sum(pair) - sum(before.get(thread, (0, 0))) for thread, pair in after.items()}
    taking = sum(seconds for thread, seconds in spent.items() if thread.startswith(("capture", "log-writer")))
    m.show("parsing alone, passing over free objects, per core-second", limit, "events/s")
    m.show("parsing alone, into a document, per core-second", document, "events/s")
    m.show("millstream, durable, folded on the same core", ours, "events/s",
           f"   p50 {driven.p50:.1f} ms, p99 {driven.p99:.1f} ms, {driven.errors} errors")
    m.show("millstream, per core-second spent on taking it in", ours * m.SECONDS / taking, "events/s")
    m.show("millstream, per core-second spent in all", ours * m.SECONDS / sum(spent.values()), "events/s")
    m.ratio(ours * m.SECONDS / taking, limit, 0.5)
    m.show("against parsing into a document", ours * m.SECONDS / taking / document, "times", decimals=2)
    m.print_where_time_goes(before, after, ours * m.SECONDS)


def main():
    measure("as a browser's SDK sends", BROWSER)
    measure("mostly one long text", TAIL)


if __name__ == "__main__":
    main()

"""One durable event per request, against a server of the same library that parses and stores nothing."""

import measurement as m

SCRIPT = """
local count, run = 0, os.time() .. "-" .. tostring({}):sub(8)
local head = '{"type":"track","event":"Product Viewed","anonymousId":"device-'
local middle = '","messageId":"'
local tail = '","context":{"page":{"url":"https://shop.example/item/1","referrer":"https://shop.example/"},' ..
    '"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0","locale":"en-GB"},' ..
    '"properties":{"sku":"A-1","price":12.5,"currency":"EUR","text":"' .. string.rep("x", 500) .. '"}}'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Basic a2V5Og=="
function request()
    count = count + 1
    return wrk.format(nil, nil, nil, head .. count % 5000 .. middle .. run .. count .. tail)
end
"""


def main():
    print(f"post: one event of about 0.9 KB a request, {m.CONNECTIONS} connections, server on one core, wrk on another")
    with m.folder() as folder:
        script = folder / "post.lua"
        script.write_text(SCRIPT)
        with m.peer(m.EXAMPLES / "no_op", "PORT") as port:
            theirs = m.drive(port, "/v1/track", script)
        with m.serving(folder) as instance:
            m.drive(instance.public, "/v1/track", script, seconds=2)
            before = m.cpu_by_thread(instance.process.pid)
            ours = m.drive(instance.public, "/v1/track", script)
            after = m.cpu_by_thread(instance.process.pid)
    m.show("no-op server, parsed and dropped", theirs.rate, "/s", f"   p50 {theirs.p50:.2f} ms, p99 {theirs.p99:.2f} ms")
    m.show("millstream, durable before the 200", ours.rate, "/s",
           f"   p50 {ours.p50:.2f} ms, p99 {ours.p99:.2f} ms, {ours.errors} errors")
    m.ratio(ours.rate, theirs.rate, 0.6)
    m.print_where_time_goes(before, after, ours.rate * m.SECONDS)


main()

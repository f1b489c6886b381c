"""A small simulated shop as Segment JSON lines: visits from campaigns, sites and nowhere, log-ins on two
devices, orders seen by browser and server. Drawn from the random generator alone."""

import json
from datetime import datetime, timezone

START_S = 1_790_000_000
ARRIVALS = (
    ("https://shop.example/?utm_source=june&utm_medium=email&utm_campaign=june-sale", ""),
    ("https://shop.example/shoes?utm_source=google&utm_medium=cpc&utm_campaign=shoes&gclid=G1", "https://www.google.com/"),
    ("https://shop.example/", "https://www.google.com/"),
    ("https://shop.example/", "https://t.co/x"),
    ("https://shop.example/", "https://blog.example/review"),
    ("https://shop.example/", ""),
)


def history(draw, visitors=120):
    """The lines of one history, in order of time."""
    events = []
    for visitor in range(visitors):
        devices = [f"device-{visitor}-{number}" for number in range(draw.choice((1, 1, 2)))]
        user = f"user-{visitor}" if draw.random() < 0.6 else None
        at = START_S + draw.randrange(86_400)
        for visit in range(draw.randrange(1, 6)):
            at += draw.randrange(60, 3 * 86_400)
            events += visit_of(draw, draw.choice(devices), user, f"{visitor}-{visit}", at)
    events.sort(key=lambda event: event["timestamp"])
    return [json.dumps(event) + "\n" for event in events]


def visit_of(draw, device, user, key, at):
    """One visit: pages, perhaps a log-in, perhaps an order told by browser and by server."""
    url, referrer = draw.choice(ARRIVALS)
    found = [page(device, f"{key}-p0", at, url, referrer)]
    for number in range(1, draw.randrange(1, 5)):
        at += draw.randrange(1, 1_200)
        found.append(page(device, f"{key}-p{number}", at, f"https://shop.example/item/{number}", "https://shop.example/"))
    if user and draw.random() < 0.7:
        found.append(event("identify", device, f"{key}-i", at + 1, userId=user, traits={"plan": "a"}))
    if draw.random() < 0.4:
        value = {"total": draw.randrange(100, 90_000) / 100, "currency": "EUR", "order_id": f"order-{key}"}
        found.append(event("track", device, f"{key}-o", at + 2, event="Order Completed", properties=value,
                           context=browser("https://shop.example/thanks", "")))
        if user and draw.random() < 0.5:
            found.append(event("track", None, f"{key}-s", at + 3, event="Order Completed", userId=user, properties=value))
    return found


def browser(url, referrer):
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
    return {"userAgent": agent, "page": {"url": url, "referrer": referrer}, "library": {"name": "analytics.js"}}


def page(device, key, at, url, referrer):
    return event("page", device, key, at, properties={"url": url, "referrer": referrer}, context=browser(url, referrer))


def event(kind, device, key, at, **more):
    time = datetime.fromtimestamp(at, timezone.utc).isoformat().replace("+00:00", "Z")
    received = datetime.fromtimestamp(at + 2, timezone.utc).isoformat().replace("+00:00", "Z")
    return {"type": kind, "messageId": key, "timestamp": time, "receivedAt": received} | (
        {"anonymousId": device} if device else {}) | more

"""Counts an access log straight from the written definitions, with no code of the product.

Everything is simple and slow on purpose: it exists to disagree when the product is wrong.
"""

import collections
import datetime
import json
import re
from urllib.parse import parse_qsl, urlsplit

LINE = re.compile(
    r'^(?P<address>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) '
    r'(?:\d+|-) "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"$'
)
ASSETS = frozenset(
    "css js mjs map json xml txt ico png jpg jpeg gif svg webp avif bmp woff woff2 ttf otf eot mp3 mp4 "
    "webm ogg pdf zip gz tgz bz2 jar exe".split()
)
TIMEOUT_S = 30 * 60
BOT_EVENTS = 20
BOT_WINDOW_S = 10

# Enough of the known search engines for the log at hand; any other foreign site is a referral or
# something more special, which only the product's own table can say.
SEARCH = re.compile(r"(^|\.)(google\.[a-z.]+|bing\.com|duckduckgo\.com|baidu\.com|yandex\.ru)$")
# A host that cannot be one (raw bytes, escaped by the web server) says nothing.
HOST = re.compile(r"^[a-z0-9.-]+$")

View = collections.namedtuple("View", "time target referrer campaign")


class Recount:
    """What the lines of one import must come to."""

    def __init__(self, lines, agent_patterns):
        self.patterns = [re.compile(pattern) for pattern in agent_patterns]
        self.malformed = 0
        self.events = 0
        self.page_views = 0
        self.campaign_hits = 0
        self.devices = collections.defaultdict(list)
        referrers = collections.Counter()
        for line in lines:
            self._take(line, referrers)
        self.own = referrers.most_common(1)[0][0] if referrers else ""

    def _take(self, line, referrers):
        match = LINE.match(line)
        words = match["request"].split(" ") if match else []
        if len(words) != 3:
            self.malformed += 1
            return
        self.events += 1
        referrer = match["referrer"]
        host = urlsplit(referrer).hostname if referrer.startswith(("http://", "https://")) else None
        if host and HOST.match(host):
            referrers[host] += 1
        else:
            host = None
        views = self.devices[match["address"], match["agent"]]
        method, target, _ = words
        if not is_page_view(method, target, match["status"]):
            return
        self.page_views += 1
        campaign = dict(parse_qsl(urlsplit(target).query))
        campaign = {name: value for name, value in campaign.items() if name.startswith("utm_")}
        self.campaign_hits += bool(campaign)
        time = datetime.datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z")
        views.append(View(int(time.timestamp()), target, host, campaign))

    def sessions(self):
        """(started, ended, events, is a bot's) of every session, sorted."""
        found = []
        for (_, agent), views in self.devices.items():
            known = any(pattern.search(agent) for pattern in self.patterns)
            for session in split(sorted(view.time for view in views)):
                found.append((session[0], session[-1], len(session), known or is_burst(session)))
        return sorted(found)

    def touches(self):
        """(time, kind, campaign) of every touch, sorted; kind is campaign, search, site or direct."""
        found = []
        for views in self.devices.values():
            ordered = sorted(views, key=lambda view: view.time)
            for times in split([view.time for view in ordered]):
                found.extend(self._touches_of(ordered[: len(times)]))
                ordered = ordered[len(times):]
        return sorted(found)

    def _touches_of(self, session):
        """Arrivals of one session, equal neighbours once; one direct touch where there is none."""
        last, found = None, []
        for view in session:
            arrival = self._arrival(view)
            if arrival and arrival != last:
                found.append((view.time, arrival[0], arrival[2]))
                last = arrival
        return found or [(session[0].time, "direct", "")]

    def _arrival(self, view):
        foreign = view.referrer if view.referrer and not self._is_own(view.referrer) else ""
        if view.campaign:
            return ("campaign", view.campaign.get("utm_source"), view.campaign.get("utm_campaign"))
        if foreign:
            search = SEARCH.search(foreign)
            return ("search", search.group(2).split(".")[0], "") if search else ("site", bare(foreign), "")
        return None

    def _is_own(self, host):
        host, own = bare(host), bare(self.own)
        return host == own or host.endswith("." + own)


def bare(host):
    return host.removeprefix("www.")


def is_page_view(method, target, status):
    last = target.split("?")[0].rsplit("/", 1)[-1]
    extension = last.rsplit(".", 1)[1].lower() if "." in last else ""
    return method == "GET" and status in ("200", "304") and extension not in ASSETS


def split(times):
    """Maximal runs with gaps of at most the timeout."""
    run = []
    for time in times:
        if run and time - run[-1] > TIMEOUT_S:
            yield run
            run = []
        run.append(time)
    if run:
        yield run


def is_burst(times):
    """More than 20 events in any 10 s."""
    return any(
        later - first <= BOT_WINDOW_S for first, later in zip(times, times[BOT_EVENTS:])
    )


def agent_patterns(path):
    """The patterns of the vendored list of crawlers."""
    return [entry["pattern"] for entry in json.loads(path.read_text())]

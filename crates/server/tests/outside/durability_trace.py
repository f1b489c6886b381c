"""No answer leaves before the fdatasync that covers it, seen from the kernel's side.

The server runs under strace. Every request comes on a connection of its own with a user agent of its
own, so the trace tells for each of them: when the bytes with that agent were written to a segment
file, when an fdatasync of that file that began later came back, and when the answer was handed to the
socket. The third must follow the second.
"""

import collections
import http.client
import json
import re
import shutil
import threading
import unittest

from instance import Case, run

THREADS = 8
REQUESTS_EACH = 25
CALLS = "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,fdatasync,fsync,sync_file_range"
LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$")
CALL = re.compile(r"^(\w+)\((\d+)<(.*?)>(?=[,) ])(.*)$", re.S)
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.S)
AGENT = re.compile(r"trace-\d+-\d+-end")

Span = collections.namedtuple("Span", "name target start end text result")


def spans(path):
    """Every traced call with its target (file or socket), start and end, unfinished ones joined."""
    open_calls = {}
    for line in path.read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if not match:
            continue
        thread, now, rest = match[1], float(match[2]), match[3]
        resumed = RESUMED.match(rest)
        if resumed and thread in open_calls:
            name, target, start, text = open_calls.pop(thread)
            text += resumed[2]
            yield Span(name, target, start, now, text, result_of(text))
            continue
        call = CALL.match(rest)
        if not call:
            continue
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = (call[1], call[3], now, call[4])
        else:
            # strace -T gives the time spent in the call: its end, not only its start.
            spent = re.search(r"<(\d+\.\d+)>$", rest)
            yield Span(call[1], call[3], now, now + float(spent[1] if spent else 0), call[4], result_of(call[4]))


def result_of(text):
    match = re.search(r"= (-?\d+)[^=]*$", text)
    return int(match[1]) if match else None


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class DurabilityTrace(Case):
    """Redirects and event calls under load, traced."""

    def test_no_answer_before_its_fdatasync(self):
        trace = self.folder / "trace"
        wrapper = ("strace", "-f", "-qq", "-ttt", "-T", "-yy", "-s", "1000000",
                   "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace))
        instance = self.instance(config="[capture]\nredirect_wait_ms = 20000\n", wrapper=wrapper)
        run("links", "add", "trace", "https://shop.example/landing", "--source", "trace", "--medium", "test",
            "--campaign", "trace", "--owner", "tests", "--data-dir", instance.directory)
        instance.start()
        answers = self.drive(instance)
        instance.stop()
        self.judge(list(spans(trace)), answers)

    def drive(self, instance):
        """(client port, status) of each request by its user agent."""
        answers, lock = {}, threading.Lock()

        def client(thread):
            for number in range(REQUESTS_EACH):
                agent = f"trace-{thread}-{number}-end"
                connection = http.client.HTTPConnection("127.0.0.1", instance.public, timeout=30)
                connection.connect()
                port = connection.sock.getsockname()[1]
                if number % 2:
                    connection.request("GET", "/r/trace", headers={"User-Agent": agent})
                else:
                    event = {"type": "track", "event": "Traced", "anonymousId": f"d{thread}",
                             "context": {"userAgent": agent}, "writeKey": "key"}
                    connection.request("POST", "/v1/track", json.dumps(event),
                                       {"User-Agent": agent, "Content-Type": "application/json"})
                status = connection.getresponse().status
                connection.close()
                with lock:
                    answers[agent] = (port, status)

        threads = [threading.Thread(target=client, args=(thread,)) for thread in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def judge(self, calls, answers):
        writes, syncs, sent = {}, collections.defaultdict(list), {}
        for call in calls:
            if ".segment" in call.target and call.name.startswith(("pwrite", "write")):
                for agent in AGENT.findall(call.text):
                    writes.setdefault(agent, call)
            elif call.name in ("fdatasync", "fsync") and call.result == 0:
                syncs[call.target].append(call)
            elif call.target.startswith("TCP") and "HTTP/1.1" in call.text:
                port = int(re.search(r":(\d+)\]?$", call.target)[1])
                sent.setdefault(port, call)
        self.assertEqual(len(answers), THREADS * REQUESTS_EACH)
        early = []
        for agent, (port, status) in answers.items():
            self.assertIn(status, (200, 302), agent)
            self.assertIn(agent, writes, f"{agent} was answered {status} but never written")
            self.assertIn(port, sent, f"the answer to {agent} is not in the trace")
            write = writes[agent]
            covering = [sync for sync in syncs[write.target] if sync.start >= write.end]
            durable = min((sync.end for sync in covering), default=float("inf"))
            if sent[port].start < durable:
                early.append((agent, status, 1e6 * (durable - sent[port].start)))
        covering = sum(len(list_of) for target, list_of in syncs.items() if ".segment" in target)
        print(f"{len(answers)} answers, {covering} syncs of segments, {len(early)} answers too early", flush=True)
        self.assertEqual(early[:5], [], f"{len(early)} answers that left before their fdatasync (agent, status, microseconds)")


if __name__ == "__main__":
    unittest.main(verbosity=2)

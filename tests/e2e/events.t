#!/usr/bin/env python3
"""Nobody who listens to events delays another: not by asking for all that ever was, again and again,
nor by taking nothing.  Who is behind gets everything, in order, as fast as he takes it; no event is
too large to go past; one token listens so often and no more."""
import json, os, sqlite3, ssl, sys, threading, time, urllib.error, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults_kit import *
from taptest import *

HISTORY = 20000


class Listener:
    """Reads the stream in a thread: the events' numbers, and the last one's data."""

    def __init__(self, s, after=None, reads=True, token=None):
        self.ids, self.data, self.ended, self.status = [], {}, False, 200
        q = urllib.request.Request(s.url + "/v1/events")
        q.add_header("Authorization", "Bearer " + (token or s.token))
        if after is not None:
            q.add_header("Last-Event-ID", str(after))
        try:
            self.r = urllib.request.urlopen(q, context=ssl.create_default_context(cafile=s.ca), timeout=120)
        except urllib.error.HTTPError as e:
            self.status, self.retry = e.code, e.headers.get("Retry-After")
            return
        closing.append(self.close)
        if reads:
            threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        at = 0
        try:
            for line in self.r:
                if line.startswith(b"id: "):
                    at = int(line[4:])
                elif line.startswith(b"data: ") and (len(line) < 1000 or at > HISTORY):
                    self.data[at] = line[6:]
                elif line == b"\n" and at:
                    self.ids.append(at)
                    at = 0
        except (OSError, ValueError):
            pass
        self.ended = True

    def close(self):
        try:
            self.r.fp.raw._sock.close()
        except (OSError, AttributeError):
            pass


def put(s, n, body=b'{"name":"x"}', kind=b"test"):
    """Events, as another server that shares the store would write them.  The last one's number."""
    db = sqlite3.connect(s.data + "/assay.db", timeout=60, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    last = db.execute("SELECT value FROM counter WHERE name = ?", (b"event",)).fetchone()[0]
    db.executemany("INSERT INTO event (number, at, host, kind, body) VALUES (?, ?, 0, ?, ?)",
        ((last + i + 1, int(time.time() * 1000), kind, body) for i in range(n)))
    db.execute("UPDATE counter SET value = ? WHERE name = ?", (last + n, b"event"))
    db.execute("COMMIT")
    db.close()
    return last + n


def main():
    s = Server("events", "--interval", "30")
    last = put(s, HISTORY)
    live = Listener(s)
    ok(wait(lambda: put(s, 1) and live.ids), "one who listens from now on is told what is new")
    first = live.ids[0]

    stuck = Listener(s, after=0, reads=False)
    greedy = [Listener(s, after=0) for _ in range(3)]
    ok(wait(lambda: all(g.ids for g in greedy)), "others ask for all that ever was")
    told = []
    for _ in range(3):
        n = put(s, 1)
        if wait(lambda: live.ids[-1] >= n) is None:
            break
        told.append(max(len(g.ids) for g in greedy))
    ok(len(told) == 3 and told[-1] < HISTORY, f"the first is told what is new before those have read all {told}")
    last = put(s, 1)
    ok(wait(lambda: all(g.ids and g.ids[-1] == last for g in greedy)), "they get there")
    is_([g.ids == list(range(1, last + 1)) for g in greedy], [True] * 3, "and miss nothing, in order")
    last = put(s, 1)
    ok(wait(lambda: all(g.ids[-1] == last for g in greedy) and live.ids[-1] == last), "then all are told what is new")
    is_(live.ids, list(range(first, last + 1)), "the first missed nothing either")

    # Again and again: who comes back at once stands behind those who wait.
    again = [Listener(s, after=0) for _ in range(8)]
    n = put(s, 1)
    ok(wait(lambda: live.ids[-1] == n), "eight more begin anew: the first is told what is new")
    ok(min(len(a.ids) for a in again) < HISTORY, "before they have read all")
    for a in again:
        a.close()

    # What a hostile host may have written: more than any client's queue holds, and many of them.
    large = put(s, 1, b'{"name":"' + b"y" * 900000 + b'"}')
    n = put(s, 300, b'{"name":"' + b"z" * 200000 + b'"}')
    ok(wait(lambda: live.ids[-1] == n), "large events are told, and nobody is cut off by them")
    is_(json.loads(live.data[large]).get("too_large"), 900011, "of one that is too large, that it is")
    is_(len(json.loads(live.data[n])["name"]), 200000, "others whole")
    late = Listener(s, after=large - 1)
    ok(wait(lambda: late.ids and late.ids[-1] == n), "also to one who comes later")
    is_(late.ids, list(range(large, n + 1)), "all of them")

    future = Listener(s, after=2**64 - 2)
    _, added = s.api("POST", "/v1/principals", {"name": "two", "role": "viewer"})
    n = put(s, 1)
    ok(wait(lambda: live.ids[-1] >= n), "one who asks for what is behind the last number there can be, keeps nobody from it")
    is_(future.ids, [], "and is told nothing")

    more = []
    while len(more) < 64:
        more.append(Listener(s))
        if more[-1].status != 200:
            break
    is_((more[-1].status, more[-1].retry), (429, "5"), f"one token listens {len(more) - 1} times more, and then no more")
    other = Listener(s, token=added["token"])
    is_(other.status, 200, "another token may")
    n = put(s, 1)
    ok(wait(lambda: other.ids and other.ids[-1] == n and live.ids[-1] == n), "and is told what is new")
    ok(s.rss("VmRSS") < 700, f"the server has not grown ({s.rss('VmRSS'):.0f} MiB)")
    stuck.close()
    is_(s.stop(), 0, "the server ends well")


run(main)

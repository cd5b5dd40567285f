#!/usr/bin/env python3
"""A PostgreSQL that says nothing any more (stopped, behind a network that swallows everything, a
peer that accepts and never answers) keeps no thread of a server for ever: agents and clients get
503 and Retry-After, hosts become late, none untrusted; a server can be ended meanwhile; when
PostgreSQL answers again, everything goes on by itself."""
import os, select, signal, socket, ssl, sys, threading, time, urllib.error, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults_kit import *
from taptest import *

HOSTS = 6


class Wire:
    """TCP in front of PostgreSQL's socket: carries bytes, or swallows them; always accepts."""

    def __init__(self, pg):
        self.to = pg.dir + "/.s.PGSQL.5432"
        self.open, self.ended, self.pairs = True, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        closing.append(self.end)

    def end(self):
        self.ended = True
        self.thread.join(10)

    def accept(self):
        a, b = self.listener.accept()[0], None
        if self.open:
            b = socket.socket(socket.AF_UNIX)
            b.connect(self.to)
        self.pairs.append((a, b))   # without a peer it stays as it is: accepted, never answered

    def drop(self, pair):
        self.pairs.remove(pair)
        for s in pair:
            if s is not None:
                s.close()

    def run(self):
        while not self.ended:
            watched = {s: p for p in self.pairs for s in p if s is not None and p[1] is not None} if self.open else {}
            for s in select.select([self.listener, *watched], [], [], 0.1)[0]:
                if s is self.listener:
                    self.accept()
                    continue
                pair = watched[s]
                if pair not in self.pairs:
                    continue
                try:
                    got = s.recv(65536)
                    if got:
                        (pair[1] if s is pair[0] else pair[0]).sendall(got)
                    else:
                        self.drop(pair)
                except OSError:
                    self.drop(pair)
        for p in list(self.pairs):
            self.drop(p)


def ask(s):
    """Status, the header Retry-After, seconds."""
    q = urllib.request.Request(s.url + "/v1/hosts")
    q.add_header("Authorization", "Bearer " + s.token)
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=s.ca), timeout=120) as r:
            return r.status, r.headers.get("Retry-After"), time.monotonic() - begun
    except urllib.error.HTTPError as e:
        return e.code, e.headers.get("Retry-After"), time.monotonic() - begun


def outage(s, hosts, what, begin, end):
    before = len(s.log())
    begin()
    status, after, took = ask(s)
    is_((status, after), (503, "5"), f"{what}: the API says that it cannot answer now, and when to ask again ({took:.1f} s)")
    # Everybody's requests, not only the first: no thread waits without end.
    for _ in range(10):
        status, after, took = ask(s)
        if (status, after) != (503, "5"):
            break
    is_((status, after), (503, "5"), f"{what}: and says so again and again ({took:.1f} s)")
    like(s.log()[before:], "nothing came from the database for 10 s", f"{what}: the log says why")
    hosts.say("silent")
    end()
    ok(wait(lambda: {(h["verdict"], h["reachability"]) for h in s.hosts()} == {("undecided", "late")}),
        f"{what}: then hosts are late, and what they proved has run out")
    hosts.say("go")
    took = hosts.more(100)
    ok(took is not None, f"{what}: the hosts go on ({took or -1:.1f} s)")
    ok(wait(lambda: s.verdicts() == {"trusted": HOSTS}), f"{what}: all are trusted")


def processes(pg):
    return [pg.process.pid, *pg.backends()]


def stop(pg):
    pg.process.send_signal(signal.SIGSTOP)
    signal_all(pg.backends(), signal.SIGSTOP)


def go_on(pg):
    signal_all(processes(pg), signal.SIGCONT)


def main():
    try:
        pg = Postgres()
    except FileNotFoundError as e:
        ok(True, f"PostgreSQL # SKIP {e}")
        return
    wire = Wire(pg)
    s = Server("silent", "--interval", "2", store=f"postgresql://assay@127.0.0.1:{wire.port}/postgres")
    hosts = Hosts([s], n=HOSTS, pause_ms=50)
    closing.append(lambda: go_on(pg) if pg.process else None)
    outage(s, hosts, "all of PostgreSQL is stopped", lambda: stop(pg), lambda: go_on(pg))
    outage(s, hosts, "the network swallows everything", lambda: setattr(wire, "open", False), lambda: setattr(wire, "open", True))

    # One session of it alone: the others' work is not held up for longer than theirs takes to be left.
    signal_all(pg.sessions(), signal.SIGSTOP)
    took = hosts.more(100)
    ok(took is not None, f"its sessions are stopped, and it takes new ones: the hosts go on ({took or -1:.1f} s)")
    go_on(pg)

    r = hosts.stop()
    is_((r["lost"], r["behind"]), (0, 0), f"nothing that was acknowledged is lost {r}")
    is_(set(r["answers"]) - {"0", "200", "409", "503"}, set(), "and there were no other answers")
    is_(s.ever(), ["trusted"], "nobody ever was untrusted")

    wire.open = False
    begun = time.monotonic()
    is_(s.stop(), 0, "a server whose database is silent can be ended")
    print(f"# it took {time.monotonic() - begun:.1f} s")
    s.launch()
    ok(wait(lambda: s.process.poll() is not None), "it does not begin on one that accepts and never answers")
    is_(s.process.poll(), 3, "which is no finding")
    like(s.log()[s.begun:], "(?i)timeout|nothing came", "and says why")
    s.process = None


run(main)

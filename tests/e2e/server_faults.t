#!/usr/bin/env python3
"""What goes away, fills up or is set back makes hosts late, never untrusted, and is recovered from
without anybody's help: PostgreSQL, the disk, the clock.  Hosts attest all the time; what was
acknowledged is in the store at the end, byte by byte."""
import datetime, os, signal, struct, subprocess, sys, time, traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from faults_kit import *
from taptest import *

HOSTS = 6


def ended(server, hosts, what):
    r = hosts.stop()
    is_((r["lost"], r["behind"]), (0, 0), f"{what}: nothing that was acknowledged is lost {r}")
    is_(set(r["answers"]) - {"0", "200", "409", "503"}, set(), f"{what}: and no other answers")
    is_(server.verdicts(), {"trusted": HOSTS}, f"{what}: all are trusted")
    is_(server.ever(), ["trusted"], f"{what}: and nobody ever was untrusted")
    is_(server.stop(), 0, f"{what}: the server ends well")


def postgresql():
    try:
        pg = Postgres()
    except FileNotFoundError as e:
        ok(True, f"PostgreSQL # SKIP {e}")
        return
    s = Server("pgsql", "--interval", "2", store=pg.url)
    hosts = Hosts([s], n=HOSTS, pause_ms=50)
    for sig, name in ((signal.SIGINT, "stopped"), (signal.SIGQUIT, "stopped at once"), (signal.SIGKILL, "killed")):
        pg.stop(sig)
        status, problem = s.api("GET", "/v1/hosts")
        is_((status, (problem or {}).get("code")), (503, "unavailable"), f"PostgreSQL is {name}: the API says that it cannot answer now")
        if sig == signal.SIGINT:
            time.sleep(7)       # longer than a verdict holds
        if os.path.exists(pg.dir + "/data/postmaster.pid"):
            os.unlink(pg.dir + "/data/postmaster.pid")
        hosts.say("silent")
        pg.start()
        if sig == signal.SIGINT:
            ok(wait(lambda: {(h["verdict"], h["reachability"]) for h in s.hosts()} == {("undecided", "late")}),
                "behind a longer outage hosts are late, and what they proved has run out")
        hosts.say("go")
        took = hosts.more(100)
        ok(took is not None, f"it starts again: the hosts go on ({took or -1:.1f} s)")
    for _ in range(10):
        signal_all(pg.sessions()[::2], signal.SIGTERM)  # as pg_terminate_backend() does
        time.sleep(0.05)
    took = hosts.more(100)
    ok(took is not None, f"connections are cut, again and again: the hosts go on ({took or -1:.1f} s)")
    os.kill(pg.sessions()[0], signal.SIGKILL)   # PostgreSQL ends all the others then, and recovers
    took = hosts.more(100)
    ok(took is not None, f"a child of it is killed: the hosts go on ({took or -1:.1f} s)")
    stopped = pg.sessions()
    signal_all(stopped, signal.SIGSTOP)
    time.sleep(3)
    signal_all(stopped, signal.SIGCONT)
    took = hosts.more(100)
    ok(took is not None, f"it hangs for three seconds: the hosts go on ({took or -1:.1f} s)")
    ended(s, hosts, "PostgreSQL")


def disk():
    """A file system of a few MiB, in a mount namespace of the server's own."""
    at = tmp + "/small"
    os.makedirs(at)
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", at], capture_output=True).returncode != 0:
        ok(True, "a full disk # SKIP no mount namespaces here")
        return
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=24m none "$1" && echo && exec sleep 600',
        "sh", at], stdout=subprocess.PIPE)
    closing.append(lambda: (holder.kill(), holder.wait()))
    holder.stdout.readline()
    inside = f"/proc/{holder.pid}/root{at}"
    s = Server("disk", "--interval", "30", data=at, prefix=["nsenter", "-t", str(holder.pid), "-m"],
        root=f"/proc/{holder.pid}/root")
    hosts = Hosts([s], n=HOSTS, pause_ms=50)
    with open(inside + "/ballast", "wb") as f:
        try:
            while True:
                f.write(bytes(65536))
                f.flush()
        except OSError:
            pass
    ok(wait(lambda: " is full" in s.log()), "the disk is full: the log says so")
    # What fits into room that the database has already may still be taken.
    time.sleep(1)
    ok(hosts.messages() >= 0 and s.process.poll() is None, "nothing is acknowledged and lost, and the server does not end")
    is_(s.verdicts(), {"trusted": HOSTS}, "verdicts can be read")
    ok(s.api("POST", "/v1/assignments", {"policies": ["load"]})[0] in (201, 503), "a change is made, or refused: try again later")
    os.unlink(inside + "/ballast")
    took = hosts.more(100)
    ok(took is not None, f"room is made: the hosts go on ({took or -1:.1f} s)")
    s.stop(signal.SIGKILL)
    s.start()
    ok(hosts.more(50) is not None, "also behind a crash")

    # A disk that can only be read: the server says so and does not begin.
    s.stop()
    remount = lambda how: subprocess.run(["nsenter", "-t", str(holder.pid), "-m", "mount", "-o", "remount," + how, at],
        capture_output=True).returncode
    if remount("ro") != 0:
        ok(True, "a disk that can only be read # SKIP it cannot be mounted so here")
    else:
        s.launch()
        ok(wait(lambda: s.process.poll() is not None), "on a disk that can only be read the server does not begin")
        is_(s.process.poll(), 3, "which is no finding")
        like(s.log()[s.begun:], "(?i)read-only", "and says why")
        remount("rw")
    s.process = None
    s.start()
    ok(hosts.more(50) is not None, "writable again: the hosts go on")
    ended(s, hosts, "a full disk")


def read_only():
    """The directory becomes one that can only be read while the server runs."""
    flag, at = tmp + "/flag", tmp + "/robe"
    open(flag, "w").write("0")

    def turn(value):
        with open(flag, "r+") as f:
            f.write(value)

    s = Server("robe", "--interval", "2", data=at,
        env={"LD_PRELOAD": BUILD + "/tests/e2e/read-only.so", "READ_ONLY": flag, "READ_ONLY_BELOW": at + "/"})
    hosts = Hosts([s], n=HOSTS, pause_ms=50)
    before, begun = hosts.messages(), len(s.log())
    turn("1")
    ok(wait(lambda: len(s.log()) > begun), "the directory can only be read from now on: the log says so")
    like(s.log()[begun:], "Read-only file system.*can only be read now", "and says what is wrong")
    last = hosts.messages()
    status, problem = s.api("POST", "/v1/assignments", {"policies": ["load"]})
    is_((status, problem["code"]), (503, "unavailable"), "a change is refused: try again later")
    is_(len(s.hosts()), HOSTS, "what is stored can be read")
    is_((hosts.messages(), s.process.poll()), (last, None), "nothing is acknowledged, and the server does not end")
    ok(wait(lambda: {(h["verdict"], h["reachability"]) for h in s.hosts()} <= {("undecided", "stale"), ("undecided", "late")}),
        "hosts become late, and what they proved runs out")
    n = len(s.log()[begun:].splitlines())
    turn("0")
    took = hosts.more(100)
    ok(took is not None, f"it can be written again: the hosts go on ({took or -1:.1f} s)")
    ok(n < 200, f"the log was not filled meanwhile ({n} lines)")
    ended(s, hosts, "a directory that can only be read")


def clock():
    shift = tmp + "/shift"
    now = [0]

    def turn(seconds):
        now[0] += seconds
        with open(shift, "r+b") as f:
            f.write(struct.pack("<q", now[0] * 1000))

    open(shift, "wb").write(bytes(8))
    s = Server("clock", "--interval", "2", env={"LD_PRELOAD": BUILD + "/tests/e2e/clock-shift.so", "CLOCK_SHIFT": shift})
    hosts = Hosts([s], n=HOSTS, pause_ms=50)
    standing = lambda: {(h["verdict"], h["reachability"]) for h in s.hosts()}
    week = 7 * 86400

    def holds(h):
        """For how many seconds yet, by the server's clock, what it proved holds."""
        until = datetime.datetime.fromisoformat(h["valid_until"].replace("Z", "+00:00"))
        return until.timestamp() - time.time() - now[0]

    for seconds, what in ((3600, "an hour forward"), (-3600, "and back"), (week, "a week forward"), (-week, "and back"),
            (-1800, "half an hour back")):
        turn(seconds)
        took = hosts.more(60)
        ok(took is not None, f"the clock is set {what}: the hosts go on ({took or -1:.1f} s)")
        ok(wait(lambda: standing() == {("trusted", "fresh")}), "and are trusted")
        ok(wait(lambda: all(-1 <= holds(h) <= 7 for h in s.hosts())), "for three intervals from now, and no longer")
        like(s.api("GET", "/v1/hosts?limit=1")[1]["hosts"][0]["policy"], "load", "by the policy that was assigned before")
    hosts.say("silent")
    time.sleep(0.5)
    last = max([e[0] for e in s.events(1)] or [0])
    turn(-900)
    is_(standing(), {("undecided", "late")}, "silent hosts, and the clock is set back: what they proved does not live on")
    ok(wait(lambda: len(s.events(1, after=last, kind="late")) == HOSTS, 60, 1), "and they are told of as late")
    hosts.say("go")
    ok(wait(lambda: standing() == {("trusted", "fresh")}), "until they speak again")
    hosts.say("silent")
    time.sleep(0.5)
    turn(7200)
    is_(standing(), {("undecided", "stale")}, "silent hosts, and the clock is set forward: stale at once")
    hosts.say("go")
    ok(wait(lambda: standing() == {("trusted", "fresh")}), "until they speak again")
    is_(len({e[0] for e in s.events(1, kind="verdict")}), HOSTS, "no verdict changed in all that")
    ended(s, hosts, "the clock")


def kept():
    """What is let go does not come back: a clock that jumps must not say what is old."""
    shift, days = tmp + "/shift-kept", 3 * 86400

    def clock(seconds):
        with open(shift, "wb" if not os.path.exists(shift) else "r+b") as f:
            f.write(struct.pack("<q", seconds * 1000))

    clock(0)
    s = Server("kept", "--interval", "2", "--keep-days", "1", "--keep-event-days", "1", "--keep-history-days", "1", "--keep-list-days",
        "1", "--forget-days", "1", env={"LD_PRELOAD": BUILD + "/tests/e2e/clock-shift.so", "CLOCK_SHIFT": shift})
    hosts = Hosts([s], n=HOSTS, pause_ms=50)
    ok(hosts.more(60) is not None, "hosts attest to a server that keeps nothing for longer than a day")
    hosts.stop()
    known = lambda: sorted((h["id"], h["registration"], len(s.get(f"/v1/hosts/{h['id']}/history")["history"]),
        len(s.get(f"/v1/hosts/{h['id']}/bundles")["bundles"])) for h in s.hosts())
    told = lambda: [e[0] for e in s.events(1, kind="verdict")]
    before, events = known(), told()
    is_((len(before), len(events)), (HOSTS, HOSTS), "which fall silent")
    clock(days)
    ok(wait(lambda: "set forward by" in s.log()), "the clock is set forward by three days: the log says so")
    like(s.log(), "nothing is deleted for a day", "and what follows from that")
    clock(0)
    ok(wait(lambda: "set back by" in s.log()), "when it is set back, everything that is old was looked for")
    is_((known(), told()), (before, events), "and nothing was let go")
    clock(days)
    ok(wait(lambda: s.log().count("set forward by") == 2) and wait(lambda: clock(0) or s.log().count("set back by") == 2), "nor the second time")
    is_((known(), told()), (before, events), "it is still there")
    # The control: three days that nobody saw begin are three days.
    s.stop()
    clock(days)
    s.start()
    ok(wait(lambda: s.log().count("was not seen for too long and is forgotten") == HOSTS), "a server that is started then lets it go")


try:
    for part in sys.argv[1:] or ("clock", "kept", "disk", "read_only", "postgresql"):
        globals()[part]()
except Exception:
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    close(taptest.failed)
done()

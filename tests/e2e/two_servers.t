#!/usr/bin/env python3
"""Two servers on one PostgreSQL: they share the hosts, and whichever dies, is paused or comes back,
nothing that was acknowledged is lost, no host turns untrusted, and the other takes over within the
lease time.  The hosts are software with keys of their own; agent_servers.t has our agent do the same."""
import random, signal, sys, time, traceback, os

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from faults_kit import *
from taptest import *

LEASE = 10      # seconds; svc/server/turn.h
KILLS = int(os.environ.get("ASSAY_KILLS", "12"))
seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 100000))
chance = random.Random(seed)
print(f"# seed {seed}")

try:
    pg = Postgres()
except FileNotFoundError as e:
    skip_all(str(e))


def leader():
    owner = pg.sql("SELECT encode(owner, 'hex') FROM lease WHERE until > extract(epoch FROM now()) * 1000")
    return bytes.fromhex(owner).decode() if owner else None


def looks_after(server):
    said = [l for l in server.log()[server.begun:].splitlines() if "looks after silent hosts" in l]
    return bool(said) and "this server" in said[-1]


try:
    one = Server("one", "--interval", "5", store=pg.url)
    two = Server("two", "--interval", "5", store=pg.url, ca=one)
    ok(wait(lambda: leader() is not None), "one of two servers has the lease")
    is_([looks_after(one), looks_after(two)].count(True), 1, "and one alone")
    hosts = Hosts([one, two], n=8, pause_ms=50)
    ok(hosts.more(100) is not None, "eight hosts attest to both")

    # ---- both tell the same, whoever wrote it ----
    is_((len(one.hosts()), one.verdicts()), (8, two.verdicts()), "both list all hosts, with the same verdicts")
    e1, e2 = one.events(kind="verdict"), two.events(kind="verdict")
    ok(len(e1) >= 8 and [x[0] for x in e1] == [x[0] for x in e2], f"both event streams tell all {len(e1)} events, in one order")

    # ---- the death of one, at random moments ----
    slowest = 0
    for i in range(KILLS):
        victim, other = (one, two) if chance.random() < 0.5 else (two, one)
        time.sleep(chance.random() * 0.5)
        victim.stop(signal.SIGKILL)
        took = hosts.more(60)
        if took is None:
            break
        slowest = max(slowest, took)
        victim.start()
    ok(i == KILLS - 1 and took is not None, f"one of them is killed {KILLS} times: the hosts go on (60 messages within {slowest:.1f} s)")
    is_(one.verdicts(), {"trusted": 8}, "all trusted")
    is_(two.ever(), ["trusted"], "and never were anything else")

    # ---- what time brings: the lease goes over ----
    ok(wait(lambda: leader() is not None, 30), "somebody has the lease")
    wait(lambda: looks_after(one) != looks_after(two), 30)
    first, second = (one, two) if looks_after(one) else (two, one)
    was = leader()
    first.stop(signal.SIGKILL)
    took = wait(lambda: leader() not in (None, was) and looks_after(second), 60)
    ok(took is not None, f"its holder dies: the other has it {took or -1:.1f} s later (lease {LEASE} s)")
    first.start()
    ok(hosts.more(100) is not None, "the dead one comes back and takes part")

    # ---- a simulation is one server's, and no other passes for it ----
    begun = [x.api("POST", "/v1/policies/simulate", {"policies": ["load"]})[1]["number"] for x in (one, two)]
    ok(wait(lambda: one.get(f"/v1/simulations/{begun[0]}")["state"] == "done"), "a simulation is worked off where it was asked for")
    status, said = two.api("GET", f"/v1/simulations/{begun[0]}")
    ok(status == 404 and "name that server" in said["detail"] and begun[0] != begun[1], "the other has none of its number, and says so")

    # ---- a change of policy on one holds on the other ----
    status, _ = one.api("PUT", "/v1/policies/strict", {"assay_policy": 1, "name": "strict", "layers": [
        {"name": "none", "files": {"/bin/true": ["sha256:" + "00" * 32]}}]})
    is_((status, one.api("POST", "/v1/assignments", {"policies": ["strict"]})[0]), (201, 201), "a stricter policy is assigned on one")
    took = wait(lambda: two.verdicts() == {"untrusted": 8})
    ok(took is not None, f"untrusted wherever they attest ({took or -1:.1f} s)")
    is_(two.api("POST", "/v1/assignments", {"policies": ["load"]})[0], 201, "and taken back on the other")
    took = wait(lambda: one.verdicts() == {"trusted": 8})
    ok(took is not None, f"trusted again ({took or -1:.1f} s)")

    # ---- one is paused for longer than its lease, and goes on ----
    wait(lambda: looks_after(one) != looks_after(two), 30)
    first, second = (one, two) if looks_after(one) else (two, one)
    was = leader()
    first.send(signal.SIGSTOP)
    took = wait(lambda: leader() not in (None, was), 60)
    ok(took is not None, f"the holder is paused: the other has the lease {took or -1:.1f} s later")
    took = hosts.more(200)
    ok(took is not None, f"and all the hosts, wherever they were ({took or -1:.1f} s)")
    silent = hosts.stop()
    late = wait(lambda: len([e for e in second.events(1, kind="late")]) >= 8, 60, 0.5)
    ok(late is not None, "hosts that fall silent meanwhile are late")
    first.send(signal.SIGCONT)
    ok(wait(lambda: not looks_after(first), 60), "going on, it learns that the lease is another's")
    time.sleep(1)
    told = [e[2]["id"] for e in second.events(1, kind="late")]
    is_((len(told), len(set(told))), (8, 8), "each was told of once: what the paused one still believed, it did not write")
    is_((silent["lost"], silent["behind"]), (0, 0), f"nothing that was acknowledged is lost {silent}")
    history = first.ever()
    is_(history, ["trusted", "untrusted"], "nobody was judged otherwise than by the policies")
    is_([x[0] for x in first.events(1)], [x[0] for x in second.events(1)], "both streams still tell the same")

    # ---- nothing is moved away below them ----
    moved = f"sqlite:{tmp}/moved.db"

    def move():
        return subprocess.run([BUILD + "/assay", "server", "move", "--from", pg.url, "--to", moved], capture_output=True, text=True)

    r = move()
    ok(r.returncode == 3 and "a server uses it" in r.stderr, "while they serve, nothing is moved away")
    is_(first.stop(), 0, "one ends well")
    pg.stop()
    pg.start()
    ok(wait(lambda: len(second.hosts()) == 8), "the other finds the database again, which was started anew")
    ok(move().returncode == 3, "and holds it again")
    second.stop(signal.SIGKILL)
    ok(wait(lambda: move().returncode == 0) is not None, "killed, it holds nothing")
    is_((two.start() is not None, len(two.hosts())), (True, 8), "a server starts on what was moved away as before")
    is_(two.stop(), 0, "and ends well")
except Exception:
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    close(taptest.failed)
done()

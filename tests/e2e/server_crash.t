#!/usr/bin/env python3
"""A server that is killed at random moments loses nothing that it acknowledged: a hundred times on
SQLite, and on PostgreSQL, while eight hosts attest; at the end the store has every host's list,
byte by byte, and nobody ever was judged to be anything but trusted."""
import os, random, signal, sys, time, traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from faults_kit import *
from taptest import *

seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 100000))
chance = random.Random(seed)
print(f"# seed {seed}")


def killing(name, store, times):
    server = Server(name, "--interval", "30", store=store)
    hosts = Hosts([server], n=8, pause_ms=5)
    slowest, idle, killed = 0, 0, 0
    for _ in range(times):
        before = hosts.messages()
        # Also before it has said a word: now and then within the start itself.
        time.sleep(chance.random() ** 2 * 0.3)
        server.stop(signal.SIGKILL)
        killed += 1
        server.launch()
        if chance.random() < 0.2:
            time.sleep(chance.random() * 0.1)
            server.stop(signal.SIGKILL)
            killed += 1
            server.launch()
        took = wait(lambda: hosts.messages() > before or hosts.messages() < 0 or server.process.poll() is not None, every=0.005)
        if took is None or server.process.poll() is not None or hosts.messages() < 0:
            break
        slowest = max(slowest, took)
    is_((killed >= times, server.process.poll()), (True, None), f"{name}: killed {killed} times, it starts again each time ({slowest:.1f} s at most)")
    r = hosts.stop()
    is_((r["lost"], r["behind"]), (0, 0), f"{name}: nothing that was acknowledged is lost: {r}")
    ok(r["messages"] > times, f"{name}: hosts attested in between")
    is_(set(r["answers"]) - {"0", "200", "409", "503"}, set(), f"{name}: no other answers")
    is_(server.verdicts(), {"trusted": 8}, f"{name}: all hosts are trusted")
    is_(server.ever(), ["trusted"], f"{name}: and always were")
    is_(server.stop(), 0, f"{name}: it ends well")


try:
    killing("sqlite", None, 100)
    try:
        pg = Postgres()
        killing("postgresql", pg.url, 30)
    except FileNotFoundError as e:
        ok(True, f"postgresql # SKIP {e}")
except Exception:
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    close(taptest.failed)
done()

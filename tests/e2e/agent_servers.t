#!/usr/bin/env python3
"""Our agent, with a software TPM, and two servers on one PostgreSQL: whichever dies or hangs, it goes
on with the other, as the same host, and comes back when that one dies in turn."""
import os, shutil, signal, sys, traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_pcrextend"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

import faults_kit, ours
from faults_kit import Postgres, Server, wait

shutil.rmtree(ours.tmp)
ours.tmp = faults_kit.tmp
BUILD = faults_kit.BUILD
try:
    pg = Postgres()
except FileNotFoundError as e:
    skip_all(str(e))

try:
    one = Server("one", "--interval", "10", "--first-use", store=pg.url)
    two = Server("two", "--interval", "10", "--first-use", store=pg.url, ca=one)
    tpm = ours.Tpm(ours.tmp + "/tpm").start()
    faults_kit.closing.append(tpm.stop)
    kernel = ours.Files(tpm)
    kernel.boot()
    faults_kit.closing.append(lambda: [(p.kill(), p.wait()) for p in ours.processes])
    ours.priv()
    ok(wait(lambda: os.path.exists(ours.tmp + "/agent/priv.sock")), "the privileged process listens")
    agent = ours.start("run", BUILD + "/assay-agent", "run", "--data", ours.tmp + "/agent", "--server", one.url,
        "--server", two.url, "--server-ca", one.ca)
    ok(wait(lambda: one.hosts()[0]["registration"] == "pending"), "it enrols at one of them")
    id = two.hosts()[0]["id"]
    is_(two.api("POST", f"/v1/hosts/{id}/approve")[0], 200, "and is approved at the other")
    one.api("PUT", "/v1/policies/base", ours.policy(**{"/usr/bin/one": b"one"}))
    one.api("POST", "/v1/assignments", {"policies": ["base"]})
    ok(wait(lambda: two.hosts()[0]["verdict"] == "trusted"), "it is trusted")
    n = two.hosts()[0]["entries"]

    def goes_on(server, what):
        global n
        kernel.measure("/usr/bin/one", b"one")
        n += 1
        took = wait(lambda: server.hosts()[0]["entries"] == n)
        ok(took is not None, f"{what}: it goes on with the other ({took or -1:.1f} s)")

    for gone, there in ((one, two), (two, one), (one, two)):
        gone.stop(signal.SIGKILL)
        goes_on(there, f"server {gone.name} is killed")
        gone.start()
    two.send(signal.SIGSTOP)
    goes_on(one, "server two hangs")
    two.send(signal.SIGCONT)
    is_([h["id"] for h in two.hosts()], [id], "it always was the same host")
    is_(sorted(set(two.ever()) - {"undecided"}), ["trusted"], "and never untrusted")
    agent.terminate()
    is_(agent.wait(20), 0, "it ends well")
    is_((one.stop(), two.stop()), (0, 0), "as do they")
except Exception:
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    faults_kit.close(taptest.failed)
done()

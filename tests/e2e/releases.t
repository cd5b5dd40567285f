#!/usr/bin/env python3
"""Server and agent of two releases, in every pair, upgraded and downgraded over one store and one
identity: the host stays the same and trusted, and its list goes on.  $ASSAY_OTHER_BUILD is the build
of the other release (tools/releases makes one of any commit); without it, both are this one."""
import os, shutil, signal, sys, traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_pcrextend"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

import faults_kit, ours
from faults_kit import BUILD, Server, wait

OTHER = os.environ.get("ASSAY_OTHER_BUILD", BUILD)
shutil.rmtree(ours.tmp)
tmp = ours.tmp = faults_kit.tmp
running = []


def agents(build, server):
    """Both halves of the agent, of one release, in the place of those that ran."""
    for p in running:
        p.terminate()
        if p.wait(30) != 0:
            print(f"# an agent ended with {p.returncode}")
    running[:] = [ours.start("priv", build + "/assay-agent", "priv", "--data", tmp + "/agent", "--tcti",
        f"swtpm:path={tmp}/tpm/tpm", "--securityfs", tmp + "/security", "--list", "kernel")]
    wait(lambda: os.path.exists(tmp + "/agent/priv.sock"))
    running.append(ours.start("run", build + "/assay-agent", "run", "--data", tmp + "/agent", "--server", server.url,
        "--server-ca", server.ca))


try:
    print(f"# this release: {BUILD}; the other: {OTHER}")
    tpm = ours.Tpm(tmp + "/tpm").start()
    faults_kit.closing.append(tpm.stop)
    faults_kit.closing.append(lambda: [(p.kill(), p.wait()) for p in ours.processes if p.poll() is None])
    kernel = ours.Files(tpm)
    kernel.boot()
    kernel.measure("/usr/bin/one", b"one")
    server = Server("server", "--interval", "10", "--first-use")
    server.stop()
    server.build = OTHER
    server.start()
    agents(OTHER, server)
    ok(wait(lambda: server.hosts()[0]["registration"] == "pending"), "the other release's agent enrols at its server")
    id = server.hosts()[0]["id"]
    server.api("POST", f"/v1/hosts/{id}/approve")
    server.api("PUT", "/v1/policies/base", ours.policy(**{"/usr/bin/one": b"one"}))
    server.api("POST", "/v1/assignments", {"policies": ["base"]})
    ok(wait(lambda: server.hosts()[0]["verdict"] == "trusted"), "and is trusted")
    was = (OTHER, OTHER)
    for here, there, what in ((BUILD, OTHER, "the server is upgraded"), (BUILD, BUILD, "the agent too"),
            (OTHER, BUILD, "the server is downgraded"), (OTHER, OTHER, "the agent too"),
            (OTHER, BUILD, "the agent is upgraded first"), (BUILD, BUILD, "then the server")):
        server.stop()
        server.build = here
        server.start()
        agents(there, server)
        kernel.measure("/usr/bin/one", b"one")
        seen = {}

        def taken():
            seen.update(server.hosts()[0])
            return (seen["entries"], seen["verdict"], seen["reachability"]) == (len(kernel.records), "trusted", "fresh")

        if not ok(wait(taken) is not None, f"{what}: it goes on, trusted"):
            print(f"# {seen}")
    is_([h["id"] for h in server.hosts()], [id], "it always was the same host")
    is_(set(server.ever()) - {"undecided"}, {"trusted"}, "and never was untrusted")
    is_(server.stop(), 0, "the server ends well")
except Exception:
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    faults_kit.close(taptest.failed)
done()

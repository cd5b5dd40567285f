#!/usr/bin/env python3
"""Our agent with a real server and a real TPM (swtpm), the kernel's part played by a stand-in for
securityfs: it enrols, proves itself, pushes what is new within two seconds, and goes on after
whatever ends its server, its TPM, its other half or itself."""
import json, os, shutil, signal, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from ours import *
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_pcrextend"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")


def verdict(want):
    return lambda: server.host()["verdict"] == want


try:
    tpm = Tpm(tmp + "/tpm").start()
    kernel = Files(tpm)
    kernel.boot()
    kernel.measure("/usr/bin/one", b"one")
    server = Server()
    server.api("PUT", "/v1/policies/base", policy(**{"/usr/bin/one": b"one", "/usr/bin/two": b"two"}))
    server.api("POST", "/v1/assignments", {"policies": ["base"]})

    # ---- enrolment ----
    p = priv()
    ok(wait(lambda: os.path.exists(tmp + "/agent/priv.sock")), "the privileged process listens")
    code, s = status()
    is_((code, s["state"]), (1, "not enrolled"), "status: not enrolled")
    e = subprocess.run([BUILD + "/assay-agent", "enrol", "--json", "--data", tmp + "/agent", "--server", server.url,
        "--server-ca", tmp + "/server/ca.pem"], capture_output=True)
    j = json.loads(e.stdout or b"{}")
    is_((e.returncode, j.get("state")), (1, "pending"), f"enrol: pending {e.stderr.decode()}")
    is_([h["id"] for h in server.hosts()], [j.get("host_id")], "by the same name as at the server")
    is_(oct(os.stat(tmp + "/agent/net/identity.pem").st_mode & 0o777), "0o600", "its key is for the agent alone")
    r = run(server)
    ok(wait(lambda: "host-pending" in log("run")), "the agent is told that it has to wait")
    server.api("POST", f"/v1/hosts/{j['host_id']}/approve")
    took = wait(verdict("trusted"), 60)
    ok(took, f"approved: it attests by itself, and is trusted ({took})")
    h = server.host()
    is_((h["entries"], h["findings"], h["reachability"]), (2, [], "fresh"), "with its list")
    facts = h["facts"]
    is_((facts["list"], facts["tpm"]["kind"], facts["sandbox"]["seccomp"]), ("kernel", "swtpm", True), "and its facts")
    code, s = status()
    is_((code, s["state"], s["host_id"]), (0, "enrolled", j["host_id"]), "status: enrolled")

    # ---- news are pushed ----
    kernel.measure("/usr/bin/two", b"two")
    took = wait(lambda: server.host()["entries"] == 3)
    ok(took is not None and took < 2, f"a new entry is there within two seconds ({took})")
    is_(server.host()["verdict"], "trusted", "an approved one: trusted")
    kernel.measure("/tmp/evil\nname\xff", b"evil")
    took = wait(verdict("untrusted"))
    ok(took is not None and took < 2, f"an unapproved one: untrusted within two seconds ({took})")
    server.api("PUT", "/v1/policies/base", policy(**{"/usr/bin/one": b"one", "/usr/bin/two": b"two", "/tmp/evil\nname\xff": b"evil"}))
    server.api("POST", "/v1/assignments", {"policies": ["base"]})
    ok(wait(verdict("trusted"), 40), "approved after the fact: trusted again, by itself")
    for i in range(30):
        kernel.measure(f"/usr/bin/two", b"two")
    ok(wait(lambda: server.host()["entries"] == 34), "thirty at once")
    is_(server.host()["verdict"], "trusted", "fit the quote")

    # ---- whatever ends ----
    end(server.p, signal.SIGKILL)
    kernel.measure("/usr/bin/one", b"one")
    time.sleep(2)
    server.start()
    ok(wait(lambda: server.host()["entries"] == 35), "the server was killed: it goes on")
    end(r, signal.SIGKILL)
    kernel.measure("/usr/bin/one", b"one")
    r = run(server)
    ok(wait(lambda: server.host()["entries"] == 36), "the network process was killed: it goes on, with the same identity")
    is_(len(server.hosts()), 1, "and no second host")
    end(p, signal.SIGKILL)
    kernel.measure("/usr/bin/one", b"one")
    p = priv()
    ok(wait(lambda: server.host()["entries"] == 37, 60), "the privileged process was killed: it goes on")
    is_(server.host()["verdict"], "trusted", "still trusted")

    # ---- who is removed or forgotten ----
    server.api("DELETE", "/v1/hosts/" + h["id"])
    ok(wait(lambda: status()[1]["state"] == "removed", 60), "removed at the server: status says so")
    is_(status()[0], 1, "with exit status 1")
    server.api("POST", f"/v1/hosts/{h['id']}/forget")
    ok(wait(lambda: status()[1]["state"] == "pending", 90), "forgotten: it enrols anew by itself, and waits")
    server.api("POST", f"/v1/hosts/{h['id']}/approve")
    ok(wait(lambda: (status()[1]["state"], server.host()["verdict"]) == ("enrolled", "trusted"), 90), "approved again: trusted")

    # ---- a reboot: the TPM is reset, the list begins anew ----
    end(p)
    end(r)
    tpm.stop()
    tpm.start()
    kernel.forget()
    kernel.boot()
    kernel.measure("/usr/bin/two", b"two")
    p, r = priv(), run(server)
    ok(wait(lambda: server.host()["entries"] == 2 and server.host()["verdict"] == "trusted", 60), "rebooted: trusted with a new list")
    is_(end(r), 0, "SIGTERM ends the network process well")
    is_(end(p), 0, "and the privileged one")
    ok("error:" not in log("run") and "error:" not in log("priv"), "no errors were logged but faults of others")
finally:
    if "tpm" in globals():
        tpm.stop()
    cleanup(taptest.failed)
done()

#!/usr/bin/env python3
"""A real kernel's list, and an agent that lies about it: the machine is switched off behind its TPM's back, so
that everything the kernel measured is still in the PCRs, and an agent that shares no code with ours
(tests/e2e/agent.py, lies.py) attests with it.  The truth is trusted, an unapproved script in the list is found, and
no lie about it is ever trusted; nor is the list without the TPM, the TPM without the list, or a clone."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from files_kit import *
from agent import Agent, Refused, Tpm, parse
from swtpm_relay import Relay
import lies

need("tpm2_createek", "tpm2_quote")
EVIL, GOOD = "/opt/evil", "/opt/approved"


class LabTpm(Tpm):
    """The TPM that the machine left behind."""

    def __init__(self, machine):
        super().__init__(machine.image + "/hostile", cert=False)
        self.relay = Relay(machine.image + "/tpm.sock", self.dir + "/tpm")

    def start(self):
        return self

    def stop(self):
        pass


class Recorded:
    """The kernel, as far as an agent knows it: its list, and which boot it was."""

    def __init__(self, list_, boot_id):
        self.records, self.boot_id = lies.split(list_), boot_id


def fetch(machine, path):
    return base64.b64decode(machine.do(f"base64 {path}"))


def state(lab):
    return lab.host()["verdict"], [f["code"] for f in lab.findings()]


def attest(a, records):
    a.nonce, a.kernel.records = None, records
    a.hello()
    a.attest(start=0)
    if a.next_from != len(records):	# asked for another part of the list
        a.attest()


def measured(lab):
    """(list without the script, list with it) of the running kernel."""
    do = lab.machine.do
    do(GOOD)
    do("assay-agent --version")
    before = fetch(lab.machine, "/sys/kernel/security/ima/binary_runtime_measurements")
    lab.script(EVIL)
    do(EVIL)
    return before, fetch(lab.machine, "/sys/kernel/security/ima/binary_runtime_measurements")


def run(kernel, labs):
    lab = Lab(labs, kernel, "ima_policy=tcb ima_template=ima-sig", keep_tpm=True)
    before, whole = measured(lab)
    boot_id = lab.machine.do("cat /proc/sys/kernel/random/boot_id")
    lab.machine.cut_off_tpm()
    tpm = LabTpm(lab.machine)
    tpm.keys()
    a = Agent(tpm, lab.server.url, lab.server.ca, "guest")
    a.kernel = Recorded(whole, boot_id)
    records = list(a.kernel.records)
    ok(len(records) > 20 and lies.split(before) == records[:len(lies.split(before))], f"a kernel's list of {len(records)} entries")
    a.enrol()
    lab.server.call("POST", f"/v1/hosts/{a.id}/approve")
    lab.push("base", lab.own_policy())
    lab.assign("base")
    digest = lambda path: hashlib.sha256(open(lab.image + "/root" + path, "rb").read()).digest()

    known = lies.lies(EVIL.encode(), GOOD.encode(), digest(GOOD))
    for what, lie, want in known[:-4]:
        attest(a, lie(records))
        verdict, found = state(lab)
        ok(verdict == ("untrusted" if want else "undecided") and (want is None or want in found),
            f"{what}: {verdict}" + (f", {want}" if want else ""))
    attest(a, lies.split(before))
    is_(state(lab), ("untrusted", ["pcr-mismatch"]), "the list as it was before the script: untrusted")
    attest(a, records)
    is_((state(lab), lab.found()), (("untrusted", ["not-in-policy"]), [("not-in-policy", EVIL)]), "the truth: untrusted for the script alone")
    lab.push("script", {"assay_policy": 1, "name": "script", "layers": [{"name": "l", "files": {
        EVIL: ["sha256:" + hashlib.sha256(f"#!/bin/sh\necho '{EVIL} ran'\n".encode()).hexdigest()]}}]})
    lab.assign("base", "script")
    a.attest()
    is_(state(lab), ("trusted", []), "with the script approved: trusted")

    # ---- another TPM with this list, this key and certificate ----
    other = Tpm(tmp + "/other").start()
    closing.append(other.stop)
    other.keys()
    raises(RuntimeError, lambda: (shutil.copy(tpm.dir + "/ak.pub", other.dir + "/stolen.pub"), shutil.copy(tpm.dir + "/ak.priv",
        other.dir + "/stolen.priv"), other.run("tpm2_load", "-C", "ek.ctx", "-u", "stolen.pub", "-r", "stolen.priv", "-c", "s.ctx")),
        "the attestation key's blobs load in no other TPM")
    other.flush()
    b = Agent(other, lab.server.url, lab.server.ca, "guest")
    b.cert, b.id, b.kernel = tpm.dir + "/tls.pem", a.id, Recorded(whole, boot_id)
    shutil.copy(tpm.dir + "/tls.key", other.dir + "/tls.key")
    for r in map(lies.Record, records):	# its PCR 10 has what the list says; PCRs 0 to 9 are those of no firmware
        other.run("tpm2_pcrextend", f"10:sha256={'ff' * 32 if r.digest == bytes(20) else hashlib.sha256(r.data).hexdigest()}")
    b.nonce = None
    b.attest(start=0)
    b.attest(start=b.next_from)
    verdict, found = state(lab)
    ok(verdict == "untrusted" and "quote-signature-invalid" in found, "another TPM under the same certificate, with the same PCR 10: untrusted")
    a.nonce = None
    a.attest()
    is_(state(lab), ("trusted", []), "the machine itself: trusted, as before")
    b.cert = None
    b.enrol()
    lab.server.call("POST", f"/v1/hosts/{b.id}/approve")
    b.kernel.records = records
    b.nonce = None
    b.attest(start=0)
    h = lab.server.call("GET", f"/v1/hosts/{b.id}").json
    codes = [f["code"] for f in lab.server.call("GET", f"/v1/hosts/{b.id}/findings")["findings"]]
    is_((b.id != a.id, h["verdict"], codes), (True, "untrusted", ["boot-aggregate-mismatch"]),
        "enrolled as itself, with the other's list: untrusted, its boot is not the list's")


scenario(run)

#!/usr/bin/env python3
"""The server, with a real TPM (swtpm) and an agent that shares no code with ours: who may enrol,
what turns a host trusted and untrusted and how it comes back, and what an agent that lies gets."""
import base64, hashlib, json, os, re, shutil, signal, ssl, struct, subprocess, sys, tempfile, time, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import *
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_createek", "openssl"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

ASSAY = os.environ["ASSAY_BUILD"] + "/assay"
tmp = tempfile.mkdtemp(prefix="assay-server.")
closing = []


def close():
    for f in reversed(closing):
        f()
    shutil.rmtree(tmp, ignore_errors=True)


class Server:
    def __init__(self, data, *options):
        self.data, self.options, self.process, self.port = data, options, None, 0
        self.start()
        closing.append(self.stop)

    def start(self):
        self.log = open(self.data + ".log", "a+")
        at = self.log.tell()
        self.process = subprocess.Popen([ASSAY, "server", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
            *self.options], stderr=self.log)
        for _ in range(200):
            self.log.seek(at)
            m = re.search(r"serving https://127\.0\.0\.1:(\d+);", self.log.read())
            if m:
                self.port = int(m.group(1))
                break
            time.sleep(0.05)
        self.url, self.ca = f"https://127.0.0.1:{self.port}", self.data + "/ca.pem"
        self.token = open(self.data + "/admin.token").read().strip()

    def stop(self, sig=signal.SIGTERM):
        if self.process:
            self.process.send_signal(sig)
            self.process.wait(20)
            self.process = None

    def api(self, method, path, body=None, token=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        q = urllib.request.Request(self.url + path, data, method=method)
        q.add_header("Authorization", "Bearer " + (self.token if token is None else token))
        if data is not None:
            q.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=self.ca), timeout=20) as r:
                text = r.read()
                return r.status, json.loads(text) if text[:1] in b"{[" else text
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read() or b"{}")

    def host(self, agent):
        return self.api("GET", f"/v1/hosts/{agent.id}")[1]


def sha(b):
    return hashlib.sha256(b).digest()


def policy(**files):
    """A runtime policy that approves these contents by path."""
    return json.dumps({"assay_policy": 1, "name": "test", "layers": [{"name": "base", "files": {
        p: ["sha256:" + sha(c).hex()] for p, c in files.items()}}]}).encode()


def refusal(call):
    try:
        call()
    except Refused as e:
        return e.status, e.code


try:
    good = {"/usr/bin/one": b"one", "/usr/bin/two": b"two", "/usr/bin/three": b"three"}
    machine = Tpm(tmp + "/a").start()
    closing.append(machine.stop)
    machine.keys()
    server = Server(tmp + "/server", "--first-use", "--interval", "2")

    # ---- enrolment ----
    a = Agent(machine, server.url, server.ca, "alpha")
    raises(Refused, lambda: a.enrol(proof=bytes(32)), "a proof that is wrong", lambda e: e.status == 403 and e.code == "proof")
    raises(Refused, lambda: a.post("/v1/agent/activate", message("activate", enrolment=bytes(16), proof=bytes(32)),
        with_cert=False), "an enrolment nobody began", lambda e: e.status == 403 and e.code == "proof")
    is_(server.api("GET", "/v1/hosts")[1]["hosts"], [], "leave no host behind")
    a.enrol()
    is_(a.state, "pending", "without anybody who vouches for the TPM: pending")
    raises(Refused, a.hello, "a pending host may not attest", lambda e: e.status == 403 and e.code == "host-pending")
    h = server.host(a)
    is_((h["name"], h["registration"], h["trust_mode"], h["verdict"], h["reachability"]),
        ("alpha", "pending", "operator", "unknown", "never"), "it is listed so")
    is_(server.api("POST", f"/v1/hosts/{a.id}/approve")[0], 200, "an operator approves it")
    raises(Refused, lambda: a.post("/v1/agent/attest", message("evidence"), with_cert=False),
        "without its certificate it is nobody", lambda e: e.status == 401)
    a.enrol()
    is_(a.state, "enrolled", "enrolling again with the same keys changes nothing")
    is_(len(server.api("GET", "/v1/hosts")[1]["hosts"]), 1, "and makes no second host")

    # ---- attestation ----
    a.kernel.boot()
    a.kernel.measure("/usr/bin/one", b"one")
    ack = a.hello()
    is_((ack["from"], ack["acknowledged"], len(a.nonce)), (0, 0, 32), "the hello's answer")
    a.attest()
    h = server.host(a)
    is_((h["verdict"], h["entries"], h["reachability"]), ("undecided", 2, "fresh"), "without a policy: undecided")
    like(h["reason"], "no policy", "which is said")
    status, p = server.api("PUT", "/v1/policies/base", policy(**good))
    is_(status, 201, "a policy is pushed")
    is_(server.api("PUT", "/v1/policies/base", policy(**good))[0], 200, "once")
    is_(server.api("PUT", "/v1/policies/bad", b"{\"x\":1}")[0], 400, "one that is none is refused")
    is_(server.api("POST", "/v1/assignments", {"policies": ["base"]})[0], 201, "and assigned to all hosts")
    a.attest()
    h = server.host(a)
    is_((h["verdict"], h["policy"], h["findings_total"]), ("trusted", "base", 0), "now it is trusted")
    a.kernel.measure("/usr/bin/two", b"two")
    ack = a.attest()
    is_((ack["from"], server.host(a)["verdict"], server.host(a)["entries"]), (3, "trusted", 3), "an approved program: trusted")
    started = time.time()
    a.kernel.measure("/tmp/evil\nname\xff", b"evil")
    a.attest()
    h = server.host(a)
    is_((h["verdict"], h["findings_total"], h["findings"][0]["seen"]), ("untrusted", 1, "sha256:" + sha(b"evil").hex()), "an unapproved one: untrusted")
    print(f"# {time.time() - started:.2f} s from its measurement to the verdict", flush=True)
    f = server.api("GET", f"/v1/hosts/{a.id}/findings")[1]["findings"][0]
    is_((f["code"], f["entry"], base64.b64decode(f["path_b64"])), ("not-in-policy", 4, "/tmp/evil\nname\xff".encode()),
        "with code, entry and exact path")
    a.kernel.measure("/usr/bin/three", b"three")
    a.attest()
    is_(server.host(a)["verdict"], "untrusted", "and stays so while nothing changed")
    is_(server.api("PUT", "/v1/policies/base", policy(**good, **{"/tmp/evil\nname\xff": b"evil"}))[0], 201, "the owner approves it")
    is_(server.api("POST", "/v1/assignments", {"policies": ["base"]})[0], 201, "in a new version")
    a.attest()
    is_(server.host(a)["verdict"], "trusted", "and it is trusted again, without sending anything twice")
    s = server.api("GET", "/v1/search?digest=sha256:" + sha(b"evil").hex())[1]
    is_(([x["id"] for x in s["hosts"]], s["total"]), ([a.id], 1), "search tells who ran it")

    # ---- the evidence proves it again, offline ----
    history = server.api("GET", f"/v1/hosts/{a.id}/history")[1]["history"]
    is_([x["verdict"] for x in history], ["trusted", "untrusted", "trusted", "undecided"], "the history of verdicts")
    bundle = server.api("GET", f"/v1/bundles/{history[1]['bundle']}")[1]
    open(tmp + "/b", "wb").write(bundle)
    open(tmp + "/p", "wb").write(policy(**good))
    r = subprocess.run([ASSAY, "evidence", "verify", "--bundle", tmp + "/b", "--policy", tmp + "/p", "--expect-ak",
        machine.dir + "/ak.pub", "--expect-nonce", "recorded", "--json"], capture_output=True)
    j = json.loads(r.stdout)
    is_((r.returncode, j["verdict"], [f["code"] for f in j["findings"]]), (1, "untrusted", ["not-in-policy"]), "the bundle says so too")

    # ---- lies ----
    old_nonce, old = a.nonce, a.evidence()
    a.take(a.post("/v1/agent/attest", old))
    raises(Refused, lambda: a.post("/v1/agent/attest", old), "a message sent twice", lambda e: e.status == 409 and e.code == "nonce")
    raises(Refused, lambda: a.post("/v1/agent/attest", a.evidence(nonce=bytes(32))), "a nonce of one's own", lambda e: e.status == 409)
    stock = []
    for _ in range(3):
        a.hello()
        stock.append(a.evidence())
    is_([refusal(lambda: a.post("/v1/agent/attest", m)) for m in stock[:2]], [(409, "nonce")] * 2, "answers to nonces that were laid in")
    is_(refusal(lambda: a.take(a.post("/v1/agent/attest", stock[2]))), None, "only the last one given out is good")
    is_(server.host(a)["verdict"], "trusted", "none of that says anything about the host")
    a.hello()
    a.kernel.measure("/usr/bin/hidden", b"hidden")
    hidden = a.kernel.records.pop()
    a.attest()
    h = server.host(a)
    is_((h["verdict"], [f["code"] for f in server.api("GET", f"/v1/hosts/{a.id}/findings")[1]["findings"]]),
        ("untrusted", ["pcr-mismatch"]), "a list without what was measured")
    a.kernel.records.append(hidden)
    a.attest()
    is_([f["code"] for f in server.api("GET", f"/v1/hosts/{a.id}/findings")[1]["findings"]], ["not-in-policy"], "and with it")
    server.api("PUT", "/v1/policies/more", policy(**{"/usr/bin/hidden": b"hidden"}))
    server.api("POST", "/v1/assignments", {"policies": ["base", "more"]})
    a.attest()
    is_((server.host(a)["verdict"], server.host(a)["policy"]), ("trusted", "base+more"), "two policies in layers")
    a.attest(signature=machine.read("q.sig")[:-1] + bytes([machine.read("q.sig")[-1] ^ 1]))
    is_(server.host(a)["verdict"], "untrusted", "a forged signature")
    a.attest()
    is_(server.host(a)["verdict"], "trusted", "recovers by itself")
    a.attest(pcrs=[0, 1])
    is_(server.host(a)["verdict"], "untrusted", "a quote over other PCRs")
    a.attest(ima_log=b"\x0a\0\0\0garbage")
    is_(server.host(a)["verdict"], "undecided", "a list that cannot be read proves nothing")
    a.attest()
    is_(server.host(a)["verdict"], "trusted", "recovers")
    a.attest(start=2)
    is_((a.next_from, server.host(a)["verdict"]), (6, "trusted"), "a list that begins elsewhere is asked for again")

    # ---- another machine ----
    other = Tpm(tmp + "/b.tpm").start()
    closing.append(other.stop)
    other.keys()
    b = Agent(other, server.url, server.ca, "beta")
    raises(Refused, lambda: b.enrol(ek=machine.read("ek.pub"), proof=bytes(32)), "another machine's EK cannot be claimed", lambda e: e.code == "proof")
    b.enrol()
    server.api("POST", f"/v1/hosts/{b.id}/approve")
    b.kernel.boot()
    b.hello()
    stolen = a.evidence(start=0, nonce=b.nonce)
    b.take(b.post("/v1/agent/attest", stolen))
    is_(server.host(b)["verdict"], "untrusted", "another host's evidence")
    b.attest()
    is_(server.host(b)["verdict"], "trusted", "its own")

    # ---- reboot, and a server that was killed ----
    before = server.host(a)["boot"]
    machine.reboot()
    a.kernel = Kernel(machine)
    a.kernel.boot()
    a.kernel.measure("/usr/bin/two", b"two")
    a.nonce = None
    a.hello()
    a.attest(start=0)
    h = server.host(a)
    is_((h["verdict"], h["entries"]), ("trusted", 2), "after a reboot the list begins anew")
    ok(h["boot"] != before, "in a boot of another name")
    server.stop(signal.SIGKILL)
    server.start()
    a.url, a.connection = server.url, None
    a.kernel.measure("/usr/bin/one", b"one")
    a.attest()
    is_((server.host(a)["verdict"], server.host(a)["entries"]), ("trusted", 3), "killed and started again, it goes on where it was")

    # ---- the kernel's IMA policy ----
    rules, seen = b"measure func=BPRM_CHECK\n", lambda: [(x["path"], x["digest"], x["approved"]) for x in server.host(a)["ima_policy"]["measured"]]
    is_((server.host(a)["ima_policy"]["demanded"], seen()), (False, []), "none is demanded and none was measured")
    server.api("PUT", "/v1/policies/kernel", json.dumps({"assay_policy": 1, "ima_policies": {"digests": ["sha256:" + sha(rules).hex()]}}).encode())
    server.api("POST", "/v1/assignments", {"policies": ["base", "more", "kernel"]})
    a.attest()
    codes = lambda: [(f["code"], f["entry"]) for f in server.api("GET", f"/v1/hosts/{a.id}/findings")[1]["findings"]]
    is_((server.host(a)["verdict"], codes()), ("untrusted", [("ima-policy", None)]), "a policy demands one: untrusted without")
    a.kernel.measure("/etc/ima/ima-policy", rules)
    a.attest()
    is_((server.host(a)["verdict"], seen()), ("trusted", [("/etc/ima/ima-policy", "sha256:" + sha(rules).hex(), True)]),
        "the allowed one was loaded: trusted, and shown by its digest")
    a.kernel.measure("/usr/bin/three", b"three")
    a.attest()
    is_((server.host(a)["verdict"], codes()), ("trusted", []), "which holds for what comes behind it")
    a.kernel.measure("/etc/ima/ima-policy", b"dont_measure\n")
    a.attest()
    is_((server.host(a)["verdict"], codes()), ("untrusted", [("ima-policy", 6)]), "a second one that nobody allowed")
    is_([x[2] for x in seen()], [True, False], "both are shown")
    r = subprocess.run([ASSAY, "host", "show", a.id, "--data", server.data], capture_output=True, text=True)
    like(r.stdout, r"IMA policy +/etc/ima/ima-policy sha256:[0-9a-f]{64}, allowed\n.*ima-policy sha256:[0-9a-f]{64}, NOT allowed", "host show tells it")
    server.api("POST", "/v1/assignments", {"policies": ["base", "more"]})

    # ---- the built-in policy: the host's word, or the event log's ----
    def log(cmdline):
        """A firmware event log with GRUB's kernel_cmdline alone, and PCR 8 extended so."""
        machine.run("tpm2_pcrextend", f"8:sha256={sha(cmdline).hex()}")
        spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 0xb, 32, 0)
        data = b"kernel_cmdline: " + cmdline + b"\0"
        return (struct.pack("<II20sI", 0, 3, bytes(20), len(spec)) + spec +
            struct.pack("<IIIH", 8, 0xd, 1, 0xb) + sha(cmdline) + struct.pack("<I", len(data)) + data)

    said, proven = "BOOT_IMAGE=/vmlinuz ima_policy=tcb", b"/vmlinuz ima_policy=tcb"
    for what, cmdline, want in (("the same in the event log", proven, True), ("another in the event log", b"/vmlinuz quiet", False)):
        machine.reboot()
        machine.run("tpm2_dictionarylockout", "--clear-lockout")	# each end without TPM2_Shutdown counts
        event_log = log(cmdline)
        a.kernel = Kernel(machine)
        a.kernel.boot()
        a.nonce = None
        a.hello()
        a.take(a.post("/v1/agent/attest", a.evidence(start=0, event_log=event_log, facts=a.facts(cmdline=said))))
        h = server.host(a)
        is_((h["verdict"], h["ima_policy"]["builtin"], h["ima_policy"]["builtin_proven"]), ("trusted", "tcb", want), what)

    # ---- a machine with firmware, whose list is the execution monitor's: it has no boot_aggregate ----
    server.api("POST", f"/v1/hosts/{a.id}/forget")
    machine.reboot()
    machine.run("tpm2_dictionarylockout", "--clear-lockout")
    a.kernel, a.cert, a.connection = Kernel(machine), None, None
    a.enrol()
    server.api("POST", f"/v1/hosts/{a.id}/approve")
    record, s1, s256 = a.kernel.record("/usr/bin/one", sha(b"one"), pcr=13)
    machine.run("tpm2_pcrextend", f"13:sha1={s1.hex()},sha256={s256.hex()}")
    a.kernel.records, facts = [record], a.facts(list="monitor", list_pcr=13)
    a.take(a.post("/v1/agent/attest", message("evidence", facts=facts)))
    a.take(a.post("/v1/agent/attest", a.evidence(start=0, pcrs=list(range(11)) + [13], event_log=log(proven), facts=facts)))
    is_((server.host(a)["verdict"], codes()), ("trusted", []), "the execution monitor's list and an event log: trusted")

    # ---- silence ----
    for _ in range(100):
        h = server.host(b)
        if h["reachability"] != "fresh":
            break
        time.sleep(0.1)
    is_((h["reachability"], h["verdict"], h["expired"]), ("late", "undecided", True), "a host that is silent goes late, and what it proved runs out")
    b.connection = None
    b.nonce = None
    b.attest()
    is_((server.host(b)["reachability"], server.host(b)["verdict"]), ("fresh", "trusted"), "until it speaks again")
    is_(server.api("DELETE", f"/v1/hosts/{b.id}")[0], 200, "a host is removed")
    raises(Refused, b.hello, "and may not attest", lambda e: e.status == 403 and e.code == "host-removed")
    for path in ("/v1/hosts", "/v1/status", "/v1/policies", f"/v1/hosts/{a.id}", "/v1/events"):
        is_(server.api("GET", path, token="")[0], 401, f"{path} without credentials")
    is_(server.api("GET", "/v1/hosts", token="0" * 64)[0], 401, "with another token")
except Exception as e:
    import traceback
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    print("# " + open(tmp + "/server.log").read()[-2000:].replace("\n", "\n# ") if os.path.exists(tmp + "/server.log") else "")
finally:
    close()
done()

#!/usr/bin/env python3
"""An agent that has a genuine TPM and lies about everything else, in Python and tpm2-tools, against our
server: no lie is trusted, each has the verdict that the documentation promises, what is refused says
nothing about the host, and the truth after each lie is trusted again."""
import base64, os, sqlite3, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import *
from api_kit import *
import lies

for tool in ("swtpm", "swtpm_setup", "tpm2_createek", "openssl"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

EVIL, ONE, TWO = "/tmp/evil", "/usr/bin/one", "/usr/bin/two"


def digest(b):
    return hashlib.sha256(b).digest()


def host(a):
    return s.call("GET", f"/v1/hosts/{a.id}").json


def findings(a):
    return s.call("GET", f"/v1/hosts/{a.id}/findings")["findings"]


def state(a):
    return host(a)["verdict"], [f["code"] for f in findings(a)]


def approve(name, document):
    assert s.call("PUT", f"/v1/policies/{name}", document).status in (200, 201)
    assert s.call("POST", "/v1/assignments", dict(policies=[name])).status in (200, 201)


def refused(what, send, status, code, a):
    before = host(a)
    raises(Refused, send, f"{what}: refused", lambda e: (e.status, e.code) == (status, code))
    after = host(a)
    is_((after["verdict"], after["entries"], after["boot"]), (before["verdict"], before["entries"], before["boot"]),
        "which says nothing about the host")


def send(a, **change):
    a.take(a.post("/v1/agent/attest", a.evidence(**change)))


def truth(a, after):
    """The control run of each lie: the same TPM, list and policy, and nothing but the truth."""
    a.nonce = None
    a.attest()
    if a.next_from < len(a.kernel.records):
        a.attest()
    is_(state(a), ("trusted", []), f"the truth after {after}: trusted")


def new_boot(a, *names):
    a.tpm.reboot()
    a.kernel = Kernel(a.tpm)
    a.kernel.boot()
    for name in names:
        a.kernel.measure(name, name.encode())
    a.nonce = None


def machine(name, options={}):
    t = Tpm(f"{tmp}/{name}").start()
    closing.append(t.stop)
    t.keys()
    return Agent(t, s.url, s.ca, **options)


# ---- old evidence ----
def replays(a):
    old = a.evidence()
    quote = {k: parse(old)[k][0] for k in ("quote", "signature", "pcrs")}
    a.take(a.post("/v1/agent/attest", old))
    refused("the same evidence again", lambda: a.post("/v1/agent/attest", old), 409, "nonce", a)
    a.hello()
    send(a, **quote)
    is_(state(a), ("untrusted", ["quote-nonce"]), "an old quote under the new nonce: untrusted")
    truth(a, "a replay")
    stock = []
    for _ in range(5):
        a.hello()
        stock.append((a.nonce, a.evidence()))
    is_(len({n for n, _ in stock}), 5, "five nonces for a stock of quotes")
    for _, e in stock[:4]:
        refused("a quote from the stock", lambda: a.post("/v1/agent/attest", e), 409, "nonce", a)
    a.take(a.post("/v1/agent/attest", stock[4][1]))
    is_(host(a)["verdict"], "trusted", "the nonce that was given out last, alone, counts")
    refused("a nonce of zeros", lambda: send(a, nonce=bytes(32)), 409, "nonce", a)


# ---- parts that are missing; other banks, other PCRs, other values ----
def omissions(a):
    for part in ("nonce", "quote", "signature", "pcrs", "from", "total", "ima_log"):
        a.hello()
        before = host(a)["verdict"]
        raises(Refused, lambda: send(a, omit=(part,)), f"without {part}: refused", lambda e: e.status == 400)
        is_(host(a)["verdict"], before, "and not judged")


def quote_of(a, selection):
    a.tpm.run("tpm2_quote", "-c", "ak.ctx", "-l", selection, "-q", a.nonce.hex(), "-m", "q.msg", "-s", "q.sig", "-g", "sha256")
    a.tpm.flush()
    return dict(quote=a.tpm.read("q.msg"), signature=a.tpm.read("q.sig"))


def selections(a):
    every = ",".join(map(str, PCRS))
    for what, selection in (("the SHA-1 bank", "sha1:" + every), ("PCR 10 of both banks", f"sha1:{every}+sha256:10"),
        ("no PCR 10", "sha256:0,1,2,3,4,5,6,7,8,9,14"), ("PCR 10 alone", "sha256:10"), ("a PCR that nobody extends", "sha256:23")):
        a.hello()
        send(a, **quote_of(a, selection))
        is_((host(a)["verdict"], set(state(a)[1]) & {"quote-selection"}), ("untrusted", {"quote-selection"}),
            f"a quote of {what}: untrusted")
    truth(a, "other PCRs")
    a.hello()
    values = json.loads(parse(a.evidence())["pcrs"][0])
    values["sha256"]["10"] = "00" * 32
    send(a, pcrs=json.dumps(values).encode())
    is_(host(a)["verdict"], "trusted", "a wrong value of PCR 10 beside the quote: what the list gives counts alone")
    values["sha256"]["0"] = "11" * 32
    send(a, pcrs=json.dumps(values).encode())
    is_(state(a), ("untrusted", ["pcr-mismatch"]), "one of PCR 0: untrusted")
    truth(a, "other values")


# ---- lists ----
def lists(a):
    a.kernel.measure(EVIL, EVIL.encode())
    a.kernel.measure(TWO, TWO.encode())
    known = a.next_from
    for i, (what, lie, want) in enumerate(all_lies := lies.lies(EVIL.encode(), ONE.encode(), digest(ONE.encode()))):
        true = a.kernel.records
        if i >= len(all_lies) - 4:	# what a quote once covered is kept, so these take a boot each
            new_boot(a, ONE, TWO, EVIL, TWO)
            known, true = 0, a.kernel.records
        a.kernel.records = lie(true)
        a.nonce = None
        a.hello()
        a.attest(start=known)
        verdict, found = state(a)
        ok(verdict == ("untrusted" if want else "undecided") and (want is None or want in found),
            f"{what}: {verdict}" + (f", {want}" if want else ""))
        a.kernel.records = true
    new_boot(a, ONE, TWO, EVIL, TWO)
    a.attest(start=0)
    is_(state(a), ("untrusted", ["not-in-policy"]), "the same list as it is: untrusted for that file alone")
    new_boot(a, ONE, TWO, TWO)
    a.attest(start=0)
    is_(state(a), ("trusted", []), "one without that file: trusted")


# ---- which list it is ----
def other_list(a):
    a.kernel.measure(EVIL, EVIL.encode())
    hidden = a.kernel.records.pop()
    for what, facts in (("the monitor's", dict(list="monitor", list_pcr=13)), ("the monitor's, of PCR 10", dict(list="monitor", list_pcr=10)),
        ("none at all", dict(list="none")), ("another's, of PCR 16", dict(list="monitor", list_pcr=16))):
        a.nonce = None
        a.hello()
        send(a, facts=a.facts(**facts))
        is_(state(a), ("untrusted", ["pcr-mismatch"]), f"a list that hides a file is now called {what}: untrusted")
    a.kernel.records.append(hidden)
    a.attest()
    is_(state(a)[1], ["not-in-policy"], "the kernel's list decides, as before")


# ---- another attestation key, and with it another list ----
def new_key(a):
    new_boot(a, ONE, TWO, EVIL)
    a.attest(start=0)
    is_(state(a), ("untrusted", ["not-in-policy"]), "a file that nobody approved: untrusted")
    a.tpm.keys()
    a.cert = a.nonce = None
    a.enrol()
    s.call("POST", f"/v1/hosts/{a.id}/approve")
    record, s1, s256 = a.kernel.record(ONE, digest(ONE.encode()), pcr=13)
    a.tpm.run("tpm2_pcrextend", f"13:sha1={s1.hex()},sha256={s256.hex()}")
    a.kernel.boot_id = os.urandom(16).hex()
    a.take(a.post("/v1/agent/attest", message("evidence", facts=a.facts(list="monitor", list_pcr=13))))
    send(a, start=0, pcrs=list(range(11)) + [13], ima_log=record, total=u64(1), facts=a.facts(list="monitor", list_pcr=13))
    is_(state(a), ("untrusted", ["not-in-policy"]), "under a new key it offers a list that root wrote: the kernel's still decides")
    new_boot(a, ONE, TWO)
    a.attest(start=0)
    is_(state(a), ("trusted", []), "a boot without that file, under the new key: trusted")


# ---- the TPM is reset below the running system ----
def resets(a):
    new_boot(a, ONE, TWO)
    a.attest(start=0)
    is_(state(a), ("trusted", []), "a boot: trusted")
    boot, records = host(a)["boot"], a.kernel.records
    a.kernel.measure(EVIL, EVIL.encode())
    a.tpm.reboot()
    a.kernel.records, a.nonce = records[:3], None
    a.attest(start=0)
    is_(state(a), ("untrusted", ["pcr-mismatch"]), "reset to be rid of an entry: the list fits no more, untrusted")
    ok(host(a)["boot"] != boot, "and in a boot of its own, which the TPM counts")


# ---- names ----
def names(a):
    odd = [b"/tmp/a\n2026-01-01_INFO_trusted", b"/tmp/\xff\xfe", b"/tmp/\x1b[2Jx", b"/tmp/" + "\u202ereversed".encode()]
    new_boot(a, ONE)
    for name in odd:
        a.kernel.measure(name, b"odd")
    a.attest(start=0)
    is_((host(a)["verdict"], [base64.b64decode(f["path_b64"]) for f in findings(a)]), ("untrusted", odd),
        "names with a newline, invalid UTF-8, an escape: untrusted, each by its exact bytes")
    ok(all(c.isprintable() for f in findings(a) for c in f["path"]), "shown without control characters")
    layer = {"name": "odd", "files_b64": {base64.b64encode(n).decode(): ["sha256:" + digest(b"odd").hex()] for n in odd},
        "files": {ONE: ["sha256:" + digest(ONE.encode()).hex()], TWO: ["sha256:" + digest(TWO.encode()).hex()]}}
    approve("odd", json.dumps({"assay_policy": 1, "name": "odd", "layers": [layer]}).encode())
    a.attest()
    is_(state(a), ("trusted", []), "approved by the same bytes: trusted")
    a.kernel.measure(b"/usr/bin/one\0/tmp/evil", ONE.encode())
    a.attest()
    is_(state(a), ("untrusted", ["malformed-entry"]), "a name with NUL in it: no kernel writes it, untrusted")
    new_boot(a, ONE, TWO)
    a.attest(start=0)
    is_(state(a), ("trusted", []), "none of them: trusted")
    ok(not re.search(r"^2026(-01-01)?[ _]INFO", open(s.data + ".log").read(), re.M), "and no line of the server's log was written by a host")


# ---- where volumes are ----
def volumes(a):
    tool = {"/oem/tool": ["sha256:" + digest(b"tool").hex()], "/usr/bin/tool": ["sha256:" + digest(b"tool").hex()]}
    base = {"/usr/bin/one": ["sha256:" + digest(ONE.encode()).hex()], "/oem/old": ["sha256:" + digest(b"old").hex()]}
    approve("volumes", json.dumps({"assay_policy": 1, "name": "volumes", "layers": [{"name": "base", "files": base},
        {"name": "oem", "files": tool}], "scopes": [{"name": "oem", "paths": ["/oem"], "partition": "COS_OEM", "layers": ["oem"]}]}).encode())
    new_boot(a, ONE)
    a.kernel.measure("/oem/tool", b"tool")
    a.attest(start=0)
    is_(state(a), ("trusted", []), "the vendor's tool on the vendor's volume: trusted")
    a.kernel.measure("/usr/bin/tool", b"tool")
    a.kernel.measure("/oem/old", b"old")
    a.attest()
    want = ("untrusted", [("/usr/bin/tool", None), ("/oem/old", "COS_OEM")])
    got = lambda: (host(a)["verdict"], [(f["path"], f.get("partition")) for f in findings(a)])
    is_(got(), want, "elsewhere it is not, nor is what others list for the volume")
    gained, words = 0, [{"COS_OEM": "/usr/bin"}, {"COS_OEM": "/"}, {"COS_OEM": "/nowhere"}, {}, {"COS_OEM": ["/usr/bin"]}, "/usr/bin"]
    for v in words:
        a.nonce = None
        a.hello()
        send(a, facts=a.facts(volumes=v))
        gained += got() != want
    is_(gained, 0, "a host that says its volumes are elsewhere gains nothing")
    is_(host(a)["facts"]["volumes"], "/usr/bin", "its word is shown")
    new_boot(a, ONE)
    a.attest(start=0)
    is_(state(a), ("trusted", []), "a boot without them: trusted")


# ---- two policies at once ----
def overlaps(a):
    def assign(name, *names, **how):
        known = policy(name, **{n: digest(n.encode()).hex() for n in names})
        assert s.call("PUT", f"/v1/policies/{name}", known).status in (200, 201)
        r = s.call("POST", "/v1/assignments", dict(policies=[name], **how))
        assert r.status == 201
        return r["number"]
    s.call("PATCH", f"/v1/hosts/{a.id}", {"labels": {"role": "web"}})
    assign("wide", ONE, EVIL)
    strict = assign("strict", ONE, labels="role=web", rank=5)
    new_boot(a, ONE, EVIL)
    a.attest(start=0)
    is_(state(a), ("untrusted", ["not-in-policy"]), "approved for others, by an assignment of a lower rank: untrusted")
    assign("narrow", ONE, overlap_s=3600)
    a.attest()
    is_(state(a), ("untrusted", ["not-in-policy"]), "while that one overlaps with its successor: as before")
    wide = assign("wide", ONE, EVIL, labels="role=web", rank=5)
    a.attest()
    is_(state(a), ("trusted", []), "by its own assignment: trusted")
    assign("strict", ONE, labels="role=web", rank=5, overlap_s=3600)
    a.attest()
    is_(state(a), ("trusted", []), "and for the overlap behind it")
    last = assign("strict", ONE, labels="role=web", rank=5)
    a.attest()
    is_(state(a), ("untrusted", ["not-in-policy"]), "and no longer")
    assert s.call("DELETE", f"/v1/assignments/{last}").status == 204
    new_boot(a, ONE)
    a.attest(start=0)
    is_(state(a), ("trusted", []), "a boot without it: trusted")


# ---- names longer than any kernel writes ----
def long_names(a):
    for n in (4096, 70000, 900000):
        new_boot(a, ONE)
        for i in range(12):
            a.kernel.measure(b"/" + bytes([97 + i]) + b"\x01" * n, b"evil")
        a.attest(start=0)
        verdict, found = state(a)
        is_((verdict, set(found)), ("untrusted", {"not-in-policy"}), f"twelve names of {n} bytes: untrusted, and not refused")
        f = s.call("GET", f"/v1/hosts/{a.id}/findings")["findings"]
        is_([(len(x["path"]) <= 4 * 4096, x.get("path_bytes")) for x in f],
            [(True, n + 2 if n + 2 > 4096 else None)] * 12, "each is a finding, which tells its length")
        ok(len(host(a)["reason"]) < 65536, "the reason is a sentence")
    new_boot(a, ONE)
    a.attest(start=0)
    truth(a, "names without end")


# ---- a host that shows something else each time ----
def flood(a):
    new_boot(a, ONE)
    a.attest(start=0)
    body = parse(a.evidence())
    quote = body["quote"][0]
    for i in range(220):
        part = {k: v[0] for k, v in body.items() if k != "type"}
        part.update(nonce=a.nonce, quote=quote[:20 + i % 2], event_log=os.urandom(1000))
        a.take(a.post("/v1/agent/attest", message("evidence", **{k.replace("-", "_"): v for k, v in part.items()})))
    shutil.copy(a.tpm.dir + "/tls.key", a.tpm.dir + "/tls.kept")
    request, given = a.csr(), 0
    shutil.copy(a.tpm.dir + "/tls.kept", a.tpm.dir + "/tls.key")
    for i in range(20):
        answer = a.post("/v1/agent/attest", message("evidence", csr=request))
        given += "certificate" in answer
        a.take(answer)
    ok(0 < given <= 10, f"20 requests for a certificate: {given} are made in an hour")
    kept = len(s.call("GET", f"/v1/hosts/{a.id}/bundles?limit=1000")["bundles"])
    ok(100 < kept <= 200, f"220 changes in a minute: {kept} bundles are kept")
    ok("is not kept" in host(a)["reason"], "which its reason says")
    truth(a, "a flood of changes")


def again(a):
    """Enrolments without end, each of them valid: with the keys it has, and with new ones."""
    d, done, full = a.tpm.dir, 0, lambda e: (e.status, e.code) == (429, "enrolments")
    try:
        while done < 50:
            shutil.copy(d + "/tls.key", d + "/tls.kept")
            a.enrol()
            done += 1
    except Refused as e:
        ok(0 < done <= 20 and full(e), f"{done} enrolments of one host in an hour, then no more")
    for name in ("ctx", "pub", "priv"):
        shutil.copy(f"{d}/ak.{name}", f"{d}/ak.{name}.kept")
    a.tpm.run("tpm2_createak", "-C", "ek.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-c", "ak.ctx", "-u", "ak.pub", "-n",
        "ak.name", "-r", "ak.priv")
    a.tpm.flush()
    raises(Refused, a.enrol, "nor by a new attestation key", full)
    for name in ("tls.key", "ak.ctx", "ak.pub", "ak.priv"):
        shutil.copy(f"{d}/{'tls.kept' if name == 'tls.key' else name + '.kept'}", f"{d}/{name}")
    truth(a, "enrolments without end")


def nobodies(a):
    """Machines that are made up, each of which waits for an operator."""
    c = machine("c", dict(hostname="made-up"))
    db = sqlite3.connect(tmp + "/data/assay.db", timeout=30)
    columns = [r[1] for r in db.execute("PRAGMA table_info(host_state)")]
    blobs = {"boot_id", "tail", "policy_set", "policy", "nonce", "resume", "detail"}
    with db:
        db.execute("WITH RECURSIVE n(x) AS (SELECT 1000001 UNION ALL SELECT x + 1 FROM n WHERE x < 1010000) INSERT INTO host_state "
            f"({', '.join(columns)}) SELECT {', '.join('x' if k == 'number' else chr(120) + chr(39) * 2 if k in blobs else '0' for k in columns)} FROM n")
    raises(Refused, c.enrol, "10,000 hosts wait for an operator: one more is refused", lambda e: (e.status, e.code) == (429, "enrolments"))
    with db:
        db.execute("DELETE FROM host_state WHERE number > 1009998")
    c.enrol()
    is_(c.state, "pending", "with fewer it waits with them")
    with db:
        db.execute("DELETE FROM host_state WHERE number > 1000000")
    db.close()


# ---- identities ----
def identities(a):
    b = machine("b")
    raises(RuntimeError, lambda: b.tpm.run("tpm2_load", "-C", "ek.ctx", "-u", "../a/ak.pub", "-r", "../a/ak.priv", "-c", "stolen.ctx"),
        "the attestation key's blobs, copied, load in no other TPM")
    b.tpm.flush()
    raises(Refused, lambda: b.enrol(ek=a.tpm.read("ek.pub"), proof=bytes(32)), "another TPM with the first one's key: refused",
        lambda e: (e.status, e.code) == (403, "proof"))
    raises((Refused, RuntimeError), lambda: b.enrol(ak=a.tpm.read("ak.pub")), "its own, with the first one's attestation key: refused",
        lambda e: True)
    b.tpm.flush()
    raises(Refused, lambda: b.enrol(certs=[a.tpm.ek_cert()]), "its own, with the first one's certificate: refused",
        lambda e: (e.status, e.code) == (403, "not-trusted") and "not the one the certificate" in e.problem["detail"])
    is_([h["id"] for h in s.call("GET", "/v1/hosts")["hosts"]], [a.id], "none of it left a host behind")
    for f in ("tls.key", "tls.pem"):
        shutil.copy(f"{a.tpm.dir}/{f}", f"{b.tpm.dir}/{f}")
    b.cert, b.id = b.tpm.dir + "/tls.pem", a.id
    b.kernel.boot()
    b.kernel.measure(ONE, ONE.encode())
    b.attest(start=0)
    verdict, found = state(a)
    ok(verdict == "untrusted" and "quote-signature-invalid" in found, "another TPM under the first one's TLS key and certificate: untrusted")
    b.hello()
    b.take(b.post("/v1/agent/attest", a.evidence(start=b.next_from, nonce=b.nonce, facts=a.facts())))
    is_(host(a)["verdict"], "trusted", "which alone, without its TPM, proves nothing about it either way")
    truth(a, "a stolen certificate")
    b.cert = None
    b.enrol()
    is_((b.state, b.id != a.id), ("pending", True), "as itself it is another host, and waits")


try:
    s = Server(tmp + "/data", "--first-use", "--interval", "3600", "--host-rate", "100000")
    a = machine("a", dict(hostname="alpha\n2026 INFO serving https://evil"))
    a.enrol()
    s.call("POST", f"/v1/hosts/{a.id}/approve")
    a.kernel.boot()
    for name in (ONE, TWO):
        a.kernel.measure(name, name.encode())
    approve("test", policy("test", **{n: digest(n.encode()).hex() for n in (ONE, TWO)}))
    truth(a, "enrolment")
    for part in (replays, omissions, selections, lists, other_list, new_key, resets, names, volumes, overlaps, identities, long_names, flood, again,
            nobodies):
        part(a)
finally:
    close()
done()

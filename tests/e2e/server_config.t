#!/usr/bin/env python3
"""A server that reads its configuration again, with an attested host: a reload holds as a whole or
not at all, changes what may change while requests run, and refuses the rest by a line in the log."""
import datetime, hashlib, json, os, re, shutil, signal, sqlite3, ssl, struct, subprocess, sys, tempfile, time, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import *
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_createek", "openssl"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

ASSAY = os.environ["ASSAY_BUILD"] + "/assay"
tmp = tempfile.mkdtemp(prefix="assay-conf.")
conf, data = tmp + "/server.conf", tmp + "/data"
os.mkdir(data)


def write(**settings):
    with open(conf, "w") as f:
        for k, v in settings.items():
            for one in v if isinstance(v, list) else [v]:
                f.write(f"{k} = {one}\n")


def log():
    return open(data + ".log").read()


def wait(what, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def reload():
    """What the log says of it."""
    at = len(log())
    server.send_signal(signal.SIGHUP)
    wait(lambda: re.search(r"reload(ed:| refused).*\n", log()[at:]))
    return log()[at:]


def api(method, path, body=None):
    q = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(), method=method)
    q.add_header("Authorization", "Bearer " + open(data + "/admin.token").read().strip())
    q.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=data + "/ca.pem"), timeout=20) as r:
        return json.loads(r.read() or b"null")


def sha(b):
    return hashlib.sha256(b).hexdigest()


def policy(**files):
    json.dump({"assay_policy": 1, "name": "default", "layers": [{"name": "base", "files": {
        p: ["sha256:" + sha(c)] for p, c in files.items()}}]}, open(tmp + "/policy.json", "w"))


def reboot():
    machine.reboot()
    a.kernel = Kernel(machine)
    a.kernel.boot()
    a.kernel.measure("/usr/bin/one", b"one")
    a.nonce = None
    a.hello()
    a.attest(start=0)


class Monitor(Kernel):
    """A list of the execution monitor, on PCR 13."""

    def add(self, template, data):
        data = b"".join(struct.pack("<I", len(d)) + d for d in data)
        self.records.append(struct.pack("<I", 13) + hashlib.sha1(data).digest() + struct.pack("<I", len(template)) +
            template + struct.pack("<I", len(data)) + data)
        self.tpm.run("tpm2_pcrextend", f"13:sha1={hashlib.sha1(data).hexdigest()},sha256={hashlib.sha256(data).hexdigest()}")

    def measure(self, path, content, extend=True):
        self.add(b"ima-ng", [b"sha256:\0" + hashlib.sha256(content).digest(), path.encode() + b"\0"])

    def note(self, name, text):
        self.add(b"ima-buf", [b"sha256:\0" + hashlib.sha256(text).digest(), name + b"\0", text])


def reset_later(tpm, nonce):
    """A quote whose reset count is one higher than the TPM's."""
    quote = bytearray(tpm.quote(nonce)[0])
    # TPMS_ATTEST: magic 4, type 2, qualifiedSigner 2+n, extraData 2+n, clock 8, resetCount 4
    at = 6
    for _ in range(2):
        at += 2 + struct.unpack_from(">H", quote, at)[0]
    struct.pack_into(">I", quote, at + 8, struct.unpack_from(">I", quote, at + 8)[0] + 1)
    return bytes(quote)


machine = server = None
try:
    machine = Tpm(tmp + "/tpm").start()
    machine.keys()
    good = dict(data=data, listen="127.0.0.1:0", first_use="yes", interval=40)
    write(**good)
    server = subprocess.Popen([ASSAY, "server", "--config", conf], stderr=open(data + ".log", "a"))
    ok(wait(lambda: re.search(r"serving https://127\.0\.0\.1:(\d+);", log())), "a server with nothing on its command line")
    url = "https://127.0.0.1:" + re.search(r"serving https://127\.0\.0\.1:(\d+);", log()).group(1)
    like(log(), "trust in machines: operator", "it says who is trusted")
    a = Agent(machine, url, data + "/ca.pem").enrol()
    api("POST", f"/v1/hosts/{a.id}/approve")
    a.kernel.boot()
    a.kernel.measure("/usr/bin/one", b"one")
    is_((a.hello()["wait-ms"], a.attest()["wait-ms"]), (40000, 40000), "its interval is the file's")
    host = lambda: api("GET", f"/v1/hosts/{a.id}")
    is_(host()["verdict"], "undecided", "without any policy: undecided")

    # ---- default policy and excludes ----
    policy(**{"/usr/bin/one": b"one"})
    write(**dict(good, interval=50, default_policy=tmp + "/policy.json"))
    like(reload(), "reloaded: " + re.escape(conf), "a default policy, by a reload")
    is_((a.attest()["wait-ms"], host()["verdict"], host()["policy"]), (50000, "trusted", "default"),
        "judges hosts that no assignment selects, and the interval is the new one")
    is_([(p["name"], p["who"]) for p in api("GET", "/v1/policies")["policies"]], [("default", "configuration")], "it is kept with the others")
    a.kernel.measure("/opt/x/y", b"unknown")
    a.attest()
    is_(host()["verdict"], "untrusted", "what it does not list is a finding")
    write(**dict(good, default_policy=tmp + "/policy.json", default_excludes=["/opt/x/", "/srv/"]))
    like(reload(), "reloaded", "a default exclude, by a reload")
    a.attest()
    is_(host()["verdict"], "trusted", "is left out of judgement")

    # ---- all or nothing ----
    for what, text, why in (
            ("a key that is unknown", "keep_dayz = 3\n", "line 7, column 1: there is no setting"),
            ("a value that is wrong", "keep_days = x\n", "line 7, column 13: "),
            ("another address", "listen = 127.0.0.1:1\n", "stands in line 2"),
            ("roots that are not there", "roots = /nonexistent\n", "/nonexistent")):
        write(**dict(good, interval=60, default_policy=tmp + "/policy.json"))
        open(conf, "a").write("# one more\n" + text)
        like(reload(), "refused, nothing was changed: .*" + re.escape(why), f"{what}: refused")
    write(**dict(good, interval=60, listen="127.0.0.1:1"))
    like(reload(), 'refused, nothing was changed: .*"listen" changes at a start only', "what only a start can change: refused")
    open(tmp + "/policy.json", "w").write("{}")
    write(**dict(good, interval=60, default_policy=tmp + "/policy.json"))
    like(reload(), "refused", "a default policy that is none: refused")
    is_((a.attest()["wait-ms"], host()["verdict"]), (40000, "trusted"), "and what held before holds")
    write(**dict(good, interval=60, require_signed_policies="yes"))
    like(reload(), "refused.*no key is given", "signed policies without a key: refused")
    write(**good)
    like(reload(), "reloaded", "the file put right: taken")
    a.attest()
    is_((host()["verdict"], host()["policy"]), ("undecided", None), "the default policy is gone")

    # ---- hosts that must be started anew every week ----
    json.dump({"assay_policy": 1, "name": "default", "layers": [{"name": "base", "files": {"/usr/bin/one":
        ["sha256:" + sha(b"one")]}}], "excludes": ["/opt/"], "boot": {"max_age_days": 7}}, open(tmp + "/policy.json", "w"))
    write(**dict(good, default_policy=tmp + "/policy.json"))
    reload()
    a.attest()
    is_(host()["verdict"], "trusted", "a boot seen first a moment ago is young enough")

    def age(days):
        """As if this boot had been seen first so long ago."""
        db = sqlite3.connect(data + "/assay.db", timeout=30)
        detail = db.execute("SELECT detail FROM host_state WHERE number = 1").fetchone()[0]
        seen = struct.unpack("<Q", detail[-8:])[0] - int(days * 86400)
        with db:
            db.execute("UPDATE host_state SET detail = ? WHERE number = 1", (detail[:-8] + struct.pack("<Q", seen),))
        db.close()

    age(7 - 30 / 86400)
    a.attest()
    until = datetime.datetime.fromisoformat(host()["valid_until"]).timestamp()
    ok(host()["verdict"] == "trusted" and until < time.time() + 31, "its verdict is not valid beyond its age")
    age(1)
    a.attest()
    h = host()
    is_((h["verdict"], [f["code"] for f in h["findings"]]), ("untrusted", ["boot-too-old"]), "too old: red, though nothing else changed")
    interval = api("GET", f"/v1/hosts/{a.id}/history")["history"][0]
    a.attest()
    is_(api("GET", f"/v1/hosts/{a.id}/history")["history"][0]["number"], interval["number"], "told once")
    old = a.kernel
    a.kernel = Kernel(machine)          # kexec: another kernel, the TPM is not reset
    a.kernel.records = list(old.records)
    a.kernel.boot()                     # which carries the list over and measures its own aggregate
    a.nonce = None
    a.hello()
    a.attest(start=0)
    is_(host()["findings"][0]["code"], "boot-too-old", "kexec makes no boot younger")
    machine.run("tpm2_createak", "-C", "ek.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-c", "ak.ctx", "-u", "ak.pub", "-n",
        "ak.name", "-r", "ak.priv")
    machine.flush()
    a.cert = a.nonce = None
    a.enrol()
    api("POST", f"/v1/hosts/{a.id}/approve")
    a.hello()
    a.attest(signature=b"\0\x18\0\x0b" + 2 * (b"\0\x20" + bytes(32)))
    a.attest()
    is_([f["code"] for f in host()["findings"]], ["boot-too-old"], "nor does another attestation key, whatever it said first")
    sig = machine.read("q.sig")
    a.attest(quote=reset_later(machine, a.nonce), signature=sig)
    a.attest()
    is_([f["code"] for f in host()["findings"]], ["boot-too-old"], "nor does a quote that the TPM did not sign")
    reboot()
    is_(host()["verdict"], "trusted", "a reboot does")

    # ---- retention ----
    policy(**{"/usr/bin/one": b"one"})
    boots = lambda: [b["number"] for b in api("GET", f"/v1/hosts/{a.id}/boots")["boots"]]
    was = boots()
    ok(len(was) >= 3, "lists of all boots are kept")
    write(**dict(good, keep_boots=2, keep_list_days=1, keep_history_days=1, forget_days=1))
    like(reload(), "reloaded", "of two, says the file")
    ok(wait(lambda: boots() == was[:2]), "the oldest goes at once, the present one stays")
    a.attest()
    is_((host()["entries"], len(boots())), (2, 2), "and goes on; a host that is seen stays")
    gone = api("POST", f"/v1/hosts/{a.id}/forget")
    is_((gone["registration"], gone["verdict"], host()["facts"], boots()), ("forgotten", "unknown", {}, []), "a host that is forgotten has nothing")
    is_(api("GET", f"/v1/hosts/{a.id}/history")["history"], [], "not even a history")
    is_(api("GET", "/v1/search?path=/opt/x/y")["hosts"], [], "nobody is told that it ran a file")
    raises(Refused, lambda: a.attest(), "its certificate is nobody's", lambda e: e.status == 403)
    a.enrol()
    is_((a.state, api("GET", f"/v1/hosts/{a.id}")["registration"]), ("pending", "pending"), "it may enrol anew, as any other")
    api("POST", f"/v1/hosts/{a.id}/approve")
    a.nonce = None
    a.hello()
    a.attest(start=0)
    is_((host()["entries"], len(boots())), (2, 1), "and begins with nothing")

    # ---- gaps of a monitor ----
    api("POST", f"/v1/hosts/{a.id}/forget")
    json.dump({"assay_policy": 1, "name": "default", "layers": [{"name": "base", "files": {"/usr/bin/one":
        ["sha256:" + sha(b"one")]}}]}, open(tmp + "/policy.json", "w"))
    write(**dict(good, default_policy=tmp + "/policy.json"))
    reload()
    a.enrol()
    api("POST", f"/v1/hosts/{a.id}/approve")
    a.kernel, a.nonce = Monitor(machine), None
    a.facts = lambda **more: Agent.facts(a, list="monitor", list_pcr=13, gaps=[{"from": 5, "to": 9, "why": "lost"}])
    a.hello()
    a.kernel.measure("/usr/bin/one", b"one")
    a.attest(start=0, pcrs=PCRS + [13])
    is_((host()["verdict"], [g["code"] for g in host()["gaps"]]), ("trusted", ["entries-lost"]), "a monitor's list; what the agent lost is told")
    a.kernel.note(b"monitor_gap", b"version=1;from=1700000000000000000;from_uptime=1000000000;to=1700000007000000000;"
        b"to_uptime=8000000000;why=silent;count=0;")
    a.attest(pcrs=PCRS + [13])
    h = host()
    is_((h["verdict"], h["gaps_total"], h["gaps"][0]["code"], h["gaps"][0]["entry"], h["gaps"][0]["from"]),
        ("trusted", 2, "silent", 2, "2023-11-14T22:13:20Z"), "a gap is told, and decides nothing by itself")
    r = subprocess.run([ASSAY, "host", "show", "--data", data], capture_output=True, text=True).stdout
    like(r, "2 gaps: what ran in them is not known", "assay host show tells of it")
    q = urllib.request.Request(url + "/v1/events", headers={"Authorization": "Bearer " + open(data + "/admin.token").read().strip(), "Last-Event-ID": "0"})
    with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=data + "/ca.pem"), timeout=20) as stream:
        for line in stream:
            if line.strip() == b"event: gap":
                break
    is_(line.strip(), b"event: gap", "and so does an event")
    p = json.load(open(tmp + "/policy.json"))
    json.dump(dict(p, buffers={"monitor_gap": []}), open(tmp + "/policy.json", "w"))
    reload()
    a.attest(pcrs=PCRS + [13])
    is_((host()["verdict"], host()["findings"][0]["code"]), ("untrusted", "monitor-gap"), "a policy that wants no gaps: red")
    a.facts = lambda **more: Agent.facts(a, **more)
    api("POST", f"/v1/hosts/{a.id}/forget")
    a.enrol()
    api("POST", f"/v1/hosts/{a.id}/approve")
    a.kernel, a.nonce = old, None
    reboot()

    # ---- reloads while requests run ----
    policy(**{"/usr/bin/one": b"one"})
    for i in range(20):
        write(**dict(good, interval=100 + i, default_policy=tmp + "/policy.json", default_excludes="/opt/"))
        server.send_signal(signal.SIGHUP)
        a.attest()
    ok(wait(lambda: a.attest()["wait-ms"] == 119000), "twenty reloads while a host attests: the last holds")
    is_(host()["verdict"], "trusted", "and judges")
    server.send_signal(signal.SIGTERM)
    is_(server.wait(30), 0, "it ends well")
    server = None
finally:
    if server is not None:
        server.kill()
        server.wait()
    if machine is not None:
        machine.stop()
    import taptest
    if taptest.failed:
        print("# " + log()[-3000:].replace("\n", "\n# "), flush=True)
    shutil.rmtree(tmp, ignore_errors=True)
done()

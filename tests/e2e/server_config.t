#!/usr/bin/env python3
"""A server that reads its configuration again, with an attested host: a reload holds as a whole or
not at all, changes what may change while requests run, and refuses the rest by a line in the log."""
import hashlib, json, os, re, shutil, signal, ssl, subprocess, sys, tempfile, time, urllib.request

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

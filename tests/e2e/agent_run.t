#!/usr/bin/env python3
"""Our agent with a real server and a real TPM (swtpm), the kernel's part played by a stand-in for
securityfs: it enrols, proves itself, pushes what is new within two seconds, and goes on after
whatever ends its server, its TPM, its other half or itself."""
import json, os, re, shutil, signal, ssl, subprocess, sys, tempfile, time, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import Kernel, Tpm
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_pcrextend"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

BUILD = os.environ["ASSAY_BUILD"]
tmp = tempfile.mkdtemp(prefix="assay-run.")
os.chmod(tmp, 0o755)
processes = []


def start(name, *args):
    """A program whose log is a file; ended at the end."""
    log = open(f"{tmp}/{name}.log", "a")
    p = subprocess.Popen(list(args), stdout=log, stderr=log)
    processes.append(p)
    return p


def end(p, sig=signal.SIGTERM):
    p.send_signal(sig)
    return p.wait(20)


def log(name):
    return open(f"{tmp}/{name}.log").read()


def wait(what, seconds=30, every=0.05):
    """How long until it is true; None: never."""
    begun = time.time()
    while time.time() - begun < seconds:
        try:
            if what():
                return time.time() - begun
        except (OSError, KeyError, IndexError, ValueError):
            pass
        time.sleep(every)
    return None


class Server:
    def __init__(self):
        self.port = 0
        self.start()

    def start(self):
        begun = len(log("server")) if os.path.exists(f"{tmp}/server.log") else 0
        self.p = start("server", BUILD + "/assay", "server", "--data", tmp + "/server", "--listen",
            f"127.0.0.1:{self.port}", "--first-use", "--interval", "5")
        wait(lambda: re.search(r"serving https://127\.0\.0\.1:(\d+);", log("server")[begun:]))
        self.port = int(re.search(r"serving https://127\.0\.0\.1:(\d+);", log("server")[begun:]).group(1))
        self.url, self.token = f"https://127.0.0.1:{self.port}", open(tmp + "/server/admin.token").read().strip()

    def api(self, method, path, body=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        q = urllib.request.Request(self.url + path, data, method=method)
        q.add_header("Authorization", "Bearer " + self.token)
        if data is not None:
            q.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=tmp + "/server/ca.pem"), timeout=20) as r:
            return json.loads(r.read() or b"null")

    def hosts(self):
        return self.api("GET", "/v1/hosts")["hosts"]

    def host(self):
        return self.api("GET", "/v1/hosts/" + self.hosts()[0]["id"])


class Files(Kernel):
    """The kernel's list as files of securityfs."""

    def __init__(self, tpm):
        super().__init__(tpm)
        self.dir = tmp + "/security/integrity/ima"
        os.makedirs(self.dir)
        self.write()

    def write(self):
        open(self.dir + "/binary_runtime_measurements", "ab").close()
        open(self.dir + "/runtime_measurements_count", "w").write(f"{len(self.records)}\n")

    def measure(self, path, content, extend=True):
        """As the kernel does: the list first, then the PCR."""
        super().measure(path, content, extend=False)
        with open(self.dir + "/binary_runtime_measurements", "ab") as f:
            f.write(self.records[-1])
        open(self.dir + "/runtime_measurements_count", "w").write(f"{len(self.records)}\n")
        if extend:
            import hashlib
            digest = content if isinstance(content, bytes) and len(content) == 32 else hashlib.sha256(content).digest()
            _, s1, s256 = self.record(path, digest)
            self.tpm.run("tpm2_pcrextend", f"10:sha1={s1.hex()},sha256={s256.hex()}")

    def forget(self):
        self.records = []
        open(self.dir + "/binary_runtime_measurements", "wb").close()
        self.write()


def priv():
    return start("priv", BUILD + "/assay-agent", "priv", "--data", tmp + "/agent", "--tcti", f"swtpm:path={tmp}/tpm/tpm",
        "--securityfs", tmp + "/security", "--list", "kernel")


def run():
    return start("run", BUILD + "/assay-agent", "run", "--data", tmp + "/agent", "--server", server.url, "--server-ca",
        tmp + "/server/ca.pem")


def policy(**files):
    import hashlib
    return json.dumps({"assay_policy": 1, "name": "test", "layers": [{"name": "base", "files": {
        p: ["sha256:" + hashlib.sha256(c).hexdigest()] for p, c in files.items()}}]}).encode()


def status():
    r = subprocess.run([BUILD + "/assay-agent", "status", "--json", "--data", tmp + "/agent"], capture_output=True)
    return r.returncode, json.loads(r.stdout or b"{}")


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
    r = run()
    ok(wait(lambda: "host-pending" in log("run")), "the agent is told that it has to wait")
    server.api("POST", f"/v1/hosts/{j['host_id']}/approve")
    took = wait(verdict("trusted"), 60)
    ok(took, f"approved: it attests by itself, and is trusted ({took})")
    h = server.host()
    is_((h["entries"], h["findings"], h["reachability"]), (2, 0, "fresh"), "with its list")
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
    r = run()
    ok(wait(lambda: server.host()["entries"] == 36), "the network process was killed: it goes on, with the same identity")
    is_(len(server.hosts()), 1, "and no second host")
    end(p, signal.SIGKILL)
    kernel.measure("/usr/bin/one", b"one")
    p = priv()
    ok(wait(lambda: server.host()["entries"] == 37, 60), "the privileged process was killed: it goes on")
    is_(server.host()["verdict"], "trusted", "still trusted")

    # ---- a reboot: the TPM is reset, the list begins anew ----
    end(p)
    end(r)
    tpm.stop()
    tpm.start()
    kernel.forget()
    kernel.boot()
    kernel.measure("/usr/bin/two", b"two")
    p, r = priv(), run()
    ok(wait(lambda: server.host()["entries"] == 2 and server.host()["verdict"] == "trusted", 60), "rebooted: trusted with a new list")
    is_(end(r), 0, "SIGTERM ends the network process well")
    is_(end(p), 0, "and the privileged one")
    ok("error:" not in log("run") and "error:" not in log("priv"), "no errors were logged but faults of others")
finally:
    for q in processes:
        if q.poll() is None:
            q.kill()
            q.wait()
    if "tpm" in globals():
        tpm.stop()
    if failed:
        for n in ("server", "priv", "run"):
            print("\n".join(f"# {n}: {l}" for l in log(n).splitlines()[-15:]))
    shutil.rmtree(tmp, ignore_errors=True)
done()

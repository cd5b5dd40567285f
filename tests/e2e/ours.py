"""What tests of our own agent have in common: its processes, a server, and a machine whose kernel
is played by files in the place of securityfs."""
import hashlib, json, os, re, shutil, signal, ssl, subprocess, tempfile, time, urllib.request

from agent import Kernel, Tpm

BUILD = os.environ["ASSAY_BUILD"]
tmp = tempfile.mkdtemp(prefix="assay-run.")
os.chmod(tmp, 0o755)
processes = []


def start(name, *args):
    """A program whose log is a file; ended at the end."""
    log = open(f"{tmp}/{name}.log", "a")
    # In a sandbox a process cannot look through its own memory for leaks.
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0") if any("assay-agent" in a for a in args) else None
    p = subprocess.Popen(list(args), stdout=log, stderr=log, env=env)
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
    def __init__(self, *options):
        self.port, self.options = 0, options or ("--first-use",)
        self.start()

    def start(self):
        begun = len(log("server")) if os.path.exists(f"{tmp}/server.log") else 0
        self.p = start("server", BUILD + "/assay", "server", "--data", tmp + "/server", "--listen",
            f"127.0.0.1:{self.port}", *self.options, "--interval", "5")
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
            digest = content if isinstance(content, bytes) and len(content) == 32 else hashlib.sha256(content).digest()
            _, s1, s256 = self.record(path, digest)
            self.tpm.run("tpm2_pcrextend", f"10:sha1={s1.hex()},sha256={s256.hex()}")

    def forget(self):
        self.records = []
        open(self.dir + "/binary_runtime_measurements", "wb").close()
        self.write()


def priv(*options):
    return start("priv", BUILD + "/assay-agent", "priv", "--data", tmp + "/agent", "--tcti", f"swtpm:path={tmp}/tpm/tpm",
        "--securityfs", tmp + "/security", *(options or ("--list", "kernel")))


def run(server, *options):
    return start("run", BUILD + "/assay-agent", "run", "--data", tmp + "/agent", "--server", server.url, "--server-ca",
        tmp + "/server/ca.pem", *options)


def cleanup(failed):
    for q in processes:
        if q.poll() is None:
            # What strace traces outlives it.
            for child in open(f"/proc/{q.pid}/task/{q.pid}/children").read().split():
                os.kill(int(child), signal.SIGTERM)
            q.terminate()
            try:
                q.wait(5)
            except subprocess.TimeoutExpired:
                q.kill()
                q.wait()
    if failed:
        for n in ("server", "priv", "run"):
            if os.path.exists(f"{tmp}/{n}.log"):
                print("\n".join(f"# {n}: {l}" for l in log(n).splitlines()[-15:]))
    shutil.rmtree(tmp, ignore_errors=True)


def policy(**files):
    return json.dumps({"assay_policy": 1, "name": "test", "layers": [{"name": "base", "files": {
        p: ["sha256:" + hashlib.sha256(c).hexdigest()] for p, c in files.items()}}]}).encode()


def status():
    r = subprocess.run([BUILD + "/assay-agent", "status", "--json", "--data", tmp + "/agent"], capture_output=True)
    return r.returncode, json.loads(r.stdout or b"{}")

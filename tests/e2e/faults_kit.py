"""Servers, a real PostgreSQL and hosts in software, for tests in which things end at random."""
import json, os, random, re, shutil, signal, ssl, subprocess, tempfile, time, traceback, urllib.error, urllib.request

BUILD = os.environ["ASSAY_BUILD"]
SOURCE = os.environ.get("ASSAY_SOURCE", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
tmp = tempfile.mkdtemp(prefix="assay-faults.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
os.chmod(tmp, 0o755)
closing = []


def close(failed):
    for f in reversed(closing):
        try:
            f()
        except Exception as e:
            print(f"# closing: {e!r}")
    for n in sorted(os.listdir(tmp)) if failed else []:
        if n.endswith(".log"):
            print("\n".join(f"# {n}: {l.rstrip()}" for l in open(f"{tmp}/{n}", errors="replace").readlines()[-15:]))
    shutil.rmtree(tmp, ignore_errors=True)


def run(main):
    """The whole of a test; a surprise is a point that failed, with all that is known."""
    import taptest
    try:
        main()
    except Exception:
        taptest.ok(False, "no surprise")
        print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    finally:
        close(taptest.failed)
    taptest.done()


def wait(what, seconds=60, every=0.05):
    """How long until it is true; None: never."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        try:
            if what():
                return time.monotonic() - begun
        except (OSError, KeyError, IndexError, ValueError, TypeError):
            pass
        time.sleep(every)
    return None


class Server:
    """One `assay server`, which may be killed, paused and started again at the same address."""

    def __init__(self, name, *options, store=None, ca=None, env=None, data=None, prefix=(), root=""):
        self.data, self.name, self.options, self.port = data or f"{tmp}/{name}", name, list(options), 0
        self.build = BUILD
        self.prefix, self.root = list(prefix), root     # a command that runs it elsewhere; how its files are seen here
        self.store = store or f"sqlite:{self.data}/assay.db"
        self.env, self.process = dict(os.environ, **(env or {})), None
        os.makedirs(root + self.data, exist_ok=True)
        for f in ("ca.pem", "ca.key") if ca else ():
            shutil.copy(f"{ca.data}/{f}", self.data)
        closing.append(lambda: self.stop(signal.SIGKILL))
        self.start()
        token = root + (ca or self).data + "/admin.token"
        self.token = open(token).read().strip()

    def log(self):
        return open(f"{tmp}/{self.name}.log", errors="replace").read()

    def launch(self):
        with open(f"{tmp}/{self.name}.log", "ab") as log:
            self.begun = log.tell()
            # Hosts of a test speak all the time.
            fast = [] if "--host-rate" in self.options or self.build != BUILD else ["--host-rate", "1000000"]
            self.process = subprocess.Popen([*self.prefix, self.build + "/assay", "server", *fast, "--data", self.data, "--store", self.store,
                "--listen", f"127.0.0.1:{self.port}", *self.options], stderr=log, env=self.env)

    def serving(self):
        return re.search(r"serving https://127\.0\.0\.1:(\d+);", self.log()[self.begun:])

    def start(self):
        self.launch()
        took = wait(lambda: self.serving() or self.process.poll() is not None, every=0.01)
        if not self.serving():
            raise RuntimeError(f"{self.name} does not start: {self.log()[-1000:]}")
        self.port = int(self.serving().group(1))
        self.url, self.ca = f"https://127.0.0.1:{self.port}", self.root + self.data + "/ca.pem"
        return took

    def send(self, sig):
        self.process.send_signal(sig)

    def stop(self, sig=signal.SIGTERM):
        if self.process is None:
            return 0
        p, self.process = self.process, None
        p.send_signal(sig)
        if sig != signal.SIGKILL:
            p.send_signal(signal.SIGCONT)
        return p.wait(60)

    def rss(self, what="VmHWM"):
        """MiB."""
        return int(re.search(what + r":\s*(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1)) / 1024

    def api(self, method, path, body=None, timeout=30):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        q = urllib.request.Request(self.url + path, data, method=method)
        q.add_header("Authorization", "Bearer " + self.token)
        if data is not None:
            q.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=self.ca), timeout=timeout) as r:
                return r.status, json.loads(r.read() or b"null")
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read() or b"null")

    def get(self, path):
        return self.api("GET", path)[1]

    def hosts(self):
        found, target = [], "/v1/hosts?limit=1000"
        while target:
            page = self.get(target)
            found += page["hosts"]
            target = page.get("next") and f"/v1/hosts?limit=1000&cursor={page['next']}"
        return found

    def verdicts(self):
        """How many hosts have which verdict."""
        v = [h["verdict"] for h in self.hosts()]
        return {x: v.count(x) for x in sorted(set(v))}

    def ever(self):
        """Every verdict any host ever had."""
        return sorted({i["verdict"] for h in self.hosts() for i in self.get(f"/v1/hosts/{h['id']}/history")["history"]})

    def events(self, seconds=0.0, after=0, kind=None):
        """What the event stream tells from an event on, until nothing comes for a while."""
        q = urllib.request.Request(self.url + "/v1/events")
        q.add_header("Authorization", "Bearer " + self.token)
        q.add_header("Last-Event-ID", str(after))
        out, event = [], {}
        try:
            with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=self.ca), timeout=seconds or 2) as r:
                for line in r:
                    k, _, v = line.decode().rstrip("\n").partition(": ")
                    if k:
                        event[k] = v
                    elif "id" in event:
                        out.append((int(event["id"]), event.get("event"), json.loads(event["data"])))
                        event = {}
        except (TimeoutError, OSError):
            pass
        return [e for e in out if kind is None or e[1] == kind]


class Hosts:
    """Hosts in software that attest until they are told to stop (attesters.c)."""

    def __init__(self, servers, n=8, pause_ms=20, first=0):
        s = servers[0]
        self.data, self.n = s.data, n
        self.err = open(f"{tmp}/hosts.log", "ab")
        self.p = subprocess.Popen([*s.prefix, BUILD + "/tests/e2e/attesters", s.data, s.store, f"{first}+{n}", str(pause_ms),
            *(s.url for s in servers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err, text=True)
        closing.append(self.kill)
        if self.p.stdout.readline() != "ready\n":
            raise RuntimeError("the hosts do not begin")

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()

    def messages(self):
        """Acknowledged so far; -1: something that was acknowledged is lost."""
        self.p.stdin.write("state\n")
        self.p.stdin.flush()
        _, n, broken = self.p.stdout.readline().split()
        return -1 if broken == "1" else int(n)

    def more(self, n, seconds=60):
        """How long it took until so many more were acknowledged."""
        want = self.messages() + n
        return wait(lambda: self.messages() >= want or self.messages() < 0, seconds)

    def say(self, word):
        self.p.stdin.write(word + "\n")
        self.p.stdin.flush()

    def keys(self):
        """Files with key and certificate of each, for other clients."""
        self.say("keys")
        self.p.stdout.readline()
        return [f"{self.data}/host-{i}.pem" for i in range(self.n)]

    def stop(self):
        self.p.stdin.write("stop\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if self.p.wait(120) != 0:
            raise RuntimeError("the hosts end badly")
        return json.loads(line)


def signal_all(pids, what):
    """One that has ended meanwhile, or was ended by another, is no fault."""
    for p in pids:
        try:
            os.kill(p, what)
        except ProcessLookupError:
            pass


class Postgres:
    """A PostgreSQL of Debian's package, in a directory of its own, on a socket there."""

    def __init__(self, name="pg", port=None):
        self.dir, self.process = f"{tmp}/{name}", None
        at = sorted(os.listdir("/usr/lib/postgresql")) if os.path.isdir("/usr/lib/postgresql") else []
        if not at:
            raise FileNotFoundError("postgresql is missing")
        self.bin = f"/usr/lib/postgresql/{at[-1]}/bin"
        os.makedirs(self.dir)
        self.as_ = []
        if os.getuid() == 0:
            shutil.chown(self.dir, "postgres")
            self.as_ = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        subprocess.run(self.as_ + [f"{self.bin}/initdb", "-D", f"{self.dir}/data", "-U", "assay", "-A", "trust", "-E",
            "UTF8", "--locale=C.UTF-8", "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd=self.dir)
        with open(f"{self.dir}/data/postgresql.conf", "a") as f:
            # Processes are killed here, not machines.
            f.write(f"listen_addresses = ''\nunix_socket_directories = '{self.dir}'\nmax_connections = 60\n"
                "shared_buffers = 32MB\nfsync = off\n")
        closing.append(lambda: self.stop(signal.SIGQUIT))
        self.start()
        self.url = f"postgresql://assay@/postgres?host={self.dir}"

    def start(self):
        with open(f"{tmp}/postgres.log", "ab") as log:
            self.process = subprocess.Popen(self.as_ + [f"{self.bin}/postgres", "-D", f"{self.dir}/data"],
                stdout=log, stderr=log, cwd=self.dir)
        return wait(lambda: subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", self.dir]).returncode == 0)

    def stop(self, sig=signal.SIGINT):
        if self.process is not None:
            p, self.process = self.process, None
            p.send_signal(sig)
            p.wait(60)
            if sig == signal.SIGKILL:
                # Its children end by themselves once they see it gone.
                wait(lambda: not self.backends(p.pid, orphans=True))

    def backends(self, parent=None, orphans=False):
        """Process ids of its children; of those it left behind."""
        found = []
        for p in os.listdir("/proc"):
            try:
                if p.isdigit() and (open(f"/proc/{p}/cmdline").read().startswith("postgres: ") and
                        os.readlink(f"/proc/{p}/cwd").startswith(self.dir) if orphans else
                        int(open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[1]) == (parent or self.process.pid)):
                    found.append(int(p))
            except (OSError, ValueError, IndexError):
                pass
        return found

    def sessions(self):
        """Those of our servers."""
        return [p for p in self.backends() if "postgres: assay" in open(f"/proc/{p}/cmdline").read()]

    def sql(self, text):
        return subprocess.run([f"{self.bin}/psql", "-qAtX", "-h", self.dir, "-U", "assay", "-d", "postgres", "-c", text],
            check=True, capture_output=True, text=True).stdout.strip()

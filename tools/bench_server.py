"""The server under load, for tools/bench: its CPU and its database's for one attestation."""
import http.client, json, os, re, resource, shutil, signal, ssl, subprocess, tempfile, time

TICK = os.sysconf("SC_CLK_TCK")
ATTESTING = 1000
PER_GENERATOR = 2500    # connections of one process
DESCRIPTORS = 512       # that the server needs beside connections, and reserves


def cpu_of(pids):
    total = 0
    for p in pids:
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(f[11]) + int(f[12]) + int(f[13]) + int(f[14])
    return total / TICK


def children(pid):
    out = []
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                if int(open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[1]) == pid:
                    out.append(int(p))
            except OSError:
                pass
    return out


class Postgres:
    """A PostgreSQL of Debian's package, in a directory of its own, on a socket there."""

    def __init__(self, directory):
        self.dir = directory
        binaries = sorted(p for p in os.listdir("/usr/lib/postgresql")) if os.path.isdir("/usr/lib/postgresql") else []
        if not binaries:
            raise FileNotFoundError("postgresql is missing")
        at = f"/usr/lib/postgresql/{binaries[-1]}/bin"
        os.makedirs(directory)
        if os.getuid() == 0:
            shutil.chown(directory, "postgres")
        self.as_ = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        subprocess.run(self.as_ + [f"{at}/initdb", "-D", f"{directory}/data", "-U", "assay", "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL, cwd=directory)
        self.process = subprocess.Popen(self.as_ + [f"{at}/postgres", "-D", f"{directory}/data", "-k", directory, "-h", ""],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)
        for _ in range(200):
            if os.path.exists(f"{directory}/.s.PGSQL.5432"):
                break
            time.sleep(0.05)
        time.sleep(0.5)
        self.url = f"postgresql://assay@/postgres?host={directory}"

    def pids(self):
        return [self.process.pid] + children(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def memory_of(pid, what):
    """MiB of a process: VmRSS, VmHWM (the most there was), RssAnon (what is its alone)."""
    return int(re.search(what + r":\s*(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


def begin(assay, data, store):
    """A server, and its URL."""
    log = open(data + ".log", "w+")
    server = subprocess.Popen([assay, "server", "--data", data, "--listen", "127.0.0.1:0", "--store", store,
        "--host-rate", "1000000"], stderr=log)
    for _ in range(1200):
        log.seek(0)
        m = re.search(r"serving (https://\S+);", log.read())
        if m:
            return server, m.group(1)
        if server.poll() is not None:
            break
        time.sleep(0.05)
    log.seek(0)
    raise RuntimeError("the server does not start: " + log.read())


def proportional(pid, what):
    """KiB of a process: Pss, Rss."""
    return int(re.search(what + r":\s*(\d+)", open(f"/proc/{pid}/smaps_rollup").read()).group(1))


def ready(*args):
    """A load generator that has begun."""
    gen = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = gen.stdout.readline()
    if line != "ready\n" and '"open"' not in line:
        raise RuntimeError("the load generator failed")
    return gen


def keep(program, url, data, store, count):
    """Connections that are kept, each made by a host; half of them resume a session."""
    kept = []
    for begun in range(0, count, PER_GENERATOR):
        how = "full" if begun < count / 2 else "resumed"
        kept.append(ready(program, url, data, store, str(min(PER_GENERATOR, count - begun)), how, str(10000 + begun)))
    return kept


def searches(url, data, queries):
    """Milliseconds of each, over one kept connection."""
    host, port = url.split("//")[1].rsplit(":", 1)
    c = http.client.HTTPSConnection(host, int(port), context=ssl.create_default_context(cafile=data + "/ca.pem"))
    token, took = open(data + "/admin.token").read().strip(), []
    for q in queries:
        start = time.monotonic()
        c.request("GET", "/v1/search?" + q["query"], headers={"Authorization": "Bearer " + token})
        r = c.getresponse()
        found = json.loads(r.read())
        took.append((time.monotonic() - start) * 1000)
        if r.status != 200 or not found["total"]:
            raise RuntimeError(f"a search found nothing: {q} {found}")
    return took


def fleet_of(build, kind, store, tmp, hosts, database=None, load=True):
    """A server with a fleet in its store: what it takes in memory, and how long searches last."""
    program = lambda n: os.path.join(build, "bench/bench-" + n)
    made = subprocess.run([program("store"), store, str(hosts), "3000", "load" if load else "queries"], check=True,
        capture_output=True, text=True).stdout
    queries = [json.loads(l) for l in made.splitlines() if '"query"' in l]
    data = tmp + "/server"
    server, url = begin(os.path.join(build, "src/cmd/assay"), data, store)
    out = []

    def figure(name, title, unit, value, most=None):
        f = {"figure": "fleet-" + name, "title": title, "unit": unit, "value": value}
        out.append(dict(f, allowed=most, kept=value <= most) if most else f)

    try:
        figure("start", f"{kind}, {hosts} hosts: memory at start", "MiB", memory_of(server.pid, "VmRSS"))
        for what in dict.fromkeys(q["what"] for q in queries):
            took = sorted(searches(url, data, [q for q in queries if q["what"] == what] * (1 if "some" in what else 20)))
            figure("search", f"  search: {what}", "ms", took[len(took) // 2], 50)
            figure("search-worst", "    the slowest", "ms", took[-1])
        figure("searched", "  memory behind the searches", "MiB", memory_of(server.pid, "VmHWM"))
        running = [ready(program("attest"), url, data, store, "100", "10", "0")]   # the first pay for policies and caches
        before = [proportional(server.pid, what) for what in ("Pss", "Rss")]
        count = min(hosts, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - DESCRIPTORS) - ATTESTING
        kept = keep(program("kept"), url, data, store, count)
        for i, what in enumerate(("Pss", "Rss")):
            each = (proportional(server.pid, what) - before[i]) / count
            figure("connection", f"  each of {count} kept connections: {what}", "KiB", each)
        running.append(ready(program("attest"), url, data, store, str(ATTESTING - 100), "10", "100"))
        for gen in running:
            gen.stdin.write("\n")
            gen.stdin.flush()
        for gen in running:
            gen.communicate()
        peak = memory_of(server.pid, "VmHWM")
        still = sum(json.loads(gen.communicate("\n")[0])["open"] for gen in kept)
        if still != count:
            raise RuntimeError(f"{still} of {count} connections were kept")
        rest = hosts - count - ATTESTING
        figure("memory", f"  the most, while 1,000 attest, {count} kept", "MiB", peak, 2048)
        if rest > 0:    # the limit of open files is in the way
            figure("connected", f"  the same with {hosts}, reckoned", "MiB", peak + each * rest / 1024, 2048)
    finally:
        server.terminate()
        server.wait()
    return out


def fleet(build, hosts):
    """Memory and searches at the size of a fleet, with both databases."""
    out = []
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for kind in ("SQLite", "PostgreSQL"):
        tmp = tempfile.mkdtemp(prefix="assay-bench.", dir=os.path.join(build, "data"))
        os.chmod(tmp, 0o755)
        database = None
        try:
            if kind == "PostgreSQL":
                place = tempfile.mkdtemp(prefix="assay-bench.")
                os.chmod(place, 0o755)
                database = Postgres(place + "/pg")
            out += fleet_of(build, kind, database.url if database else f"sqlite:{tmp}/fleet.db", tmp, hosts, database)
        finally:
            if database:
                database.stop()
                shutil.rmtree(os.path.dirname(database.dir), ignore_errors=True)
            shutil.rmtree(tmp, ignore_errors=True)
    return out


def once(assay, load, data, store, hosts, seconds, database):
    server, url = begin(assay, data, store)
    try:
        gen = subprocess.Popen([load, url, data, store, str(hosts), str(seconds)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        if gen.stdout.readline() != "ready\n":
            raise RuntimeError("the load generator failed")
        pids = [server.pid] + (database.pids() if database else [])
        before = cpu_of(pids)
        gen.stdin.write("\n")
        gen.stdin.flush()
        line = gen.stdout.readline()
        after = cpu_of([server.pid] + (database.pids() if database else []))
        gen.wait()
    finally:
        server.terminate()
        server.wait()
    got = json.loads(line)
    return (after - before) / got["messages"] * 1e6, got


def attest(build, hosts=32, seconds=10):
    """CPU of server and database for one attestation with one new entry, TLS 1.3 kept."""
    assay, load = os.path.join(build, "src/cmd/assay"), os.path.join(build, "bench/bench-attest")
    out = []
    for kind in ("SQLite", "PostgreSQL"):
        tmp = tempfile.mkdtemp(prefix="assay-bench.")
        os.chmod(tmp, 0o755)
        database = None
        try:
            if kind == "PostgreSQL":
                database = Postgres(tmp + "/pg")
            us, got = once(assay, load, tmp + "/server", database.url if database else f"sqlite:{tmp}/server/assay.db",
                hosts, seconds, database)
        finally:
            if database:
                database.stop()
            shutil.rmtree(tmp, ignore_errors=True)
        out.append({"figure": "attest", "title": f"one attestation, {kind}: CPU", "unit": "us", "value": us, "allowed": 590,
            "kept": us <= 590, "messages": got["messages"], "rate": got["messages"] / got["wall_s"],
            "generator_us": got["own_cpu_s"] / got["messages"] * 1e6})
        out.append({"figure": "attest", "title": "the same: messages a second", "unit": "/s",
            "value": got["messages"] / got["wall_s"]})
    return out

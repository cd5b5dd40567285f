"""The server under load, for tools/bench: its CPU and its database's for one attestation."""
import os, re, shutil, signal, subprocess, tempfile, time

TICK = os.sysconf("SC_CLK_TCK")


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


def once(assay, load, data, store, hosts, seconds, database):
    log = open(data + ".log", "w+")
    server = subprocess.Popen([assay, "server", "--data", data, "--listen", "127.0.0.1:0", "--store", store], stderr=log)
    try:
        for _ in range(200):
            log.seek(0)
            m = re.search(r"serving (https://\S+);", log.read())
            if m:
                break
            time.sleep(0.05)
        else:
            log.seek(0)
            raise RuntimeError("the server does not start: " + log.read())
        gen = subprocess.Popen([load, m.group(1), data, store, str(hosts), str(seconds)], stdin=subprocess.PIPE,
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
    import json
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

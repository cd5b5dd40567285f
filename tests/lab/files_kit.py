"""What the scenarios about files begin with: our server outside, a machine with our agent and a real
kernel, files that are put into it, and verdicts that are waited for, by the API alone."""
import base64, glob, hashlib

from lab_kit import *

EXCLUDED = "/var/lib/assay-agent/"


def assay(*args):
    r = subprocess.run([ASSAY, *map(str, args)], capture_output=True, text=True)
    if r.returncode != 0:
        raise RuntimeError(f"{args}: {r.stderr}")
    return r.stdout


def key(name, kind="rsa", days=3650):
    """A key for signing files, and its certificate; the names of both."""
    k, c = f"{tmp}/{name}.key", f"{tmp}/{name}.der"
    subprocess.run(["openssl", "req", "-new", "-x509", "-sha256", "-nodes", "-keyout", k, "-newkey",
        "rsa:2048" if kind == "rsa" else "ec", *([] if kind == "rsa" else ["-pkeyopt", "ec_paramgen_curve:P-256"]),
        "-subj", f"/CN={name}", "-days", str(days), "-addext", "subjectKeyIdentifier=hash", "-out", f"{tmp}/{name}.pem"],
        check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-in", f"{tmp}/{name}.pem", "-outform", "DER", "-out", c], check=True)
    return k, c


def ima_signature(content, name, *more):
    """What evmctl would put into security.ima of a file with this content."""
    f = f"{tmp}/to-sign"
    open(f, "wb").write(content)
    subprocess.run(["evmctl", "ima_sign", "--sigfile", "-a", "sha256", "--key", f"{tmp}/{name}.key",
        *(more or ("--keyid-from-cert", f"{tmp}/{name}.pem")), f], check=True, capture_output=True)
    return open(f + ".sig", "rb").read()


class Lab:
    """One server and one machine."""

    def __init__(self, labs, kernel, cmdline, programs=(), tree=None, volumes=(), options=(), **machine):
        labs.append(self)
        self.began = time.monotonic()
        self.image = f"{tmp}/image-{kernel}"
        self.server = Server(f"{tmp}/server-{kernel}", "--name", "10.0.2.2", "--first-use", "--interval", str(INTERVAL), *options)
        subprocess.run([here + "/agent-image", *(["-t", tree] if tree else []), kernel, BUILD + "/assay-agent", self.server.ca, self.image, *programs], check=True)
        self.machine = Machine(self.image, cmdline, volumes, **machine).start()
        closing.append(self.machine.stop)
        print(f"# {self.machine.do('uname -r')}, up after {time.monotonic() - self.began:.1f} s", flush=True)

    # ---- the machine ----
    def agent(self, data=""):
        self.machine.do("agent priv --peer assay" + data)
        self.machine.do(f"agent run --user assay --server https://10.0.2.2:{self.server.port} --server-ca /etc/assay/ca.pem" + data)

    def put(self, path, content, mode=0o755, ima=None):
        """A new file, with a signature of its own."""
        do = self.machine.do
        do(f"rm -f '{path}'; mkdir -p '{os.path.dirname(path)}'; : >'{path}'")
        text = base64.b64encode(content).decode()
        for i in range(0, len(text), 2000):
            do(f"echo {text[i:i + 2000]} | base64 -d >>'{path}'")
        do(f"chmod {mode:o} '{path}'")
        if ima:
            do(f"setfattr -n security.ima -v 0x{ima.hex()} '{path}'")

    def script(self, path, ima=None, more=b""):
        content = f"#!/bin/sh\necho '{path} ran'\n".encode() + more
        self.put(path, content, ima=ima(content) if ima else None)
        return content

    def count(self):
        return int(self.machine.do("cat /sys/kernel/security/ima/runtime_measurements_count"))

    # ---- the server ----
    def host(self):
        return self.server.call("GET", "/v1/hosts/" + self.server.call("GET", "/v1/hosts")["hosts"][0]["id"]).json

    def findings(self):
        return self.server.call("GET", f"/v1/hosts/{self.host()['id']}/findings")["findings"]

    def found(self):
        """(code, path) of all findings."""
        return [(f["code"], base64.b64decode(f["path_b64"] or "").decode()) for f in self.findings()]

    def push(self, name, policy):
        """Its version: a content that was pushed before does not become the newest again."""
        body = open(policy, "rb").read() if isinstance(policy, str) else json.dumps(policy).encode()
        a = self.server.call("PUT", f"/v1/policies/{name}", body)
        if a.status not in (200, 201):
            raise RuntimeError(f"policy {name}: {a.status} {a.body}")
        return a["version"]

    def assign(self, *names, overlap=0):
        a = self.server.call("POST", "/v1/assignments", {"policies": list(names), "overlap_s": overlap})
        if a.status not in (200, 201):
            raise RuntimeError(f"assignment of {names}: {a.status} {a.body}")

    def enrol(self, data=""):
        self.agent(data)
        wait(lambda: self.server.call("GET", "/v1/hosts")["hosts"])
        self.server.call("POST", f"/v1/hosts/{self.host()['id']}/approve")
        self.comes("enrolled and approved; without a policy it is undecided", "undecided", "fresh")
        is_((self.host()["facts"]["list"], self.host()["facts"]["tpm"]["kind"]), ("kernel", "device"),
            "with the kernel's list and the machine's TPM")

    def own_policy(self, *options):
        """What the machine's own files are."""
        assay("policy", "build", "--from", "dir:" + self.image + "/root", "--strip", self.image + "/root",
            "--exclude", EXCLUDED, "-n", "base", "-o", tmp + "/base.json", *options)
        return tmp + "/base.json"

    # ---- verdicts ----
    def comes(self, what, verdict, reachability="fresh"):
        """One point, on which all that follows depends."""
        got = lambda: (self.host()["verdict"], self.host()["reachability"])
        at = time.monotonic()
        done = wait(lambda: got() == (verdict, reachability))
        is_(got(), (verdict, reachability), what + (f" ({done - at:.2f} s)" if done else ""))
        if done is None:
            raise RuntimeError("what follows depends on this")

    def stays_trusted(self, what, command):
        """The control run: all that it makes the kernel measure is judged, and approved."""
        at, (status, out) = self.machine.execute(command)
        done = wait(lambda: self.host()["entries"] == self.count())
        is_((status, done is not None, self.host()["verdict"], self.found()), ("0", True, "trusted", []), f"{what}: trusted")

    def turns_red(self, what, command, code, path, **more):
        """Executed, it is found within two seconds; ${more}: other members of the finding."""
        at, (status, out) = self.machine.execute(command)
        done = wait(lambda: (code, path) in self.found())
        ok(status == "0" and done is not None and self.host()["verdict"] == "untrusted",
            f"{what}: untrusted, {code}" + (f", after {done - at:.2f} s" if done else f", status {status}"))
        if done is None:
            print(f"# {out}\n# found: {self.found()}", flush=True)
            return
        f = next(f for f in self.findings() if (f["code"], base64.b64decode(f["path_b64"]).decode()) == (code, path))
        for k, v in more.items():
            is_(f.get(k), v, f"with its {k}")

    def diagnose(self):
        print("\n".join("# server: " + l for l in open(self.server.data + ".log").read().splitlines()[-20:]))
        try:
            print("\n".join("# host: " + l for l in json.dumps(self.host(), indent=1).splitlines()))
            for f in self.findings()[:20]:
                print("# finding:", json.dumps(f))
            for command in ("tail -n 40 /sys/kernel/security/ima/ascii_runtime_measurements", "tail -n 20 /run/priv.log",
                "tail -n 20 /run/run.log", "mount"):
                print("\n".join(f"# {l}" for l in self.machine.do(command).splitlines()))
        except Exception as e:
            print(f"# no more is known: {e!r}")
        for f in glob.glob(self.image + "/console.log"):
            print("\n".join("# console: " + l for l in open(f, errors="replace").read().splitlines()[-30:]))


def scenario(run, *args):
    """Run it on each kernel; a surprise is a point that failed, with all that is known."""
    import taptest, traceback
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))	# no machine outlives us
    lab = []
    for kernel in kernels():
        try:
            run(kernel, lab, *args)
            print(f"# {time.monotonic() - lab[-1].began:.0f} s in all", flush=True)
        except Exception:
            ok(False, f"no surprise on {kernel}")
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
        finally:
            if taptest.failed and lab:
                lab[-1].diagnose()
            while len(closing) > 0:
                closing.pop()()
    close()
    done()

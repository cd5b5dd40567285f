"""An agent in Python, on tpm2-tools, openssl and swtpm alone: it shares no code with the one it
stands in for, writes its messages by the format's page (docs/formats/agent-protocol.md), plays
the kernel too, and can lie about all of it."""
import hashlib, hmac, http.client, json, os, ssl, struct, subprocess, time

MAGIC = b"\x89AATM\r\n\x1a"
TYPES = {"enrol": 1, "challenge": 2, "activate": 3, "enrolled": 4, "evidence": 5, "ack": 6}
TAGS = {"enrolment": 1, "ek-public": 2, "ek-cert": 3, "ak-public": 4, "csr": 5, "facts": 6, "credential": 7,
    "secret": 8, "proof": 9, "host-id": 10, "state": 11, "certificate": 12, "nonce": 13, "quote": 14,
    "signature": 15, "pcrs": 16, "from": 17, "total": 18, "ima-log": 19, "event-log": 20, "acknowledged": 21,
    "wait-ms": 22, "deadline-ms": 23, "want": 24, "iak-cert": 25, "idevid-cert": 26}
NAMES = {v: k for k, v in TAGS.items()}
MEDIA = "application/vnd.assay.message"
PCRS = list(range(11)) + [14]


def message(kind, **parts):
    sections = []
    for name, value in parts.items():
        tag = TAGS[name.replace("_", "-")]
        for v in value if isinstance(value, list) else [value]:
            sections.append((tag, v))
    sections.sort(key=lambda s: s[0])
    out = MAGIC + struct.pack("<IHH", 1, TYPES[kind], len(sections))
    return out + b"".join(struct.pack("<HHI", t, 0, len(v)) + v for t, v in sections)


def parse(data):
    assert data[:8] == MAGIC, data[:80]
    version, kind, n = struct.unpack_from("<IHH", data, 8)
    at, parts = 16, {"type": kind}
    for _ in range(n):
        tag, _, size = struct.unpack_from("<HHI", data, at)
        parts.setdefault(NAMES[tag], []).append(data[at + 8:at + 8 + size])
        at += 8 + size
    assert at == len(data) and version == 1
    return parts


def u64(v):
    return struct.pack("<Q", v)


class Kernel:
    """A measurement list, and the PCR it is extended into."""

    def __init__(self, tpm):
        self.tpm, self.records, self.sha256 = tpm, [], []
        self.boot_id = os.urandom(16).hex()

    def record(self, path, digest, pcr=10, template=b"ima-ng"):
        path = path if isinstance(path, bytes) else path.encode()
        d, n = b"sha256:\0" + digest, path + b"\0"
        data = struct.pack("<I", len(d)) + d + struct.pack("<I", len(n)) + n
        return (struct.pack("<I", pcr) + hashlib.sha1(data).digest() + struct.pack("<I", len(template)) + template +
            struct.pack("<I", len(data)) + data), hashlib.sha1(data).digest(), hashlib.sha256(data).digest()

    def measure(self, path, content, extend=True):
        digest = content if isinstance(content, bytes) and len(content) == 32 else hashlib.sha256(content).digest()
        rec, s1, s256 = self.record(path, digest)
        self.records.append(rec)
        if extend:
            self.tpm.run("tpm2_pcrextend", f"10:sha1={s1.hex()},sha256={s256.hex()}")

    def boot(self):
        """boot_aggregate: the digest of PCRs 0 to 9."""
        values = self.tpm.pcrs(range(10))
        self.measure("boot_aggregate", hashlib.sha256(b"".join(bytes.fromhex(values[i]) for i in range(10))).digest())


class Tpm:
    """A software TPM with its state in a directory."""

    def __init__(self, directory, cert=True):
        self.dir, self.process = directory, None
        os.makedirs(directory + "/state", exist_ok=True)
        self.env = dict(os.environ, TPM2TOOLS_TCTI=f"swtpm:path={directory}/tpm")
        if cert and not os.path.exists(directory + "/ca"):
            self.setup()

    def setup(self):
        d = self.dir
        os.makedirs(d + "/ca")
        open(d + "/localca.conf", "w").write(f"statedir = {d}/ca\nsigningkey = {d}/ca/signkey.pem\n"
            f"issuercert = {d}/ca/issuercert.pem\ncertserial = {d}/ca/certserial\n")
        open(d + "/localca.options", "w").write("--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n")
        tool = subprocess.run(["which", "swtpm_localca"], capture_output=True, text=True).stdout.strip()
        open(d + "/setup.conf", "w").write(f"create_certs_tool = {tool}\ncreate_certs_tool_config = {d}/localca.conf\n"
            f"create_certs_tool_options = {d}/localca.options\n")
        user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", d + "/state", "--create-ek-cert", "--config",
            d + "/setup.conf", "--runas", user, "--ecc", "--pcr-banks", "sha1,sha256"], check=True,
            stdout=open(d + "/setup.log", "w"), stderr=subprocess.STDOUT)

    def start(self):
        self.process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.dir}/state",
            "--server", f"type=unixio,path={self.dir}/tpm", "--ctrl", f"type=unixio,path={self.dir}/tpm.ctrl",
            "--flags", "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(self.dir + "/tpm"):
                return self
            time.sleep(0.05)
        raise RuntimeError("swtpm does not start")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None
        for f in ("/tpm", "/tpm.ctrl"):
            if os.path.exists(self.dir + f):
                os.unlink(self.dir + f)

    def run(self, *args, **kw):
        r = subprocess.run(args, env=self.env, cwd=self.dir, capture_output=True, **kw)
        if r.returncode != 0:
            raise RuntimeError(f"{args}: {r.stderr.decode()}")
        return r.stdout

    def read(self, name):
        return open(f"{self.dir}/{name}", "rb").read()

    def pcrs(self, which):
        text = self.run("tpm2_pcrread", "sha256:" + ",".join(str(i) for i in which)).decode()
        return {int(l.split(":")[0]): l.split("0x")[1].strip().lower() for l in text.splitlines() if "0x" in l}

    def reboot(self, clean=True):
        """A new boot: the TPM is reset, as power does it; unannounced, it counts that against its keys."""
        if clean:
            self.run("tpm2_shutdown", "-c")
        self.stop()
        self.start()
        for f in ("ek.ctx", "ak.ctx"):
            if os.path.exists(f"{self.dir}/{f}"):
                os.unlink(f"{self.dir}/{f}")
        self.load()

    def keys(self):
        self.run("tpm2_createek", "-G", "ecc", "-c", "ek.ctx", "-u", "ek.pub")
        self.run("tpm2_createak", "-C", "ek.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-c", "ak.ctx",
            "-u", "ak.pub", "-n", "ak.name", "-r", "ak.priv")
        self.flush()

    def load(self):
        self.run("tpm2_createek", "-G", "ecc", "-c", "ek.ctx", "-u", "ek.pub")
        self.policy()
        self.run("tpm2_load", "-C", "ek.ctx", "-P", "session:s.ctx", "-u", "ak.pub", "-r", "ak.priv", "-c", "ak.ctx")
        self.flush()

    def flush(self):
        for kind in ("-t", "-l", "-s"):
            self.run("tpm2_flushcontext", kind)

    def policy(self):
        self.run("tpm2_startauthsession", "--policy-session", "-S", "s.ctx")
        self.run("tpm2_policysecret", "-S", "s.ctx", "-c", "e")

    def activate(self, credential, secret):
        open(self.dir + "/cred", "wb").write(struct.pack(">II", 0xBADCC0DE, 1) + credential + secret)
        self.policy()
        try:
            self.run("tpm2_activatecredential", "-c", "ak.ctx", "-C", "ek.ctx", "-i", "cred", "-o", "secret",
                "-P", "session:s.ctx")
        finally:
            self.flush()
        return self.read("secret")

    def quote(self, nonce, pcrs=PCRS):
        self.run("tpm2_quote", "-c", "ak.ctx", "-l", "sha256:" + ",".join(map(str, pcrs)), "-q", nonce.hex(),
            "-m", "q.msg", "-s", "q.sig", "-g", "sha256")
        self.flush()
        values = self.pcrs(pcrs)
        return self.read("q.msg"), self.read("q.sig"), json.dumps({"sha256": {str(k): v for k, v in values.items()}}).encode()

    def ek_cert(self):
        """The ECC EK certificate from NV, and the CA's intermediate."""
        self.run("tpm2_nvread", "0x01c00016" if "0x1c00016" in self.run("tpm2_getcap", "handles-nv-index").decode().lower()
            else "0x01c0000a", "-C", "o", "-o", "ek.der")
        return self.read("ek.der")


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body[:300]}")
        self.status = status
        try:
            self.problem = json.loads(body)
        except ValueError:
            self.problem = {}

    @property
    def code(self):
        return self.problem.get("code")


class Agent:
    def __init__(self, tpm, url, ca, hostname="testhost"):
        self.tpm, self.url, self.ca, self.hostname = tpm, url, ca, hostname
        self.kernel = Kernel(tpm)
        self.cert = None
        self.ack = {}
        self.nonce, self.next_from = None, 0
        self.connection = None

    # ---- wire ----
    def connect(self, with_cert=True):
        ctx = ssl.create_default_context(cafile=self.ca)
        if with_cert and self.cert:
            ctx.load_cert_chain(self.cert, self.tpm.dir + "/tls.key")
        host, port = self.url.split("//")[1].rsplit(":", 1)
        return http.client.HTTPSConnection(host, int(port), context=ctx, timeout=30)

    def post(self, path, body, with_cert=True, kept=True):
        c = self.connection if kept and with_cert else None
        if c is None:
            c = self.connect(with_cert)
            if kept and with_cert:
                self.connection = c
        try:
            c.request("POST", path, body, {"Content-Type": MEDIA})
            r = c.getresponse()
            data = r.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            raise
        if not with_cert:
            c.close()
        if r.status != 200:
            raise Refused(r.status, data)
        return parse(data)

    # ---- enrolment ----
    def csr(self):
        d = self.tpm.dir
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", d + "/tls.key", "-subj", "/CN=anything", "-outform", "DER", "-out", d + "/tls.csr"],
            check=True, capture_output=True)
        return self.tpm.read("tls.csr")

    def facts(self, **more):
        return json.dumps(dict({"agent": "python", "hostname": self.hostname, "kernel": "6.1.0-test",
            "boot_id": self.kernel.boot_id, "list": "kernel"}, **more)).encode()

    def enrol(self, certs=None, ek=None, ak=None, proof=None, csr=None, activate_twice=False):
        request = csr or self.csr()
        parts = dict(ek_public=ek or self.tpm.read("ek.pub"), ak_public=ak or self.tpm.read("ak.pub"), csr=request,
            facts=self.facts())
        if certs:
            parts["ek_cert"] = certs
        c = self.post("/v1/agent/enrol", message("enrol", **parts), with_cert=False)
        token = c["enrolment"][0]
        if proof is None:
            secret = self.tpm.activate(c["credential"][0], c["secret"][0])
            proof = hmac.new(secret, b"assay enrolment 1\0" + token + hashlib.sha256(request).digest(), "sha256").digest()
        e = self.post("/v1/agent/activate", message("activate", enrolment=token, proof=proof), with_cert=False)
        if activate_twice:
            self.post("/v1/agent/activate", message("activate", enrolment=token, proof=proof), with_cert=False)
        self.cert = self.tpm.dir + "/tls.pem"
        with open(self.cert, "w") as f:
            for der in e["certificate"]:
                f.write(ssl.DER_cert_to_PEM_cert(der))
        self.id = e["host-id"][0].decode()
        self.state = e["state"][0].decode()
        self.connection = None
        return self

    # ---- attestation ----
    def take(self, ack):
        self.ack = {k: struct.unpack("<Q" if len(v[0]) == 8 else "<I", v[0])[0] for k, v in ack.items()
            if k in ("from", "acknowledged", "wait-ms", "deadline-ms", "want")}
        self.nonce, self.next_from = ack["nonce"][0], self.ack["from"]
        return self.ack

    def hello(self):
        return self.take(self.post("/v1/agent/attest", message("evidence", facts=self.facts())))

    def evidence(self, start=None, pcrs=PCRS, nonce=None, omit=(), **change):
        """pcrs: which to quote, or, as bytes, what to say of them; omit: parts that are left out."""
        if isinstance(pcrs, bytes):
            change["pcrs"], pcrs = pcrs, PCRS
        start = self.next_from if start is None else start
        start = min(start, len(self.kernel.records))
        quote, signature, values = self.tpm.quote(nonce or self.nonce, pcrs)
        parts = dict(nonce=nonce or self.nonce, quote=quote, signature=signature, pcrs=values, **{"from": u64(start)},
            total=u64(len(self.kernel.records)), ima_log=b"".join(self.kernel.records[start:]))
        parts.update(change)
        return message("evidence", **{k: v for k, v in parts.items() if v is not None and k not in omit})

    def attest(self, **kw):
        if self.nonce is None:
            self.hello()
        before = self.ack.get("from")
        self.take(self.post("/v1/agent/attest", self.evidence(facts=self.facts() if self.ack["want"] else None, **kw)))
        return self.ack

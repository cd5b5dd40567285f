#!/usr/bin/env python3
"""Faults that others had, as classes of our own tests (SECURITY.md, "Never again"): what no other test shows is
shown here, and each row of that table names tests that exist and points that they make."""
import gzip, os, re, stat, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import *
from api_kit import *

for tool in ("swtpm", "swtpm_setup", "tpm2_createek", "openssl"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

# Advisories and bugs whose classes must have a row.
ADVISORIES = """CVE-2021-3406 CVE-2021-43310 CVE-2022-23948 CVE-2022-23949 CVE-2022-23950 CVE-2022-23951 CVE-2022-23952
CVE-2022-1053 CVE-2022-3500 CVE-2023-3674 CVE-2023-38200 CVE-2023-38201 CVE-2025-1057 CVE-2025-13609 CVE-2026-1709
CVE-2026-6420 #1002 #1932 CVE-2022-31250 CVE-2022-0317 CVE-2024-29038 CVE-2024-29039 CVE-2024-29040 CVE-2023-1017
CVE-2023-1018 CVE-2025-2884 CVE-2018-6622 CVE-2017-15361 CVE-2019-11090 CVE-2019-16863 CVE-2021-3623 CVE-2021-3746
CVE-2025-49133 CVE-2026-21444 #83 #342 #585 #656""".split()


def digest(b):
    return hashlib.sha256(b).digest()


def post(path, body, headers={}, cert=False):
    c = a.connect(cert)
    c.request("POST", path, body, dict({"Content-Type": MEDIA}, **headers))
    r = c.getresponse()
    out = r.status, r.read()
    c.close()
    return out


def nonces(a):
    """CVE-2026-6420: a nonce that is not random, or not new."""
    got = set()
    for _ in range(300):
        a.hello()
        got.add(a.nonce)
    is_((len(got), {len(n) for n in got}), (300, {32}), "CVE-2026-6420: 300 nonces, all of them new")
    ones = sum(bin(b).count("1") for n in got for b in n)
    ok(abs(ones - 300 * 128) < 1000, f"half of their bits are set ({ones} of {300 * 256})")
    ok(all(len({n[i] for n in got}) > 100 for i in range(32)), "and no byte of them stays the same")
    a.evidence()


def constant_refusals(a):
    """CVE-2023-38201: what an answer about a wrong proof gives away."""
    c = a.post("/v1/agent/enrol", message("enrol", ek_public=a.tpm.read("ek.pub"), ak_public=a.tpm.read("ak.pub"), csr=a.csr(),
        facts=a.facts()), with_cert=False)
    token = c["enrolment"][0]
    answers = {post("/v1/agent/activate", message("activate", enrolment=t, proof=p)) for t, p in
        ((token, bytes(32)), (token, bytes(32)), (bytes(16), bytes(32)), (os.urandom(16), os.urandom(32)))}
    is_(len(answers), 1, "CVE-2023-38201: a wrong proof, one for a used enrolment and one for none have one answer, to the byte")
    status, body = answers.pop()
    ok(status == 403 and len(body) < 300 and not re.search(rb"[0-9a-f]{32}|[A-Za-z0-9+/]{40}=", body), "in which nothing is of the proof")


def packed(a):
    """CVE-2022-23951: what is small on the wire and large behind it."""
    a.hello()
    body = gzip.compress(a.evidence())
    before = server_host(a)
    status, _ = post("/v1/agent/attest", body, {"Content-Encoding": "gzip"}, True)
    ok(status in (400, 415), f"CVE-2022-23951: compressed evidence is not unpacked ({status})")
    status, _ = post("/v1/agent/enrol", b"", {"Content-Length": str(1 << 40)})
    ok(status == 413, f"a body of a tebibyte is refused by its head ({status})")
    is_(server_host(a)["verdict"], before["verdict"], "and nothing is said about the host")


def server_host(a):
    return s.call("GET", f"/v1/hosts/{a.id}").json


def places():
    """CVE-2022-23952, CVE-2022-23950: files that others may read, or may be there before."""
    data = tmp + "/fresh"
    p = subprocess.Popen([ASSAY, "server", "--data", data, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: os.umask(0))
    for line in p.stderr:
        if "serving" in line:
            break
    p.terminate()
    p.communicate()
    files = [os.path.join(d, n) for d, _, names in os.walk(data) for n in names]
    secret = [f for f in files if re.search(rb"PRIVATE KEY|^[0-9a-f]{64}$", open(f, "rb").read(1 << 16))]
    is_((len(secret) >= 3, [f for f in secret if os.stat(f).st_mode & 0o077], oct(os.stat(data).st_mode & 0o077)),
        (True, [], "0o0"), "CVE-2022-23952: with umask 0, keys and tokens are their owner's alone")
    for program in ("assay", "assay-agent"):
        names = re.findall(rb"/(?:var/)?tmp/[\w.-]+", open(f"{BUILD}/{program}", "rb").read())
        is_(names, [], f"CVE-2022-23950: {program} has no name below /tmp in it")


def unknown_policies(a):
    """#1002, #1932: a demand that is not understood, or cannot be met, must not mean: all is well."""
    files = {"base": {"assay_policy": 1, "layers": [{"name": "l", "files": {"/usr/bin/one": ["sha256:" + digest(b"one").hex()]}}]}}
    for what, boot in (("misspelt", {"secureboot": "required"}), ("of an unknown kind", {"secure_boot": "accept-all"}), ("empty text", "")):
        a1 = s.call("PUT", "/v1/policies/base", json.dumps(dict(files["base"], boot=boot)).encode())
        is_(a1.status, 400, f"#1932: a demand on the boot, {what}: refused")
    is_(s.call("POST", "/v1/assignments", {"policies": ["no-such"]}).status, 404, "#1002: a policy that is not there is not assigned")
    def judged(what, boot=None):
        document = json.dumps(dict(files["base"], name=what, **({"boot": boot} if boot else {}))).encode()
        assert s.call("PUT", "/v1/policies/base", document).status == 201
        assert s.call("POST", "/v1/assignments", {"policies": ["base"]}).status == 201
        a.nonce = None
        a.attest()
        return server_host(a)["verdict"]
    is_(judged("one"), "trusted", "without demands on its boot the host is trusted")
    is_(judged("two", {"secure_boot": True}), "undecided", "#1932: with one that no event log answers it is not")
    is_(judged("three"), "trusted", "the demand gone: trusted")
    r = subprocess.run([ASSAY, "server", "--data", tmp + "/bad", "--listen", "127.0.0.1:0", "--policy-key", a.tpm.dir + "/setup.log"],
        capture_output=True, timeout=60)
    ok(r.returncode != 0, f"a server whose policy key cannot be read does not start ({r.returncode})")


def one_identity(a):
    """CVE-2022-1053: the key that was enrolled and the key that is verified with are one record."""
    identities = lambda: s.call("GET", f"/v1/hosts/{a.id}/identities")["identities"]
    before = identities()
    old = {f: a.tpm.read(f) for f in ("ak.ctx", "ak.pub", "ak.priv", "tls.key", "tls.pem")}
    a.tpm.run("tpm2_createak", "-C", "ek.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-c", "ak.ctx", "-u", "ak.pub",
        "-n", "ak.name", "-r", "ak.priv")
    a.tpm.flush()
    a.nonce = None
    a.attest()
    found = [f["code"] for f in s.call("GET", f"/v1/hosts/{a.id}/findings")["findings"]]
    ok(server_host(a)["verdict"] == "untrusted" and "quote-signature-invalid" in found,
        "CVE-2022-1053: a key that the TPM has, but that was not enrolled: untrusted")
    is_(identities(), before, "and the identity is what it was")
    for f, content in old.items():
        open(f"{a.tpm.dir}/{f}", "wb").write(content)
    a.connection = None
    a.nonce = None
    a.attest()
    is_(server_host(a)["verdict"], "trusted", "the enrolled key: trusted")


def symbolic_links():
    """CVE-2022-31250: giving away what a link points to."""
    if os.geteuid() != 0:
        ok(True, "CVE-2022-31250: a link in the place of the agent's directory # SKIP not root")
        return
    d = tmp + "/linked"
    os.makedirs(d + "/victim")
    os.symlink(d + "/victim", d + "/net")
    r = subprocess.run([BUILD + "/assay-agent", "run", "--user", "nobody", "--data", d, "--server", s.url, "--server-ca", s.ca,
        "--no-sandbox"], capture_output=True, text=True, timeout=20)
    is_((r.returncode != 0, os.stat(d + "/victim").st_uid), (True, 0), "CVE-2022-31250: a link in the place of the agent's directory is not followed")


# ---- the table ----
def source_of(name):
    """t_x, e2e/x.t, lab/x.t, or a path."""
    for path in ("tests/unit/" + name + ".c", "tests/store/" + name + ".c", "tests/" + name, name):
        if os.path.isfile(f"{SOURCE}/{path}"):
            return f"{SOURCE}/{path}"
    return None


def table():
    text = open(SOURCE + "/SECURITY.md").read()
    section = re.search(r"^## Never again\n(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)
    rows = [[c.strip() for c in re.split(r"(?<!\\)\|", l)[1:-1]] for l in section.splitlines() if l.startswith("|")][2:]
    named = " ".join(r[0] for r in rows)
    is_([x for x in ADVISORIES if not re.search(re.escape(x) + r"\b", named)], [], f"every one of the {len(ADVISORIES)} has a row")
    wrong = []
    for advisory, _, held in rows:
        tests = re.findall(r"`([^`]+)`: \"([^\"]*)\"", held)
        if not tests and not re.match(r"does not apply: \w", held):
            wrong.append((advisory, "names no test and no reason"))
        for name, point in tests:
            path = source_of(name)
            if path is None:
                wrong.append((advisory, name, "is no test"))
            elif point not in open(path, errors="replace").read():
                wrong.append((advisory, name, point))
    is_(wrong, [], f"each of the {len(rows)} rows names tests that exist and points that they make, or why there is none")
    claims = re.findall(r"`((?:t_\w+|(?:e2e|lab)/\w+\.t))`", text)
    is_(sorted({c for c in claims if source_of(c) is None}), [], f"so do all other claims ({len(claims)})")


try:
    s = Server(tmp + "/data", "--first-use", "--interval", "3600", "--host-rate", "100000")
    places()
    t = Tpm(tmp + "/a").start()
    closing.append(t.stop)
    t.keys()
    a = Agent(t, s.url, s.ca, "alpha")
    constant_refusals(a)
    a.enrol()
    s.call("POST", f"/v1/hosts/{a.id}/approve")
    a.kernel.boot()
    a.kernel.measure("/usr/bin/one", b"one")
    nonces(a)
    packed(a)
    unknown_policies(a)
    one_identity(a)
    symbolic_links()
    table()
finally:
    close()
done()

#!/usr/bin/env python3
"""The commands that speak to a server: what they print on a terminal and into a pipe, what their
exit status says, and that every trouble between them and the server is named with what to do."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_kit import *
import contextlib, fcntl, hashlib, http.server, pty, sqlite3, struct, termios, threading

os.environ.pop("NO_COLOR", None)
for name in ("ASSAY_SERVER", "ASSAY_SERVER_CA", "ASSAY_TOKEN_FILE"):
    os.environ.pop(name, None)
os.environ["TERM"] = "xterm"


def run(*args, **kw):
    return open_api([*args, "--data", s.data], **kw)


def on_terminal(width, *args, env={}):
    """What a terminal of this width shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    p = subprocess.Popen([ASSAY, *args, "--data", s.data], stdout=slave, stderr=slave, stdin=subprocess.DEVNULL,
        env=dict(os.environ, **env))
    os.close(slave)
    out = b""
    while True:
        try:
            got = os.read(master, 65536)
        except OSError:
            break
        if not got:
            break
        out += got
    p.wait()
    os.close(master)
    return out.decode(errors="replace").replace("\r\n", "\n")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def fails(r, status, pattern, hint, what):
    ok(r.returncode == status, f"{what}: exit {status}") or print("#", r.returncode, r.stdout, r.stderr)
    like(r.stderr, pattern, f"{what}: is named")
    like(r.stderr, "\n       .*" + hint, f"{what}: with what to do")


def schema(r, name, what):
    bad = s.check(json.loads(r.stdout), {"$ref": "#/components/schemas/" + name})
    is_((r.returncode in (0, 1, 3), bad), (True, []), f"{what} --json is of its schema")


try:
    s = Server(tmp + "/data")
    fleet(f"sqlite:{tmp}/data/assay.db", 120)

    # ---- lists ----
    r = run("host", "list")
    lines = r.stdout.splitlines()
    is_((r.returncode, len(lines), r.stderr), (0, 121, ""), "host list: titles and a line for each host")
    like(lines[0], r"^VERDICT +NAME +REACH +EVIDENCE +WHY +POLICY +ENTRIES +ID$", "its titles")
    row = next(l for l in lines if " host-00010 " in l)
    like(row, r"^untrusted +host-00010 +fresh +.* ago +/opt/only-10 +base +3 +[0-9a-f]{32}$", "into a pipe a line is whole")
    ok("\x1b" not in r.stdout, "without colour")
    r = run("host", "list", "--json")
    is_([b for h in json.loads(r.stdout)["hosts"] for b in s.check(h, {"$ref": "#/components/schemas/Host"})], [],
        "host list --json: each host is of its schema")
    is_(len(json.loads(r.stdout)["hosts"]), 120, "all of them")
    for width in (40, 60, 80, 100, 200):
        shown = on_terminal(width, "host", "list")
        long = [l for l in plain(shown).splitlines() if len(l) > width]
        ok(not long, f"a terminal of {width} columns holds every line") or print("#", long[:3])
    ok("\x1b[31muntrusted" in shown and "\x1b[32mtrusted" in shown, "verdicts have colours there")
    ok(re.search(r"host-00010 .*[0-9a-f]{32}", plain(shown)), "a wide one has the id")
    ok("\x1b" not in on_terminal(80, "host", "list", env={"NO_COLOR": "1"}), "NO_COLOR is respected")
    ok("\x1b" not in on_terminal(80, "host", "list", env={"TERM": "dumb"}), "and a dumb terminal")
    ok("\x1b[31m" in on_terminal(80, "host", "show", "host-00010"), "host show has colours on a terminal")
    is_(len(run("host", "list", "--verdict", "untrusted").stdout.splitlines()), 13, "--verdict")
    is_(len(run("host", "list", "--label", "role=web").stdout.splitlines()), 61, "--label")
    is_(len(run("host", "list", "--name", "host-0001").stdout.splitlines()), 11, "--name")
    is_(len(run("host", "list", "--pending").stdout.splitlines()), 11, "--pending")
    r = run("host", "list", "--name", "nothing")
    is_((r.returncode, r.stdout, r.stderr), (0, "", "no host\n"), "none is no error")
    is_(run("host", "list", "--verdict", "good").returncode, 2, "a verdict that is none: exit 2")

    # ---- one host ----
    for name, status in (("host-00010", 1), ("host-00014", 0), ("host-00011", 3), ("host-00012", 3), ("host-00013", 3)):
        is_(run("host", "show", name).returncode, status, f"host show {name}: exit {status}")
    r = run("host", "show", "host-00010")
    for pattern in (r"^UNTRUSTED  host-00010$", r"why +/opt/only-10: the path is not in the policy", r"valid until +20", r"reachability +fresh",
            r"trust mode +ek-list", r"policy +base", r"entries +3 in boot 00000001:boot", r"labels +role=web", r"kernel +6.1.0",
            r"tpm.kind +device", r"3  not-in-policy  /opt/only-10", r"seen +sha256:00"):
        ok(re.search(pattern, r.stdout, re.M), f"host show says {pattern}") or print("#", r.stdout.replace("\n", "\n# "))
    r = run("host", "show", "host-00010", "--json")
    schema(r, "HostWhole", "host show")
    h = json.loads(r.stdout)
    ok({"id", "name", "verdict", "reachability", "valid_until", "trust_mode", "policy", "entries", "findings"} <= set(h), "with the members that are promised")
    is_(run("host", "show", h["id"], "--json").stdout, r.stdout, "the same by id")
    is_(json.loads(run("host", "show", "odd\nname\udcff", "--json").stdout)["name"], "odd\\x0aname\\xff", "a name of any bytes")
    fails(run("host", "show", "nothing"), 2, 'no host called "nothing"', "assay host list", "a host that is not there")
    is_(run("host", "show", "0" * 32).returncode, 2, "an id that is not there: exit 2")
    fails(run("host", "show"), 2, "several hosts", "assay host list", "no host where there are several")
    r = run("host", "rename", "host-00016", "host-00014")
    is_((r.returncode, r.stdout.split()[0]), (0, "host-00014"), "host rename")
    fails(run("host", "show", "host-00014"), 2, "several hosts are called", "[0-9a-f]{32}, [0-9a-f]{32}", "a name of two hosts")
    r = run("host", "label", "host-00010", "canary=yes", "role-", "--json")
    is_([x["labels"] for x in json.loads(r.stdout)["hosts"]], [{"canary": "yes"}], "host label sets and removes")
    for bad in ("x", "=y", "-"):
        is_(run("host", "label", "host-00010", bad).returncode, 2, f"host label {bad}: exit 2")
    r = run("host", "approve", "host-00013", "host-00023")
    is_((r.returncode, r.stdout.count("may attest now")), (0, 2), "host approve, two at once")
    is_(len(run("host", "list", "--pending").stdout.splitlines()), 9, "they wait no more")
    is_(run("host", "remove", "host-00020").returncode, 0, "host remove")
    is_(run("host", "show", "host-00020").returncode, 2, "is not found by its name any more")
    r = run("host", "list", "--removed")
    like(r.stdout.replace("\n", "|"), r"^VERDICT [^|]*\|removed +host-00020 [^|]* [0-9a-f]{32}\|$", "host list --removed has it")
    gone = r.stdout.split()[-1]
    is_((run("host", "forget", gone, "--json").returncode, len(run("host", "list", "--removed").stdout.splitlines())), (0, 0), "until it is forgotten")
    is_([h["id"] for h in json.loads(run("host", "list", "--forgotten", "--json").stdout)["hosts"]], [gone], "host list --forgotten has it then")
    is_(len(json.loads(run("host", "list", "--json").stdout)["hosts"]), 119, "no other list does")
    is_(run("host", "list", "--removed", "--pending").returncode, 2, "host list --removed --pending: exit 2")
    r = run("host", "history", "host-00010")
    like(r.stdout, r"untrusted +20\S+Z +- +/opt/only-10: .* +\d+\n", "host history")
    schema(run("host", "history", "host-00010", "--json"), "History", "host history")

    # ---- search ----
    r = run("search", "path:/opt/only-10")
    like(r.stdout, r"^HOST .*\nhost-00010 +20\S+Z +yes +[0-9a-f]{32}\n$", "search by path")
    like(r.stderr, r"^1 host, by 1 measurement$", "with a count")
    is_(run("search", "sha256:" + hashlib.sha256(b"/opt/only-10").hexdigest()).stdout, r.stdout, "search by digest")
    schema(run("search", "path:/usr/bin/bash", "--json"), "SearchHits", "search")
    is_(run("search", "path:/usr/bin/odd\nname\udcff").returncode, 0, "a path of any bytes")
    for q in ("nothing", "path:", ":x", "key:zz", "sha256:00"):
        is_(run("search", q).returncode, 2, f"search {q}: exit 2")

    # ---- policies ----
    open(tmp + "/web.json", "wb").write(policy("web", **{"/usr/bin/bash": "00" * 32}))
    r = run("policy", "push", tmp + "/web.json")
    is_((r.returncode, r.stdout.split()[0]), (0, "web"), "policy push names it by the file")
    version = r.stdout.split()[1]
    r = run("policy", "fetch", "web")
    is_((r.returncode, r.stdout), (0, open(tmp + "/web.json").read()), "policy fetch gets it back, byte by byte")
    r = run("policy", "fetch", "web@" + version, "-o", tmp + "/fetched.json")
    is_((r.returncode, r.stdout, r.stderr), (0, "", f"web@{version} is in {tmp}/fetched.json\n"), "policy fetch of a version, into a file")
    is_(open(tmp + "/fetched.json").read(), open(tmp + "/web.json").read(), "the same")
    fails(run("policy", "fetch", "nothing"), 2, 'no policy "nothing"', "assay policy list", "policy fetch of none")
    is_(run("policy", "fetch", "web@" + "0" * 64).returncode, 2, "of no version of it: exit 2")
    for bad in ("@", "web@", "@" + version):
        is_(run("policy", "fetch", bad).returncode, 2, f"policy fetch {bad[:4]}: exit 2")
    r = run("policy", "push", tmp + "/web.json")
    like(r.stdout, "was there already", "the same again")
    is_(r.stderr, "", "which is the newest still")
    shutil.copy(tmp + "/web.json", tmp + "/old.json")
    is_(run("policy", "push", tmp + "/web.json", "--expect", "none").returncode, 2, "--expect none where there is one")
    open(tmp + "/web.json", "wb").write(policy("web", **{"/usr/bin/bash": "11" * 32}))
    is_(run("policy", "push", tmp + "/web.json", "--expect", "0" * 64).returncode, 2, "--expect another version")
    r = run("policy", "push", tmp + "/web.json", "--expect", version, "--json")
    schema(r, "Policy", "policy push")
    r = run("policy", "push", tmp + "/old.json", "--name", "web")
    like(r.stderr, f"not the newest version of \"web\".*assay policy assign web@{version}", "an older one again is said not to be the newest")
    is_(r.returncode, 0, "and is no error")
    open(tmp + "/junk", "w").write("junk")
    is_(run("policy", "push", tmp + "/junk").returncode, 2, "what is no policy: exit 2")
    r = run("policy", "assign", "web", f"web@{version}", "--label", "role=db", "--rank", "-3", "--overlap", "10m")
    is_((r.returncode, r.stdout), (0, "1: web+web for role=db\n"), "policy assign")
    schema(run("policy", "assign", "web", "--json"), "Assignment", "policy assign")
    r = run("policy", "list")
    like(r.stdout.replace("\n", "|"), r"^POLICY .*web +[0-9a-f]{64} .*\|\|NUMBER .* 1 +web\+web +role=db +-3 ", "policy list")
    is_(run("policy", "unassign", "2").returncode, 0, "policy unassign")
    is_(run("policy", "unassign", "2").returncode, 2, "once")
    j = json.loads(run("policy", "list", "--json", "--all").stdout)
    is_(([len(j["policies"]), len(j["assignments"])]), [2, 2], "policy list --all")
    for bad in (["assign", "nothing"], ["assign", "web", "--overlap", "soon"], ["assign", "web", "--rank", "x"], ["assign", "web", "--label", "x"],
            ["unassign", "x"], ["assign"]):
        is_(run("policy", *bad).returncode, 2, f"policy {' '.join(bad)}: exit 2")

    # ---- evidence ----
    r = run("evidence", "fetch", "host-00010", "-o", tmp + "/b", "--ak", tmp + "/ak.pem")
    is_((r.returncode, open(tmp + "/b").read()), (0, "evidence of host 10"), "evidence fetch")
    like(r.stderr, "assay evidence verify --bundle .* --expect-ak .*/ak.pem --expect-nonce recorded", "tells how to prove it")
    is_(subprocess.run(["openssl", "pkey", "-pubin", "-in", tmp + "/ak.pem", "-noout"]).returncode, 0, "and wrote the key")
    n = str(h["bundle"])
    is_(open_api(["evidence", "fetch", "--bundle", n, "-o", "-", "--data", s.data]).stdout, "evidence of host 10", "--bundle N, to a pipe")
    for bad in (["fetch", "host-00010"], ["fetch", "-o", tmp + "/b"], ["fetch", "--bundle", "x", "-o", tmp + "/b"], ["fetch", "--bundle", "999999", "-o", tmp + "/b"]):
        is_(run("evidence", *bad).returncode, 2, f"evidence {' '.join(bad).replace(tmp, '')}: exit 2")

    # ---- who asks ----
    r = run("token", "add", "ro", "--role", "viewer", "-o", tmp + "/ro")
    is_((r.returncode, r.stdout, os.stat(tmp + "/ro").st_mode & 0o777), (0, "", 0o600), "token add writes a file that is its owner's")
    base = ["--server", s.url, "--server-ca", s.ca]
    is_(open_api(["host", "show", "host-00010", *base, "--token-file", tmp + "/ro"]).returncode, 1, "which opens the server")
    env = dict(os.environ, ASSAY_SERVER=s.url, ASSAY_SERVER_CA=s.ca, ASSAY_TOKEN_FILE=tmp + "/ro")
    is_(open_api(["host", "show", "host-00010"], env=env).returncode, 1, "also from the environment")
    is_(open_api(["host", "approve", "host-00033", "--data", s.data], env=env).returncode, 0, "an option counts more")
    fails(open_api(["host", "approve", "host-00043"], env=env), 3, "needs the role operator", "your role does not allow it", "a role that is too low")
    r = run("token", "add", "ann", "--role", "admin")
    is_((len(r.stdout.strip()), "shown this once" in r.stderr), (64, True), "token add prints it alone")
    schema(run("token", "add", "bob", "--role", "viewer", "--days", "3", "--json"), "PrincipalMade", "token add")
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        tmp + "/k.key", "-subj", "/CN=x", "-out", tmp + "/k.csr"], check=True, capture_output=True)
    is_(run("token", "add", "carl", "--role", "viewer", "--csr", tmp + "/k.csr", "-o", tmp + "/k.pem").returncode, 0, "token add --csr")
    cert = ["--cert", tmp + "/k.pem", "--key", tmp + "/k.key"]
    is_(open_api(["host", "show", "host-00010", *base, *cert]).returncode, 1, "a certificate opens the server")
    r = run("token", "list")
    like(r.stdout, r"carl +viewer +certificate", "token list")
    schema(run("token", "list", "--all", "--json"), "Principals", "token list")
    is_(run("token", "revoke", "carl", "ro").returncode, 0, "token revoke")
    ok("carl" not in run("token", "list").stdout and "carl" in run("token", "list", "--all").stdout, "the list leaves them out")
    fails(open_api(["host", "list", *base, *cert]), 3, "the server says", "k.pem is not a certificate of this server", "a certificate that was revoked")
    fails(open_api(["host", "list", *base, "--token-file", tmp + "/ro"]), 3, "credentials", "/ro is not a token of this server", "a token that was revoked")
    fails(run("token", "revoke", "nobody"), 2, 'nobody is called "nobody"', "token list", "a token that is not there")
    is_(run("token", "add", "x").returncode, 2, "token add without a role: exit 2")

    # ---- trouble ----
    fails(open_api(["host", "list", "--data", tmp + "/none"]), 2, "no server has been started", "assay server --data", "a directory of no server")
    fails(open_api(["host", "list", "--server", s.url]), 2, "nothing says who asks", "--token-file", "no token")
    fails(open_api(["host", "list", "--server", s.url, "--token-file", tmp + "/ro"]), 2, "which authority", "--server-ca", "no authority")
    is_(open_api(["host", "list", *base, "--cert", tmp + "/k.pem"]).returncode, 2, "a certificate without a key: exit 2")
    is_(open_api(["host", "list", *base, *cert, "--token-file", tmp + "/ro"]).returncode, 2, "a token and a certificate: exit 2")
    fails(open_api(["host", "list", *base, "--token-file", tmp + "/no-file"]), 3, "no-file", "--token-file", "a token's file that is not there")
    open(tmp + "/bad", "w").write("two words\n")
    is_(open_api(["host", "list", *base, "--token-file", tmp + "/bad"]).returncode, 3, "a file that is no token: exit 3")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp + "/o.key",
        "-subj", "/CN=other", "-out", tmp + "/o.pem"], check=True, capture_output=True)
    token = ["--token-file", s.data + "/admin.token"]
    fails(open_api(["host", "list", "--server", s.url, "--server-ca", tmp + "/o.pem", *token]), 3, "certificate is not trusted", "o.pem is not its authority", "another authority")
    is_(open_api(["host", "list", *base, "--cert", tmp + "/o.pem", "--key", tmp + "/o.key"]).returncode, 3, "a certificate of another authority: exit 3")
    is_(open_api(["host", "list", "--server", s.url, "--server-ca", tmp + "/junk", *token]).returncode, 3, "an authority that is none: exit 3")
    fails(open_api(["host", "list", "--server", "https://127.0.0.1:1", "--server-ca", s.ca, *token]), 3, "cannot connect", "is the server running", "nobody there")
    is_(open_api(["host", "list", "--server", "ftp://x", "--server-ca", s.ca, *token]).returncode, 2, "a URL that is none: exit 2")
    r = open_api(["host", "list", "--json", "--server", "https://127.0.0.1:1", "--server-ca", s.ca, *token])
    is_((r.returncode, json.loads(r.stdout)["error"]["code"], "hint" in json.loads(r.stdout)["error"]), (3, "network", True), "with --json an error is an object")

    lone = Server(tmp + "/lone")
    fails(open_api(["host", "show", "--data", lone.data]), 2, "no host has enrolled", "assay host list", "no host where there is none")
    fleet(f"sqlite:{tmp}/lone/assay.db", 1)
    r = open_api(["host", "show", "--data", lone.data])
    is_((r.returncode, r.stdout.split()[1]), (3, "host-00001"), "where there is one host it need not be named")

    # ---- what happens ----
    p = subprocess.Popen([ASSAY, "host", "watch", "--json", "--count", "2", "--data", s.data], stdout=subprocess.PIPE, text=True)
    for i in range(100):        # until it listens
        run("host", "label", "host-00010", f"n={i}")
        if p.poll() is not None:
            break
        time.sleep(0.2)
    lines = [json.loads(l) for l in p.stdout.read().splitlines()]
    is_([(x["event"], x["id"], x["name"]) for x in lines], [("changed", h["id"], "host-00010")] * 2, "host watch: a line for each event")
    r = run("host", "watch", "--since", str(lines[0]["sequence"] - 1), "--count", "1")
    like(r.stdout, r"^20\S+Z  changed +host-00010  by first\n$", "from where it was, for people")
    r = run("host", "watch", "host-00010", "--since", "0", "--count", "1")
    like(r.stdout, r"host-00010", "of one host")
    p = subprocess.Popen([ASSAY, "host", "watch", "--json", "--since", str(lines[1]["sequence"]), "--count", "1000", "--data", s.data],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run("host", "label", "host-00010", "before=1")
    first = json.loads(p.stdout.readline())
    s.stop(signal.SIGKILL)
    s.start()
    run("host", "label", "host-00010", "after=1")
    seen = first
    while seen["sequence"] < 10 ** 9 and seen.get("event") == "changed":
        seen = json.loads(p.stdout.readline())
        if run("host", "show", "host-00010", "--json").stdout.find("after") > 0:
            break
    p.terminate()
    ok(seen["sequence"] > first["sequence"], "a watch outlives the server")
    is_(p.wait(10), 0, "and ends with a signal: exit 0")
    like(p.stderr.read(), "went away", "it said so")

    # ---- what a server can answer ----
    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            seen = self.path
            status, body = answer(seen) if callable(answer) else answer
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json" if status >= 300 else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=fake.serve_forever, daemon=True).start()
    closing.append(fake.shutdown)
    # A way past the TLS of a server that is believed: what is tested is what commands make of answers.
    ask = lambda *args: open_api([*args, "--server", f"http://127.0.0.1:{fake.server_port}", "--token-file", s.data + "/admin.token"])
    for status in (400, 401, 403, 404, 405, 409, 410, 412, 413, 414, 415, 418, 422, 429, 431, 500, 501, 502, 503, 504):
        answer = (status, json.dumps({"type": "about:blank", "title": "no", "status": status, "code": "x", "detail": f"because of {status}"}).encode())
        r = ask("host", "show", "0" * 32)
        want = 2 if status in (400, 404, 405, 409, 412, 415, 422) else 3
        ok(r.returncode == want and f"because of {status}" in r.stderr, f"a server that answers {status}: exit {want}, and why") or print("#", r)
        r = ask("host", "list", "--json")
        ok(r.returncode == want and f"because of {status}" in json.loads(r.stdout)["error"]["message"], f"{status} --json: the same") or print("#", r)
    answer = (500, b"<html>")
    is_(ask("host", "list").returncode, 3, "an error that says nothing: exit 3")
    answer = (200, b"<html>")
    is_(ask("host", "list").returncode, 3, "an answer that is none: exit 3")
    # A policy that somebody changed on its way.
    answer = lambda path: (200, b'{"policies": [{"name": "web", "version": "' + version.encode() + b'"}]}' if "?" in path else b"{}")
    for what in ("web", "web@" + version):
        r = ask("policy", "fetch", what, "-o", tmp + "/changed.json")
        fails(r, 3, "has the SHA-256 44136fa355b3678a", "nothing was written", f"policy fetch {what[:4]}, changed on its way")
    ok(not os.path.exists(tmp + "/changed.json"), "and nothing was")
    good = open(tmp + "/old.json", "rb").read()
    answer = lambda path: (200, b'{"policies": [{"name": "web", "version": "' + version.encode() + b'"}]}' if "?" in path else good)
    is_(ask("policy", "fetch", "web").returncode, 0, "unchanged, it is taken")

    # ---- another database ----
    r = open_api(["server", "move", "--data", s.data, "--to", f"sqlite:{tmp}/moved.db"])
    fails(r, 3, "a server uses it", "stop every server", "while a server runs nothing is moved")
    with contextlib.closing(sqlite3.connect(s.data + "/assay.db")) as db, contextlib.closing(sqlite3.connect(tmp + "/copy.db")) as copy:
        db.backup(copy)
    r = open_api(["server", "move", "--from", f"sqlite:{tmp}/copy.db", "--to", f"sqlite:{s.data}/assay.db"])
    fails(r, 3, "a server uses it", "stop every server", "nor into its database")
    s.stop(signal.SIGKILL)
    r = open_api(["host", "list", "--data", s.data])
    fails(r, 3, "cannot connect", "is the server running", "a server that was stopped")
    before = sorted(os.listdir(s.data))
    r = open_api(["server", "move", "--data", s.data, "--to", f"sqlite:{tmp}/moved.db"])
    is_((r.returncode, r.stdout), (0, ""), "server move")
    like(r.stderr, "row by row the same", "says what it did")
    is_(open_api(["server", "move", "--data", s.data, "--to", f"sqlite:{tmp}/moved.db"]).returncode, 3, "not into what has something in it")
    is_(open_api(["server", "move", "--to", f"sqlite:{tmp}/m2.db", "--from", f"sqlite:{tmp}/no.db"]).returncode, 3, "nor from nothing")
    is_(open_api(["server", "move"]).returncode, 2, "nor to nowhere: exit 2")
    s.options = ("--store", f"sqlite:{tmp}/moved.db")
    with open(tmp + "/moved.db-use") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        r = open_api(["server", "--data", s.data, "--listen", "127.0.0.1:0", *s.options])
        fails(r, 3, "everything is being moved", "wait until", "while all is moved no server starts")
    s.start()
    is_((run("host", "show", "host-00010").returncode, len(run("host", "list").stdout.splitlines())), (1, 120), "the moved database serves")
except Exception:
    import traceback
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    print("# " + open(tmp + "/data.log").read()[-2000:].replace("\n", "\n# ") if os.path.exists(tmp + "/data.log") else "")
finally:
    close()
done()

"""A server with a fleet in it, for api.t and api_commands.t: answers are held to the schemas
that the server itself names for them."""
import json, os, re, shutil, signal, ssl, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

import jsonschema
from taptest import *

BUILD = os.environ["ASSAY_BUILD"]
SOURCE = os.environ["ASSAY_SOURCE"]
ASSAY = BUILD + "/assay"
GOLDEN = os.environ.get("ASSAY_GOLDEN", SOURCE + "/tests/golden") + "/debian12-vm"
tmp = tempfile.mkdtemp(prefix="assay-api.")
closing = []
ends = []       # of servers, but those that were killed


def close():
    for f in reversed(closing):
        f()
    is_([x for x in ends if x != 0], [], "every server ended well")
    shutil.rmtree(tmp, ignore_errors=True)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.type = headers.get("Content-Type", "")
        self.etag = headers.get("ETag")
        try:
            self.json = json.loads(body) if "json" in self.type else None
        except ValueError:
            self.json = None

    def __getitem__(self, name):
        return self.json[name]

    @property
    def code(self):
        return self.json.get("code") if isinstance(self.json, dict) else None


def open_api(args, **kw):
    return subprocess.run([ASSAY, *args], capture_output=True, text=True, errors="surrogateescape", timeout=120, **kw)


def fleet(url, n):
    subprocess.run([BUILD + "/tests/e2e/fleet-rows", url, str(n), GOLDEN + "/ek.pub", GOLDEN + "/ak.pub"], check=True)


class Server:
    def __init__(self, data, *options, port=0):
        self.data, self.options, self.process, self.port = data, options, None, port
        self.mismatches = []
        self.start()
        closing.append(self.stop)

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        self.log = open(self.data + ".log", "a+")
        at = self.log.tell()
        self.process = subprocess.Popen([ASSAY, "server", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
            *self.options], stderr=self.log)
        for _ in range(400):
            self.log.seek(at)
            m = re.search(r"serving https://127\.0\.0\.1:(\d+);", self.log.read())
            if m or self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.port = int(m.group(1))
        self.url, self.ca = f"https://127.0.0.1:{self.port}", self.data + "/ca.pem"
        self.token = open(self.data + "/admin.token").read().strip()
        self.openapi = self.call("GET", "/v1/openapi.json").json
        self.routes = [(method.upper(), path, op) for path, methods in self.openapi["paths"].items()
            for method, op in methods.items()]

    def stop(self, sig=signal.SIGTERM):
        if self.process:
            self.process.send_signal(sig)
            status = self.process.wait(30)
            if sig != signal.SIGKILL:
                ends.append(status)
                if status != 0:
                    self.log.seek(0)
                    print("# " + self.log.read()[-4000:].replace("\n", "\n# "), flush=True)
            self.process = None

    def route(self, method, target):
        path = urllib.parse.urlsplit(target).path
        best = [r for r in self.routes if r[0] == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", r[1]), path)]
        return min(best, key=lambda r: r[1].count("{")) if best else None

    def schema_of(self, method, target):
        r = self.route(method, target)
        for status, a in r[2]["responses"].items() if r else []:
            s = a.get("content", {}).get("application/json", {}).get("schema")
            if status != "default" and s:
                return s
        return None

    def check(self, document, schema):
        return [e.message[:200] + " at " + "/".join(map(str, e.absolute_path)) for e in
            jsonschema.Draft202012Validator(dict(schema, components=self.openapi["components"])).iter_errors(document)]

    def call(self, method, target, body=None, token=None, headers={}, cert=None, type="application/json"):
        data = body if isinstance(body, (bytes, type_none)) else json.dumps(body).encode()
        q = urllib.request.Request(self.url + target, data, method=method)
        token = self.token if token is None else token
        if token:
            q.add_header("Authorization", "Bearer " + token)
        if data is not None and type:
            q.add_header("Content-Type", type)
        for k, v in headers.items():
            q.add_header(k, v)
        ctx = ssl.create_default_context(cafile=self.ca)
        if cert:
            ctx.load_cert_chain(*cert)
        try:
            with urllib.request.urlopen(q, context=ctx, timeout=60) as r:
                a = Answer(r.status, r.headers, r.read())
        except urllib.error.HTTPError as e:
            a = Answer(e.code, e.headers, e.read())
        if hasattr(self, "routes"):
            self.judge(method, target, a)
        return a

    def judge(self, method, target, a):
        """Every answer is of its schema; every refusal is a problem."""
        if a.status >= 400:
            bad = [] if a.type == "application/problem+json" else [f"type {a.type}"]
            bad += self.check(a.json, {"$ref": "#/components/schemas/Problem"})
        elif a.status in (200, 201) and "json" in a.type:
            schema = self.schema_of(method, target)
            bad = self.check(a.json, schema) if schema else [] if target == "/v1/openapi.json" else ["no schema"]
        else:
            bad = []
        self.mismatches += [f"{method} {target} {a.status}: {b}" for b in bad]


type_none = type(None)


def policy(name, **files):
    return json.dumps({"assay_policy": 1, "name": name, "layers": [{"name": "base", "files": {
        p: ["sha256:" + d] for p, d in files.items()}}]}).encode()
